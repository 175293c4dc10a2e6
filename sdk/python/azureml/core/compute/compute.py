import sys
import time

from azureml.core.compute_target import AbstractComputeTarget
from azureml.exceptions import ComputeTargetException
from lazuli.errors import ConflictError, InvalidError, LazuliError, NotFoundError
from lazuli.later import with_later_members
from lazuli.values import check_name

_POLL_SECONDS = 0.2


class ComputeTargetNotFoundException(ComputeTargetException, NotFoundError):
    """The workspace has no compute target of that name."""


class ComputeTargetConflictException(ComputeTargetException, ConflictError):
    """The name is taken by another kind, or runs are on it."""


class ComputeTargetInvalidException(ComputeTargetException, InvalidError):
    """The settings cannot be."""


_REFUSALS = ((NotFoundError, ComputeTargetNotFoundException), (ConflictError, ComputeTargetConflictException), (InvalidError, ComputeTargetInvalidException))


def asked(call, *arguments):
    """What the daemon answers; its refusals are what SDK v1's scripts catch."""
    try:
        return call(*arguments)
    except LazuliError as error:
        for kind, exception in _REFUSALS:
            if isinstance(error, kind):
                raise exception(error.message, error.hint) from error
        raise


@with_later_members
class ComputeTarget(AbstractComputeTarget):
    """`ComputeTarget(workspace, name)` is the target of that name, of the class of its kind."""

    #: The daemon's word for the kind of target.
    _KIND = None
    _compute_type = "Local"

    def __new__(cls, workspace, name, _record=None):
        if cls is ComputeTarget:
            record = _record or asked(workspace._client.compute_target, workspace.name, name)
            found = object.__new__(_class_of(record))
            found._record = record
            return found
        return object.__new__(cls)

    def __init__(self, workspace, name, _record=None):
        self.workspace = workspace
        self._record = _record or getattr(self, "_record", None) or asked(workspace._client.compute_target, workspace.name, name)
        if self._KIND is not None and self._record["kind"] != self._KIND:
            raise ComputeTargetInvalidException(f"the compute target `{name}` is no {type(self).__name__}", "get it by `ComputeTarget(workspace, name)`")
        super().__init__(self._compute_type, self._record["name"])

    @staticmethod
    def create(workspace, name, provisioning_configuration):
        """Makes a target, or gives the one of that name these settings."""
        if not hasattr(provisioning_configuration, "_as_new_target"):
            raise ComputeTargetInvalidException(
                f"`create` got a {type(provisioning_configuration).__name__}", "give such as AmlCompute.provisioning_configuration(max_nodes=4)"
            )
        provisioning_configuration.validate_configuration()
        new_target = {"name": check_name("compute target", name), **provisioning_configuration._as_new_target()}
        return ComputeTarget(workspace, name, _record=asked(workspace._client.create_compute_target, workspace.name, new_target))

    @staticmethod
    def attach(workspace, name, attach_configuration):
        """Attaches a machine: `RemoteCompute.attach_configuration(username=.., address=..)` says which."""
        from azureml.core.compute.remote import RemoteComputeAttachConfiguration, attach

        if not isinstance(attach_configuration, RemoteComputeAttachConfiguration):
            raise ComputeTargetInvalidException(
                f"`attach` got a {type(attach_configuration).__name__}", "give such as RemoteCompute.attach_configuration(username='ada', address='gpu-box')"
            )
        return attach(workspace, name, attach_configuration)

    def detach(self):
        """Only what was attached can be detached."""
        raise ComputeTargetConflictException(f"the compute target `{self.name}` was not attached", "remove it by `delete()`")

    @staticmethod
    def list(workspace):
        return [ComputeTarget(workspace, record["name"], _record=record) for record in workspace._client.compute_targets(workspace.name)]

    def wait_for_completion(self, show_output=False, is_delete_operation=False):
        """Waits until it is ready; here it is at once."""
        self._wait(show_output, is_delete_operation, 25 * 60, lambda: True)

    def _wait(self, show_output, is_delete_operation, seconds, is_ready):
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.refresh_state()
            except ComputeTargetNotFoundException:
                if is_delete_operation:
                    return
                raise
            if not is_delete_operation and self.provisioning_state in ("Succeeded", "Failed", "Canceled") and is_ready():
                break
            if time.monotonic() > deadline:
                raise ComputeTargetException(f"the compute target `{self.name}` was not ready in time", "ask `get_status()` what it waits for")
            time.sleep(_POLL_SECONDS)
        if show_output:
            print(self.provisioning_state)
            print(f"{type(self).__name__} wait for completion finished\n")
            sys.stdout.flush()

    def refresh_state(self):
        """Asks the daemon again."""
        self._record = asked(self.workspace._client.compute_target, self.workspace.name, self.name)

    def get_status(self):
        """`Succeeded`, or what it is made of, by its kind."""
        self.refresh_state()
        return self.provisioning_state

    def delete(self):
        """Removes the target; one on which runs wait or run stays."""
        asked(self.workspace._client.delete_compute_target, self.workspace.name, self.name)

    def serialize(self):
        """All that is known of it, as a dict."""
        record = self._record
        return {
            "id": self.id,
            "name": self.name,
            "location": self.location,
            "tags": self.tags,
            "properties": {
                "description": self.description,
                "computeType": self.type,
                "computeLocation": self.location,
                "provisioningState": self.provisioning_state,
                "provisioningErrors": self.provisioning_errors,
                "createdOn": _iso(record.get("created_at_ms")),
                "modifiedOn": _iso(record.get("modified_at_ms")),
                "properties": self._settings(),
            },
        }

    @staticmethod
    def deserialize(workspace, object_dict):
        """The target that `serialize` told of, as it is now."""
        return ComputeTarget(workspace, object_dict["name"])

    @property
    def id(self):
        return f"{self.workspace._resource_id}/computes/{self.name}"

    cluster_resource_id = None

    @property
    def provisioning_state(self):
        return self._record.get("state", "Succeeded")

    @property
    def provisioning_errors(self):
        return None

    @property
    def location(self):
        return self._record.get("settings", {}).get("location") or self.workspace.location

    cluster_location = location

    @property
    def description(self):
        return self._record.get("description") or None

    @property
    def tags(self):
        return self._record.get("tags") or None

    def _settings(self):
        return {key: self._record[key] for key in ("cores", "memory") if key in self._record}

    @property
    def status(self):
        return self.get_status()

    def __repr__(self):
        return (
            f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name}, id={self.id}, type={self.type}, "
            f"provisioning_state={self.provisioning_state}, location={self.location}, tags={self.tags})"
        )


class LocalCompute(ComputeTarget):
    """This machine, as a compute target that is always there."""

    _KIND = "local"


class Setting:
    """What a provisioning configuration was given; all of it is kept with the target and shown back."""

    _KIND = None
    location = None

    def __init__(self, **settings):
        vars(self).update(settings)

    def validate_configuration(self):
        """Raises a ComputeTargetException when the settings cannot be."""

    def _kept(self, *without):
        """The settings that were given, as JSON; none of them is secret."""
        return {key: value for key, value in vars(self).items() if value not in (None, "") and key not in without}


def _class_of(record):
    from azureml.core.compute.amlcompute import AmlCompute
    from azureml.core.compute.computeinstance import ComputeInstance

    from azureml.core.compute.remote import RemoteCompute

    return {"aml_compute": AmlCompute, "compute_instance": ComputeInstance, "remote": RemoteCompute}.get(record["kind"], LocalCompute)


def _iso(time_ms):
    from azureml.core.times import iso

    return iso(time_ms)
