from lazuli.config_element import ConfigElement


class RegistryIdentity(ConfigElement):
    def __init__(self):
        self.resource_id = None
        self.client_id = None


class ContainerRegistry(ConfigElement):
    """Where an image would come from; kept as given. The password is never shown nor sent."""

    def __init__(self):
        self.address = None
        self.username = None
        self.password = None
        self.registry_identity = None

    def _to_dict(self):
        return {**super()._to_dict(), "password": None if self.password is None else "***"}


__all__ = ["ContainerRegistry", "RegistryIdentity"]
