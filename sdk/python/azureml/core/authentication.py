"""Authentication of SDK v1. There is one way in here, the token of this home's daemon, so every class
answers with it; what a cloud would be shown is taken and not kept."""

import time
from collections import namedtuple
from enum import Enum

from azureml.exceptions import AuthenticationException
from lazuli.later import module_names

AccessToken = namedtuple("AccessToken", ("token", "expires_on"))

# The daemon's token does not expire; programs that ask when are told: not today.
_VALID_SECONDS = 24 * 60 * 60


class Audience(Enum):
    ARM = "ARM"
    AZUREML = "AZUREML"
    arm = "ARM"
    aml = "AZUREML"


class AbstractAuthentication:
    """What opens a workspace."""

    def __init__(self, cloud=None):
        self._cloud_type = cloud or "AzureCloud"

    def get_authentication_header(self):
        """The header that the daemon's addresses want."""
        return {"Authorization": f"Bearer {self._token()}"}

    def get_token(self, *scopes, **kwargs):
        return AccessToken(self._token(), int(time.time()) + _VALID_SECONDS)

    def signed_session(self, session=None):
        """A session of `requests` with the header in it."""
        if session is None:
            try:
                import requests
            except ImportError as error:
                raise ImportError("`signed_session` needs the package requests: pip install requests") from error
            session = requests.Session()
        session.headers.update(self.get_authentication_header())
        return session

    def _token(self):
        from lazuli import daemon
        from lazuli.config import Config

        return daemon.address(Config())[2]

    def __repr__(self):
        # Neither a token nor what was given in its place is ever shown.
        return f"{type(self).__name__}()"


class InteractiveLoginAuthentication(AbstractAuthentication):
    """Nobody has to log in here."""

    def __init__(self, force=False, tenant_id=None, cloud=None):
        super().__init__(cloud)


class AzureCliAuthentication(AbstractAuthentication):
    """Nobody has to log in here."""

    def __init__(self, cloud=None):
        super().__init__(cloud)


class MsiAuthentication(AbstractAuthentication):
    """Nobody has to log in here."""

    def __init__(self, cloud=None, **kwargs):
        super().__init__(cloud)


class ServicePrincipalAuthentication(AbstractAuthentication):
    """Nobody has to log in here; the password is not kept."""

    def __init__(self, tenant_id, service_principal_id, service_principal_password, cloud="AzureCloud", _enable_caching=True):
        super().__init__(cloud)


class TokenAuthentication(AbstractAuthentication):
    """A token that the program brings, for the daemons of others; here it is asked for and passed on."""

    def __init__(self, get_token_for_audience, cloud=None):
        if not callable(get_token_for_audience):
            raise AuthenticationException(
                f"get_token_for_audience= is a {type(get_token_for_audience).__name__}", "give a function that takes an Audience and returns a token"
            )
        super().__init__(cloud)
        self._get_token_for_audience = get_token_for_audience

    def get_token(self, audience=Audience.ARM):
        return self._get_token_for_audience(audience)


__getattr__ = module_names(__name__)
