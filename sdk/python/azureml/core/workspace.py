import json
import os
from pathlib import Path

from azureml.core.compute.amlcompute import AmlComputeProvisioningConfiguration
from azureml.exceptions import UserErrorException, WorkspaceException
from lazuli.config import DEFAULT_WORKSPACE, find_config_file
from lazuli.config import workspace_name as configured_workspace_name
from lazuli.errors import ConflictError, InvalidError, NotFoundError
from lazuli.later import module_names, with_later_members
from lazuli.said_once import say_once
from lazuli.values import check_name, texts


class WorkspaceNotFoundException(WorkspaceException, NotFoundError):
    """There is no workspace of that name."""


class WorkspaceConflictException(WorkspaceException, ConflictError):
    """There is a workspace of that name already."""


@with_later_members
class Workspace:
    """Holds experiments, models, datastores and datasets.

    Subscription, resource group, location and sku mean nothing here; they are kept as given, because
    notebooks print them.
    """

    DEFAULT_CPU_CLUSTER_NAME = "cpu-cluster"
    DEFAULT_GPU_CLUSTER_NAME = "gpu-cluster"
    DEFAULT_CPU_CLUSTER_CONFIGURATION = AmlComputeProvisioningConfiguration(vm_size="STANDARD_DS2_V2", max_nodes=2)
    DEFAULT_GPU_CLUSTER_CONFIGURATION = AmlComputeProvisioningConfiguration(vm_size="STANDARD_NC6", max_nodes=2)

    def __init__(self, subscription_id=None, resource_group=None, workspace_name=None, auth=None, _location=None, _disable_service_check=False, _workspace_id=None, sku="basic", tags=None, _cloud="AzureCloud", _client=None):
        from lazuli.client import Client

        self._client = _client or Client()
        self._name = workspace_name or configured_workspace_name(self._client.config)
        self._auth = auth
        #: What was given here; what the daemon keeps serves where nothing was.
        self._given = _without_none({
            "subscription_id": subscription_id, "resource_group": resource_group, "location": _location, "sku": None if sku == "basic" else sku,
        })
        self._kept = None
        if workspace_name and _client is None and not _disable_service_check:
            self._read()

    @staticmethod
    def from_config(path=None, auth=None, _logger=None, _file_name=None):
        """The workspace that config.json names, here or in a parent folder; else the default one."""
        from lazuli.client import Client

        try:
            found = find_config_file(path, _file_name) or {}
        except NotFoundError as error:
            raise _ConfigFileNotFound(error.message, error.hint) from error
        client = Client()
        # The environment is nearer than a file: a job stays in the workspace it was submitted to.
        name = client.config.workspace or found.get("workspace_name") or DEFAULT_WORKSPACE
        workspace = Workspace(found.get("subscription_id"), found.get("resource_group"), name, auth, _client=client)
        # A configuration file names the workspace as a cloud did; here it begins to exist by its use.
        client.create_workspace(workspace.name, {})
        return workspace

    @staticmethod
    def get(name, auth=None, subscription_id=None, resource_group=None, location=None, cloud="AzureCloud", id=None):
        """The workspace of that name; one that does not exist raises a WorkspaceException."""
        return Workspace(subscription_id, resource_group, check_name("workspace", name), auth, _location=location, _cloud=cloud)

    @staticmethod
    def create(name, auth=None, subscription_id=None, resource_group=None, location=None, create_resource_group=True, sku="basic", tags=None, friendly_name=None, storage_account=None, key_vault=None, app_insights=None, container_registry=None, adb_workspace=None, primary_user_assigned_identity=None, cmk_keyvault=None, resource_cmk_uri=None, hbi_workspace=False, default_cpu_compute_target=None, default_gpu_compute_target=None, private_endpoint_config=None, private_endpoint_auto_approval=True, exist_ok=False, show_output=True, user_assigned_identity_for_cmk_encryption=None, system_datastores_auth_mode="accessKey", v1_legacy_mode=None):
        """Makes a workspace; one that exists is given back with ``exist_ok``, else it is an error."""
        workspace = Workspace(subscription_id, resource_group, check_name("workspace", name), auth, location, True, sku=sku)
        if not exist_ok:
            try:
                workspace._client.workspace(name)
            except NotFoundError:
                pass
            else:
                raise WorkspaceConflictException(f"workspace `{name}` exists already", hint="use `Workspace.get` or `exist_ok=True`")
        resources = {
            "storage_account": storage_account,
            "key_vault": key_vault,
            "app_insights": app_insights,
            "container_registry": container_registry,
            "adb_workspace": adb_workspace,
            "cmk_keyvault": cmk_keyvault,
            "private_endpoint_config": private_endpoint_config,
            "primary_user_assigned_identity": primary_user_assigned_identity,
        }
        for setting in _without_none(resources):
            say_once(f"{setting}=", "is kept as a setting: a workspace is a part of this home and needs no other resource")
        settings = {**workspace._given, **_without_none(resources), **_without_none({"friendly_name": friendly_name})}
        if hbi_workspace:
            settings["hbi_workspace"] = "True"
        workspace._client.create_workspace(name, texts("tags", tags), texts("settings", settings))
        for default, target in (
            (Workspace.DEFAULT_CPU_CLUSTER_NAME, default_cpu_compute_target),
            (Workspace.DEFAULT_GPU_CLUSTER_NAME, default_gpu_compute_target),
        ):
            if target is not None:
                from azureml.core.compute import ComputeTarget

                ComputeTarget.create(workspace, default, target)
        return workspace

    @staticmethod
    def list(subscription_id=None, auth=None, resource_group=None):
        """Name to the workspaces of that name, in a list of one."""
        from lazuli.client import Client

        client = Client()
        return {found["name"]: [Workspace(subscription_id, resource_group, found["name"], auth, _client=client)] for found in client.workspaces()}

    def delete(self, delete_dependent_resources=False, no_wait=False):
        raise NotImplementedError("`Workspace.delete` does not exist in Lazuli; delete what is in it, or the whole home when nothing in it is wanted")

    def write_config(self, path=None, file_name=None):
        """Writes `.azureml/config.json` below ``path``, for ``from_config``."""
        folder = Path(path or ".")
        if folder.name != ".azureml":
            folder = folder / ".azureml"
        folder.mkdir(parents=True, exist_ok=True)
        content = {
            "subscription_id": self.subscription_id,
            "resource_group": self.resource_group,
            "workspace_name": self.name,
        }
        (folder / (file_name or "config.json")).write_text(json.dumps(content, indent=4) + "\n", encoding="utf-8")

    # What it is

    @property
    def name(self):
        return self._name

    @property
    def subscription_id(self):
        return self._setting("subscription_id", "local")

    @property
    def resource_group(self):
        return self._setting("resource_group", "local")

    @property
    def location(self):
        return self._setting("location", "local")

    @property
    def sku(self):
        return self._setting("sku", "basic").capitalize()

    def _setting(self, name, otherwise):
        if name in self._given:
            return self._given[name]
        if self._kept is None:
            self._kept = self._read().get("settings") or {}
        return self._kept.get(name) or otherwise

    @property
    def tags(self):
        return dict(self._read()["tags"])

    @property
    def discovery_url(self):
        """The daemon's address."""
        host, port, _ = self._address()
        return f"http://{host}:{port}"

    def get_details(self):
        """All that is known of it, as a dict with SDK v1's keys; resources of a cloud are None."""
        from azureml.core.times import iso

        found = self._read()
        kept = found.get("settings") or {}
        return {
            "id": self._resource_id,
            "name": self.name,
            "location": self.location,
            "type": "Microsoft.MachineLearningServices/workspaces",
            "tags": found["tags"],
            "sku": self.sku,
            "workspaceid": self.name,
            "description": kept.get("description", ""),
            "friendlyName": kept.get("friendly_name") or self.name,
            "creationTime": iso(found["created_at_ms"]),
            "keyVault": kept.get("key_vault"),
            "applicationInsights": kept.get("app_insights"),
            "storageAccount": kept.get("storage_account"),
            "containerRegistry": kept.get("container_registry"),
            "imageBuildCompute": kept.get("image_build_compute"),
            "hbiWorkspace": kept.get("hbi_workspace") == "True",
            "provisioningState": "Succeeded",
            "discoveryUrl": self.discovery_url,
            "subscriptionId": self.subscription_id,
            "resourceGroup": self.resource_group,
            "experiments": found["experiments"],
            "runs": found["runs"],
            "models": found["models"],
        }

    def update(self, friendly_name=None, description=None, tags=None, image_build_compute=None, service_managed_resources_settings=None, primary_user_assigned_identity=None, allow_public_access_when_behind_vnet=None, v1_legacy_mode=None):
        """Changes its tags and what is said of it; the rest is kept as a setting."""
        settings = {
            "friendly_name": friendly_name,
            "description": description,
            "image_build_compute": image_build_compute,
            "service_managed_resources_settings": service_managed_resources_settings,
            "primary_user_assigned_identity": primary_user_assigned_identity,
            "allow_public_access_when_behind_vnet": allow_public_access_when_behind_vnet,
            "v1_legacy_mode": v1_legacy_mode,
        }
        settings = texts("settings", _without_none(settings))
        for setting in settings:
            if setting not in ("friendly_name", "description"):
                say_once(f"{setting}=", "is kept as a setting: it says something of a resource of a cloud")
        patch = {"set_tags": texts("tags", tags)}
        if settings:
            patch["settings"] = {**(self._read().get("settings") or {}), **settings}
        self._client.patch_workspace(self.name, patch)
        self._kept = None
        return self.get_details()

    # What is in it

    def get_run(self, run_id):
        from azureml.core.run import Run

        return Run.get(self, run_id)

    @property
    def experiments(self):
        """Name to experiment."""
        from azureml.core.experiment import Experiment

        return {found["name"]: Experiment(self, found["name"], _experiment_dto=found) for found in self._client.experiments(self.name)}

    @property
    def models(self):
        """Name to the newest version of each model."""
        from azureml.core.model import Model

        return {model.name: model for model in Model.list(self, latest=True)}

    @property
    def environments(self):
        """Name to the newest version of each environment, curated ones among them."""
        from azureml.core.environment import Environment

        return Environment.list(self)

    @property
    def compute_targets(self):
        """Name to compute target."""
        from azureml.core.compute import ComputeTarget

        return {target.name: target for target in ComputeTarget.list(self)}

    def get_default_compute_target(self, type):
        """The cluster `cpu-cluster` (or `gpu-cluster`), or None when nobody made it."""
        names = {"CPU": self.DEFAULT_CPU_CLUSTER_NAME, "GPU": self.DEFAULT_GPU_CLUSTER_NAME}
        if str(type).upper() not in names:
            raise InvalidError(f"type={type!r} is none", "give 'CPU' or 'GPU'")
        return self.compute_targets.get(names[str(type).upper()])

    @property
    def datastores(self):
        """Name to datastore."""
        from azureml.core.datastore import Datastore

        return Datastore._all(self)

    def get_default_datastore(self):
        from azureml.core.datastore import Datastore

        return Datastore.get_default(self)

    def set_default_datastore(self, name):
        from azureml.core.datastore import Datastore

        Datastore.get(self, name).set_as_default()

    @property
    def datasets(self):
        """Name to the newest version of each dataset."""
        from azureml.core.dataset import Dataset

        return Dataset.get_all(self)

    @property
    def webservices(self):
        """Name to web service: none, until models can be deployed."""
        return {}

    def get_default_keyvault(self):
        from azureml.core.keyvault import Keyvault

        return Keyvault(self)

    # Addresses

    def get_mlflow_tracking_uri(self, _with_auth=False):
        """Where MLflow's client finds this workspace, for `mlflow.set_tracking_uri`.

        Notebooks print it, so the token is not in it: MLflow finds that in its own variables of this
        process. ``_with_auth`` puts it into the address, for another process.
        """
        host, port, token = self._address()
        below = "" if self.name == DEFAULT_WORKSPACE else f"/workspaces/{self.name}"
        if _with_auth:
            return f"http://lazuli:{token}@{host}:{port}{below}"
        os.environ["MLFLOW_TRACKING_TOKEN"] = token
        return f"http://{host}:{port}{below}"

    def get_portal_url(self):
        return self._studio_url()

    def _studio_url(self, *parts):
        from lazuli.addresses import part

        return "/".join([self.discovery_url, "studio", "workspaces", *map(part, (self.name, *parts))])

    def _address(self):
        from lazuli import daemon

        return daemon.address(self._client.config)

    @property
    def _resource_id(self):
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.name}"
        )

    def _read(self):
        try:
            return self._client.workspace(self.name)
        except NotFoundError as error:
            raise WorkspaceNotFoundException(error.message, hint=error.hint) from error

    def __eq__(self, other):
        return isinstance(other, Workspace) and (other.name, other._client.config.home) == (self.name, self._client.config.home)

    def __hash__(self):
        return hash(self.name)

    def __repr__(self):
        return f"Workspace.create(name={self.name!r}, subscription_id={self.subscription_id!r}, resource_group={self.resource_group!r})"


def _without_none(entries):
    return {key: value for key, value in entries.items() if value is not None}


class _ConfigFileNotFound(NotFoundError, UserErrorException):
    """The configuration file that was named is not there."""


__getattr__ = module_names(
    __name__,
    {
        "AmlCompute": "azureml.core.compute",
        "InteractiveLoginAuthentication": "azureml.core.authentication",
        "ProjectSystemException": "azureml.exceptions",
    },
)
