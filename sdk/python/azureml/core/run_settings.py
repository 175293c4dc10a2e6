"""The parts of a RunConfiguration. What means nothing on one machine is kept and shown back."""

from azureml.core.container_registry import ContainerRegistry
from azureml.data.constants import DIRECT_MODE, MOUNT_MODE
from lazuli.config_element import ConfigElement
from lazuli.errors import InvalidError


class DataReferenceConfiguration(ConfigElement):
    """A data reference of a RunConfiguration, under the name that the arguments use."""

    def __init__(self, datastore_name=None, mode=MOUNT_MODE, path_on_datastore=None, path_on_compute=None, overwrite=False):
        self.data_store_name = datastore_name
        self.mode = mode
        self.path_on_data_store = path_on_datastore
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite

    # SDK v1 has both spellings: this one in Python, the other in its files.
    @property
    def datastore_name(self):
        return self.data_store_name

    @datastore_name.setter
    def datastore_name(self, name):
        self.data_store_name = name

    @property
    def path_on_datastore(self):
        return self.path_on_data_store

    @path_on_datastore.setter
    def path_on_datastore(self, path):
        self.path_on_data_store = path


class Uri(ConfigElement):
    def __init__(self, path=None, is_file=False):
        self.path = path
        self.is_file = is_file


class DataLocation(ConfigElement):
    """Which data: a registered dataset, a place in a datastore, or an address."""

    def __init__(self, dataset=None, data_path=None, uri=None):
        self.dataset = dataset
        self.data_path = data_path
        self.uri = uri


class Data(ConfigElement):
    """Data that a script gets, as `.runconfig` files say it."""

    def __init__(self, data_location=None, create_output_directories=None, mechanism=DIRECT_MODE, environment_variable_name=None, path_on_compute=None, overwrite=False, options=None):
        self.data_location = data_location
        self.create_output_directories = create_output_directories
        self.mechanism = mechanism
        self.environment_variable_name = environment_variable_name
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite
        self.options = options

    @staticmethod
    def create(data):
        """What a DatasetConsumptionConfig says, in this form."""
        from azureml.data.dataset_consumption_config import DatasetConsumptionConfig

        if not isinstance(data, DatasetConsumptionConfig):
            raise InvalidError(f"`Data.create` got a {type(data).__name__}", "give such as ds.as_named_input('training_data')")
        return Data(DataLocation(dataset=data.dataset), None, data.mode, data.name, data.path_on_compute)

    def _dataset_id(self):
        dataset = self.data_location.get("dataset") if isinstance(self.data_location, dict) else getattr(self.data_location, "dataset", None)
        return dataset.get("id") if isinstance(dataset, dict) else getattr(dataset, "id", None)


class GlobsOptions(ConfigElement):
    def __init__(self, patterns=None):
        self.patterns = patterns


class MountOptions(ConfigElement):
    def __init__(self, disable_metadata_cache=False):
        self.disable_metadata_cache = disable_metadata_cache


class UploadOptions(ConfigElement):
    def __init__(self, overwrite=False, source_globs=None):
        self.overwrite = overwrite
        self.source_globs = source_globs


class DatasetRegistrationOptions(ConfigElement):
    def __init__(self, additional_transformations=None):
        self.additional_transformations = additional_transformations


class RegistrationOptions(ConfigElement):
    def __init__(self, name=None, description=None, tags=None, dataset_registration_options=None):
        self.name = name
        self.description = description
        self.tags = tags
        self.dataset_registration_options = dataset_registration_options


class OutputOptions(ConfigElement):
    def __init__(self, path_on_compute=None, registration_options=None, upload_options=None, mount_options=None):
        self.path_on_compute = path_on_compute
        self.registration_options = registration_options
        self.upload_options = upload_options
        self.mount_options = mount_options


class OutputData(ConfigElement):
    """Data that a script leaves, as `.runconfig` files say it."""

    def __init__(self, output_location=None, mechanism=MOUNT_MODE, additional_options=None):
        self.output_location = output_location
        self.mechanism = mechanism
        self.additional_options = additional_options


class DockerConfiguration(ConfigElement):
    """Settings of a container. Scripts run on this machine without one; all of it is kept."""

    def __init__(self, use_docker=False, shared_volumes=True, arguments=[], shm_size="2g"):
        self.use_docker = use_docker
        self.shared_volumes = shared_volumes
        self.arguments = [*(arguments or [])]
        self.shm_size = shm_size


class MpiConfiguration(ConfigElement):
    """So many processes of the script, which know each other as MPI's do."""

    def __init__(self, process_count_per_node=1, node_count=1):
        self.process_count_per_node = process_count_per_node
        self.node_count = node_count

    def _distributed(self):
        return {"framework": "mpi", "processes": _count("process_count_per_node", self.process_count_per_node) * _count("node_count", self.node_count)}


class PyTorchConfiguration(ConfigElement):
    """So many processes of the script, which know each other as `torch.distributed` wants it."""

    def __init__(self, communication_backend="Nccl", process_count=None, node_count=1):
        self.communication_backend = communication_backend
        self.process_count = process_count
        self.node_count = node_count

    def _distributed(self):
        # Without a count, one process for each node, as SDK v1 has it.
        return {"framework": "pytorch", "processes": _count("process_count", self.process_count or self.node_count)}


class TensorflowConfiguration(ConfigElement):
    """So many workers and parameter servers of the script, which know each other by TF_CONFIG."""

    def __init__(self, worker_count=1, parameter_server_count=1):
        self.worker_count = worker_count
        self.parameter_server_count = parameter_server_count

    def _distributed(self):
        return {
            "framework": "tensorflow",
            "processes": _count("worker_count", self.worker_count),
            "parameter_servers": _count("parameter_server_count", self.parameter_server_count, least=0),
        }


class ParallelTaskConfiguration(ConfigElement):
    def __init__(self):
        self.max_retries_per_worker = 0
        self.worker_count_per_node = 1
        self.terminal_exit_codes = None


class HistoryConfiguration(ConfigElement):
    def __init__(self):
        self.output_collection = True
        self.directories_to_watch = ["logs"]
        self.snapshot_project = True


class SparkConfiguration(ConfigElement):
    def __init__(self):
        self.configuration = {"spark.app.name": "Azure ML Experiment", "spark.yarn.maxAppAttempts": 1}


class HdiConfiguration(ConfigElement):
    def __init__(self):
        self.yarn_deploy_mode = "cluster"


class AmlComputeConfiguration(ConfigElement):
    def __init__(self):
        self.name = None
        self.vm_size = None
        self.vm_priority = None
        self.retain_cluster = False
        self.cluster_max_node_count = None


class KubernetesComputeConfiguration(ConfigElement):
    def __init__(self):
        self.instance_type = None


class ApplicationEndpointConfiguration(ConfigElement):
    def __init__(self, type=None, port=None, properties=None):
        self.type = type
        self.port = port
        self.properties = properties


class AzureContainerRegistry(ContainerRegistry):
    """SDK v1's older name for ContainerRegistry."""

    def __init__(self):
        super().__init__()


def _count(name, value, least=1):
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidError(f"{name}={value!r} is no count", f"give a whole number, {least} or more")
    return value
