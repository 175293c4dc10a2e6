import json
import os
from pathlib import Path

from azureml.core.compute_target import AbstractComputeTarget
from azureml.core.conda_dependencies import CondaDependencies, read_text
from azureml.core.container_registry import ContainerRegistry, RegistryIdentity
from azureml.core.environment import Environment
from azureml.core.environment_sections import *  # noqa: F403
from azureml.core.run_settings import *  # noqa: F403
from azureml.core.run_settings import (  # what this file itself uses
    AmlComputeConfiguration,
    ApplicationEndpointConfiguration,
    Data,
    DataReferenceConfiguration,
    DockerConfiguration,
    HdiConfiguration,
    HistoryConfiguration,
    KubernetesComputeConfiguration,
    MpiConfiguration,
    OutputData,
    ParallelTaskConfiguration,
    PyTorchConfiguration,
    SparkConfiguration,
    TensorflowConfiguration,
)
from azureml.data.datapath import DataPathComputeBinding
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from lazuli import yaml_text
from lazuli.config_element import ConfigElement
from lazuli.errors import InvalidError, NotFoundError
from lazuli.later import module_names
from lazuli.values import texts


class RunConfiguration(ConfigElement):
    """Where and in which Python a script runs, and the data it gets."""

    def __init__(self, script=None, arguments=None, framework=None, communicator=None, conda_dependencies=None, _history_enabled=None, _path=None, _name=None, command=None):
        self.script = script
        self.command = command
        self.arguments = _as_list(arguments)
        self.framework = framework or "Python"
        self.communicator = communicator or "None"
        self._target = "local"
        self.environment = Environment("default")
        if conda_dependencies is not None:
            self.environment.python.conda_dependencies = conda_dependencies
        self._environment_variables = {}
        #: Name to DataReferenceConfiguration.
        self.data_references = {}
        self.data = {}
        self.output_data = {}
        self.datacaches = []
        self.source_directory_data_store = None
        self.max_run_duration_seconds = None
        self.node_count = 1
        self.priority = None
        self.history = HistoryConfiguration()
        if _history_enabled is not None:
            self.history.output_collection = bool(_history_enabled)
        self.docker = DockerConfiguration()
        self.mpi = MpiConfiguration()
        self.pytorch = PyTorchConfiguration()
        self.tensorflow = TensorflowConfiguration()
        self.paralleltask = ParallelTaskConfiguration()
        self.spark = SparkConfiguration()
        self.hdi = HdiConfiguration()
        self.amlcompute = AmlComputeConfiguration()
        self.auto_cluster_compute_specification = None
        self.kubernetescompute = KubernetesComputeConfiguration()
        self.services = {}
        self.credential_passthrough = False
        self._auto_prepare_environment = True
        self._name = _name
        self._path = _path

    @property
    def target(self):
        """Name of the compute target; a target itself may be given, too."""
        return self._target

    @target.setter
    def target(self, target):
        self._target = target if isinstance(target, str) else getattr(target, "name", None) or "local"

    @property
    def environment_variables(self):
        """Name to value, beside those of the environment."""
        return self._environment_variables

    @environment_variables.setter
    def environment_variables(self, variables):
        self._environment_variables = texts("environment variables", variables)

    @property
    def auto_prepare_environment(self):
        """True: environments are made when a run needs them."""
        return self._auto_prepare_environment

    @auto_prepare_environment.setter
    def auto_prepare_environment(self, value):
        self._auto_prepare_environment = bool(value)

    # As a file

    def save(self, path=None, name=None, separate_environment_yaml=False):
        """Writes `<path>/.azureml/<name>.runconfig`, or ``path`` itself when it is a file's name."""
        if name is None and not _is_file_name(Path(path or self._path or os.curdir)):
            name = self._name
        file = _file(path or self._path, name, exists=False)
        file.parent.mkdir(parents=True, exist_ok=True)
        content = self._to_dict()
        if separate_environment_yaml:
            environment = file.with_name(f"{self.environment.name}_environment.yml")
            environment.write_text(yaml_text.dump(content.pop("environment")), encoding="utf-8")
            content["environmentFile"] = environment.name
        file.write_text(yaml_text.dump(content), encoding="utf-8")
        self._path, self._name = str(file.parent.parent), file.stem

    @staticmethod
    def load(path, name=None):
        """What `save` wrote, or SDK v1 or `az ml` did."""
        from lazuli.client import Client

        file = _file(path, name, exists=True)
        client = Client()
        content = client.read_yaml(read_text(file))
        if not isinstance(content, dict):
            raise InvalidError(f"`{file}` holds no run configuration", "it begins with such as `script: train.py`")
        environment_file = content.pop("environmentFile", None)
        if environment_file:
            content["environment"] = client.read_yaml(read_text(file.with_name(environment_file)))
        configuration = RunConfiguration(_path=str(file.parent.parent), _name=file.stem)
        return configuration._update(content)

    @staticmethod
    def delete(path, name):
        """Removes the file that `save` wrote."""
        _file(path, name, exists=True).unlink()

    def _to_dict(self):
        content = super()._to_dict()
        # SDK v1's files have another word for them.
        content["applicationEndpoints"] = content.pop("services")
        first = {"script": content.pop("script"), "command": content.pop("command"), "arguments": content.pop("arguments")}
        return {**first, "target": self.target, "environmentVariables": dict(self._environment_variables), "autoPrepareEnvironment": self.auto_prepare_environment, **content}

    def _update(self, content):
        content = dict(content)
        for key, setting in (("target", "target"), ("environmentVariables", "environment_variables"), ("autoPrepareEnvironment", "auto_prepare_environment")):
            value = content.pop(key, None)
            if value is not None:
                setattr(self, setting, value)
        environment = content.pop("environment", None)
        if environment:
            self.environment = Environment._from_dict({"name": "default", **environment})
        for key, kind in (("dataReferences", DataReferenceConfiguration), ("data", Data), ("outputData", OutputData), ("applicationEndpoints", ApplicationEndpointConfiguration)):
            entries = content.pop(key, None) or {}
            own = {"dataReferences": "data_references", "outputData": "output_data", "applicationEndpoints": "services"}.get(key, key)
            setattr(self, own, {name: kind()._update(entry) for name, entry in entries.items()})
        arguments = content.pop("arguments", None)
        if arguments is not None:
            self.arguments = _as_list(arguments)
        return super()._update(content)

    def __repr__(self):
        return json.dumps(self._to_dict(), indent=4, default=str)


def _as_list(arguments):
    if arguments is None:
        return []
    return arguments.split() if isinstance(arguments, str) else [*arguments]


def _is_file_name(path):
    return path.is_file() or path.suffix in (".runconfig", ".yml", ".yaml")


def _file(path, name, exists):
    """Where a run configuration lies: SDK v1 knows both folder names."""
    path = Path(path or os.curdir)
    if name is None and _is_file_name(path):
        if exists and not path.is_file():
            raise NotFoundError(f"there is no run configuration `{path}`", "write one by `run_config.save(path, name)`")
        return path
    if name is None:
        if exists:
            raise InvalidError(f"`{path}` is a folder, and no name was given", "give name=, or the path of the `.runconfig` file")
        name = "run"
    candidates = [path / folder / f"{name}.runconfig" for folder in (".azureml", "aml_config", "")]
    found = next((file for file in candidates if file.is_file()), None)
    if found is None and exists:
        raise NotFoundError(f"there is no run configuration `{name}` in `{path}`", f"it would be `{candidates[0]}`; `save` writes it")
    return found or candidates[0]


class EnvironmentDefinition(Environment):
    """SDK v1's older name for an Environment that may have no name."""

    def __init__(self, name=None):
        super().__init__(name or "default")


__all__ = [name for name, value in list(globals().items()) if isinstance(value, type) or name.startswith("DEFAULT_")]

__getattr__ = module_names(__name__)
