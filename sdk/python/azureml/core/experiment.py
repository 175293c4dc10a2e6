import getpass

from lazuli import ending
from lazuli.process import this_process
from lazuli.values import check_name, texts


class Experiment:
    """A named series of runs; begins to exist with its first run."""

    def __init__(self, workspace, name, **kwargs):
        self._workspace = workspace
        self._name = check_name("experiment", name)

    @staticmethod
    def list(workspace, experiment_name=None, view_type="ActiveOnly", tags=None):
        return [
            experiment
            for name, experiment in workspace.experiments.items()
            if experiment_name is None or name == experiment_name
        ]

    def start_logging(self, *args, **kwargs):
        """Starts an interactive run; it ends with `complete`, at the latest when the program ends."""
        return self._start(name=kwargs.get("display_name"), tags=kwargs.get("tags"))

    def get_runs(self, type=None, tags=None, properties=None, include_children=False):
        """The runs, newest first."""
        from azureml.core.run import Run

        return Run._found(
            self, self._client.runs(self.workspace.name, experiment=self.name), tags, properties, None, include_children
        )

    def _start(self, name=None, tags=None, parent_run_id=None):
        from azureml.core.run import Run

        new_run = {
            "experiment": self.name,
            "kind": "interactive",
            "user": self._client.config.user or _user(),
            "tags": texts("tags", tags),
        }
        if name:
            new_run["name"] = check_name("run", name)
        if parent_run_id:
            new_run["parent_run_id"] = parent_run_id
        owner = this_process()
        if owner:
            new_run["owner"] = owner
        run_id = self._client.create_run(self.workspace.name, new_run)["run_id"]
        ending.watch(self._client, run_id)
        return Run(self, run_id)

    @property
    def _client(self):
        return self._workspace._client

    @property
    def name(self):
        return self._name

    @property
    def workspace(self):
        return self._workspace

    def __repr__(self):
        return f"Experiment(name={self.name!r}, workspace={self.workspace.name!r})"


def _user():
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        # A container whose user id has no name.
        return ""
