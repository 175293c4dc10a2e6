"""The parts of an Environment. What a container or a cluster would need is kept and shown back."""

from azureml.core.conda_dependencies import CondaDependencies, read_conda_file
from azureml.core.container_registry import ContainerRegistry
from lazuli.config_element import ConfigElement

DEFAULT_CPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
DEFAULT_GPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-cuda11.8-cudnn8-ubuntu22.04"


class DockerImagePlatform(ConfigElement):
    def __init__(self):
        self.os = "Linux"
        self.architecture = "amd64"


class DockerBuildContext(ConfigElement):
    """Where an image would be built from."""

    class LocationType:
        STORAGE_ACCOUNT = "storageaccount"
        GIT = "git"

    def __init__(self, location_type=None, location=None, dockerfile_path="Dockerfile"):
        self.location_type = location_type
        self.location = location
        self.dockerfile_path = dockerfile_path

    @staticmethod
    def from_local_directory(workspace, path, dockerfile_path="Dockerfile"):
        """Keeps where the folder is; nothing is built from it."""
        return DockerBuildContext(location=str(path), dockerfile_path=dockerfile_path)


class DockerSection(ConfigElement):
    """Settings of a container. Scripts run on this machine without one; all of it is kept."""

    def __init__(self, **kwargs):
        self.enabled = False
        self.base_image = DEFAULT_CPU_IMAGE
        self.base_dockerfile = None
        self.base_image_registry = ContainerRegistry()
        self.build_context = None
        self.platform = DockerImagePlatform()
        self.arguments = []
        self.shared_volumes = True
        self.gpu_support = False
        self.shm_size = "2g"
        for name, value in kwargs.items():
            setattr(self, name, value)


class PythonSection(ConfigElement):
    """Which Python, with which packages.

    With ``user_managed_dependencies``, the interpreter is used as it is; else an environment with the
    packages of ``conda_dependencies`` is made, once for everybody who asks for the same.
    """

    def __init__(self, **kwargs):
        self.interpreter_path = "python"
        self.user_managed_dependencies = False
        self.base_conda_environment = None
        self.conda_dependencies = CondaDependencies()
        self._conda_dependencies_file = None
        for name, value in kwargs.items():
            if not name.startswith("_"):
                setattr(self, name, value)

    @property
    def conda_dependencies_file(self):
        """The file that the packages were read from."""
        return self._conda_dependencies_file

    @conda_dependencies_file.setter
    def conda_dependencies_file(self, path):
        if path is not None:
            self.conda_dependencies = CondaDependencies(_underlying_structure=read_conda_file(path))
        self._conda_dependencies_file = path

    def _to_dict(self):
        return {**super()._to_dict(), "condaDependenciesFile": self._conda_dependencies_file}

    def _update(self, content):
        content = dict(content or {})
        structure = content.pop("condaDependencies", None)
        file = content.pop("condaDependenciesFile", None)
        super()._update(content)
        if file:
            self.conda_dependencies_file = file
        elif structure:
            self.conda_dependencies = CondaDependencies(_underlying_structure=structure)
        return self


class SparkPackage(ConfigElement):
    def __init__(self, group=None, artifact=None, version=None):
        self.group = group
        self.artifact = artifact
        self.version = version


class SparkSection(ConfigElement):
    """Settings of Spark, kept as given."""

    def __init__(self, **kwargs):
        self.repositories = []
        self.packages = []
        self.precache_packages = True
        for name, value in kwargs.items():
            if not name.startswith("_"):
                setattr(self, name, value)


class MavenLibrary(ConfigElement):
    def __init__(self, coordinates=None, repo=None, exclusions=None):
        self.coordinates = coordinates
        self.repo = repo
        self.exclusions = exclusions or []


class PyPiLibrary(ConfigElement):
    def __init__(self, package=None, repo=None):
        self.package = package
        self.repo = repo


class RCranLibrary(ConfigElement):
    def __init__(self, package=None, repo=None):
        self.package = package
        self.repo = repo


class JarLibrary(ConfigElement):
    def __init__(self, library=None):
        self.library = library


class EggLibrary(ConfigElement):
    def __init__(self, library=None):
        self.library = library


class DatabricksCluster(ConfigElement):
    def __init__(self, existing_cluster_id=None, spark_version=None, node_type=None, instance_pool_id=None, num_workers=None, min_workers=None, max_workers=None, spark_env_variables=None, spark_conf=None, init_scripts=None, cluster_log_dbfs_path=None, permit_cluster_restart=None):
        self.existing_cluster_id = existing_cluster_id
        self.spark_version = spark_version
        self.node_type = node_type
        self.instance_pool_id = instance_pool_id
        self.num_workers = num_workers
        self.min_workers = min_workers
        self.max_workers = max_workers
        self.spark_env_variables = spark_env_variables or {}
        self.spark_conf = spark_conf or {}
        self.init_scripts = init_scripts or []
        self.cluster_log_dbfs_path = cluster_log_dbfs_path
        self.permit_cluster_restart = permit_cluster_restart

    def validate(self):
        raise NotImplementedError("`DatabricksCluster.validate`: Lazuli runs nothing on Databricks; use a ScriptRunConfig")


class DatabricksSection(ConfigElement):
    """Libraries of Databricks, kept as given."""

    def __init__(self, _skip_defaults=False):
        self.maven_libraries = []
        self.pypi_libraries = []
        self.rcran_libraries = []
        self.jar_libraries = []
        self.egg_libraries = []
        self.cluster = None


class RCranPackage(ConfigElement):
    def __init__(self):
        self.name = None
        self.version = "*"
        self.repository = None


class RGitHubPackage(ConfigElement):
    def __init__(self):
        self.repository = None
        self.auth_token = None

    def _to_dict(self):
        return {**super()._to_dict(), "authToken": None if self.auth_token is None else "***"}


class RSection(ConfigElement):
    """Packages of R, kept as given: scripts here are Python's."""

    def __init__(self):
        self.r_version = None
        self.rscript_path = None
        self.user_managed = False
        self.snapshot_date = None
        self.cran_packages = []
        self.github_packages = []
        self.custom_url_packages = []
        self.bioconductor_packages = []


class DockerEnvironment(DockerSection):
    """SDK v1's older name for DockerSection."""

    def __init__(self):
        super().__init__()


class PythonEnvironment(PythonSection):
    """SDK v1's older name for PythonSection."""

    def __init__(self):
        super().__init__()


class SparkEnvironment(SparkSection):
    """SDK v1's older name for SparkSection."""

    def __init__(self):
        super().__init__()


class DatabricksEnvironment(DatabricksSection):
    """SDK v1's older name for DatabricksSection."""

    def __init__(self):
        super().__init__()
