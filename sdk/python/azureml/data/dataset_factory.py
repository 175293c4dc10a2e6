"""How datasets begin: `Dataset.Tabular.from_…`, `Dataset.File.from_…`."""

import fnmatch
import os
import tempfile
import uuid
from pathlib import Path

from azureml.data.abstract_datastore import AbstractDatastore
from azureml.data.data_reference import DataReference
from azureml.data.data_type import column_types
from azureml.data.datapath import DataPath
from azureml.data.dataset_error_handling import DatasetValidationError, raising
from azureml.data.dataset_type_definitions import FileEncoding, PromoteHeadersBehavior
from azureml.data.file_dataset import FileDataset
from azureml.data.tabular_dataset import TabularDataset
from lazuli import frames, transfer
from lazuli.errors import InvalidError
from lazuli.later import module_names
from lazuli.names import stored_folder


class TabularDatasetFactory:
    """Tables. ``path`` is `(datastore, 'data/*.csv')` or several such, in the order in which they are
    read; the files that a wildcard finds are read sorted. Also a DataPath, local paths, web addresses.

    With ``validate`` the columns are looked at right away, so that what cannot be read is said here.
    """

    @staticmethod
    def from_delimited_files(path, validate=True, include_path=False, infer_column_types=True, set_column_types=None, separator=",", header=True, partition_format=None, support_multi_line=False, empty_as_string=False, encoding="utf8"):
        source = {
            "format": "delimited",
            "options": _options(include_path, set_column_types, partition_format),
            "separator": separator,
            "header": header_mode(header),
            "infer_column_types": bool(infer_column_types),
            "support_multi_line": bool(support_multi_line),
            "empty_as_string": bool(empty_as_string),
            "encoding": _encoding(encoding),
        }
        return _table(path, source, validate)

    @staticmethod
    def from_json_lines_files(path, validate=True, include_path=False, set_column_types=None, partition_format=None, invalid_lines="error", encoding="utf8"):
        if invalid_lines not in ("error", "drop"):
            raise InvalidError(f"invalid_lines is {invalid_lines!r}", "give 'error' or 'drop'")
        source = {
            "format": "json_lines",
            "options": _options(include_path, set_column_types, partition_format),
            "invalid_lines": invalid_lines,
            "encoding": _encoding(encoding),
        }
        return _table(path, source, validate)

    @staticmethod
    def from_parquet_files(path, validate=True, include_path=False, set_column_types=None, partition_format=None):
        source = {"format": "parquet", "options": _options(include_path, set_column_types, partition_format)}
        return _table(path, source, validate)

    @staticmethod
    def from_sql_query(query, validate=True, set_column_types=None, query_timeout=30):
        """``query`` is `(datastore, 'SELECT …')` or a DataPath of the same."""
        if isinstance(query, DataPath):
            query = (query.datastore, query.path_on_datastore)
        if not isinstance(query, (tuple, list)) or len(query) != 2 or not isinstance(query[0], AbstractDatastore) or not isinstance(query[1], str):
            raise InvalidError("a query is a datastore with a text of SQL", "write (datastore, 'SELECT * FROM patients')")
        datastore, text = query
        source = {
            "format": "sql",
            "datastore": datastore.name,
            "query": text,
            "query_timeout": int(query_timeout),
            "set_column_types": column_types(set_column_types),
        }
        return _validated(TabularDataset(datastore.workspace, {"type": "tabular", "source": source, "steps": []}), validate)

    @staticmethod
    def register_pandas_dataframe(dataframe, target, name, description=None, tags=None, show_progress=True, row_group_size=None, make_target_path_unique=True):
        """Writes a frame as Parquet below ``target`` (`(datastore, 'folder')`) and registers it as the
        next version of the dataset of that name."""
        if not frames.is_frame(dataframe):
            raise InvalidError(f"`register_pandas_dataframe` got a {type(dataframe).__name__}", "give a pandas DataFrame")
        datastore, folder = _target(target)
        if make_target_path_unique:
            folder = "/".join(part for part in (folder, str(uuid.uuid4())) if part)
        with tempfile.TemporaryDirectory(prefix="lazuli-frame-") as temporary:
            file = Path(temporary) / "part-00000.parquet"
            frames.write_parquet(dataframe, file, row_group_size)
            datastore.upload_files([file], temporary, folder, overwrite=True, show_progress=show_progress)
        where = "/".join(part for part in (folder, file.name) if part)
        dataset = TabularDatasetFactory.from_parquet_files((datastore, where))
        return dataset.register(datastore.workspace, name, description, tags, create_new_version=True)

    @staticmethod
    def register_dask_dataframe(dataframe, target, name, description=None, tags=None, show_progress=True):
        raise NotImplementedError("use `register_pandas_dataframe` with dataframe.compute(), or to_parquet and `from_parquet_files`")

    @staticmethod
    def register_spark_dataframe(dataframe, target, name, description=None, tags=None, show_progress=True):
        raise NotImplementedError("use `register_pandas_dataframe` with dataframe.toPandas(), or write Parquet and `from_parquet_files`")


class FileDatasetFactory:
    """Files, as they are."""

    @staticmethod
    def from_files(path, validate=True, partition_format=None, is_file=False):
        """``path`` is `(datastore, 'images/*.jpg')` or several such; a folder means all files below it."""
        workspace, paths = data_paths(path)
        definition = {"type": "file", "paths": paths, "steps": []}
        if partition_format:
            definition["partition_format"] = partition_format
        dataset = FileDataset(workspace, definition)
        if validate:
            with raising(DatasetValidationError):
                dataset._client.resolve_files(dataset._workspace.name, definition)
        return dataset

    @staticmethod
    def upload_directory(src_dir, target, pattern=None, overwrite=False, show_progress=True):
        """Uploads a folder (or what of it fits the ``pattern``) to ``target`` (`(datastore, 'folder')`);
        gives the dataset of the files there."""
        datastore, folder = _target(target)
        files = transfer.local_files(src_dir)
        if pattern:
            files = [(file, path) for file, path in files if fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(os.path.basename(path), pattern)]
        if not files:
            raise InvalidError(f"`{src_dir}` holds no file" + (f" that fits `{pattern}`" if pattern else ""), "nothing was uploaded")
        datastore._upload(files, folder, overwrite, show_progress)
        return FileDatasetFactory.from_files((datastore, folder or "**"))


def data_paths(path):
    """(workspace or None, paths as JSON) of what `path=` may be."""
    workspace = None
    paths = []
    for place in _flat(path):
        if isinstance(place, DataReference):
            place = DataPath.create_from_data_reference(place)
        if isinstance(place, DataPath):
            place = (place.datastore, place.path_on_datastore)
        if isinstance(place, AbstractDatastore):
            place = (place, "")
        if isinstance(place, os.PathLike):
            place = str(place)
        if isinstance(place, str):
            if place.startswith(("http://", "https://")):
                paths.append({"url": place})
            elif place.startswith("file://"):
                paths.append({"local": place[len("file://") :]})
            else:
                paths.append({"local": os.path.abspath(os.path.expanduser(place))})
            continue
        datastore, below = place
        if not hasattr(datastore, "upload_files"):
            raise InvalidError(f"datastore `{datastore.name}` holds tables, not files", "use `Dataset.Tabular.from_sql_query`")
        if workspace is not None and workspace.name != datastore.workspace.name:
            raise InvalidError(
                f"the paths belong to the workspaces `{workspace.name}` and `{datastore.workspace.name}`", "make one dataset of each"
            )
        workspace = workspace or datastore.workspace
        paths.append({"datastore": datastore.name, "path": str(below or "").lstrip("/")})
    if not paths:
        raise InvalidError("no path was given", "write such as (datastore, 'data/*.csv')")
    return workspace, paths


def _flat(path):
    """Each place for itself; a pair of a datastore and a list means several."""
    if isinstance(path, tuple) and len(path) == 2 and isinstance(path[0], AbstractDatastore):
        if isinstance(path[1], (list, tuple)):
            return [(path[0], below) for below in path[1]]
        if isinstance(path[1], (str, os.PathLike)) or path[1] is None:
            return [path]
    if isinstance(path, (str, os.PathLike, DataPath, DataReference, AbstractDatastore)):
        return [path]
    if isinstance(path, (list, tuple)):
        return [place for element in path for place in _flat(element)]
    raise InvalidError(f"a path is no {type(path).__name__}", "write such as (datastore, 'data/*.csv'), or a list of such")


def header_mode(header):
    """The daemon's word for SDK v1's choices; True and False serve as well."""
    if isinstance(header, bool):
        return "all_files_have_same_headers" if header else "no_headers"
    if isinstance(header, PromoteHeadersBehavior):
        return header.name.lower()
    raise InvalidError(f"header is {header!r}", "give True, False or a PromoteHeadersBehavior")


def _encoding(encoding):
    return encoding.name.lower() if isinstance(encoding, FileEncoding) else str(encoding).lower()


def _options(include_path, set_column_types, partition_format):
    options = {"include_path": bool(include_path), "set_column_types": column_types(set_column_types)}
    if partition_format:
        options["partition_format"] = partition_format
    return options


def _table(path, source, validate):
    workspace, paths = data_paths(path)
    definition = {"type": "tabular", "source": {**source, "paths": paths}, "steps": []}
    return _validated(TabularDataset(workspace, definition), validate)


def _validated(dataset, validate):
    if validate:
        with raising(DatasetValidationError):
            dataset._client.query(dataset._workspace.name, dataset._table(), {"type": "columns"})
    return dataset


def _target(target):
    """(datastore, folder) of where something is written."""
    if isinstance(target, DataReference):
        target = DataPath.create_from_data_reference(target)
    if isinstance(target, DataPath):
        target = (target.datastore, target.path_on_datastore)
    if isinstance(target, AbstractDatastore):
        target = (target, "")
    if not isinstance(target, (tuple, list)) or len(target) != 2 or not hasattr(target[0], "upload_files"):
        raise InvalidError("a target is a datastore with a folder", "write (datastore, 'folder')")
    return target[0], stored_folder(target[1])


__getattr__ = module_names(__name__, {"AzurePostgreSqlDatastore": "azureml.data.azure_postgre_sql_datastore"})
