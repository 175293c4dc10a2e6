"""Writing YAML. Reading it is the daemon's, `Client.read_yaml`, so that its many rules exist once."""

import json
import re

# What is written without quotation marks: nothing that YAML would read as a number, a truth value,
# null or a date, and nothing with a character that means something.
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./=<>~+@*\[\]-]*( [A-Za-z0-9_./=<>~+@*-]+)*")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"}


def dump(value):
    """The block form of dicts, lists, texts, numbers, truth values and None."""
    return "\n".join(_lines(value)) + "\n"


def _lines(value):
    if isinstance(value, dict) and value:
        for key, item in value.items():
            if isinstance(item, (dict, list, tuple)) and item:
                yield f"{_scalar(str(key))}:"
                # A list in a dict may begin at the key's column.
                indent = "" if isinstance(item, (list, tuple)) else "  "
                for line in _lines(item):
                    yield indent + line
            else:
                yield f"{_scalar(str(key))}: {_scalar(item)}"
    elif isinstance(value, (list, tuple)) and value:
        for item in value:
            first = True
            for line in _lines(item):
                yield ("- " if first else "  ") + line
                first = False
    else:
        yield _scalar(value)


def _scalar(value):
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, (list, tuple)):
        return "[]"
    return json.dumps(value)
