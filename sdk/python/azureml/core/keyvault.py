from enum import Enum

from lazuli.errors import InvalidError
from lazuli.later import module_names


class KeyVaultContentType(Enum):
    """What a secret is, in SDK v1's words; here every secret is a text."""

    not_provided = "application/NotProvided"
    password = "application/vnd.ms-password"
    pem_file = "application/x-pem-file"
    pkcs12 = "application/x-pkcs12"
    bek = "BEK"
    wrapped_bek = "Wrapped BEK"
    azure_dev_ops_pat = "application/vnd.bag-AzureDevOpsPat"
    client_side_encryption_key = "application/vnd.bag-ClientSideEncryptionKey"
    servicebus_connection_string = "application/vnd.bag-ServiceBusConnectionString"
    servicebus_sas_token = "application/vnd.bag-ServiceBusSasToken"
    sql_connection_string = "application/vnd.bag-SqlConnectionString"
    standard_user_account_test = "application/vnd.bag-StandardUserAccountTest"
    storage_account_access_key = "application/vnd.bag-StorageAccountAccessKey"
    storage_account_server_side_encryption_key = "application/vnd.bag-StorageAccountServerSideEncryptionKey"
    storage_connection_string = "application/vnd.bag-StorageConnectionString"
    storage_sas_token = "application/vnd.ms-sastoken-storage"
    strong_enc_connection_string = "application/vnd.bag-StrongEncConnectionString"
    strong_enc_password_string = "application/vnd.bag-StrongEncPasswordString"
    text_configuration_value = "application/vnd.bag-TextConfigurationValue"
    third_party_hosted_secret_no_rotation = "application/vnd.bag-ThirdPartyHostedSecretNoRotation"


class Keyvault:
    """The secrets of a workspace: encrypted at rest, never shown, readable by runs with `run.get_secret`."""

    def __init__(self, workspace):
        self.workspace = workspace

    def set_secret(self, name, value, content_type=KeyVaultContentType.not_provided):
        """Keeps a text under a name, in the place of an older one."""
        self._client.put_secret(self.workspace.name, _name(name), _value(name, value))

    def set_secrets(self, secrets_batch):
        """Keeps several, given as a dict; all are checked before the first is kept."""
        if not isinstance(secrets_batch, dict):
            raise InvalidError("`set_secrets` takes a dict of names and values", "give such as {'name': 'value'}")
        for name, value in secrets_batch.items():
            _value(_name(name), value)
        for name, value in secrets_batch.items():
            self.set_secret(name, value)

    def get_secret(self, name):
        return self._client.secret(self.workspace.name, _name(name))

    def get_secrets(self, secrets):
        """Name to value."""
        return {name: self.get_secret(name) for name in secrets}

    def get_secret_content_type(self, name):
        """Every secret here is a text of no further kind; one that is not there raises."""
        self.get_secret(name)
        return KeyVaultContentType.not_provided.value

    def list_secrets(self):
        """A dict for each secret, with its name."""
        return [{"name": secret["name"]} for secret in self._client.secrets(self.workspace.name)]

    def delete_secret(self, name):
        self._client.delete_secret(self.workspace.name, _name(name))

    def delete_secrets(self, secrets):
        for name in secrets:
            self.delete_secret(name)

    @property
    def _client(self):
        return self.workspace._client

    def __repr__(self):
        return f"Keyvault(workspace={self.workspace.name!r})"


def _name(name):
    if not isinstance(name, str) or not name:
        raise InvalidError(f"the secret's name {name!r} is none", "give a text such as 'storage-key'")
    return name


def _value(name, value):
    # The value itself must not reach the sentence.
    if not isinstance(value, str):
        raise InvalidError(f"the value of secret `{name}` is a {type(value).__name__}", "give a text")
    return value


__getattr__ = module_names(__name__)
