import json
from pathlib import Path

from lazuli.client import Client
from lazuli.config import DEFAULT_WORKSPACE, find_config_file
from lazuli.config import workspace_name as configured_workspace_name
from lazuli.errors import ConflictError, NotFoundError
from lazuli.values import texts


class Workspace:
    """Holds experiments and models.

    Subscription, resource group and location mean nothing here; they are kept as given, because
    notebooks print them.
    """

    def __init__(self, subscription_id=None, resource_group=None, workspace_name=None, auth=None, _client=None, **kwargs):
        self._client = _client or Client()
        self._name = workspace_name or configured_workspace_name(self._client.config)
        self.subscription_id = subscription_id or "local"
        self.resource_group = resource_group or "local"
        self.location = kwargs.get("_location") or "local"

    @staticmethod
    def from_config(path=None, auth=None, _logger=None, _file_name=None):
        """The workspace that config.json names, here or in a parent folder; else the default one."""
        found = find_config_file(path, _file_name)
        client = Client()
        if found is None:
            return Workspace._existing(Workspace(_client=client))
        # The environment is nearer than a file: a job stays in the workspace it was submitted to.
        name = client.config.workspace or found["workspace_name"]
        return Workspace._existing(
            Workspace(found.get("subscription_id"), found.get("resource_group"), name, _client=client)
        )

    @staticmethod
    def _existing(workspace):
        # A configuration file names the workspace as a cloud did; here it begins to exist by its use.
        workspace._client.create_workspace(workspace.name, {})
        return workspace

    @staticmethod
    def get(name, auth=None, subscription_id=None, resource_group=None, location=None, cloud="AzureCloud", id=None):
        workspace = Workspace(subscription_id, resource_group, name, _location=location)
        workspace._client.workspace(name)
        return workspace

    @staticmethod
    def create(name, auth=None, subscription_id=None, resource_group=None, location=None, tags=None, exist_ok=False, **kwargs):
        workspace = Workspace(subscription_id, resource_group, name, _location=location)
        if not exist_ok:
            try:
                workspace._client.workspace(name)
            except NotFoundError:
                pass
            else:
                raise ConflictError(f"workspace `{name}` exists already", "use `Workspace.get` or `exist_ok=True`")
        workspace._client.create_workspace(name, texts("tags", tags))
        return workspace

    def write_config(self, path=None, file_name=None):
        """Writes `.azureml/config.json` below ``path``, for ``from_config``."""
        folder = Path(path or ".") / ".azureml"
        folder.mkdir(parents=True, exist_ok=True)
        content = {
            "subscription_id": self.subscription_id,
            "resource_group": self.resource_group,
            "workspace_name": self.name,
        }
        (folder / (file_name or "config.json")).write_text(json.dumps(content, indent=4) + "\n", encoding="utf-8")

    def get_run(self, run_id):
        from azureml.core.run import Run

        return Run.get(self, run_id)

    @property
    def name(self):
        return self._name

    @property
    def tags(self):
        return dict(self._client.workspace(self.name)["tags"])

    @property
    def experiments(self):
        """Name to experiment."""
        from azureml.core.experiment import Experiment

        return {found["name"]: Experiment(self, found["name"]) for found in self._client.experiments(self.name)}

    @property
    def models(self):
        """Name to the newest version of each model."""
        from azureml.core.model import Model

        return {model.name: model for model in Model.list(self, latest=True)}

    def __repr__(self):
        return f"Workspace(name={self.name!r})"
