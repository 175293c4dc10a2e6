from azureml.core.conda_dependencies import CondaDependencies, read_conda_file, read_requirements
from azureml.core.environment import Environment
from azureml.core.run_settings import MpiConfiguration, PyTorchConfiguration, TensorflowConfiguration
from azureml.core.runconfig import RunConfiguration
from azureml.core.script_run_config import ScriptRunConfig
from lazuli.errors import InvalidError
from lazuli.said_once import say_once


class _DistributedTraining:
    """How the processes of a training know each other."""

    _backend = None

    def validate(self, estimator_name):
        """Every estimator here takes every way."""


class Mpi(_DistributedTraining):
    _backend = "mpi"

    def __init__(self, process_count_per_node=1):
        self.process_count_per_node = process_count_per_node


class ParameterServer(_DistributedTraining):
    _backend = "ps"

    def __init__(self, worker_count=1, parameter_server_count=1):
        self.worker_count = worker_count
        self.parameter_server_count = parameter_server_count


class Nccl(_DistributedTraining):
    _backend = "nccl"

    def __init__(self):
        pass


class Gloo(_DistributedTraining):
    _backend = "gloo"

    def __init__(self):
        pass


class MMLBaseEstimator(ScriptRunConfig):
    """A script with its parameters and packages, in one object."""

    def __init__(self, source_directory, compute_target, estimator_config=None, _framework=None, **settings):
        configuration = _Settings(settings)
        super().__init__(
            source_directory,
            settings.get("entry_script"),
            parameters_as_arguments(settings.get("script_params")),
            run_config=estimator_config,
            compute_target=compute_target or "local",
            environment=configuration.environment(_framework),
            distributed_job_config=configuration.distributed(),
            resume_from=settings.get("resume_from"),
            max_run_duration_seconds=settings.get("max_run_duration_seconds") or self.MAX_DURATION_SECONDS_DEFAULT,
        )
        self.run_config.environment_variables = {**self.run_config.environment_variables, **(settings.get("environment_variables") or {})}
        self.run_config.source_directory_data_store = _name(settings.get("source_directory_data_store"))
        self.run_config.node_count = settings.get("node_count") or 1
        self.inputs = [*(settings.get("inputs") or [])]
        self.estimator_config = estimator_config
        configuration.say_what_is_kept()

    @property
    def entry_script(self):
        return self.script

    @property
    def conda_dependencies(self):
        return self.run_config.environment.python.conda_dependencies


class _Settings:
    """What an estimator was given beside its script."""

    def __init__(self, settings):
        self._settings = settings

    def __getattr__(self, name):
        return self._settings.get(name)

    def environment(self, framework):
        if self.environment_definition is not None:
            return self.environment_definition
        environment = Environment("estimator" if framework is None else f"estimator-{framework.lower()}")
        environment.python.user_managed_dependencies = bool(self.user_managed)
        environment.python.conda_dependencies = self._packages()
        image = self.custom_docker_image or self.custom_docker_base_image
        if image:
            environment.docker.base_image = image
        if self.image_registry_details is not None:
            environment.docker.base_image_registry = self.image_registry_details
        if self.shm_size:
            environment.docker.shm_size = self.shm_size
        return environment

    def _packages(self):
        file = self.conda_dependencies_file or self.conda_dependencies_file_path
        requirements = self.pip_requirements_file or self.pip_requirements_file_path
        if file and (self.conda_packages or self.pip_packages):
            raise InvalidError("the estimator got packages and a file of packages", "give conda_dependencies_file=, or conda_packages= and pip_packages=")
        dependencies = CondaDependencies(_underlying_structure=read_conda_file(file)) if file else CondaDependencies()
        for package in self.conda_packages or []:
            dependencies.add_conda_package(package)
        for package in [*(self.pip_packages or []), *(read_requirements(requirements) if requirements else [])]:
            dependencies.set_pip_option(package) if package.startswith("-") else dependencies.add_pip_package(package)
        return dependencies

    def distributed(self):
        way = self.distributed_training
        backend = (way._backend if isinstance(way, _DistributedTraining) else None) or self.distributed_backend
        nodes = self.node_count or 1
        if backend is None:
            if way is None:
                return None
            if hasattr(way, "_distributed"):
                return way
            raise InvalidError(f"distributed_training= got a {type(way).__name__}", "give MpiConfiguration, PyTorchConfiguration or TensorflowConfiguration")
        if backend == "mpi":
            return MpiConfiguration(getattr(way, "process_count_per_node", None) or self.process_count_per_node or 1, nodes)
        if backend == "ps":
            counts = way or self
            return TensorflowConfiguration(counts.worker_count or 1, 1 if counts.parameter_server_count is None else counts.parameter_server_count)
        if backend in ("nccl", "gloo"):
            return PyTorchConfiguration(backend.capitalize(), nodes * (self.process_count_per_node or 1), nodes)
        raise InvalidError(f"distributed_backend={backend!r} is none", "give 'mpi', 'ps', 'nccl' or 'gloo'")

    def say_what_is_kept(self):
        if self.vm_size or self.vm_priority:
            say_once("vm_size and vm_priority of an estimator", "mean nothing here: the script runs on this machine")
        if self.use_gpu:
            say_once("use_gpu=True", "means nothing here: the script finds the GPUs that this machine has")
        if self.custom_docker_image or self.custom_docker_base_image:
            say_once("an estimator's image", "is kept as a setting: scripts run on this machine, in an environment with the packages that are named")
        if self.source_directory_data_store is not None:
            say_once("source_directory_data_store", "is kept as a setting: the folder is kept by the daemon")


class Estimator(MMLBaseEstimator):
    """SDK v1's older way to say `ScriptRunConfig`."""

    def __init__(self, source_directory, compute_target=None, vm_size=None, vm_priority=None, entry_script=None, script_params=None, node_count=1, process_count_per_node=1, distributed_backend=None, distributed_training=None, use_gpu=False, use_docker=True, custom_docker_base_image=None, custom_docker_image=None, image_registry_details=None, user_managed=False, conda_packages=None, pip_packages=None, conda_dependencies_file_path=None, pip_requirements_file_path=None, conda_dependencies_file=None, pip_requirements_file=None, environment_variables=None, environment_definition=None, inputs=None, source_directory_data_store=None, shm_size=None, resume_from=None, max_run_duration_seconds=None, _disable_validation=True, _show_lint_warnings=False, _show_package_warnings=False):
        super().__init__(**settings_of(locals()))


class MMLBaseEstimatorRunConfig(RunConfiguration):
    """The run configuration that an estimator amounts to."""

    def __init__(self, compute_target, vm_size=None, vm_priority=None, entry_script=None, script_params=None, node_count=None, process_count_per_node=None, distributed_backend=None, use_gpu=None, use_docker=None, custom_docker_base_image=None, custom_docker_image=None, image_registry_details=None, user_managed=False, conda_packages=None, pip_packages=None, environment_definition=None, inputs=None, source_directory_data_store=None, shm_size=None):
        settings = _Settings(settings_of(locals()))
        super().__init__(script=entry_script, arguments=parameters_as_arguments(script_params))
        self.target = compute_target or "local"
        self.environment = settings.environment(None)
        self.node_count = node_count or 1
        self.source_directory_data_store = _name(source_directory_data_store)


def settings_of(given):
    """The arguments of an estimator, out of `locals()` of its constructor."""
    return {name: value for name, value in given.items() if name not in ("self", "settings", "__class__") and not name.startswith("_")}


def parameters_as_arguments(script_params):
    """`{'--data': reference, '--flag': ''}` as a list of arguments."""
    arguments = []
    for name, value in (script_params or {}).items():
        arguments.append(str(name))
        if value is not None and (not isinstance(value, str) or value != ""):
            arguments.append(value)
    return arguments


def _name(datastore):
    return getattr(datastore, "name", datastore)
