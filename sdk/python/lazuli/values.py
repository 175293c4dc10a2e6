"""Values: from what a program holds to the JSON of a record, and back to the shapes of SDK v1.

numpy, pandas and torch are never imported; their scalars and arrays are known by what they can do
(``item``, ``tolist``). NaN and the infinities travel as the strings "NaN", "Infinity", "-Infinity".
"""

import json
import math
import numbers
from decimal import Decimal
from fractions import Fraction

_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
MAX_NAME = 250


def check_name(what, name):
    """The rule of names that people give; the daemon applies the same one."""
    check_key(what, name)
    if name.strip() != name:
        raise _refused(what, name, "begins or ends with a blank")
    return name


def check_key(what, name):
    """The rule of names that programs make up: metrics and columns. Blanks at their ends are kept."""
    if not isinstance(name, str):
        raise TypeError(f"the {what} name is a {_type(name)}, give a text such as 'accuracy'")
    if not name.strip():
        problem = "is empty"
    elif len(name) > MAX_NAME:
        problem = f"has {len(name)} characters, at most {MAX_NAME} are allowed"
    elif any(_is_control(character) for character in name):
        problem = "contains a control character"
    else:
        return name
    raise _refused(what, name, problem)


def _refused(what, name, problem):
    shown = name if len(name) <= 40 else name[:40] + "…"
    return ValueError(f"the {what} name {shown!r} {problem}, choose 1 to {MAX_NAME} printable characters")


def scalar(name, value):
    """A number or text for ``log``."""
    simple = _simple(value)
    if simple is not None:
        return simple
    if isinstance(value, dict) or hasattr(value, "to_dict"):
        raise TypeError(
            f"metric {name!r}: `log` takes one number or text, got a {_type(value)}; "
            "use log_row for one row or log_table for columns"
        )
    if _is_sequence(value):
        raise TypeError(f"metric {name!r}: `log` takes one number or text, got a {_type(value)}; use log_list")
    raise TypeError(f"metric {name!r}: `log` takes one number or text, got a {_type(value)}; use float(..) or str(..)")


def sequence(name, value):
    """The list for ``log_list``."""
    if isinstance(value, (str, bytes, dict)) or not _is_sequence(value):
        raise TypeError(f"metric {name!r}: `log_list` takes a list, got a {_type(value)}; use log for one value")
    return [_element(name, "log_list", element) for element in _elements(value)]


def row(name, columns):
    """The row for ``log_row``."""
    if not columns:
        raise ValueError(f"metric {name!r}: `log_row` needs at least one column, such as log_row({name!r}, x=1, y=0.4)")
    return {check_key("column", column): _element(name, "log_row", value) for column, value in columns.items()}


def table(name, value):
    """The table for ``log_table``: columns of the same length, or a list of rows."""
    example = "give columns such as {'x': [1, 2], 'y': [0.6, 0.7]}"
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        value = value.to_dict(orient="list")
    if isinstance(value, (list, tuple)):
        if not all(isinstance(element, dict) and element for element in value):
            raise TypeError(f"metric {name!r}: `log_table` takes columns or a list of rows; {example}")
        return [row(name, element) for element in value]
    if not isinstance(value, dict):
        raise TypeError(f"metric {name!r}: `log_table` takes columns, got a {_type(value)}; {example}")
    if not value:
        raise ValueError(f"metric {name!r}: `log_table` needs at least one column; {example}")
    columns = {}
    for column, cells in value.items():
        cells = _elements(cells) if _is_sequence(cells) and not isinstance(cells, (str, bytes, dict)) else [cells]
        columns[check_key("column", str(column))] = [_element(name, "log_table", cell) for cell in cells]
    lengths = {column: len(cells) for column, cells in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"metric {name!r}: the columns of a table must be of the same length, got {lengths}")
    return columns


def document(name, method, schema, value):
    """SDK v1's JSON for confusion matrices and the like, as a dict or as a text."""
    example = f'give {{"schema_type": "{schema}", "schema_version": "v1", "data": {{..}}}}'
    if isinstance(value, (str, bytes)):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise ValueError(f"metric {name!r}: `{method}` got a text that is no JSON ({error}); {example}") from None
    if not isinstance(value, dict):
        raise TypeError(f"metric {name!r}: `{method}` takes a dict or its JSON, got a {_type(value)}; {example}")
    if not isinstance(value.get("data"), dict) or "schema_type" not in value:
        raise ValueError(f"metric {name!r}: `{method}` needs `schema_type` and `data`; {example}")
    if value["schema_type"] != schema:
        raise ValueError(
            f"metric {name!r}: `{method}` takes the schema_type {schema!r}, got {value['schema_type']!r}; {example}"
        )
    return _tree(name, method, value)


def text(what, value):
    """The text of a tag or a property; numbers and truth values are written as they print."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if _simple(value) is not None or isinstance(value, bool):
        return str(value)
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value, default=str)
    raise TypeError(f"the {what} is a {_type(value)}, give a text")


def texts(what, value):
    """The dict behind ``tags=`` and ``properties=``."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TypeError(f"{what} are a dict such as {{'key': 'value'}}, got a {_type(value)}")
    return {check_name(what[:-1] if what != "properties" else "property", key): text(f"value of {key!r}", item) for key, item in value.items()}


def step(name, value):
    """The step of ``log``: a whole number or None."""
    if value is None:
        return None
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"metric {name!r}: the step is a whole number, got a {_type(value)}")
    return int(value)


def metrics_as_sdk_v1(metrics):
    """The answer of ``get_metrics``: name to value.

    A scalar logged once is its value, else the list of its values; lists and tables logged again grow;
    rows become columns, of values when there are several rows; images are the artifact's name.
    """
    return {metric["name"]: _shape(metric["kind"], [read(point["value"]) for point in metric["points"]]) for metric in metrics}


def read(value):
    """A value out of the daemon's JSON."""
    if isinstance(value, str):
        return _SPECIAL.get(value, value)
    if isinstance(value, list):
        return [read(element) for element in value]
    if isinstance(value, dict):
        return {key: read(element) for key, element in value.items()}
    return value


def _shape(kind, values):
    if kind == "list":
        return [element for value in values for element in value]
    if kind == "row":
        if len(values) == 1:
            return values[0]
        return _columns(values)
    if kind == "table":
        rows = [row for value in values for row in _rows(value)]
        if all(isinstance(value, dict) for value in values):
            # Keeps the columns of an empty table.
            columns = {column: [] for value in values for column in value}
            columns.update(_columns(rows))
            return columns
        return _columns(rows)
    if kind == "image":
        values = [value["artifact"] for value in values]
    return values[0] if len(values) == 1 else values


def _rows(table):
    if isinstance(table, list):
        return table
    names = list(table)
    return [dict(zip(names, cells)) for cells in zip(*table.values())]


def _columns(rows):
    names = {column: None for row in rows for column in row}
    return {name: [row.get(name) for row in rows] for name in names}


def _element(name, method, value):
    if value is None:
        return None
    simple = _simple(value)
    if simple is None:
        raise TypeError(f"metric {name!r}: `{method}` takes numbers and texts, got a {_type(value)} among them")
    return simple


def _tree(name, method, value):
    if isinstance(value, dict):
        return {str(key): _tree(name, method, element) for key, element in value.items()}
    if _simple(value) is None and _is_sequence(value):
        return [_tree(name, method, element) for element in _elements(value)]
    return _element(name, method, value)


def _simple(value):
    """A number or text in its JSON form, or None when it is neither."""
    if isinstance(value, str):
        # numpy.str_ is a str whose `item` would do, too; str() makes all of them plain.
        return str(value)
    if not isinstance(value, (bool, numbers.Number)) and hasattr(value, "item"):
        try:
            value = value.item()
        except (TypeError, ValueError, RuntimeError):
            # An array of several elements.
            return None
        if isinstance(value, str):
            return value
    elif isinstance(value, numbers.Number) and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, (numbers.Real, Decimal, Fraction)):
        value = float(value)
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return None


def _is_sequence(value):
    return isinstance(value, (list, tuple, set, frozenset, range)) or hasattr(value, "tolist") or hasattr(value, "__iter__")


def _elements(value):
    if hasattr(value, "tolist"):
        value = value.tolist()
        return value if isinstance(value, list) else [value]
    return list(value)


def _is_control(character):
    return ord(character) < 32 or 127 <= ord(character) < 160


def _type(value):
    return "None" if value is None else type(value).__name__
