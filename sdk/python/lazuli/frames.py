"""Tables as pandas frames. pandas and pyarrow are imported where a frame is wanted, and only there."""

from lazuli.errors import LazuliError


class MissingPackageError(LazuliError, ImportError):
    """A package that this one method needs is not installed."""

    kind = "unavailable"


def _import(what):
    try:
        import pandas
        import pyarrow
    except ImportError as error:
        raise MissingPackageError(
            f"{what} needs pandas and pyarrow, and this Python has no `{error.name}`", "pip install pandas pyarrow"
        ) from error
    return pandas, pyarrow


def check_packages(what):
    """Raises the error that names them where they are missing."""
    _import(what)


def read_stream(stream, what="a pandas frame"):
    """The frame that an Arrow IPC stream holds."""
    _, pyarrow = _import(what)
    import pyarrow.ipc

    with pyarrow.ipc.open_stream(pyarrow.PythonFile(stream, mode="r")) as reader:
        table = reader.read_all()
    # pandas knows no time zone where SDK v1 has none, and no 32-bit dates.
    fields = [
        pyarrow.field(field.name, pyarrow.timestamp(field.type.unit)) if pyarrow.types.is_timestamp(field.type) and field.type.tz else field
        for field in table.schema
    ]
    if fields != [*table.schema]:
        table = table.cast(pyarrow.schema(fields))
    # Each column is freed when it was converted: a large table is not there twice.
    return table.to_pandas(date_as_object=False, split_blocks=True, self_destruct=True)


def read_columns(stream, what):
    """Column name to the list of its values, of a small table."""
    _, pyarrow = _import(what)
    import pyarrow.ipc

    with pyarrow.ipc.open_stream(pyarrow.PythonFile(stream, mode="r")) as reader:
        return reader.read_all().to_pydict()


def is_frame(value):
    return hasattr(value, "to_parquet") and hasattr(value, "columns")


def write_parquet(frame, file, row_group_size=None):
    """Writes a frame without its index, as SDK v1 registers one."""
    _, pyarrow = _import("registering a pandas frame")
    import pyarrow.parquet

    try:
        table = pyarrow.Table.from_pandas(frame, preserve_index=False)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
        from lazuli.errors import InvalidError

        raise InvalidError(
            f"the frame cannot be kept as Parquet: {error}", "give each column values of one type"
        ) from error
    # The index and pandas' own types mean nothing to other readers.
    pyarrow.parquet.write_table(table.replace_schema_metadata(), file, row_group_size=row_group_size)
