from azureml.core.compute.compute import ComputeTarget, Setting, _iso, asked
from lazuli.config_element import camel_case
from lazuli.later import with_later_members
from lazuli.said_once import say_once


class ComputeInstanceProvisioningConfiguration(Setting):
    """A machine for one person; here it is a job slot of this one."""

    _KIND = "compute_instance"

    def __init__(self, vm_size="", ssh_public_access=False, admin_user_ssh_public_key=None, vnet_resourcegroup_name=None, vnet_name=None, subnet_name=None, tags=None, description=None, assigned_user_object_id=None, assigned_user_tenant_id=None):
        super().__init__(
            vm_size=vm_size,
            ssh_public_access=ssh_public_access,
            admin_user_ssh_public_key=admin_user_ssh_public_key,
            vnet_resourcegroup_name=vnet_resourcegroup_name,
            vnet_name=vnet_name,
            subnet_name=subnet_name,
            tags=tags,
            description=description,
            assigned_user_object_id=assigned_user_object_id,
            assigned_user_tenant_id=assigned_user_tenant_id,
        )

    def _as_new_target(self):
        if self.vm_size:
            say_once(f"vm_size={self.vm_size!r} of a compute instance", "is kept as a setting: the instance is a job slot of this machine")
        new_target = {"kind": self._KIND, "settings": self._kept("tags", "description"), "max_nodes": 1}
        if self.description:
            new_target["description"] = str(self.description)
        if self.tags:
            from lazuli.values import texts

            new_target["tags"] = texts("tags", dict(self.tags))
        return new_target


@with_later_members
class ComputeInstance(ComputeTarget):
    """A machine for one person, which may be stopped and started: one run at a time."""

    _KIND = "compute_instance"
    _compute_type = "ComputeInstance"

    @staticmethod
    def provisioning_configuration(vm_size="", ssh_public_access=False, admin_user_ssh_public_key=None, vnet_resourcegroup_name=None, vnet_name=None, subnet_name=None, tags=None, description=None, assigned_user_object_id=None, assigned_user_tenant_id=None):
        """What `ComputeTarget.create` takes; it is kept and shown back."""
        return ComputeInstanceProvisioningConfiguration(
            vm_size, ssh_public_access, admin_user_ssh_public_key, vnet_resourcegroup_name, vnet_name, subnet_name, tags, description,
            assigned_user_object_id, assigned_user_tenant_id,
        )

    def get_status(self):
        """What it is doing."""
        self.refresh_state()
        record = self._record
        return ComputeInstanceStatus(
            _iso(record.get("created_at_ms")), None, None, None, None, _iso(record.get("modified_at_ms")), record.get("instance_state"), self.vm_size
        )

    def get(self):
        """The target, asked for again."""
        self.refresh_state()
        return self

    def start(self, wait_for_completion=False, show_output=False):
        self._become("Running", wait_for_completion, show_output)

    def stop(self, wait_for_completion=False, show_output=False):
        """From now on it takes no runs."""
        self._become("Stopped", wait_for_completion, show_output)

    def restart(self, wait_for_completion=False, show_output=False):
        self.stop()
        self.start(wait_for_completion, show_output)

    def delete(self, wait_for_completion=False, show_output=False):
        super().delete()
        if wait_for_completion:
            self.wait_for_completion(show_output, is_delete_operation=True)

    def get_active_runs(self, type=None, tags=None, properties=None, status=None):
        """The runs that wait or run on it, newest first."""
        from azureml.core.run import Run, is_final

        for run in Run.list_by_compute(self, type, tags, properties, status):
            if not is_final(run.status):
                yield run

    @staticmethod
    def supported_vmsizes(workspace, location=None):
        from azureml.core.compute.amlcompute import AmlCompute

        return AmlCompute.supported_vmsizes(workspace, location)

    @classmethod
    def get_docs_url(cls):
        return cls.__module__

    @property
    def vm_size(self):
        return self._record["settings"].get("vm_size", "").upper()

    def _become(self, state, wait, show_output):
        self._record = asked(self.workspace._client.patch_compute_target, self.workspace.name, self.name, {"instance_state": state})
        if wait:
            self.wait_for_completion(show_output)

    def _settings(self):
        return {camel_case(key): value for key, value in self._record["settings"].items()}


class ComputeInstanceStatus:
    """What a compute instance is doing, at one moment."""

    def __init__(self, creation_time, created_by_user_name, created_by_user_id, created_by_user_org, errors, modified_time, state, vm_size):
        self.creation_time = creation_time
        self.created_by_user_name = created_by_user_name
        self.created_by_user_id = created_by_user_id
        self.created_by_user_org = created_by_user_org
        self.errors = errors
        self.modified_time = modified_time
        self.state = state
        self.vm_size = vm_size

    def serialize(self):
        return {camel_case(name): value for name, value in vars(self).items()}

    @staticmethod
    def deserialize(object_dict):
        names = ("creation_time", "created_by_user_name", "created_by_user_id", "created_by_user_org", "errors", "modified_time", "state", "vm_size")
        return ComputeInstanceStatus(*(object_dict.get(camel_case(name)) for name in names))

    def __repr__(self):
        return f"ComputeInstanceStatus({self.serialize()})"


__all__ = ["ComputeInstance", "ComputeInstanceProvisioningConfiguration", "ComputeInstanceStatus"]
