import uuid
from datetime import date, datetime, timedelta, timezone

from azureml.data import expressions
from azureml.data.abstract_dataset import AbstractDataset, check_count, check_seed, check_share
from azureml.data.dataset_error_handling import DatasetExecutionError, DatasetValidationError, raising
from azureml.exceptions import UserErrorException
from lazuli import frames
from lazuli.errors import InvalidError


class DatasetTimestampMissingError(UserErrorException):
    """Rows are wanted by their time, and no column says it."""

    def __init__(self, error_details="", hint=None, **kwargs):
        super().__init__(error_details, hint, **kwargs)


class TabularDataset(AbstractDataset):
    """A table; `ds['age']` is a column of it, for `filter`."""

    # Rows and columns

    def skip(self, count):
        return self._derived({"step": "skip", "count": check_count(count)})

    def take(self, count):
        return self._derived({"step": "take", "count": check_count(count)})

    def take_sample(self, probability, seed=None):
        """About that share of the rows, by chance; the same ones for the same seed."""
        return self._derived({"step": "sample", "probability": check_share("probability", probability), "seed": check_seed(seed)})

    def random_split(self, percentage, seed=None):
        """Two datasets that share the rows, the first with about that share of them."""
        split = {"step": "split", "percentage": check_share("percentage", percentage), "seed": check_seed(seed)}
        return self._derived({**split, "part": "first"}), self._derived({**split, "part": "second"})

    def keep_columns(self, columns, validate=False):
        return self._columns_step("keep_columns", columns, validate)

    def drop_columns(self, columns):
        return self._columns_step("drop_columns", columns, False)

    def filter(self, expression):
        """Rows for which the condition is true: `ds.filter((ds['age'] > 30) & (ds['sex'] == 'F'))`."""
        return self._derived({"step": "filter", "expression": expressions.condition_text(expression)})

    def __getitem__(self, name):
        if not isinstance(name, str):
            raise InvalidError(f"a column is asked for by its name, not by {name!r}", "use `keep_columns` for several")
        return expressions.column(name)

    def __iter__(self):
        raise TypeError("a dataset is read by `to_pandas_dataframe()`")

    # Time

    def with_timestamp_columns(self, timestamp=None, partition_timestamp=None, validate=False, **kwargs):
        """Says which column holds a row's time; `partition_timestamp` is a coarser one, of the file's path."""
        timestamp = timestamp or kwargs.get("fine_grain_timestamp")
        partition_timestamp = partition_timestamp or kwargs.get("coarse_grain_timestamp")
        if validate:
            self._check_columns([name for name in (timestamp, partition_timestamp) if name])
        definition = {key: value for key, value in self._definition.items() if key not in ("timestamp", "partition_timestamp")}
        if timestamp:
            definition["timestamp"] = timestamp
        if partition_timestamp:
            definition["partition_timestamp"] = partition_timestamp
        return TabularDataset(self._own_workspace, definition, None, self._origin, self._added)

    @property
    def timestamp_columns(self):
        """(timestamp, partition_timestamp), each None where there is none."""
        return self._definition.get("timestamp"), self._definition.get("partition_timestamp")

    def time_before(self, end_time, include_boundary=True, validate=True):
        return self._time_range(None, end_time, include_boundary, validate)

    def time_after(self, start_time, include_boundary=True, validate=True):
        return self._time_range(start_time, None, include_boundary, validate)

    def time_between(self, start_time, end_time, include_boundary=True, validate=True):
        return self._time_range(start_time, end_time, include_boundary, validate)

    def time_recent(self, time_delta, include_boundary=True, validate=True):
        """Rows of the last ``time_delta``, counted back from when they are read."""
        self._check_timestamp("time_recent")
        if not isinstance(time_delta, timedelta) or time_delta < timedelta(0):
            raise InvalidError(f"the time delta is {time_delta!r}", "give such as timedelta(days=7)")
        delta_ms = time_delta // timedelta(milliseconds=1)
        return self._derived({"step": "time_recent", "delta_ms": delta_ms, "include_boundary": bool(include_boundary)})

    # Reading

    def to_pandas_dataframe(self, on_error="null", out_of_range_datetime="null"):
        """All rows as a pandas frame; they come as Arrow, never as text."""
        for name, value in (("on_error", on_error), ("out_of_range_datetime", out_of_range_datetime)):
            if value not in ("null", "fail"):
                raise InvalidError(f"{name} is {value!r}", "give 'null' or 'fail'")
        what = "to_pandas_dataframe"
        frames.check_packages(what)
        with raising(DatasetExecutionError), self._client.rows(self._workspace.name, self._table()) as stream:
            return frames.read_stream(stream, what)

    def to_csv_files(self, separator=","):
        """The rows as CSV files in the default datastore."""
        return self._write({"type": "csv", "separator": separator})

    def to_parquet_files(self):
        """The rows as Parquet files in the default datastore."""
        return self._write({"type": "parquet"})

    def preview(self, count=10):
        """The first rows, for people to read; needs no pandas."""
        from azureml.data.dataset_preview import DatasetPreview

        return DatasetPreview(self._title(), self._ask({"type": "preview", "rows": check_count(count)}))

    def head(self, count=5):
        """The first rows as a pandas frame."""
        return self.take(count).to_pandas_dataframe()

    def count_rows(self):
        return self._ask({"type": "count"})["count"]

    def get_columns(self):
        """Column name to type."""
        return {column["name"]: column["type"] for column in self._ask({"type": "columns"})["columns"]}

    def get_profile(self, workspace=None):
        """Each column in figures: count, missing, least, greatest, mean, quantiles, distinct."""
        from azureml.data.dataset_profile import DatasetProfile

        return DatasetProfile(self._title(), self._ask({"type": "profile"}))

    def get_profile_runs(self, workspace=None):
        return iter(())

    def get_partition_key_values(self, partition_keys=None):
        """The values that the columns of `partition_format` have together."""
        keys = self.partition_keys if partition_keys is None else [*partition_keys]
        unknown = [key for key in keys if key not in self.partition_keys]
        if unknown:
            raise DatasetValidationError(
                f"`{unknown[0]}` is no partition key", f"the partition keys are {', '.join(self.partition_keys) or 'none'}"
            )
        if not keys:
            return []
        table = self.keep_columns(keys)
        frames.check_packages("get_partition_key_values")
        with raising(DatasetExecutionError), table._client.rows(table._workspace.name, table._table()) as stream:
            columns = frames.read_columns(stream, "get_partition_key_values")
        return [dict(zip(keys, values)) for values in dict.fromkeys(zip(*(columns[key] for key in keys)))]

    # What is elsewhere

    def submit_profile_run(self, compute_target, experiment, cache_datastore_name=None):
        raise NotImplementedError("a profile needs no run; use `get_profile()`")

    def partition_by(self, partition_keys, target, name=None, show_progress=True, partition_as_file_dataset=False):
        raise NotImplementedError("rows are not written by partition; filter by each value and use `to_parquet_files()`")

    def download(self, stream_column, target_path=None, overwrite=False, ignore_not_found=True):
        raise NotImplementedError("columns of files are kept as text; use `Dataset.File.from_files(..).download()`")

    def mount(self, stream_column, mount_point=None):
        raise NotImplementedError("columns of files are kept as text; use `Dataset.File.from_files(..).mount()`")

    def to_dask_dataframe(self, sample_size=10000, dtypes=None, on_error="null", out_of_range_datetime="null"):
        raise NotImplementedError("use `to_pandas_dataframe()`, or dask.dataframe.read_parquet on what `to_parquet_files()` writes")

    def to_spark_dataframe(self):
        raise NotImplementedError("use `to_pandas_dataframe()`, or spark.read.parquet on what `to_parquet_files()` writes")

    # The inside

    def _table(self):
        """What a question about it is asked of."""
        if self._origin is None:
            return {"definition": self._definition}
        table = {"dataset_id": self._origin["id"], "steps": list(self._added)}
        for name in ("timestamp", "partition_timestamp"):
            if self._definition.get(name) and self._definition[name] != self._origin["definition"].get(name):
                table[name] = self._definition[name]
        return table

    def _ask(self, ask):
        with raising(DatasetExecutionError):
            return self._client.query(self._workspace.name, self._table(), ask)

    def _write(self, format):
        from azureml.core.datastore import Datastore
        from azureml.data.dataset_factory import FileDatasetFactory

        datastore = Datastore.get_default(self._workspace)
        folder = f"managed-dataset/{uuid.uuid4()}"
        self._ask({"type": "write", "datastore": datastore.name, "path": folder, "format": format})
        return FileDatasetFactory.from_files((datastore, folder))

    def _columns_step(self, step, columns, validate):
        columns = [columns] if isinstance(columns, str) else [*columns]
        if not columns:
            raise InvalidError(f"`{step}` got no column", "name at least one")
        if validate:
            self._check_columns(columns)
        return self._derived({"step": step, "columns": columns})

    def _check_columns(self, names):
        there = self.get_columns()
        for name in names:
            if name not in there:
                raise DatasetValidationError(f"the dataset has no column `{name}`", f"its columns are {', '.join(there)}")

    def _check_timestamp(self, method):
        if not self._definition.get("timestamp") and not self._definition.get("partition_timestamp"):
            raise DatasetTimestampMissingError(
                f"`{method}` needs a column with times, and none is known", "name it: ds.with_timestamp_columns('date')"
            )

    def _time_range(self, start, end, include_boundary, validate):
        self._check_timestamp("time_after, time_before and time_between")
        start_ms, end_ms = _epoch_ms(start), _epoch_ms(end)
        if start_ms is not None and end_ms is not None and start_ms > end_ms:
            raise InvalidError(f"the time range ends before it begins: {start} to {end}", "give the earlier time first")
        step = {"step": "time_range", "include_boundary": bool(include_boundary)}
        if start_ms is not None:
            step["start_ms"] = start_ms
        if end_ms is not None:
            step["end_ms"] = end_ms
        return self._derived(step)

    def _paths(self):
        return self._definition["source"].get("paths")

    def _partition_format(self):
        return self._definition["source"].get("options", {}).get("partition_format")

    def _repr_mimebundle_(self, include=None, exclude=None):
        """A notebook shows a registered one as every other face of the workspace does, and the first rows
        of others; what cannot be read is said in their place."""
        try:
            with raising(DatasetExecutionError):
                if self._record:
                    return self._client.dataset_display(self._workspace.name, self.name, self.version)
                preview = self.preview()
        except UserErrorException as error:
            return {"text/plain": f"{self!r}\n{error}"}
        return {"text/plain": str(preview), "text/html": preview._repr_html_()}


def _epoch_ms(time):
    """Milliseconds since 1970; a time without a zone is UTC."""
    if time is None:
        return None
    if isinstance(time, str):
        try:
            time = datetime.fromisoformat(time)
        except ValueError:
            raise InvalidError(f"{time!r} is no time", "give a datetime, or a text such as '2020-01-31T12:00:00'") from None
    if isinstance(time, date) and not isinstance(time, datetime):
        time = datetime(time.year, time.month, time.day)
    if not isinstance(time, datetime):
        raise InvalidError(f"{time!r} is no time", "give a datetime")
    if time.tzinfo is None:
        time = time.replace(tzinfo=timezone.utc)
    return (time - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1)


AbstractDataset._KINDS["tabular"] = TabularDataset
