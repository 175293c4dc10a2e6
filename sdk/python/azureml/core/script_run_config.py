import copy
import sys
from pathlib import Path

from azureml.core.environment import Environment
from azureml.core.runconfig import RunConfiguration
from azureml.data.abstract_dataset import AbstractDataset
from azureml.data.constants import UPLOAD_MODE
from azureml.data.data_reference import DataReference, check_input_name
from azureml.data.datapath import DataPath
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.data.output_dataset_config import OutputDatasetConfig
from azureml.exceptions import UserErrorException
from lazuli.config_element import as_json, camel_case
from lazuli.errors import InvalidError, NotFoundError
from lazuli.later import module_names
from lazuli.names import artifact_path, stored_folder
from lazuli.said_once import say_once
from lazuli.submission import create_snapshot
from lazuli.values import texts

#: What SDK v1 lets be imported from here, too.
_FROM_RUNCONFIG = ("Data", "DataPathComputeBinding", "DockerConfiguration", "EnvironmentDefinition", "MpiConfiguration", "PyTorchConfiguration", "TensorflowConfiguration")


class ScriptRunConfig:
    """A Python script with its folder, arguments, data and environment: what `experiment.submit` takes.

    Arguments may be data references, datasets (`ds.as_named_input('x').as_mount()`) and outputs; the
    script gets real paths in their place. With ``command`` a program is run in place of the script.
    """

    DELIM = "#"
    MAX_DURATION_SECONDS_DEFAULT = 2592000

    def __init__(self, source_directory, script=None, arguments=None, run_config=None, _telemetry_values=None, compute_target=None, environment=None, distributed_job_config=None, resume_from=None, max_run_duration_seconds=MAX_DURATION_SECONDS_DEFAULT, command=None, docker_runtime_config=None):
        self.source_directory = str(source_directory or ".")
        self.run_config = run_config or RunConfiguration()
        self.script = script or self.run_config.script
        self.command = command or self.run_config.command
        self.arguments = [*(arguments if arguments is not None else self.run_config.arguments)]
        self.inputs = []
        self.resume_from = resume_from
        self.distributed_job_config = distributed_job_config
        self.max_run_duration_seconds = max_run_duration_seconds
        if compute_target is not None:
            self.run_config.target = compute_target
        if environment is not None:
            if not isinstance(environment, Environment):
                raise InvalidError(f"environment= got a {type(environment).__name__}", "give an Environment, such as `Environment.get(workspace, name)`")
            self.run_config.environment = environment
        if docker_runtime_config is not None:
            self.run_config.docker = docker_runtime_config
        if resume_from is not None and not isinstance(resume_from, DataPath):
            raise InvalidError(f"resume_from= got a {type(resume_from).__name__}", "give a DataPath, the place of the files to go on from")
        if self.script and command:
            raise InvalidError("the run has a script and a command", "give script= and arguments=, or command=")
        if not self.script and not self.command:
            raise InvalidError("the run has no script", "give script='train.py', a path inside source_directory")

    @property
    def identity(self):
        return f"ScriptRunConfig#{id(self):x}"

    def _job(self, workspace):
        """(JSON of the job, the outputs among its data); keeps the folder on the way."""
        folder = Path(self.source_directory)
        if not folder.is_dir():
            raise _NotThere(f"the source folder `{folder}` is not there", "give the folder that holds the script")
        data = _Data(workspace)
        job = {**self._program(folder, data), **self._environment()}
        for dataset in self.inputs:
            data.argument(dataset)
        data.of_configuration(self.run_config)
        job.update({
            "snapshot_id": create_snapshot(workspace._client.config, folder),
            "compute": self.run_config.target,
            "inputs": [*data.inputs.values()],
            "outputs": [*data.outputs.values()],
        })
        distributed = self._distributed()
        if distributed:
            job["distributed"] = distributed
        seconds = self.run_config.max_run_duration_seconds or self.max_run_duration_seconds
        if seconds:
            job["max_seconds"] = int(seconds)
        return job, data

    def _program(self, folder, data):
        if self.command:
            parts = [self.command] if isinstance(self.command, str) else [*self.command]
            parts = [data.argument(part) for part in parts]
            # As in SDK v1 it is a line for a shell; a list may hold whole pieces of one.
            return {"command": ["bash", "-c", " ".join(parts)]}
        if ".." in Path(self.script).parts or Path(self.script).is_absolute():
            raise InvalidError(f"the script `{self.script}` lies outside of the source folder `{folder}`", "give the script's path inside the source folder")
        script = artifact_path(str(self.script))
        if not (folder / script).is_file():
            raise _NotThere(f"the script `{script}` is not in `{folder}`", "give the script's path inside the source folder")
        arguments = [*self.arguments]
        if self.resume_from is not None:
            arguments += ["--resume-from", self.resume_from.create_data_reference("resume_from")]
        return {"script": script, "arguments": [data.argument(argument) for argument in arguments]}

    def _environment(self):
        """Which Python, and the variables that the script finds."""
        environment = self.run_config.environment
        _say_what_is_kept(self.run_config, environment)
        variables = {**environment.environment_variables, **self.run_config.environment_variables}
        found = {
            "python": {"interpreter": sys.executable, "packages": []},
            "environment_variables": texts("environment variables", variables),
            "settings": _kept_settings(self.run_config),
        }
        job_environment = environment._for_job()
        if job_environment is not None:
            found["environment"] = job_environment
        return found

    def _distributed(self):
        """How many processes of the script there are, when there are several."""
        configuration = self.distributed_job_config
        if configuration is None:
            kinds = {"mpi": "mpi", "intelmpi": "mpi", "openmpi": "mpi", "nccl": "pytorch", "gloo": "pytorch", "parameterserver": "tensorflow"}
            kind = kinds.get(str(self.run_config.communicator).lower())
            configuration = getattr(self.run_config, kind) if kind else None
        if configuration is None:
            return None
        if not hasattr(configuration, "_distributed"):
            raise InvalidError(f"distributed_job_config= got a {type(configuration).__name__}", "give MpiConfiguration, PyTorchConfiguration or TensorflowConfiguration")
        if getattr(configuration, "node_count", 1) > 1:
            say_once(f"node_count={configuration.node_count}", "becomes that many times the processes, on this machine")
        return configuration._distributed()

    def __repr__(self):
        return f"ScriptRunConfig({self.source_directory!r}, {'command' if self.command else 'script'}={self.command or self.script!r})"


class _NotThere(NotFoundError, UserErrorException):
    """Something that the configuration names does not exist."""


def get_run_config_from_script_run(script_run_config):
    """The RunConfiguration with the script in it."""
    configuration = copy.deepcopy(script_run_config.run_config)
    configuration.script, configuration.command = script_run_config.script, script_run_config.command
    configuration.arguments = [str(argument) for argument in script_run_config.arguments]
    return configuration


def submit(script_run_config, workspace, experiment_name, run_id=None, _parent_run_id=None, credential_passthrough=False):
    """Starts a script run in the experiment of that name."""
    from azureml.core.experiment import Experiment

    return Experiment(workspace, experiment_name)._submit(script_run_config, run_id=run_id, parent_run_id=_parent_run_id)


#: What else a RunConfiguration holds; it means nothing here and is shown back by `run.get_details()`.
_KEPT = (
    "framework", "communicator", "node_count", "priority", "source_directory_data_store", "credential_passthrough", "docker", "history", "spark", "hdi",
    "amlcompute", "kubernetescompute", "paralleltask", "datacaches", "services",
)


def _kept_settings(configuration):
    return {camel_case(name): as_json(getattr(configuration, name)) for name in _KEPT}


def _say_what_is_kept(configuration, environment):
    """What a cloud would do with it, and what it is here: once in a program."""
    if environment.docker.enabled or configuration.docker.use_docker:
        say_once("docker", "is kept as a setting: scripts run on this machine, in an environment with the same packages")
    if environment.docker.base_dockerfile or environment.docker.build_context:
        say_once("the Dockerfile", "is kept as a setting: no container is made of it, only the environment's Python packages are")
    if configuration.node_count != 1:
        say_once(f"node_count={configuration.node_count}", "is kept as a setting: there is one machine")
    if configuration.framework != "Python":
        say_once(f"framework={configuration.framework!r}", "is kept as a setting: the script is started as Python's")


class _Data:
    """What the arguments name of data, as the job's inputs and outputs."""

    def __init__(self, workspace):
        self._workspace = workspace
        self.inputs = {}
        self.outputs = {}
        self._configs = []
        self._origins = {}

    def argument(self, argument):
        """The argument as a text; what it names of data is kept."""
        if isinstance(argument, DataReference):
            self.reference(
                argument.data_reference_name,
                argument.datastore.name,
                argument.path_on_datastore,
                argument.mode,
                argument.path_on_compute,
                argument.overwrite,
            )
        elif isinstance(argument, DatasetConsumptionConfig):
            self._dataset(argument)
        elif isinstance(argument, OutputDatasetConfig):
            output = argument._job_output(self._workspace)
            self._add(self.outputs, output)
            self._configs.append((argument, output))
        elif isinstance(argument, AbstractDataset):
            raise InvalidError("a dataset in the arguments has no name", "give such as ds.as_named_input('training_data')")
        return str(argument)

    def reference(self, name, datastore, path, mode, path_on_compute, overwrite):
        path = stored_folder(path)
        if mode == UPLOAD_MODE:
            self._add(self.outputs, _without_none({
                "name": check_input_name(name),
                "datastore": datastore,
                "path": path,
                "mode": "upload",
                "path_on_compute": path_on_compute,
                "overwrite": bool(overwrite),
            }))
            return
        definition = {"type": "file", "paths": [{"datastore": datastore, "path": path}], "steps": []}
        self._add(self.inputs, _without_none({
            "name": check_input_name(name),
            "source": {"definition": definition},
            "mode": mode,
            "path_on_compute": path_on_compute,
            "overwrite": bool(overwrite),
        }))

    def of_configuration(self, configuration):
        """The data that a RunConfiguration names beside the arguments."""
        for name, reference in configuration.data_references.items():
            self.reference(
                name, reference.datastore_name, reference.path_on_datastore, reference.mode, reference.path_on_compute, reference.overwrite
            )
        for name, entry in configuration.data.items():
            if isinstance(entry, DatasetConsumptionConfig):
                self._dataset(entry)
                continue
            dataset_id = entry._dataset_id()
            if dataset_id is None:
                raise InvalidError(f"the data `{name}` of the run configuration is no registered dataset", "give the dataset as an argument of the script")
            self._add(self.inputs, _without_none({
                "name": check_input_name(name),
                "source": {"dataset_id": dataset_id},
                "mode": str(entry.mechanism).lower(),
                "path_on_compute": entry.path_on_compute,
            }))

    def submitted(self, run_id):
        """Outputs know from now on where the run writes them, and versions that part of them is read."""
        for config, output in self._configs:
            config._was_submitted(self._workspace, run_id, output)
        for name, dataset_id in self._origins.items():
            self._workspace._client.add_run_dataset(run_id, dataset_id, name)

    def _dataset(self, config):
        dataset = config.dataset
        source = {"dataset_id": dataset.id} if dataset.id else {"definition": dataset._definition}
        if not dataset.id and dataset._origin:
            self._origins[config.name] = dataset._origin["id"]
        self._add(
            self.inputs,
            _without_none({"name": config.name, "source": source, "mode": config.mode, "path_on_compute": config.path_on_compute}),
        )

    def _add(self, kept, entry):
        name = entry["name"]
        known = self.inputs.get(name) or self.outputs.get(name)
        if known is not None and known != entry:
            raise InvalidError(f"two inputs or outputs of the run are called `{name}`", "give each a name of its own")
        kept[name] = entry


def _without_none(entry):
    return {key: value for key, value in entry.items() if value is not None}


__getattr__ = module_names(__name__, {**{name: "azureml.core.runconfig" for name in _FROM_RUNCONFIG}, "RunConfigurationException": "azureml.exceptions"})
