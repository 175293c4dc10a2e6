import json
from datetime import datetime, timezone

from azureml.data.dataset_error_handling import user_errors
from lazuli.errors import InvalidError
from lazuli.later import module_names
from lazuli.values import check_name, texts


class _Factory:
    """A factory as a class's attribute; it is imported when it is asked for, because it imports the classes."""

    def __init__(self, name):
        self._name = name

    def __get__(self, instance, owner=None):
        from azureml.data import dataset_factory

        return getattr(dataset_factory, self._name)


class AbstractDataset:
    """What data is, as a definition; a registered one has a name, a version and an id.

    Methods that take or drop rows, columns or files give another dataset and read nothing.
    """

    Tabular = _Factory("TabularDatasetFactory")
    File = _Factory("FileDatasetFactory")

    #: The class of the daemon's `kind`.
    _KINDS = {}

    def __init__(self, workspace=None, definition=None, record=None, origin=None, added=()):
        #: None: whichever serves where none is named.
        self._own_workspace = workspace
        self._definition = definition
        #: What the daemon tells of it, when this very dataset is registered.
        self._record = record
        #: What it was made from, when that is registered, and the steps beyond it: its files stay
        #: those of the registration.
        self._origin = record or origin
        self._added = tuple(added)

    # Registered ones

    @staticmethod
    def get_by_name(workspace, name, version="latest", **kwargs):
        """The newest version of that name, or the one that is asked for."""
        number = None
        if version not in (None, "latest"):
            try:
                number = int(version)
            except (TypeError, ValueError):
                raise InvalidError(f"the version {version!r} of dataset `{name}` is none", "give a number, or 'latest'") from None
        with user_errors():
            return AbstractDataset._of(workspace, workspace._client.dataset(workspace.name, name, number))

    @staticmethod
    def get_by_id(workspace, id, **kwargs):
        with user_errors():
            return AbstractDataset._of(workspace, workspace._client.dataset_by_id(workspace.name, id))

    @staticmethod
    def get_all(workspace):
        """Name to the newest version of each dataset."""
        from azureml.data.registered_datasets import RegisteredDatasets

        return RegisteredDatasets(workspace)

    @staticmethod
    def _of(workspace, record):
        return AbstractDataset._KINDS[record["kind"]](workspace, record["definition"], record)

    def register(self, workspace, name, description=None, tags=None, create_new_version=False):
        """Registers it and gives the registered one. The same definition and files as the newest
        version's make no new version."""
        new_dataset = {
            "name": check_name("dataset", name),
            "definition": self._definition,
            "description": description or "",
            "tags": texts("tags", tags),
            "create_new_version": bool(create_new_version),
        }
        run_id = workspace._client.config.job_run_id
        if run_id:
            new_dataset["run_id"] = run_id
        with user_errors():
            return AbstractDataset._of(workspace, workspace._client.register_dataset(workspace.name, new_dataset))

    def update(self, description=None, tags=None):
        """Changes the description, or gives these tags in place of those it has."""
        patch = {}
        if description is not None:
            patch["description"] = description
        if tags is not None:
            patch["set_tags"] = texts("tags", tags)
            patch["remove_tags"] = [key for key in self._registered("update")["tags"] if key not in patch["set_tags"]]
        return self._patch("update", patch)

    def add_tags(self, tags=None):
        return self._patch("add_tags", {"set_tags": texts("tags", tags)})

    def remove_tags(self, tags=None):
        return self._patch("remove_tags", {"remove_tags": [tags] if isinstance(tags, str) else [*(tags or [])]})

    def unregister_all_versions(self):
        """Forgets every version of the name; the data stay where they are."""
        record = self._registered("unregister_all_versions")
        with user_errors():
            self._client.unregister_dataset(self._workspace.name, record["name"])
        self._record = None
        self._origin = None

    @property
    def id(self):
        """Of this version, for ever; None while it is not registered."""
        return self._record["id"] if self._record else None

    @property
    def name(self):
        return self._record["name"] if self._record else None

    @property
    def version(self):
        return self._record["version"] if self._record else None

    @property
    def description(self):
        return self._record["description"] if self._record else None

    @property
    def tags(self):
        return dict(self._record["tags"]) if self._record else {}

    @property
    def data_changed_time(self):
        """When the newest of its files was changed; None for what is not made of files."""
        times = [file["modified_at_ms"] for file in self._files()] if self._paths() is not None else []
        return datetime.fromtimestamp(max(times) / 1000, timezone.utc) if times else None

    def get_partition_key_values(self, partition_keys=None):
        """The values that the columns of `partition_format` have together; only tables have columns."""
        raise NotImplementedError("a file dataset has no columns; read the files as a table: Dataset.Tabular")

    @property
    def partition_keys(self):
        """Names of the columns that `partition_format` makes of a file's path."""
        return partition_names(self._partition_format())

    # For scripts

    def as_named_input(self, name):
        """For a script, which finds it as `run.input_datasets[name]`."""
        from azureml.data.dataset_consumption_config import DatasetConsumptionConfig

        return DatasetConsumptionConfig(name, self)

    # The inside

    def _derived(self, step, **changes):
        """The same with one step more."""
        definition = {**self._definition, "steps": [*self._definition.get("steps", []), step], **changes}
        return type(self)(self._own_workspace, definition, None, self._origin, [*self._added, step])

    def _files(self):
        """What it reads, in order."""
        with user_errors():
            if self._record:
                return [*self._client.dataset_files(self._workspace.name, self.name, self.version)]
            return self._client.resolve_files(self._workspace.name, self._definition)

    def _registered(self, method):
        if self._record is None:
            raise InvalidError(f"`{method}` needs a registered dataset", "register it first: ds = ds.register(workspace, name)")
        return self._record

    def _patch(self, method, patch):
        record = self._registered(method)
        with user_errors():
            self._record = self._client.patch_dataset(self._workspace.name, record["name"], record["version"], patch)
        return self

    @property
    def _workspace(self):
        if self._own_workspace is None:
            from azureml.core.workspace import Workspace

            self._own_workspace = Workspace.from_config()
        return self._own_workspace

    @property
    def _client(self):
        return self._workspace._client

    def _paths(self):
        raise NotImplementedError

    def _partition_format(self):
        raise NotImplementedError

    def _title(self):
        kind = type(self).__name__
        return f"{kind} `{self.name}` version {self.version}" if self._record else f"{kind}, not registered"

    def __repr__(self):
        """As SDK v1 prints a dataset: where it is read from, what is done to it, and what it is registered as."""
        source = self._definition.get("source") or {}
        if source.get("format") == "sql":
            places = [str((source["datastore"], source["query"]))]
        else:
            places = [_place(path) for path in self._paths()]
        is_stored = all(place.startswith("(") for place in places)
        done = ["GetDatastoreFiles" if is_stored else "GetFiles", *_READING.get(source.get("format"), ())]
        shown = {"source": places, "definition": done + [_camel(step["step"]) for step in self._definition.get("steps", [])]}
        if self._record:
            shown["registration"] = {
                "id": self.id,
                "name": self.name,
                "version": self.version,
                **({"description": self.description} if self.description else {}),
                **({"tags": self.tags} if self.tags else {}),
                "workspace": repr(self._workspace),
            }
        return f"{type(self).__name__}\n{json.dumps(shown, indent=2)}"


#: Format of a table to what SDK v1 calls the reading of it.
_READING = {"delimited": ("ParseDelimited",), "json_lines": ("ParseJsonLines",), "parquet": ("ReadParquetFile",), "sql": ("ReadFromSql",)}


def _place(path):
    if "datastore" in path:
        return str((path["datastore"], path["path"]))
    # What is behind the question mark opens the file to whoever reads it.
    return path["url"].partition("?")[0] if "url" in path else path["local"]


def _camel(step):
    return "".join(part.capitalize() for part in step.split("_"))


def partition_names(partition_format):
    """The names between braces; a date's format follows its name."""
    names = []
    for piece in (partition_format or "").split("{")[1:]:
        name = piece.partition("}")[0].partition(":")[0].strip()
        if name and name not in names:
            names.append(name)
    return names


def check_share(what, value):
    """A probability or percentage: between 0 and 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise InvalidError(f"the {what} is {value!r}", "give a number from 0 to 1")
    return float(value)


def check_count(value):
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidError(f"the count is {value!r}", "give a whole number, 0 or more")
    return value


def check_seed(seed):
    """The seed that is given, or one of our own, so that both parts of a split share it."""
    if seed is None:
        import random

        return random.SystemRandom().getrandbits(32)
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InvalidError(f"the seed is {seed!r}", "give a whole number")
    return seed & (2**64 - 1)


__getattr__ = module_names(__name__, {"FileDatasetFactory": "azureml.data.dataset_factory", "TabularDatasetFactory": "azureml.data.dataset_factory"})
