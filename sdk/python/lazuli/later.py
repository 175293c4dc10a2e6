"""Names of SDK v1 that do not exist here yet: they can be imported, and say so when they are used.

The table is `lazuli.later_names`; nothing here knows a name of its own.
"""

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec

from lazuli.later_names import AREAS, MEMBERS, MODULES, NAMES


def not_yet(name, area):
    """The error for a name, with the nearest thing that works."""
    what, nearest = AREAS[area]
    return NotImplementedError(f"`{name}` does not exist in Lazuli yet ({what}); {nearest}")


class LaterName(type):
    """The class of a name that does not exist yet: to call it, to look into it and to derive from it says so."""

    def __new__(cls, name, bases=(), namespace=None, area=None):
        if area is None:
            base = bases[0]
            raise not_yet(base.__qualname__, base._later_area)
        return super().__new__(cls, name.rpartition(".")[2], (), {"__qualname__": name, "_later_area": area})

    def __init__(cls, name, bases=(), namespace=None, area=None):
        super().__init__(name, (), {})

    def __call__(cls, *args, **kwargs):
        raise not_yet(cls.__qualname__, cls._later_area)

    def __getattr__(cls, name):
        # Underscored names are asked for by copy, pickle and IPython.
        if name.startswith("_"):
            raise AttributeError(name)
        raise not_yet(f"{cls.__qualname__}.{name}", cls._later_area)

    def __repr__(cls):
        return f"<`{cls.__qualname__}` does not exist in Lazuli yet>"


class LaterMember:
    """A member that does not exist yet, in a class that does."""

    def __init__(self, name, area):
        self.name = name
        self.area = area

    def __get__(self, instance, owner=None):
        raise not_yet(self.name, self.area)

    def __set__(self, instance, value):
        raise not_yet(self.name, self.area)


def with_later_members(cls):
    """A class decorator: puts in what the table says of the class."""
    for area, members in MEMBERS.get(cls.__name__, {}).items():
        for member in members.split():
            if member not in vars(cls):
                setattr(cls, member, LaterMember(f"{cls.__name__}.{member}", area))
    return cls


def module_names(module, lazy=None):
    """`__getattr__` of a module: names from other modules when they are first asked for, then those of
    the table."""
    lazy = lazy or {}
    areas = {name: area for area, names in NAMES.get(module, {}).items() for name in names.split()}

    def get(name):
        if name in lazy:
            value = getattr(import_module(lazy[name]), name)
        elif name in areas:
            value = LaterName(f"{module}.{name}", area=areas[name])
        elif not name.startswith("_"):
            # `import azureml.core` and then `azureml.core.compute.AmlCompute`, as in SDK v1.
            try:
                return import_module(f"{module}.{name}")
            except ModuleNotFoundError as error:
                if error.name != f"{module}.{name}":
                    raise
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        else:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        setattr(sys.modules[module], name, value)
        return value

    return get


class LaterModules:
    """Finds modules of the table, after everybody else looked."""

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        return ModuleSpec(fullname, LaterModules, is_package=True) if _area_of_module(fullname) else None

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        area = _area_of_module(module.__name__)

        def get(name):
            if name == "__all__":
                # `import *` would bring nothing, and the names would be missing out of the blue.
                raise not_yet(f"{module.__name__}.*", area)
            if name.startswith("_"):
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            value = LaterName(f"{module.__name__}.{name}", area=area)
            setattr(module, name, value)
            return value

        module.__getattr__ = get


def _area_of_module(fullname):
    while fullname:
        if fullname in MODULES:
            return MODULES[fullname]
        fullname = fullname.rpartition(".")[0]
    return None


def install():
    if LaterModules not in sys.meta_path:
        sys.meta_path.append(LaterModules)
