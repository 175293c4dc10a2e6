from azureml.core.compute.compute import ComputeTarget, ComputeTargetInvalidException, Setting, _iso, asked
from lazuli.config_element import camel_case
from lazuli.later import with_later_members
from lazuli.said_once import say_once

# Each is accepted and shown back, and is nothing here.
_OF_A_CLOUD = (
    "vm_size",
    "vm_priority",
    "admin_username",
    "vnet_resourcegroup_name",
    "vnet_name",
    "subnet_name",
    "identity_type",
    "location",
)


class AmlComputeProvisioningConfiguration(Setting):
    """How large a cluster may become. Its nodes are job slots of this machine."""

    _KIND = "aml_compute"

    def __init__(self, vm_size="", vm_priority="dedicated", min_nodes=0, max_nodes=None, idle_seconds_before_scaledown=1800, admin_username=None, admin_user_password=None, admin_user_ssh_key=None, vnet_resourcegroup_name=None, vnet_name=None, subnet_name=None, tags=None, description=None, remote_login_port_public_access="NotSpecified", identity_type=None, identity_id=None, compute_location=None, enable_node_public_ip=True):
        super().__init__(
            vm_size=vm_size,
            vm_priority=vm_priority,
            min_nodes=min_nodes,
            max_nodes=max_nodes,
            idle_seconds_before_scaledown=idle_seconds_before_scaledown,
            admin_username=admin_username,
            admin_user_password=admin_user_password,
            admin_user_ssh_key=admin_user_ssh_key,
            vnet_resourcegroup_name=vnet_resourcegroup_name,
            vnet_name=vnet_name,
            subnet_name=subnet_name,
            tags=tags,
            description=description,
            remote_login_port_public_access=remote_login_port_public_access,
            identity_type=identity_type,
            identity_id=identity_id,
            location=compute_location,
            enable_node_public_ip=enable_node_public_ip,
        )

    def validate_configuration(self):
        for name in ("min_nodes", "max_nodes"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
                raise ComputeTargetInvalidException(f"{name}={value!r} is no number of nodes", "give a whole number, such as max_nodes=4")
        if self.max_nodes is not None and (self.min_nodes or 0) > self.max_nodes:
            raise ComputeTargetInvalidException(f"min_nodes={self.min_nodes} is more than max_nodes={self.max_nodes}", "give min_nodes=0, the default")

    def _as_new_target(self):
        given = [name for name in _OF_A_CLOUD if getattr(self, name) not in (None, "", "dedicated")]
        if given:
            say_once(
                ", ".join(f"{name}={getattr(self, name)!r}" for name in given),
                "is kept as a setting: the cluster's nodes are job slots of this machine",
            )
        # What opens a machine is not kept at all: there is none to open.
        settings = self._kept("min_nodes", "max_nodes", "idle_seconds_before_scaledown", "tags", "description", "admin_user_password", "admin_user_ssh_key")
        new_target = {"kind": self._KIND, "settings": settings, "min_nodes": self.min_nodes or 0, "idle_seconds": _seconds(self.idle_seconds_before_scaledown)}
        new_target["max_nodes"] = 1 if self.max_nodes is None else self.max_nodes
        if self.description:
            new_target["description"] = str(self.description)
        if self.tags:
            from lazuli.values import texts

            new_target["tags"] = texts("tags", self.tags if isinstance(self.tags, dict) else dict(self.tags))
        return new_target


@with_later_members
class AmlCompute(ComputeTarget):
    """A cluster: as many of its runs as it has nodes run at once, the others wait."""

    _KIND = "aml_compute"
    _compute_type = "AmlCompute"

    @staticmethod
    def provisioning_configuration(vm_size="", vm_priority="dedicated", min_nodes=0, max_nodes=None, idle_seconds_before_scaledown=1800, admin_username=None, admin_user_password=None, admin_user_ssh_key=None, vnet_resourcegroup_name=None, vnet_name=None, subnet_name=None, tags=None, description=None, remote_login_port_public_access="NotSpecified", identity_type=None, identity_id=None, location=None, enable_node_public_ip=True):
        """What `ComputeTarget.create` takes; only the numbers of nodes mean something here."""
        configuration = AmlComputeProvisioningConfiguration(
            vm_size, vm_priority, min_nodes, max_nodes, idle_seconds_before_scaledown, admin_username, admin_user_password, admin_user_ssh_key,
            vnet_resourcegroup_name, vnet_name, subnet_name, tags, description, remote_login_port_public_access, identity_type, identity_id,
            location, enable_node_public_ip,
        )
        configuration.validate_configuration()
        return configuration

    def wait_for_completion(self, show_output=False, min_node_count=None, timeout_in_minutes=25, is_delete_operation=False):
        """Waits until it is ready, and has ``min_node_count`` nodes when that many are kept ready."""
        wanted = min(min_node_count or 0, self._record["min_nodes"])
        self._wait(show_output, is_delete_operation, timeout_in_minutes * 60, lambda: self._record["current_nodes"] >= wanted)

    def get_status(self):
        """What it is made of now."""
        self.refresh_state()
        return AmlComputeStatus._of(self._record)

    def get(self):
        """The target, asked for again."""
        self.refresh_state()
        return self

    def update(self, min_nodes=None, max_nodes=None, idle_seconds_before_scaledown=None):
        """Changes its size; what is left out stays."""
        patch = {"min_nodes": min_nodes, "max_nodes": max_nodes, "idle_seconds": _seconds(idle_seconds_before_scaledown)}
        patch = {key: value for key, value in patch.items() if value is not None}
        self._record = asked(self.workspace._client.patch_compute_target, self.workspace.name, self.name, patch)

    def list_nodes(self):
        """One dict for each node that a run is on."""
        runs = self.workspace._client.runs(self.workspace.name, filter=f"compute = '{self.name}'", status="Running")
        return [
            {"nodeId": f"{self.name}-{number}", "nodeState": "running", "runId": run["run_id"], "ipAddress": "127.0.0.1", "port": None}
            for number, run in enumerate(runs)
        ]

    def get_active_runs(self, type=None, tags=None, properties=None, status=None):
        """The runs that wait or run on it, newest first."""
        from azureml.core.run import Run, is_final

        for run in Run.list_by_compute(self, type, tags, properties, status):
            if not is_final(run.status):
                yield run

    @staticmethod
    def supported_vmsizes(workspace, location=None):
        """Any size is accepted; the one that is listed is this machine."""
        local = next(record for record in workspace._client.compute_targets(workspace.name) if record["kind"] == "local")
        return [{"name": "local", "vCPUs": local["cores"], "memoryGB": round(local["memory"] / (1 << 30), 1), "gpus": 0, "maxResourceVolumeMB": None}]

    @property
    def vm_size(self):
        return self._record["settings"].get("vm_size", "").upper()

    @property
    def vm_priority(self):
        return self._record["settings"].get("vm_priority", "dedicated")

    @property
    def scale_settings(self):
        return ScaleSettings(self._record["min_nodes"], self._record["max_nodes"], self._record["idle_seconds"])

    def _settings(self):
        kept = {camel_case(key): value for key, value in self._record["settings"].items()}
        return {**kept, "scaleSettings": self.scale_settings.serialize()}


class AmlComputeStatus:
    """What a cluster is made of, at one moment."""

    def __init__(self, allocation_state, allocation_state_transition_time, creation_time, current_node_count, errors, modified_time, node_state_counts, provisioning_state, provisioning_state_transition_time, scale_settings, target_node_count, vm_priority, vm_size):
        self.allocation_state = allocation_state
        self.allocation_state_transition_time = allocation_state_transition_time
        self.creation_time = creation_time
        self.current_node_count = current_node_count
        self.errors = errors
        self.modified_time = modified_time
        self.node_state_counts = node_state_counts
        self.provisioning_state = provisioning_state
        self.provisioning_state_transition_time = provisioning_state_transition_time
        self.scale_settings = scale_settings
        self.target_node_count = target_node_count
        self.vm_priority = vm_priority
        self.vm_size = vm_size

    @staticmethod
    def _of(record):
        nodes, settings = record["nodes"], record["settings"]
        counts = AmlComputeNodeStateCounts(*(nodes.get(state, 0) for state in ("idle", "leaving", "preempted", "preparing", "running", "unusable")))
        created, modified = _iso(record.get("created_at_ms")), _iso(record.get("modified_at_ms"))
        scale = ScaleSettings(record["min_nodes"], record["max_nodes"], record["idle_seconds"])
        return AmlComputeStatus(
            record["allocation_state"], modified, created, record["current_nodes"], None, modified, counts, record["state"], created, scale,
            record["target_nodes"], settings.get("vm_priority", "dedicated"), settings.get("vm_size", "").upper(),
        )

    def serialize(self):
        return {
            "errors": self.errors,
            "creationTime": self.creation_time,
            "createdBy": None,
            "modifiedTime": self.modified_time,
            "allocationState": self.allocation_state,
            "allocationStateTransitionTime": self.allocation_state_transition_time,
            "provisioningState": self.provisioning_state,
            "provisioningStateTransitionTime": self.provisioning_state_transition_time,
            "currentNodeCount": self.current_node_count,
            "targetNodeCount": self.target_node_count,
            "nodeStateCounts": self.node_state_counts.serialize(),
            "scaleSettings": self.scale_settings.serialize(),
            "vmPriority": self.vm_priority,
            "vmSize": self.vm_size,
        }

    @staticmethod
    def deserialize(object_dict):
        known = object_dict
        return AmlComputeStatus(
            known.get("allocationState"), known.get("allocationStateTransitionTime"), known.get("creationTime"), known.get("currentNodeCount"),
            known.get("errors"), known.get("modifiedTime"), AmlComputeNodeStateCounts.deserialize(known.get("nodeStateCounts") or {}),
            known.get("provisioningState"), known.get("provisioningStateTransitionTime"), ScaleSettings.deserialize(known.get("scaleSettings") or {}),
            known.get("targetNodeCount"), known.get("vmPriority"), known.get("vmSize"),
        )

    def __repr__(self):
        return f"AmlComputeStatus({self.serialize()})"


class AmlComputeNodeStateCounts:
    """How many nodes are in which state."""

    def __init__(self, idle_node_count, leaving_node_count, preempted_node_count, preparing_node_count, running_node_count, unusable_node_count):
        self.idle_node_count = idle_node_count
        self.leaving_node_count = leaving_node_count
        self.preempted_node_count = preempted_node_count
        self.preparing_node_count = preparing_node_count
        self.running_node_count = running_node_count
        self.unusable_node_count = unusable_node_count

    def serialize(self):
        return {camel_case(name): value for name, value in vars(self).items()}

    @staticmethod
    def deserialize(object_dict):
        names = ("idle", "leaving", "preempted", "preparing", "running", "unusable")
        return AmlComputeNodeStateCounts(*(object_dict.get(f"{name}NodeCount", 0) for name in names))


class ScaleSettings:
    """Between which numbers of nodes a cluster is."""

    def __init__(self, minimum_node_count, maximum_node_count, idle_seconds_before_scaledown):
        self.minimum_node_count = minimum_node_count
        self.maximum_node_count = maximum_node_count
        self.idle_seconds_before_scaledown = idle_seconds_before_scaledown

    def serialize(self):
        return {
            "minNodeCount": self.minimum_node_count,
            "maxNodeCount": self.maximum_node_count,
            "nodeIdleTimeBeforeScaleDown": f"PT{self.idle_seconds_before_scaledown}S",
        }

    @staticmethod
    def deserialize(object_dict):
        idle = str(object_dict.get("nodeIdleTimeBeforeScaleDown") or "").strip("PTS")
        return ScaleSettings(object_dict.get("minNodeCount"), object_dict.get("maxNodeCount"), int(idle) if idle.isdigit() else None)


def _seconds(value):
    """SDK v1's texts, too, such as `PT120S`."""
    if isinstance(value, str):
        value = value.strip().upper().strip("PTS")
        if not value.isdigit():
            raise ComputeTargetInvalidException(f"idle_seconds_before_scaledown={value!r} is no number of seconds", "give a number, such as 1800")
    return None if value is None else int(value)


__all__ = [
    "AmlCompute",
    "AmlComputeNodeStateCounts",
    "AmlComputeProvisioningConfiguration",
    "AmlComputeStatus",
    "ScaleSettings",
]
