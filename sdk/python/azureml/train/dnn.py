from azureml.train.estimator import Gloo, Mpi, Nccl, ParameterServer  # noqa: F401
from azureml.train.frameworks import FrameworkEstimator, settings_of
from lazuli.later import module_names


class PyTorch(FrameworkEstimator):
    """An Estimator whose script finds PyTorch and torchvision."""

    FRAMEWORK_NAME = "PyTorch"
    DEFAULT_VERSION = "1.4"
    _VERSIONS = {version: [f"torch=={version}.*", "torchvision"] for version in ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6")}
    _UNPINNED = ["torch", "torchvision"]

    def __init__(self, source_directory, compute_target=None, vm_size=None, vm_priority=None, entry_script=None, script_params=None, node_count=1, process_count_per_node=1, distributed_backend=None, distributed_training=None, use_gpu=False, use_docker=True, custom_docker_base_image=None, custom_docker_image=None, image_registry_details=None, user_managed=False, conda_packages=None, pip_packages=None, conda_dependencies_file_path=None, pip_requirements_file_path=None, conda_dependencies_file=None, pip_requirements_file=None, environment_variables=None, environment_definition=None, inputs=None, source_directory_data_store=None, shm_size=None, resume_from=None, max_run_duration_seconds=None, framework_version=None, _enable_optimized_mode=False, _disable_validation=True, _show_lint_warnings=False, _show_package_warnings=False):
        super().__init__(**settings_of(locals()))


class TensorFlow(FrameworkEstimator):
    """An Estimator whose script finds TensorFlow."""

    FRAMEWORK_NAME = "TensorFlow"
    DEFAULT_VERSION = "1.13"
    _VERSIONS = {version: [f"tensorflow=={version}.*"] for version in ("1.10", "1.12", "1.13", "2.0", "2.1", "2.2")}
    _UNPINNED = ["tensorflow"]

    def __init__(self, source_directory, compute_target=None, vm_size=None, vm_priority=None, entry_script=None, script_params=None, node_count=1, process_count_per_node=1, worker_count=1, parameter_server_count=1, distributed_backend=None, distributed_training=None, use_gpu=False, use_docker=True, custom_docker_base_image=None, custom_docker_image=None, image_registry_details=None, user_managed=False, conda_packages=None, pip_packages=None, conda_dependencies_file_path=None, pip_requirements_file_path=None, conda_dependencies_file=None, pip_requirements_file=None, environment_variables=None, environment_definition=None, inputs=None, source_directory_data_store=None, shm_size=None, resume_from=None, max_run_duration_seconds=None, framework_version=None, _enable_optimized_mode=False, _disable_validation=True, _show_lint_warnings=False, _show_package_warnings=False):
        super().__init__(**settings_of(locals()))


class Chainer(FrameworkEstimator):
    """An Estimator whose script finds Chainer."""

    FRAMEWORK_NAME = "Chainer"
    DEFAULT_VERSION = "5.1.0"
    _VERSIONS = {version: [f"chainer=={version}"] for version in ("5.1.0", "7.0.0")}
    _UNPINNED = ["chainer"]

    def __init__(self, source_directory, compute_target=None, vm_size=None, vm_priority=None, entry_script=None, script_params=None, node_count=1, process_count_per_node=1, distributed_backend=None, distributed_training=None, use_gpu=False, use_docker=True, custom_docker_base_image=None, custom_docker_image=None, image_registry_details=None, user_managed=False, conda_packages=None, pip_packages=None, conda_dependencies_file_path=None, pip_requirements_file_path=None, conda_dependencies_file=None, pip_requirements_file=None, environment_variables=None, environment_definition=None, inputs=None, source_directory_data_store=None, shm_size=None, resume_from=None, max_run_duration_seconds=None, framework_version=None, _enable_optimized_mode=False, _disable_validation=True, _show_lint_warnings=False, _show_package_warnings=False):
        super().__init__(**settings_of(locals()))


__getattr__ = module_names(__name__)
