import codecs
import sys
import threading
import time
from pathlib import Path

from azureml.core import input_datasets
from azureml.core.experiment import DESCRIPTION_TAG, Experiment
from azureml.core.model import has_all
from azureml.core.run_files import RunFiles
from azureml.core.run_logging import RunLogging
from azureml.core.run_status import RunStatus, is_final
from azureml.core.shown import ShownAsTable
from azureml.core.times import iso
from azureml.core.workspace import Workspace
from azureml.exceptions import ActivityFailedException, RunEnvironmentException
from lazuli import ending, values
from lazuli.client import Client
from lazuli.config import workspace_name
from lazuli.errors import InvalidError, NotFoundError
from lazuli.later import module_names, with_later_members

_LOG = "user_logs/std_log.txt"
_SCRIPT_RUN = "azureml.scriptrun"


@with_later_members
class Run(RunLogging, RunFiles, ShownAsTable):
    """One run of an experiment.

    What is logged is appended to the run's spool file and is safe when the call returns, daemon or
    not. Everything else asks the daemon.
    """

    DELIM = "#"

    _context = None
    _context_lock = threading.RLock()
    #: Run type to what makes the object of such a run.
    _type_providers = {}

    def __init__(self, experiment, run_id, outputs=None, **kwargs):
        self._experiment = experiment
        self._run_id = run_id
        #: Local files and folders that `complete` uploads.
        self._outputs = [] if outputs is None else [outputs] if isinstance(outputs, str) else [*outputs]

    # Which run

    @classmethod
    def get_context(cls, allow_offline=True, used_for_context_manager=False, **kwargs):
        """The run this script belongs to.

        In a submitted script it is the script's run, in a cell or shell line of a notebook the notebook's
        run. A script on its own gets a run of its own, in the experiment named after it, which ends
        with the script.
        """
        with Run._context_lock:
            if Run._context is None:
                Run._context = cls._find_context(allow_offline)
            return Run._context

    @classmethod
    def _find_context(cls, allow_offline):
        client = Client()
        config = client.config
        workspace = Workspace(workspace_name=workspace_name(config), _client=client)
        run_id = config.job_run_id or config.session_run_id
        if run_id and config.experiment:
            return cls(Experiment(workspace, config.experiment), run_id)
        if run_id:
            return cls.get(workspace, run_id)
        if not allow_offline:
            raise RunEnvironmentException(
                "this script was not submitted, so there is no run it belongs to",
                "submit it with `lazuli run submit`, or leave out allow_offline=False",
            )
        return Experiment(workspace, config.experiment or _script_name())._start()

    @classmethod
    def get_submitted_run(cls, **kwargs):
        """SDK v1's older name for `get_context`."""
        return cls.get_context(**kwargs)

    @staticmethod
    def get(workspace, run_id):
        """The run with that id, or with the id that begins so."""
        found = workspace._client.run(run_id)
        return Run._of(workspace, found)

    @staticmethod
    def list(experiment, type=None, tags=None, properties=None, status=None, include_children=False, _rehydrate_runs=True):
        """The runs of an experiment, newest first."""
        # An experiment begins to exist with its first run, and may well be asked before.
        runs = _none_when_absent(experiment._client.runs(experiment.workspace.name, experiment=experiment.name, status=status))
        return Run._found(experiment.workspace, runs, type, tags, properties, None, include_children)

    @staticmethod
    def list_by_compute(compute, type=None, tags=None, properties=None, status=None):
        """The runs on a compute target, newest first."""
        workspace = compute.workspace
        runs = workspace._client.runs(workspace.name, filter=f"compute = '{compute.name}'", status=status)
        return Run._found(workspace, runs, type, tags, properties, None, True)

    @staticmethod
    def add_type_provider(runtype, run_factory):
        """From now on runs of that type are made by ``run_factory(experiment, details)``."""
        if not callable(run_factory):
            raise InvalidError(f"run_factory= is a {type(run_factory).__name__}", "give a function that takes the experiment and the run's details")
        Run._type_providers[runtype] = run_factory

    @staticmethod
    def _of(workspace, found):
        experiment = Experiment(workspace, found["experiment"])
        provider = Run._type_providers.get(_type(found))
        if provider is not None:
            return provider(experiment, {"runId": found["run_id"], **found})
        if found["kind"] == "script":
            from azureml.core.script_run import ScriptRun

            return ScriptRun(experiment, found["run_id"])
        return Run(experiment, found["run_id"])

    @staticmethod
    def _found(workspace, runs, type, tags, properties, status, include_children):
        for found in runs:
            if (
                (include_children or not found.get("parent_run_id"))
                and (type is None or _type(found) == type)
                and (status is None or found["status"] == status)
                and has_all(found["tags"], tags)
                and has_all(found["properties"], properties)
            ):
                yield Run._of(workspace, found)

    # Children

    def child_run(self, name=None, run_id=None, outputs=None):
        """Starts a run below this one; it ends with `complete`, at the latest when the program ends."""
        child = self.experiment._start(name=name, parent_run_id=self.id, run_id=run_id)
        child._outputs = [] if outputs is None else [outputs] if isinstance(outputs, str) else [*outputs]
        return child

    def submit_child(self, config, tags=None, **kwargs):
        """Starts a script run below this one."""
        return self.experiment._submit(config, tags, kwargs.get("display_name"), kwargs.get("run_id"), parent_run_id=self.id)

    def create_children(self, count=None, tag_key=None, tag_values=None):
        """Starts several runs below this one, each tagged with one of the values."""
        if (count is None) == (tag_values is None):
            raise ValueError("`create_children` takes either count= or tag_key= and tag_values=")
        if tag_values is None:
            return [self.child_run() for _ in range(count)]
        children = []
        for value in tag_values:
            child = self.child_run()
            child.tag(tag_key, value)
            children.append(child)
        return children

    def get_children(self, recursive=False, tags=None, properties=None, type=None, status=None, _rehydrate_runs=True):
        """The runs below this one."""
        for found in self._client.children(self.id):
            yield from Run._found(self._workspace, [found], type, tags, properties, status, True)
            if recursive:
                # Also below a child that does not fit itself.
                yield from Run(self.experiment, found["run_id"]).get_children(True, tags, properties, type, status)

    # Its end

    def start(self):
        """SDK v1's word to a run that waits to be started; here a run runs from the moment it is made."""
        status = self.get_status()
        if is_final(status):
            raise InvalidError(f"run `{self.id}` is {status}", "start another one with `experiment.start_logging()`")

    def complete(self, _set_status=True):
        """Ends the run; everything logged is kept when it returns.

        In a submitted script the run goes on: it ends with the script, whose files are collected then.
        """
        for output in self._outputs:
            path = Path(output)
            if path.is_dir():
                self.upload_folder(path.as_posix(), path)
            elif path.is_file():
                self.upload_file(path.as_posix(), path)
        self._outputs = []
        self._client.complete_run(self.id)
        ending.forget(self.id)

    def fail(self, error_details=None, error_code=None, _set_status=True):
        """Ends the run as failed; a submitted script's when the script has ended."""
        message = "the program called `run.fail()`" if error_details is None else str(error_details)
        self._fail({"message": f"{error_code}: {message}" if error_code else message})

    def _fail(self, error):
        self._client.fail_run(self.id, error)
        ending.forget(self.id)

    def cancel(self):
        """Ends the run as canceled; a script's processes are killed."""
        self._client.cancel_run(self.id)
        ending.forget(self.id)

    def flush(self, timeout_seconds=300):
        """Returns when the daemon has committed everything logged so far."""
        self._client.flush_run(self.id)

    def clean(self):
        """Removes what the run left on its compute target; the agent has done so when the run ends."""
        return []

    def wait_for_completion(self, show_output=False, wait_post_processing=False, raise_on_error=True):
        """Waits for the run's end; with ``show_output``, prints its log as it grows."""
        output = _Output(self._client, self.id) if show_output else None
        if output:
            print(f"RunId: {self.id}\nWeb View: {self.get_portal_url()}\n")
        found = self._wait(output)
        if output:
            output.show()
            print(f"\nExecution Summary\n=================\nRunId: {self.id}\nWeb View: {self.get_portal_url()}\nStatus: {found['status']}\n")
        if raise_on_error and found["status"] == RunStatus.FAILED:
            error = found.get("error") or {}
            raise ActivityFailedException(
                f"run `{self.id}` is {found['status']}" + (f": {error['message']}" if error.get("message") else ""),
                f"`lazuli run logs {self.id}` shows its log",
            )
        return self.get_details()

    def _wait(self, output):
        while True:
            for event in self._client.events(self.id):
                if output and (event is None or event["type"] == "log_appended"):
                    output.show()
                if event is None or event["type"] == "run_status":
                    found = self._read()
                    if is_final(found["status"]):
                        return found
            # The daemon was stopped; the next call finds or starts it.
            time.sleep(0.2)

    def _is_own_job(self):
        return self.id == self._client.config.job_run_id

    # Its data

    @property
    def input_datasets(self):
        """Name to what the script was given by `as_named_input`: the dataset, or the path of its files."""
        return input_datasets.of_run(self, "input")

    @property
    def output_datasets(self):
        """Name to the datasets that the run made."""
        return input_datasets.of_run(self, "output")

    # What is known of it

    def get_status(self):
        return self._read()["status"]

    def get_detailed_status(self):
        """The status, and what the run waits for when it waits."""
        found = self._read()
        return {"status": found["status"], "details": found.get("activity") or (found.get("error") or {}).get("message")}

    def get_details(self):
        found = self._read()
        inputs, outputs = input_datasets.as_details(self)
        details = {
            "runId": found["run_id"],
            "target": found["compute"],
            "status": found["status"],
            "startTimeUtc": iso(found.get("started_at_ms")),
            "endTimeUtc": iso(found.get("ended_at_ms")),
            "properties": found["properties"],
            "tags": found["tags"],
            "inputDatasets": inputs,
            "outputDatasets": outputs,
            "logFiles": {log["path"]: self._log_url(log["path"]) for log in self._client.logs(self.id)},
            "submittedBy": found["user"],
        }
        if found.get("error"):
            details["error"] = {"error": {"code": "UserError", "message": found["error"]["message"], "details": found["error"].get("details", "")}}
        if found["kind"] == "script":
            details["runDefinition"] = _run_definition(self._client.job(self.id)["spec"])
        return details

    def get_details_with_logs(self):
        details = self.get_details()
        details["logFiles"] = {
            name: self._client.log(self.id, name).decode("utf-8", "replace") for name in details["logFiles"]
        }
        return details

    def get_environment(self):
        """The environment that the script was given."""
        from azureml.core.environment import Environment

        if self._read()["kind"] != "script":
            raise InvalidError(f"run `{self.id}` is no script run", "only a submitted script has an environment of its own")
        spec = self._client.job(self.id)["spec"]
        given = spec.get("environment")
        if given and given.get("definition"):
            return Environment._of({"version": None, **given})
        environment = Environment("default")
        environment.python.user_managed_dependencies = True
        environment.python.interpreter_path = spec["python"].get("interpreter") or "python"
        environment.environment_variables = spec["environment_variables"]
        return environment

    def get_secret(self, name):
        """A secret of the workspace's keyvault."""
        return self._client.secret(self._workspace.name, name)

    def get_secrets(self, secrets):
        return {name: self.get_secret(name) for name in secrets}

    @property
    def id(self):
        return self._run_id

    @property
    def name(self):
        return self._read()["name"]

    @property
    def display_name(self):
        return self._read()["name"]

    @display_name.setter
    def display_name(self, name):
        self._client.patch_run(self.id, {"name": values.check_name("run", name)})

    @property
    def experiment(self):
        return self._experiment

    @property
    def parent(self):
        """The run above this one, or None."""
        parent_run_id = self._read().get("parent_run_id")
        return Run.get(self._workspace, parent_run_id) if parent_run_id else None

    @property
    def status(self):
        return self.get_status()

    @property
    def tags(self):
        return self.get_tags()

    @property
    def properties(self):
        return self.get_properties()

    @property
    def type(self):
        return _type(self._read())

    @property
    def description(self):
        """A text for people; MLflow's clients see the same."""
        return self.tags.get(DESCRIPTION_TAG)

    @description.setter
    def description(self, text):
        self.set_tags({DESCRIPTION_TAG: text})

    @property
    def number(self):
        """Which run of its experiment it is, from 1 on."""
        runs = self._client.runs(self._workspace.name, experiment=self._experiment.name, fields="run_id", limit=1000)
        ids = [found["run_id"] for found in runs]
        return len(ids) - ids.index(self.id)

    @property
    def identity(self):
        return f"Run#{self.id}"

    def get_portal_url(self):
        """The run's page in Studio."""
        return self._workspace._studio_url("runs", self.id)

    @property
    def portal_url(self):
        return self.get_portal_url()

    @classmethod
    def get_docs_url(cls):
        return cls.__module__

    def _read(self):
        return self._client.run(self.id)

    def _log_url(self, name):
        return f"/api/runs/{self.id}/logs/{name}"

    @property
    def _workspace(self):
        return self._experiment.workspace

    @property
    def _client(self):
        return self._experiment._client

    @property
    def _home(self):
        return self._client.config.home

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if kind is None:
            self.complete()
        else:
            self._fail(ending.error_of_exception(kind, error, traceback))

    def __eq__(self, other):
        return isinstance(other, Run) and other.id == self.id

    def __hash__(self):
        return hash(self.id)

    def _shown(self):
        found = self._read()
        return {"Experiment": self.experiment.name, "Id": self.id, "Type": _type(found), "Status": found["status"]}

    def _shown_links(self):
        return {"Details Page": ("Link to Lazuli Studio", self.get_portal_url())}


class _OfflineRun(Run):
    """Scripts ask `isinstance(run, _OfflineRun)` to learn that nothing is kept; here nothing is one."""


class _SubmittedRun(Run):
    """The name SDK v1 gives to the run of a submitted script."""


class _Output:
    """Prints a growing log, each byte once."""

    def __init__(self, client, run_id):
        self._client = client
        self._run_id = run_id
        self._offset = 0
        # A character may arrive in two pieces.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def show(self):
        try:
            piece = self._client.log(self._run_id, _LOG, self._offset)
        except NotFoundError:
            return
        self._offset += len(piece)
        sys.stdout.write(self._decoder.decode(piece))
        sys.stdout.flush()


def _type(found):
    return _SCRIPT_RUN if found["kind"] == "script" else None


def _run_definition(spec):
    """What the script was started with, in SDK v1's words; what was given and means nothing here is in it."""
    environment = spec.get("environment") or {}
    definition = environment.get("definition") or {}
    return {
        **(spec.get("settings") or {}),
        "script": spec.get("script") or None,
        "command": spec.get("command") or "",
        "arguments": spec["arguments"],
        "target": spec["compute"],
        "environmentVariables": spec["environment_variables"],
        "maxRunDurationSeconds": spec.get("max_seconds"),
        "distributed": spec.get("distributed"),
        "environment": {
            "name": environment.get("name"),
            "version": environment.get("version"),
            "python": definition.get("python") or {"interpreterPath": spec["python"].get("interpreter"), "userManagedDependencies": True},
            "docker": definition.get("docker"),
        },
        "data": {entry["name"]: entry for entry in spec.get("inputs", [])},
        "outputData": {entry["name"]: entry for entry in spec.get("outputs", [])},
    }


def get_run(experiment, run_id, rehydrate=True, clean_up=True):
    """The run with that id."""
    return Run.get(experiment.workspace, run_id)


def _none_when_absent(runs):
    try:
        yield from runs
    except NotFoundError:
        return


def _script_name():
    """Name of the experiment for a script on its own."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    stem = Path(file).stem.strip() if file else ""
    # ipykernel's own file stands in a notebook's __main__.
    return stem[: values.MAX_NAME] if stem and not stem.startswith(("ipykernel", "__main__")) else "default"


__getattr__ = module_names(
    __name__,
    {
        "AbstractDataset": "azureml.data.abstract_dataset",
        "Dataset": "azureml.core.dataset",
        "DataPath": "azureml.data.datapath",
        "Model": "azureml.core.model",
        "ExperimentExecutionException": "azureml.exceptions",
        "InputDatasets": "azureml.core.input_datasets",
        "OutputDatasets": "azureml.core.input_datasets",
        "SnapshotException": "azureml.exceptions",
        "UserErrorException": "azureml.exceptions",
    },
)
