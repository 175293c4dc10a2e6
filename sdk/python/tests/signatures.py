"""Reads the list of SDK v1's public names and compares the installed `azureml` with it."""

import importlib
import inspect
import os
import re
from pathlib import Path

from lazuli.later import LaterMember, LaterName
from tests.support import CHECKOUT

SPEC = Path(os.environ.get("LAZULI_SDK_V1_SPEC") or CHECKOUT.parent / "shared" / "spec")


class Signature:
    """Parameters of a function: name to default, None for none."""

    def __init__(self, text):
        self.parameters = {}
        self.takes_more = False
        for part in _split(text):
            name, separator, default = part.partition("=")
            name = name.strip()
            if name.startswith("*"):
                self.takes_more = True
            elif name:
                self.parameters[name] = default.strip() if separator else None


class Name:
    """One name of SDK v1: a class, a function, a method, a property or a constant."""

    def __init__(self, module, owner, kind, name, signature):
        self.module = module
        self.owner = owner
        self.kind = kind
        self.name = name
        self.signature = signature

    @property
    def title(self):
        return f"{self.owner}.{self.name}" if self.owner else self.name


def names():
    """Every name of the list, in its order."""
    module, owner = None, None
    for line in (SPEC / "sdk_v1_signatures.txt").read_text().splitlines():
        text = line.strip()
        if line.startswith("## "):
            module, owner = line[3:].strip(), None
        elif line.startswith("class "):
            found = re.match(r"class (\w+)(?:<[^>]*>)?\((.*)\)$", line)
            owner = found.group(1)
            yield Name(module, None, "class", owner, Signature(found.group(2)))
        elif line.startswith("def "):
            found = re.match(r"def (\w+)\((.*)\)$", line)
            yield Name(module, None, "function", found.group(1), Signature(found.group(2)))
        elif text.startswith("property "):
            yield Name(module, owner, "property", text[len("property ") :], None)
        elif line.startswith("    "):
            found = re.match(r"(?:(static|class) )?(\w+)\((.*)\)$", text)
            if found:
                yield Name(module, owner, found.group(1) or "method", found.group(2), Signature(found.group(3)))
            else:
                yield Name(module, owner, "constant", text.split(" =")[0], None)


def compare(name):
    """(what: `same`, `later`, `missing` or `different`; why)"""
    try:
        module = importlib.import_module(name.module)
        found = getattr(module, name.owner or name.name)
    except (ImportError, AttributeError) as error:
        return "missing", str(error)
    if isinstance(found, LaterName):
        return "later", found._later_area
    if name.owner is None:
        return _same_call(found.__init__ if inspect.isclass(found) else found, name.signature, skip_self=inspect.isclass(found))
    try:
        member = inspect.getattr_static(found, name.name)
    except AttributeError:
        if name.kind in ("property", "constant") and is_set_in_init(found, name.name):
            return "same", ""
        return "missing", f"{name.title} is not there"
    if isinstance(member, LaterMember):
        return "later", member.area
    if name.kind in ("property", "constant"):
        return "same", ""
    called = getattr(found, name.name)
    bound = isinstance(member, (staticmethod, classmethod))
    return _same_call(called, name.signature, skip_self=not bound)


def _same_call(called, wanted, skip_self):
    if isinstance(called, LaterName):
        return "later", called._later_area
    if inspect.isclass(called):
        called, skip_self = called.__init__, True
    if called is object.__init__:
        return ("same", "") if not wanted.parameters else ("different", f"takes nothing, not {', '.join(wanted.parameters)}")
    own = [*inspect.signature(called).parameters.values()]
    own = own[1:] if skip_self else own
    by_name = {parameter.name: parameter for parameter in own if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)}
    public = [parameter for parameter in wanted.parameters if not parameter.startswith("_")]
    lacking = [parameter for parameter in public if parameter not in by_name]
    if lacking:
        return "different", f"lacks {', '.join(lacking)}"
    order = [parameter for parameter in by_name if parameter in public]
    if order != public:
        return "different", f"has the order {', '.join(order)}"
    for parameter in by_name.values():
        if parameter.name not in wanted.parameters and parameter.default is parameter.empty:
            return "different", f"also needs {parameter.name}"
    for parameter in public:
        default = wanted.parameters[parameter]
        own_default = by_name[parameter].default
        if default is None:
            continue
        if own_default is inspect.Parameter.empty:
            return "different", f"needs {parameter}, which is {default} there"
        if not default.startswith("<") and "..." not in default and repr(own_default) != default:
            return "different", f"has {parameter}={own_default!r}, not {default}"
    return "same", ""


def is_set_in_init(cls, name):
    """Attributes of an object stand nowhere in its class but in the constructors."""
    for base in cls.__mro__:
        initialize = base.__dict__.get("__init__")
        if initialize is None:
            continue
        try:
            source = inspect.getsource(inspect.unwrap(initialize))
        except (OSError, TypeError):
            continue
        if re.search(rf"\bself\.{name}\b\s*[=,]", source) or re.search(rf"\b{name}={name}\b", source):
            return True
    return False


def _split(text):
    """At the commas that are in no bracket and no quotation marks."""
    parts, depth, quote, current = [], 0, None, ""
    for character in text:
        if quote:
            quote = None if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "([{<":
            depth += 1
        elif character in ")]}>":
            depth -= 1
        elif character == "," and depth <= 0:
            parts.append(current)
            current = ""
            continue
        current += character
    return [*parts, current] if current.strip() else parts
