"""What a script writes: uploaded or written in place, and registered when the run completes."""

import copy
import uuid

from azureml.data.constants import DEFAULT_OUTPUT_PATH, MOUNT_MODE, UPLOAD_MODE
from azureml.data.data_reference import check_input_name
from azureml.data.data_type import column_types
from azureml.data.dataset_factory import header_mode
from azureml.data.dataset_type_definitions import PromoteHeadersBehavior
from lazuli.errors import InvalidError
from lazuli.later import module_names
from lazuli.names import stored_folder
from lazuli.values import check_name, texts


class RegistrationConfiguration:
    """As what an output is registered when the run completes."""

    def __init__(self, name, description, tags):
        self.name = name
        self.description = description
        self.tags = tags


class OutputDatasetConfig:
    """A folder that a script writes to, as an argument of it."""

    def __init__(self, mode, name=None, **kwargs):
        self._name = check_input_name(name or f"output_{uuid.uuid4().hex[:8]}")
        self.mode = mode
        self.destination = kwargs.get("destination")
        self.source = kwargs.get("source")
        self._overwrite = False
        self._source_globs = []
        self._registration = None
        self._table = None
        #: Shared by what is made of it, so that each learns where a run has written.
        self._produced = []

    def register_on_complete(self, name, description=None, tags=None):
        """Registers what was written as the next version of the dataset, when the run completes."""
        changed = self._copy()
        changed._registration = {
            "name": check_name("dataset", name),
            "description": description or "",
            "tags": texts("tags", tags),
        }
        return changed

    def as_input(self, name=None):
        """What the last submitted run wrote, for a script that reads it."""
        from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
        from azureml.data.file_dataset import FileDataset
        from azureml.data.tabular_dataset import TabularDataset

        if not self._produced:
            raise InvalidError(f"no run has written output `{self.name}` yet", "submit the run that writes it first")
        workspace, datastore, folder = self._produced[-1]
        if self._table is None:
            definition = {"type": "file", "paths": [{"datastore": datastore, "path": folder}], "steps": []}
            return DatasetConsumptionConfig(name or self.name, FileDataset(workspace, definition), MOUNT_MODE)
        paths = [{"datastore": datastore, "path": f"{folder}/{path['path']}"} for path in self._table["source"]["paths"]]
        definition = {"type": "tabular", **self._table, "source": {**self._table["source"], "paths": paths}}
        return DatasetConsumptionConfig(name or self.name, TabularDataset(workspace, definition))

    @property
    def name(self):
        return self._name

    def _job_output(self, workspace):
        """Its JSON for a job."""
        if self.destination is None:
            datastore, folder = workspace.get_default_datastore(), DEFAULT_OUTPUT_PATH
        else:
            from azureml.data.dataset_factory import _target

            datastore, folder = _target(self.destination)
            folder = folder or DEFAULT_OUTPUT_PATH
        output = {
            "name": self.name,
            "datastore": datastore.name,
            "path": folder,
            "mode": self.mode,
            "overwrite": self._overwrite,
            "source_globs": self._source_globs,
        }
        if self.source is not None:
            output["path_on_compute"] = str(self.source)
        if self._registration is not None:
            output["register"] = {**self._registration, **({"table": self._table} if self._table else {})}
        return output

    def _was_submitted(self, workspace, run_id, output):
        folder = output["path"].replace("{run-id}", run_id).replace("{output-name}", self.name)
        self._produced.append((workspace, output["datastore"], stored_folder(folder)))

    def _copy(self):
        return copy.copy(self)

    def __str__(self):
        """What stands in the arguments until the compute knows the path."""
        return f"$AZUREML_DATAREFERENCE_{self.name}"

    def __repr__(self):
        return f"{type(self).__name__}({self.name!r}, mode={self.mode!r})"


class _WritableConfig(OutputDatasetConfig):
    def as_upload(self, overwrite=False, source_globs=None):
        """Uploads what lies in the folder when the script has ended, also when it failed."""
        changed = self._copy()
        changed.mode = UPLOAD_MODE
        changed._overwrite = bool(overwrite)
        changed._source_globs = [source_globs] if isinstance(source_globs, str) else [*(source_globs or [])]
        return changed

    def as_mount(self, disable_metadata_cache=False):
        """Writes where the datastore is, if that is a folder of this machine; else as `as_upload`."""
        changed = self._copy()
        changed.mode = MOUNT_MODE
        return changed


class TransformationMixin:
    """How the files that are written are read as a table."""

    def read_delimited_files(self, include_path=False, separator=",", header=PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS, partition_format=None, path_glob=None, set_column_types=None):
        """Registers a table of the delimited files that are written."""
        source = {"format": "delimited", "separator": separator, "header": header_mode(header)}
        return self._as_table(source, include_path, partition_format, path_glob, set_column_types)

    def read_parquet_files(self, include_path=False, partition_format=None, path_glob=None, set_column_types=None):
        """Registers a table of the Parquet files that are written."""
        return self._as_table({"format": "parquet"}, include_path, partition_format, path_glob, set_column_types)

    def _as_table(self, source, include_path, partition_format, path_glob, set_column_types):
        options = {"include_path": bool(include_path), "set_column_types": column_types(set_column_types)}
        if partition_format or self.partition_format:
            options["partition_format"] = partition_format or self.partition_format
        table = OutputTabularDatasetConfig(name=self.name)
        table.__dict__.update(self.__dict__)
        table._table = {"source": {**source, "paths": [{"datastore": "", "path": path_glob or "**"}], "options": options}, "steps": []}
        return table


class OutputFileDatasetConfig(_WritableConfig, TransformationMixin):
    """``destination`` is `(datastore, 'folder')`, in which `{run-id}` and `{output-name}` are filled in;
    ``source`` a path on the compute where the script writes."""

    def __init__(self, name=None, destination=None, source=None, partition_format=None):
        super().__init__(MOUNT_MODE, name, destination=destination, source=source)
        self.partition_format = partition_format


class OutputTabularDatasetConfig(_WritableConfig):
    """A table of the files that a script writes."""

    def __init__(self, **kwargs):
        super().__init__(MOUNT_MODE, kwargs.get("name"), destination=kwargs.get("destination"), source=kwargs.get("source"))

    def keep_columns(self, columns):
        return self._with_step({"step": "keep_columns", "columns": [columns] if isinstance(columns, str) else [*columns]})

    def drop_columns(self, columns):
        return self._with_step({"step": "drop_columns", "columns": [columns] if isinstance(columns, str) else [*columns]})

    def random_split(self, percentage, seed=None):
        from azureml.data.abstract_dataset import check_seed, check_share

        split = {"step": "split", "percentage": check_share("percentage", percentage), "seed": check_seed(seed)}
        return self._with_step({**split, "part": "first"}), self._with_step({**split, "part": "second"})

    def _with_step(self, step):
        changed = self._copy()
        changed._table = {**self._table, "steps": [*self._table["steps"], step]}
        return changed


__getattr__ = module_names(__name__)
