import getpass
from pathlib import Path

from azureml.core.shown import ShownAsTable
from azureml.exceptions import ExperimentExecutionException
from lazuli import ending
from lazuli.errors import InvalidError, NotFoundError
from lazuli.later import module_names
from lazuli.process import this_process
from lazuli.values import check_name, texts

#: The tag in which MLflow keeps a description; the same description everywhere.
DESCRIPTION_TAG = "mlflow.note.content"


class ViewType:
    """Which experiments `Experiment.list` tells of."""

    ActiveOnly = "ActiveOnly"
    All = "All"
    ArchivedOnly = "ArchivedOnly"


class Experiment(ShownAsTable):
    """A named series of runs; begins to exist with its first run."""

    DELIM = "#"

    def __init__(self, workspace, name, _skip_name_validation=False, _id=None, _archived_time=None, _create_in_cloud=True, _experiment_dto=None, **kwargs):
        self._workspace = workspace
        self._name = check_name("experiment", name)
        #: What the daemon said of it, when it did.
        self._record = _experiment_dto

    @staticmethod
    def list(workspace, experiment_name=None, view_type="ActiveOnly", tags=None):
        from azureml.core.model import has_all

        views = {ViewType.ActiveOnly: "active", ViewType.All: "all", ViewType.ArchivedOnly: "deleted"}
        if view_type not in views:
            raise InvalidError(f"view_type={view_type!r} is none", f"give one of {', '.join(views)}")
        found = workspace._client.experiments(workspace.name, views[view_type])
        return [
            Experiment(workspace, record["name"], _experiment_dto=record)
            for record in found
            if (experiment_name is None or record["name"] == experiment_name) and has_all(record["tags"], tags)
        ]

    @staticmethod
    def from_directory(path, auth=None):
        """The experiment named after a folder, in the workspace that its configuration names."""
        from azureml.core.workspace import Workspace

        return Experiment(Workspace.from_config(path, auth), Path(path).resolve().name)

    # Runs

    def start_logging(self, *args, **kwargs):
        """Starts an interactive run; it ends with `complete`, at the latest when the program ends.

        ``snapshot_directory`` is kept with the run, ``outputs`` uploaded when it completes.
        """
        if len(args) > 1:
            raise TypeError("`start_logging` takes its settings by their names, such as snapshot_directory=None")
        snapshot = None
        directory = kwargs.get("snapshot_directory", args[0] if args else None)
        if directory is not None:
            from lazuli.submission import create_snapshot

            if not Path(directory).is_dir():
                raise NotFoundError(f"the snapshot folder `{directory}` is not there", "give the folder that holds the code, or None")
            snapshot = create_snapshot(self._client.config, Path(directory))
        run = self._start(name=kwargs.get("display_name"), tags=kwargs.get("tags"), run_id=kwargs.get("run_id"), snapshot_id=snapshot)
        run._outputs = _paths(kwargs.get("outputs"))
        return run

    def submit(self, config, tags=None, **kwargs):
        """Starts a script run; it goes on when this program has ended."""
        return self._submit(config, tags, kwargs.get("display_name"), kwargs.get("run_id"), kwargs.get("parent_run_id"))

    def _submit(self, config, tags=None, display_name=None, run_id=None, parent_run_id=None):
        from azureml.core.script_run import ScriptRun
        from azureml.core.script_run_config import ScriptRunConfig

        if not isinstance(config, ScriptRunConfig):
            raise InvalidError(f"`submit` got a {type(config).__name__}", "give a ScriptRunConfig or an Estimator")
        _refuse_chosen_id(run_id)
        job, data = config._job(self._workspace)
        new_job = {"experiment": self.name, "user": self._client.config.user or _user(), "tags": texts("tags", tags), "job": job}
        if display_name:
            new_job["name"] = check_name("run", display_name)
        if parent_run_id:
            new_job["parent_run_id"] = parent_run_id
        run_id = self._submit_job(new_job)["run_id"]
        data.submitted(run_id)
        return ScriptRun(self, run_id, directory=config.source_directory, _run_config=config.run_config)

    def _submit_job(self, new_job):
        try:
            return self._client.submit_job(self._workspace.name, new_job)
        except NotFoundError as error:
            # Only a compute target or an environment can be missing by now.
            raise _CannotRun(error.message, error.hint) from error

    def get_runs(self, type=None, tags=None, properties=None, include_children=False):
        """The runs, newest first."""
        from azureml.core.run import Run

        return Run.list(self, type, tags, properties, None, include_children)

    def _start(self, name=None, tags=None, parent_run_id=None, run_id=None, snapshot_id=None):
        from azureml.core.run import Run

        _refuse_chosen_id(run_id)
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
        if snapshot_id:
            new_run["snapshot_id"] = snapshot_id
        owner = this_process()
        if owner:
            new_run["owner"] = owner
        run_id = self._client.create_run(self.workspace.name, new_run)["run_id"]
        ending.watch(self._client, run_id)
        return Run(self, run_id)

    # What is known of it

    def refresh(self):
        """Asks the daemon again."""
        self._record = self._client.experiment(self.workspace.name, self.name)

    def archive(self):
        """Takes it out of lists, with its runs; `reactivate` brings it back."""
        self._client.delete_experiment(self.workspace.name, self.name)
        self.refresh()

    def reactivate(self, new_name=None):
        """Brings an archived experiment back."""
        if new_name is not None and new_name != self.name:
            raise NotImplementedError("`Experiment.reactivate(new_name=..)`: an experiment keeps its name here; leave out new_name=")
        self._client.restore_experiment(self.workspace.name, self.name)
        self.refresh()

    @staticmethod
    def delete(workspace, experiment_id):
        """Removes an experiment by its id."""
        for record in workspace._client.experiments(workspace.name, "all"):
            if str(record["id"]) == str(experiment_id) or record["name"] == experiment_id:
                workspace._client.delete_experiment(workspace.name, record["name"])
                return
        raise NotFoundError(f"workspace `{workspace.name}` has no experiment with the id `{experiment_id}`", "`Experiment.list(workspace)` shows them with `id`")

    def tag(self, key, value=None):
        self.set_tags({key: value})

    def set_tags(self, tags):
        self._record = self._client.patch_experiment(self.workspace.name, self._known()["name"], {"set_tags": texts("tags", tags)})

    def remove_tags(self, tags):
        names = [tags] if isinstance(tags, str) else [*tags]
        self._record = self._client.patch_experiment(self.workspace.name, self._known()["name"], {"remove_tags": names})

    @property
    def tags(self):
        return dict(self._known()["tags"])

    @property
    def id(self):
        return str(self._known()["id"])

    @property
    def archived_time(self):
        """When it was archived, or None."""
        from azureml.core.times import utc

        return utc(self._known().get("deleted_at_ms"))

    @property
    def description(self):
        return self.tags.get(DESCRIPTION_TAG)

    @property
    def name(self):
        return self._name

    @property
    def workspace(self):
        return self._workspace

    workspace_object = workspace

    @property
    def identity(self):
        return f"Experiment#{self.name}"

    def get_portal_url(self):
        """The experiment's page in Studio."""
        return self.workspace._studio_url("experiments", self.name)

    @property
    def portal_url(self):
        return self.get_portal_url()

    @classmethod
    def get_docs_url(cls):
        return cls.__module__

    def _known(self):
        """What the daemon knows; an experiment that is asked about is made, as SDK v1 does."""
        if self._record is None:
            self._record = self._client.create_experiment(self.workspace.name, self.name)
        return self._record

    @property
    def _client(self):
        return self._workspace._client

    def _shown(self):
        return {"Name": self.name, "Workspace": self.workspace.name}

    def _shown_links(self):
        return {"Report Page": ("Link to Lazuli Studio", self.get_portal_url())}


class _CannotRun(NotFoundError, ExperimentExecutionException):
    """Something that the run needs does not exist."""


def _user():
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        # A container whose user id has no name.
        return ""


def _paths(outputs):
    return [] if outputs is None else [outputs] if isinstance(outputs, str) else [*outputs]


def _refuse_chosen_id(run_id):
    if run_id is not None:
        raise InvalidError("a run's id cannot be chosen", "leave out run_id= and give display_name=, the name that people see")


__getattr__ = module_names(__name__, {"ComputeInstance": "azureml.core.compute", "Run": "azureml.core.run", "ScriptRun": "azureml.core.script_run"})
