import codecs
import io
import os
import sys
import tempfile
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

from azureml.core.experiment import Experiment
from azureml.core.model import Model, has_all
from azureml.core.workspace import Workspace
from azureml.exceptions import RunEnvironmentException
from lazuli import ending, spool, values
from lazuli.client import Client
from lazuli.config import workspace_name
from lazuli.errors import InvalidError, NotFoundError, RunFailedError, RunFinishedError
from lazuli.names import artifact_path, below

_FINAL = ("Completed", "Failed", "Canceled")
_LOG = "user_logs/std_log.txt"


class Run:
    """One run of an experiment.

    What is logged is appended to the run's spool file and is safe when the call returns, daemon or
    not. Everything else asks the daemon.
    """

    _context = None
    _context_lock = threading.RLock()

    def __init__(self, experiment, run_id, outputs=None, **kwargs):
        self._experiment = experiment
        self._run_id = run_id

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

    @staticmethod
    def get(workspace, run_id):
        """The run with that id, or with the id that begins so."""
        found = workspace._client.run(run_id)
        return Run._of(workspace, found)

    @staticmethod
    def list(experiment, type=None, tags=None, properties=None, status=None, include_children=False, _rehydrate_runs=True):
        """The runs of an experiment, newest first."""
        runs = experiment._client.runs(experiment.workspace.name, experiment=experiment.name, status=status)
        return Run._found(experiment, runs, tags, properties, None, include_children)

    @staticmethod
    def _of(workspace, found):
        return Run(Experiment(workspace, found["experiment"]), found["run_id"])

    @staticmethod
    def _found(experiment, runs, tags, properties, status, include_children):
        for found in runs:
            if (
                (include_children or not found.get("parent_run_id"))
                and (status is None or found["status"] == status)
                and has_all(found["tags"], tags)
                and has_all(found["properties"], properties)
            ):
                yield Run._of(experiment.workspace, found)

    # Logging

    def log(self, name, value, description="", step=None):
        """Logs a number or a text; logging it again makes it a series."""
        values.check_name("metric", name)
        self._log(name, "scalar", values.scalar(name, value), description, values.step(name, step))

    def log_list(self, name, value, description=""):
        """Logs a list of numbers or texts."""
        values.check_name("metric", name)
        self._log(name, "list", values.sequence(name, value), description)

    def log_row(self, name, description=None, **kwargs):
        """Logs one row; logging it again adds a row."""
        values.check_name("metric", name)
        self._log(name, "row", values.row(name, kwargs), description)

    def log_table(self, name, value, description=""):
        """Logs a table: `{"x": [1, 2, 3], "y": [0.6, 0.7, 0.89]}`."""
        values.check_name("metric", name)
        self._log(name, "table", values.table(name, value), description)

    def log_image(self, name, path=None, plot=None, description=""):
        """Logs an image file, or a matplotlib figure (or `pyplot` itself) as a PNG."""
        values.check_name("metric", name)
        if (path is None) == (plot is None):
            raise ValueError(f"metric {name!r}: `log_image` takes either path= or plot=")
        # The time keeps two images of one name apart.
        stem = "".join(character if character.isalnum() or character in "-_." else "_" for character in name)
        stem = f"images/{stem[:100].strip('.') or 'image'}_{time.time_ns() // 1_000_000}"
        if plot is not None:
            if not hasattr(plot, "savefig"):
                raise TypeError(f"metric {name!r}: plot= takes a matplotlib figure, got a {type(plot).__name__}")
            artifact = f"{stem}.png"
            with tempfile.TemporaryFile() as file:
                plot.savefig(file, format="png")
                file.seek(0)
                self._client.put_artifact(self.id, artifact, file)
        else:
            artifact = stem + Path(path).suffix
            self.upload_file(artifact, path)
        self._log(name, "image", {"artifact": artifact}, description)

    def log_confusion_matrix(self, name, value, description=""):
        """Logs `{"schema_type": "confusion_matrix", "schema_version": .., "data": {"class_labels": [..], "matrix": [[..]]}}`."""
        self._log_document("confusion_matrix", "log_confusion_matrix", name, value, description)

    def log_accuracy_table(self, name, value, description=""):
        """Logs SDK v1's accuracy table, a dict or its JSON."""
        self._log_document("accuracy_table", "log_accuracy_table", name, value, description)

    def log_predictions(self, name, value, description=""):
        """Logs SDK v1's predictions, a dict or its JSON."""
        self._log_document("predictions", "log_predictions", name, value, description)

    def log_residuals(self, name, value, description=""):
        """Logs SDK v1's residuals, a dict or its JSON."""
        self._log_document("residuals", "log_residuals", name, value, description)

    def _log_document(self, kind, method, name, value, description):
        values.check_name("metric", name)
        self._log(name, kind, values.document(name, method, kind, value), description)

    def _log(self, name, kind, value, description, step=None):
        spool.append(self._home, self.id, spool.metric(name, kind, value, step, description or ""))

    def get_metrics(self, name=None, recursive=False, run_type=None, populate=False):
        """Name to value; with ``recursive``, run id to that for this run and all below it."""
        if recursive:
            runs = [self, *self.get_children(recursive=True)]
            found = {run.id: run.get_metrics(name) for run in runs}
            return {run_id: metrics for run_id, metrics in found.items() if metrics}
        metrics = self._client.metrics(self.id)
        return values.metrics_as_sdk_v1(metric for metric in metrics if name is None or metric["name"] == name)

    # Tags and properties

    def tag(self, key, value=None):
        """Sets a tag."""
        self.set_tags({key: value})

    def set_tags(self, tags):
        """Sets several tags; a finished run may be tagged, too."""
        tags = values.texts("tags", tags)
        try:
            for key, value in tags.items():
                spool.append(self._home, self.id, spool.tag(key, value))
        except RunFinishedError:
            self._client.patch_run(self.id, {"set_tags": tags})

    def remove_tags(self, tags):
        self._client.patch_run(self.id, {"remove_tags": [tags] if isinstance(tags, str) else [*tags]})

    def get_tags(self):
        return dict(self._read()["tags"])

    def add_properties(self, properties):
        """Adds properties; each key is written once."""
        self._client.patch_run(self.id, {"add_properties": values.texts("properties", properties)})

    def get_properties(self):
        return dict(self._read()["properties"])

    # Files

    def upload_file(self, name, path_or_stream, datastore_name=None):
        """Keeps a file, or what a binary stream gives, with the run."""
        name = artifact_path(name)
        if isinstance(path_or_stream, (str, os.PathLike)):
            path = Path(path_or_stream)
            if path.is_dir():
                raise InvalidError(f"`{path}` is a folder", "use `upload_folder`")
            if not path.is_file():
                raise NotFoundError(f"the file `{path}` does not exist")
            with open(path, "rb") as file:
                self._client.put_artifact(self.id, name, file)
        elif isinstance(path_or_stream, io.TextIOBase) or not hasattr(path_or_stream, "read"):
            raise TypeError(
                f"`upload_file` takes a path or a binary stream, got a {type(path_or_stream).__name__}; open the file with 'rb'"
            )
        else:
            self._client.put_artifact(self.id, name, path_or_stream)

    def upload_files(self, names, paths, return_artifacts=False, timeout_seconds=None, datastore_name=None):
        """Keeps several files with the run; the names belong to the paths in their order."""
        names, paths = [*names], [*paths]
        if len(names) != len(paths):
            raise ValueError(f"`upload_files` got {len(names)} names and {len(paths)} paths, give one name for each path")
        for name, path in zip(names, paths):
            self.upload_file(name, path)

    def upload_folder(self, name, path, datastore_name=None):
        """Keeps everything below a folder with the run, below ``name``."""
        folder = Path(path)
        if not folder.is_dir():
            raise NotFoundError(f"the folder `{path}` does not exist")
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                self.upload_file(f"{name}/{file.relative_to(folder).as_posix()}", file)

    def get_file_names(self):
        """Names of the run's files."""
        return [artifact["path"] for artifact in self._client.artifacts(self.id)]

    def download_file(self, name, output_file_path=None, _validate_checksum=False):
        """Writes a file of the run to a path, to a folder, or by its own name to this folder."""
        base = artifact_path(name).rpartition("/")[2]
        if output_file_path is None:
            destination = Path(base)
        elif str(output_file_path).endswith(("/", os.sep)) or Path(output_file_path).is_dir():
            destination = Path(output_file_path) / base
        else:
            destination = Path(output_file_path)
        self._client.get_artifact(self.id, name, destination)

    def download_files(self, prefix=None, output_directory=None, output_paths=None, batch_size=100, append_prefix=True, timeout_seconds=None):
        """Writes the run's files, or those whose name begins with ``prefix``, below a folder."""
        names = [name for name in self.get_file_names() if not prefix or name.startswith(prefix)]
        if output_paths is not None:
            paths = [output_paths] if isinstance(output_paths, str) else [*output_paths]
            if len(paths) != len(names):
                raise ValueError(f"`download_files` got {len(paths)} output_paths for {len(names)} files")
            destinations = [Path(output_directory or ".") / path for path in paths]
        else:
            folder = Path(output_directory or ".")
            cut = 0 if append_prefix or not prefix else len(prefix)
            destinations = [below(folder, name[cut:].lstrip("/") or name.rpartition("/")[2]) for name in names]
        for name, destination in zip(names, destinations):
            self._client.get_artifact(self.id, name, destination)

    def get_all_logs(self, destination=None):
        """Writes the run's logs below a folder; gives their paths."""
        folder = Path(destination or ".")
        written = []
        for log in self._client.logs(self.id):
            path = below(folder, log["path"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._client.log(self.id, log["path"]))
            written.append(str(path))
        return written

    def register_model(self, model_name, model_path=None, tags=None, properties=None, model_framework=None, model_framework_version=None, description=None, datasets=None, sample_input_dataset=None, sample_output_dataset=None, resource_configuration=None, **kwargs):
        """Registers a file of the run, or all files below a folder of it, as the model's next version."""
        path = artifact_path(model_path or model_name)
        if self._is_own_job():
            # A script's outputs are collected when it has ended; what it registers is wanted now.
            self._upload_local(path)
        source = {"run": {"run_id": self.id, "path": path}}
        return Model._register(
            self._workspace, model_name, source, tags, properties, description, model_framework, model_framework_version
        )

    def _upload_local(self, path):
        local = Path(path)
        kept = {artifact["path"] for artifact in self._client.artifacts(self.id, prefix=path)}
        if local.is_file() and path not in kept:
            self.upload_file(path, local)
        elif local.is_dir():
            for file in sorted(local.rglob("*")):
                name = f"{path}/{file.relative_to(local).as_posix()}"
                if file.is_file() and name not in kept:
                    self.upload_file(name, file)

    # Children

    def child_run(self, name=None, run_id=None, outputs=None):
        """Starts a run below this one; it ends with `complete`, at the latest when the program ends."""
        if run_id is not None:
            raise InvalidError("a child run's id cannot be chosen", "give name= instead")
        return self.experiment._start(name=name, parent_run_id=self.id)

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
        for child in Run._found(self.experiment, self._client.children(self.id), tags, properties, status, True):
            yield child
            if recursive:
                yield from child.get_children(True, tags, properties, type, status)

    # Its end

    def complete(self, _set_status=True):
        """Ends the run; everything logged is kept when it returns.

        In a submitted script the run goes on: it ends with the script, whose files are collected then.
        """
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

    def wait_for_completion(self, show_output=False, wait_post_processing=False, raise_on_error=True):
        """Waits for the run's end; with ``show_output``, prints its log as it grows."""
        output = _Output(self._client, self.id) if show_output else None
        if output:
            print(f"RunId: {self.id}")
        found = self._wait(output)
        if output:
            output.show()
            print(f"\nRunId: {self.id}\nStatus: {found['status']}")
        if raise_on_error and found["status"] != "Completed":
            error = found.get("error") or {}
            raise RunFailedError(
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
                    if found["status"] in _FINAL:
                        return found
            # The daemon was stopped; the next call finds or starts it.
            time.sleep(0.2)

    def _is_own_job(self):
        return self.id == self._client.config.job_run_id

    # What is known of it

    def get_status(self):
        return self._read()["status"]

    def get_details(self):
        found = self._read()
        details = {
            "runId": found["run_id"],
            "target": found["compute"],
            "status": found["status"],
            "startTimeUtc": _iso(found.get("started_at_ms")),
            "endTimeUtc": _iso(found.get("ended_at_ms")),
            "properties": found["properties"],
            "tags": found["tags"],
            "inputDatasets": [],
            "outputDatasets": [],
            "logFiles": {log["path"]: self._log_url(log["path"]) for log in self._client.logs(self.id)},
            "submittedBy": found["user"],
        }
        if found.get("error"):
            details["error"] = {"error": {"code": "UserError", "message": found["error"]["message"], "details": found["error"].get("details", "")}}
        if found["kind"] == "script":
            spec = self._client.job(self.id)["spec"]
            details["runDefinition"] = {
                "script": spec["script"],
                "arguments": spec["arguments"],
                "target": spec["compute"],
                "environmentVariables": spec["environment_variables"],
            }
        return details

    def get_details_with_logs(self):
        details = self.get_details()
        details["logFiles"] = {
            name: self._client.log(self.id, name).decode("utf-8", "replace") for name in details["logFiles"]
        }
        return details

    def get_snapshot_id(self):
        return self._client.job(self.id)["spec"]["snapshot_id"]

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
        return "azureml.scriptrun" if self._read()["kind"] == "script" else None

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

    def __repr__(self):
        return f"Run(experiment={self.experiment.name!r}, id={self.id!r})"


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


def utc(time_ms):
    return datetime.fromtimestamp(time_ms / 1000, timezone.utc)


def _iso(time_ms):
    return None if time_ms is None else utc(time_ms).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _script_name():
    """Name of the experiment for a script on its own."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    stem = Path(file).stem.strip() if file else ""
    # ipykernel's own file stands in a notebook's __main__.
    return stem[: values.MAX_NAME] if stem and not stem.startswith(("ipykernel", "__main__")) else "default"
