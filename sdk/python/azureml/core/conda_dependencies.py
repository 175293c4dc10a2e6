import json
import re
from pathlib import Path

from lazuli import yaml_text
from lazuli.errors import InvalidError

DEFAULT_PYTHON_VERSION = "3.10.18"
_DEFAULT_PIP_PACKAGE = "azureml-defaults"


class CondaDependencies:
    """Packages that a script needs: conda's own specification as an object."""

    DEFAULT_NUMBER_OF_CONDA_PACKAGES = 0
    DEFAULT_NUMBER_OF_PIP_PACKAGES = 0

    def __init__(self, conda_dependencies_file_path=None, _underlying_structure=None):
        if conda_dependencies_file_path is not None:
            structure = read_conda_file(conda_dependencies_file_path)
        elif _underlying_structure is not None:
            structure = _underlying_structure
        else:
            structure = {
                "name": "project_environment",
                "channels": ["anaconda", "conda-forge"],
                "dependencies": [f"python={DEFAULT_PYTHON_VERSION}", {"pip": [_DEFAULT_PIP_PACKAGE]}],
            }
        structure = json.loads(json.dumps(structure))
        structure.setdefault("dependencies", [])
        # In the order in which SDK v1 prints them.
        first = [key for key in ("name", "dependencies", "channels") if key in structure]
        self._conda_dependencies = {key: structure[key] for key in [*first, *(key for key in structure if key not in first)]}

    @staticmethod
    def create(pip_indexurl=None, pip_packages=None, conda_packages=None, python_version=DEFAULT_PYTHON_VERSION, pin_sdk_version=True):
        dependencies = CondaDependencies()
        if python_version:
            dependencies.set_python_version(python_version)
        if pip_indexurl:
            dependencies.set_pip_index_url(f"--index-url {pip_indexurl}")
        for package in _as_list(conda_packages):
            dependencies.add_conda_package(package)
        for package in _as_list(pip_packages):
            dependencies.add_pip_package(package)
        return dependencies

    # Channels

    def add_channel(self, channel):
        channels = self._conda_dependencies.setdefault("channels", [])
        if channel not in channels:
            channels.append(channel)

    def remove_channel(self, channel):
        self._conda_dependencies["channels"] = [known for known in self._conda_dependencies.get("channels", []) if known != channel]

    # conda's packages

    def add_conda_package(self, conda_package):
        package = _text("conda package", conda_package)
        self.remove_conda_package(package)
        self._conda_dependencies["dependencies"].append(package)

    def remove_conda_package(self, conda_package):
        name = _name(conda_package)
        self._keep_dependencies(lambda package: _name(package) != name)

    def set_python_version(self, version):
        version = str(version).strip()
        self._keep_dependencies(lambda package: _name(package) != "python")
        self._conda_dependencies["dependencies"].insert(0, f"python={version}")

    def get_python_version(self):
        """The version that is asked for, or None."""
        for package in self.conda_packages:
            if _name(package) == "python":
                return re.sub(r"^python\s*[=<>~!]*\s*", "", package.rpartition("::")[2]) or None
        return None

    # pip's packages

    def add_pip_package(self, pip_package):
        package = _text("pip package", pip_package)
        self.remove_pip_package(package)
        self._pip(create=True).append(package)

    def remove_pip_package(self, pip_package):
        name = _name(pip_package)
        self._keep_pip(lambda entry: _is_option(entry) or _name(entry) != name)

    def set_pip_requirements(self, pip_requirements):
        """Puts these in place of the packages that are there; options stay."""
        options = list(self.pip_options)
        self._pip(create=True)[:] = options
        for requirement in pip_requirements:
            self.set_pip_option(requirement) if _is_option(requirement) else self.add_pip_package(requirement)

    def set_pip_option(self, pip_option):
        option = _text("pip option", pip_option)
        if option not in self.pip_options:
            self._pip(create=True).insert(0, option)

    def remove_pip_option(self, pip_option):
        wanted = pip_option.split("=")[0].split()[0]
        self._keep_pip(lambda entry: not _is_option(entry) or entry.split("=")[0].split()[0] != wanted)

    def set_pip_index_url(self, index_url):
        """``index_url`` is the option with its address, `--index-url https://..`, or the address."""
        self.set_pip_option(index_url if _is_option(index_url) else f"--index-url {index_url}")

    # Frameworks

    def add_tensorflow_conda_package(self, core_type="cpu", version=None):
        self.add_conda_package(_framework("tensorflow", core_type, version, "="))

    def add_tensorflow_pip_package(self, core_type="cpu", version=None):
        self.add_pip_package(_framework("tensorflow", core_type, version, "=="))

    def add_cntk_package(self, core_type="cpu"):
        raise NotImplementedError("CNTK was last released in 2019 and does not run on today's Python; use `add_tensorflow_pip_package`")

    # What there is

    @property
    def conda_channels(self):
        return iter(self._conda_dependencies.get("channels", []))

    @property
    def conda_packages(self):
        return iter([package for package in self._conda_dependencies["dependencies"] if isinstance(package, str)])

    @property
    def pip_packages(self):
        return iter([entry for entry in self._pip() if not _is_option(entry)])

    @property
    def pip_options(self):
        return iter([entry for entry in self._pip() if _is_option(entry)])

    def get_default_number_of_packages(self):
        return self.DEFAULT_NUMBER_OF_CONDA_PACKAGES + self.DEFAULT_NUMBER_OF_PIP_PACKAGES

    @staticmethod
    def merge_requirements(requirements):
        """Packages, each name once, its conditions together: `numpy>=1`, `numpy<2` become `numpy>=1,<2`."""
        merged = {}
        for requirement in requirements:
            found = re.match(r"\s*([A-Za-z0-9_.-]+(?:\[[^\]]*\])?)\s*(.*)", requirement)
            name, conditions = found.groups() if found else (requirement, "")
            merged.setdefault(name, [])
            merged[name] += [part.strip() for part in conditions.split(",") if part.strip() and part.strip() not in merged[name]]
        return [name + ",".join(conditions) for name, conditions in merged.items()]

    @staticmethod
    def sdk_origin_url():
        """Where the SDK itself would come from: the kernel and the agent bring it."""
        return "https://pypi.python.org/simple"

    # As a text

    def as_dict(self):
        return json.loads(json.dumps(self._conda_dependencies))

    def serialize_to_string(self):
        return yaml_text.dump(self._conda_dependencies)

    def save(self, path=None):
        """Writes the specification to a file; without a path, `conda_dependencies.yml` here."""
        path = Path(path or "conda_dependencies.yml")
        if path.is_dir():
            path = path / "conda_dependencies.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.serialize_to_string(), encoding="utf-8")
        return str(path)

    def save_to_file(self, base_directory, conda_file_path=None):
        """Writes the specification below a folder; gives the path in it."""
        name = str(conda_file_path or "conda_dependencies.yml")
        self.save(Path(base_directory) / name)
        return name

    def _to_dict(self):
        return self.as_dict()

    def _pip(self, create=False):
        for package in self._conda_dependencies["dependencies"]:
            if isinstance(package, dict) and isinstance(package.get("pip"), list):
                return package["pip"]
        if not create:
            return []
        entry = {"pip": []}
        self._conda_dependencies["dependencies"].append(entry)
        return entry["pip"]

    def _keep_pip(self, condition):
        entries = self._pip()
        entries[:] = [entry for entry in entries if condition(entry)]

    def _keep_dependencies(self, condition):
        self._conda_dependencies["dependencies"] = [
            package for package in self._conda_dependencies["dependencies"] if isinstance(package, dict) or condition(package)
        ]

    def __eq__(self, other):
        return isinstance(other, CondaDependencies) and other._conda_dependencies == self._conda_dependencies

    __hash__ = object.__hash__

    def __repr__(self):
        return f"CondaDependencies({json.dumps(self._conda_dependencies)})"


def read_conda_file(path):
    """The specification in a file, checked by the daemon."""
    from lazuli.client import Client

    return Client().read_conda_specification(read_text(path), str(path))


def read_text(path):
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read: {error}"
        raise InvalidError(f"the file `{path}` {reason}", "give the path of the specification, seen from this folder") from error


def read_requirements(path):
    """The lines of a pip requirements file, with those of the files it names."""
    found = []
    for line in read_text(path).replace("\\\n", " ").splitlines():
        line = re.sub(r"(^|\s)#.*$", "", line).strip()
        nested = re.match(r"(?:-r|--requirement)[ =]\s*(.+)", line)
        if nested:
            found += read_requirements(Path(path).parent / nested.group(1))
        elif line:
            found.append(line)
    return found


def _as_list(packages):
    return [packages] if isinstance(packages, str) else [*(packages or [])]


def _text(what, value):
    if not isinstance(value, str) or not value.strip():
        raise InvalidError(f"the {what} {value!r} is none", "give a text such as 'scikit-learn' or 'numpy>=1.20'")
    return value.strip()


def _is_option(entry):
    return entry.startswith("-")


def _name(package):
    """`conda-forge::Scikit_Learn=0.22` is `scikit-learn`."""
    found = re.match(r"[A-Za-z0-9_.-]+", package.rpartition("::")[2].strip())
    return re.sub(r"[-_.]+", "-", found.group(0)).lower() if found else package


def _framework(name, core_type, version, equals):
    if core_type not in ("cpu", "gpu"):
        raise InvalidError(f"the core type {core_type!r} is none", "give 'cpu' or 'gpu'")
    package = name if core_type == "cpu" else f"{name}-gpu"
    return f"{package}{equals}{version}" if version else package
