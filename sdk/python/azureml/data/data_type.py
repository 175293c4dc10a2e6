from lazuli.errors import InvalidError


class DataType:
    """How a column is read: `set_column_types={'date': DataType.to_datetime('%Y-%m-%d')}`."""

    def __init__(self, column_type):
        self._column_type = column_type

    @staticmethod
    def to_bool():
        return DataType({"type": "boolean"})

    @staticmethod
    def to_long():
        return DataType({"type": "integer"})

    @staticmethod
    def to_float(decimal_mark="."):
        if decimal_mark not in (".", ","):
            raise InvalidError(f"the decimal mark is {decimal_mark!r}", "give '.' or ','")
        return DataType({"type": "float", "decimal_mark": decimal_mark})

    @staticmethod
    def to_string():
        return DataType({"type": "string"})

    @staticmethod
    def to_datetime(formats=None):
        """``formats`` are one or several of Python's (`%Y-%m-%d`); without, ISO 8601 and its kin."""
        formats = [formats] if isinstance(formats, str) else [*(formats or [])]
        return DataType({"type": "datetime", "formats": formats})

    @staticmethod
    def to_stream(workspace, escaped=False):
        """The path of a file in a datastore; it is kept as text."""
        return DataType({"type": "stream"})

    def __eq__(self, other):
        return isinstance(other, DataType) and other._column_type == self._column_type

    def __hash__(self):
        return hash(str(self._column_type))

    def __repr__(self):
        return f"DataType({self._column_type})"


def column_types(set_column_types):
    """The JSON of `set_column_types=`."""
    if set_column_types is None:
        return {}
    if not isinstance(set_column_types, dict) or not all(isinstance(kind, DataType) for kind in set_column_types.values()):
        raise InvalidError(
            "set_column_types takes column names with DataTypes", "write such as {'date': DataType.to_datetime('%Y-%m-%d')}"
        )
    return {str(name): kind._column_type for name, kind in set_column_types.items()}
