import os

from azureml.core.compute.compute import ComputeTarget, ComputeTargetInvalidException, Setting, asked
from lazuli.later import with_later_members
from lazuli.values import check_name


class RemoteComputeAttachConfiguration(Setting):
    """Where a machine is, and the key that opens it."""

    def __init__(self, username, subscription_id=None, resource_group=None, vm_name=None, resource_id=None, address=None, ssh_port=22, password="", private_key_file="", private_key_passphrase=""):
        super().__init__(
            username=username,
            subscription_id=subscription_id,
            resource_group=resource_group,
            vm_name=vm_name,
            resource_id=resource_id,
            address=address,
            ssh_port=ssh_port,
            private_key_file=private_key_file,
        )
        # Neither is kept: the daemon takes no secret of a machine.
        self._has_password = bool(password)
        self._has_passphrase = bool(private_key_passphrase)

    def validate_configuration(self):
        if not self.username or not self.address:
            raise ComputeTargetInvalidException("a machine without `username` or `address` cannot be attached", "give both; a resource id of Azure is not enough to reach it")
        if self._has_password or self._has_passphrase:
            what = "a password" if self._has_password else "a key with a passphrase"
            raise ComputeTargetInvalidException(f"{what} does not open a machine here", "put the public key there (`ssh-copy-id`), and the private key into ssh's agent (`ssh-add`)")

    def _as_new_machine(self):
        new_machine = {"address": f"{self.username}@{self.address}", "port": int(self.ssh_port)}
        if self.private_key_file:
            new_machine["key_file"] = os.path.abspath(os.path.expanduser(self.private_key_file))
        if os.environ.get("SSH_AUTH_SOCK"):
            new_machine["agent_socket"] = os.environ["SSH_AUTH_SOCK"]
        return new_machine

    def __repr__(self):
        return f"RemoteComputeAttachConfiguration(username={self.username!r}, address={self.address!r}, ssh_port={self.ssh_port})"


@with_later_members
class RemoteCompute(ComputeTarget):
    """Another machine, reached by SSH: what is submitted to it runs there."""

    _KIND = "remote"
    _compute_type = "VirtualMachine"

    @staticmethod
    def attach(workspace, name, username, address, ssh_port=22, password="", private_key_file="", private_key_passphrase=""):
        """Attaches a machine; deprecated in SDK v1 in favour of `ComputeTarget.attach`."""
        configuration = RemoteCompute.attach_configuration(
            username, address=address, ssh_port=ssh_port, password=password, private_key_file=private_key_file, private_key_passphrase=private_key_passphrase
        )
        return ComputeTarget.attach(workspace, name, configuration)

    @staticmethod
    def attach_configuration(username, subscription_id=None, resource_group=None, vm_name=None, resource_id=None, address=None, ssh_port=22, password="", private_key_file="", private_key_passphrase=""):
        """What `ComputeTarget.attach` takes. The host key must stand in `~/.ssh/known_hosts`."""
        return RemoteComputeAttachConfiguration(
            username, subscription_id, resource_group, vm_name, resource_id, address, ssh_port, password, private_key_file, private_key_passphrase
        )

    def detach(self):
        """Takes the machine away, and what is Lazuli's from it; one on which runs wait or run stays."""
        self.delete()

    def get_credentials(self):
        """Who one is there, and where; there is no secret to give."""
        user, _, address = self._record["machine"]["address"].partition("@")
        return {"username": user, "address": address, "port": self._record["machine"]["port"]}

    def get_status(self):
        """`connected`, `connecting` or `cut`."""
        self.refresh_state()
        return self._record["machine"]["link"]

    def _settings(self):
        machine = self._record["machine"]
        return {"address": machine["address"], "sshPort": machine["port"], "hostKey": machine["host_key"]}


def attach(workspace, name, configuration):
    """The target that the machine became."""
    configuration.validate_configuration()
    new_machine = {"name": check_name("compute target", name), **configuration._as_new_machine()}
    return ComputeTarget(workspace, name, _record=asked(workspace._client.attach_machine, workspace.name, new_machine))


__all__ = ["RemoteCompute", "RemoteComputeAttachConfiguration"]
