import copy
import json
import os
import shutil
import subprocess
from pathlib import Path

from azureml.core.conda_dependencies import CondaDependencies, read_conda_file, read_requirements, read_text
from azureml.core.container_registry import ContainerRegistry
from azureml.core.environment_build import DockerImageDetails, ImageBuildDetails
from azureml.core.environment_sections import (
    DEFAULT_CPU_IMAGE,
    DEFAULT_GPU_IMAGE,
    DatabricksSection,
    DockerBuildContext,
    DockerImagePlatform,
    DockerSection,
    PythonSection,
    RCranPackage,
    RGitHubPackage,
    RSection,
    SparkPackage,
    SparkSection,
)
from lazuli.config_element import ConfigElement, as_json
from lazuli.errors import ConflictError, InvalidError, NotFoundError
from lazuli.later import module_names, with_later_members
from lazuli.said_once import say_once
from lazuli.values import check_name, texts


@with_later_members
class Environment(ConfigElement):
    """The Python that a script runs in: one with packages, made when it is needed, or one that is there."""

    def __init__(self, name, **kwargs):
        self.name = check_name("environment", name)
        self.version = None
        self.python = PythonSection()
        self.docker = DockerSection()
        self.spark = SparkSection()
        self.databricks = DatabricksSection()
        self.r = None
        self.inferencing_stack_version = None
        self.asset_id = None
        self._environment_variables = {}
        self._labels = []

    @property
    def environment_variables(self):
        """Name to value; the script finds them in `os.environ`."""
        return self._environment_variables

    @environment_variables.setter
    def environment_variables(self, variables):
        self._environment_variables = texts("environment variables", variables)

    # Made of what is there

    @staticmethod
    def from_conda_specification(name, file_path):
        """An environment with the packages of a conda YAML file."""
        environment = Environment(name)
        environment.python.conda_dependencies = CondaDependencies(_underlying_structure=read_conda_file(file_path))
        return environment

    @staticmethod
    def from_pip_requirements(name, file_path, pip_version=None):
        """An environment with the packages of a requirements.txt."""
        environment = Environment(name)
        dependencies = environment.python.conda_dependencies
        if pip_version:
            dependencies.add_conda_package(f"pip={pip_version}")
        dependencies.set_pip_requirements(read_requirements(file_path))
        return environment

    @staticmethod
    def from_existing_conda_environment(name, conda_environment_name):
        """An environment with the packages of a conda environment of this machine, or None when there
        is no conda environment of that name."""
        exported = _export_conda_environment(conda_environment_name)
        if exported is None:
            return None
        environment = Environment(name)
        environment.python.conda_dependencies = CondaDependencies(_underlying_structure=exported)
        return environment

    from_conda_environment = from_existing_conda_environment

    @staticmethod
    def from_docker_image(name, image, container_registry=None, conda_specification=None, pip_requirements=None):
        """Keeps the image's name; scripts run on this machine, with the packages that are named."""
        environment = Environment._with_packages(name, conda_specification, pip_requirements)
        environment.docker.base_image = image
        if container_registry is not None:
            environment.docker.base_image_registry = container_registry
        return environment

    @staticmethod
    def from_dockerfile(name, dockerfile, conda_specification=None, pip_requirements=None):
        """Keeps a Dockerfile's text, or that of the file at the path; no container is made of it."""
        environment = Environment._with_packages(name, conda_specification, pip_requirements)
        is_path = "\n" not in str(dockerfile) and Path(str(dockerfile)).is_file()
        environment.docker.base_image = None
        environment.docker.base_dockerfile = read_text(dockerfile) if is_path else str(dockerfile)
        return environment

    @staticmethod
    def from_docker_build_context(name, docker_build_context):
        """Keeps where an image would be built from."""
        environment = Environment._with_packages(name, None, None)
        environment.docker.base_image = None
        environment.docker.build_context = docker_build_context
        return environment

    @staticmethod
    def _with_packages(name, conda_specification, pip_requirements):
        if conda_specification is not None:
            return Environment.from_conda_specification(name, conda_specification)
        if pip_requirements is not None:
            return Environment.from_pip_requirements(name, pip_requirements)
        environment = Environment(name)
        environment.python.user_managed_dependencies = True
        return environment

    def clone(self, new_name):
        """A copy under another name, not registered yet."""
        cloned = copy.deepcopy(self)
        cloned.name = check_name("environment", new_name)
        cloned.version = None
        cloned._labels = []
        return cloned

    # Registered

    def register(self, workspace):
        """Keeps it as a version of its name; unchanged, it is the newest version again."""
        new_environment = {"name": self.name, "definition": self._definition()}
        return Environment._of(workspace._client.register_environment(workspace.name, new_environment))

    @staticmethod
    def get(workspace, name, version=None, label=None):
        """The newest version, or the one that is asked for; `AzureML-..` are curated."""
        if version is not None and label is not None:
            raise InvalidError("`Environment.get` got a version and a label", "give one of them")
        return Environment._of(workspace._client.environment(workspace.name, name, version, label))

    @staticmethod
    def list(workspace):
        """Name to the newest version, curated ones among them."""
        return {found["name"]: Environment._of(found) for found in workspace._client.environments(workspace.name)}

    @staticmethod
    def label(workspace, name, version, labels):
        """Gives a version names of its own, such as `production`; each name points to one version."""
        workspace._client.label_environment(workspace.name, name, version, [labels] if isinstance(labels, str) else [*labels])

    def build(self, workspace, image_build_compute=None):
        """Makes it now, on this machine, so that the first run need not wait."""
        if image_build_compute is not None:
            say_once("`image_build_compute`", "means nothing here: environments are made on this machine")
        registered = self.register(workspace) if not self._is_curated() else self
        build = workspace._client.build_environment(workspace.name, registered.name, registered.version, _interpreter())
        return ImageBuildDetails(workspace._client, build)

    # As files

    def save_to_directory(self, path, overwrite=False):
        """Writes `azureml_environment.json` and `conda_dependencies.yml` into a folder."""
        folder = Path(path)
        if folder.exists() and not overwrite:
            raise ConflictError(f"`{folder}` exists already", "choose another folder or give overwrite=True")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "azureml_environment.json").write_text(json.dumps(self._to_dict(), indent=4) + "\n", encoding="utf-8")
        self.python.conda_dependencies.save(folder / "conda_dependencies.yml")

    @staticmethod
    def load_from_directory(path):
        """What `save_to_directory` wrote; the packages are those of `conda_dependencies.yml`, when it is there."""
        file = Path(path) / "azureml_environment.json"
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise NotFoundError(f"`{path}` holds no `azureml_environment.json`", "give a folder that `save_to_directory` wrote") from error
        except (OSError, ValueError) as error:
            raise InvalidError(f"`{file}` cannot be read: {error}", "write it again by `save_to_directory`") from error
        environment = Environment._from_dict(content)
        packages = Path(path) / "conda_dependencies.yml"
        if packages.is_file():
            environment.python.conda_dependencies = CondaDependencies(packages)
        return environment

    # In JSON

    def _to_dict(self):
        """SDK v1's JSON, its keys sorted as it shows them."""
        content = {**super()._to_dict(), "environmentVariables": dict(self._environment_variables)}
        return {key: content[key] for key in sorted(content)}

    @staticmethod
    def _from_dict(content):
        environment = Environment(content.get("name") or "environment")
        content = dict(content)
        environment.environment_variables = content.pop("environmentVariables", None) or {}
        if isinstance(content.get("r"), dict):
            content["r"] = RSection()._update(content["r"])
        environment._update(content)
        return environment

    def _definition(self):
        """The daemon's JSON. Nothing in it is secret: a registry's password is left out."""
        python = self.python
        definition = {
            "python": {
                "user_managed": bool(python.user_managed_dependencies),
                "interpreter": None if python.interpreter_path in (None, "python") else str(python.interpreter_path),
                "base_conda_environment": python.base_conda_environment,
                "conda": python.conda_dependencies.as_dict(),
            },
            "environment_variables": dict(self._environment_variables),
            "docker": as_json(self.docker),
            "kept": {
                "spark": as_json(self.spark),
                "databricks": as_json(self.databricks),
                "r": as_json(self.r),
                "inferencingStackVersion": self.inferencing_stack_version,
                "condaDependenciesFile": python.conda_dependencies_file,
            },
        }
        return definition

    @staticmethod
    def _of(record):
        """The environment that the daemon tells of."""
        definition = record["definition"]
        python, kept = definition.get("python") or {}, definition.get("kept") or {}
        environment = Environment._from_dict({
            "name": record["name"],
            "environmentVariables": definition.get("environment_variables"),
            "docker": definition.get("docker"),
            **{key: kept[key] for key in ("spark", "databricks", "r", "inferencingStackVersion") if kept.get(key) is not None},
        })
        environment.version = record.get("version")
        environment._labels = [*record.get("labels", [])]
        section = environment.python
        section.user_managed_dependencies = bool(python.get("user_managed"))
        section.interpreter_path = python.get("interpreter") or "python"
        section.base_conda_environment = python.get("base_conda_environment")
        if python.get("conda") is not None:
            section.conda_dependencies = CondaDependencies(_underlying_structure=python["conda"])
        environment._got = environment._to_dict()
        return environment

    def _for_job(self):
        """The environment of a job, or None: no packages were named, and this Python serves as it is."""
        if self._got is not None and self._got == self._to_dict():
            return {"name": self.name, "version": self.version}
        if self.python == PythonSection():
            return None
        return {"name": self.name, "definition": self._definition()}

    #: The JSON of the version that it was got as.
    _got = None

    def _is_curated(self):
        return self.name.startswith("AzureML-")

    def __str__(self):
        return f"Environment(Name: {self.name},\nVersion: {self.version})"

    def __repr__(self):
        return json.dumps(self._to_dict(), indent=4)


class EnvironmentReference(ConfigElement):
    """A registered environment by its name."""

    def __init__(self, name, version=None):
        self.name = name
        self.version = version

    def get_environment(self, workspace):
        return Environment.get(workspace, self.name, self.version)


def _interpreter():
    import sys

    return {"interpreter": sys.executable}


def _export_conda_environment(name):
    """The specification that conda tells of an environment, or None when it knows none of that name."""
    program = next(
        (found for found in (os.environ.get("CONDA_EXE"), *map(shutil.which, ("conda", "mamba", "micromamba"))) if found and os.path.isfile(found)),
        None,
    )
    if program is None:
        raise NotFoundError(
            f"the conda environment `{name}` cannot be read: no conda is installed on this machine",
            "use `Environment.from_conda_specification` with the output of `conda env export`",
        )
    where = "--prefix" if os.sep in str(name) else "--name"
    told = subprocess.run([program, "env", "export", "--no-builds", where, str(name)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if told.returncode != 0:
        return None
    from lazuli.client import Client

    # Not every conda answers JSON here.
    exported = Client().read_conda_specification(told.stdout.decode(errors="replace"), f"{os.path.basename(program)} env export")
    exported.pop("prefix", None)
    return exported


__all__ = [
    "CondaDependencies",
    "ContainerRegistry",
    "DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE",
    "DatabricksSection",
    "DockerBuildContext",
    "DockerImageDetails",
    "DockerImagePlatform",
    "DockerSection",
    "Environment",
    "EnvironmentReference",
    "ImageBuildDetails",
    "PythonSection",
    "RCranPackage",
    "RGitHubPackage",
    "RSection",
    "SparkPackage",
    "SparkSection",
]

__getattr__ = module_names(__name__)
