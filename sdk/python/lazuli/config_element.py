"""Configuration objects of SDK v1: attributes that are known, kept, shown and written in its JSON."""

import json

from lazuli.said_once import say_once


class ConfigElement:
    """Takes only attributes that it has: a misspelled one would be a setting that does nothing."""

    def __setattr__(self, name, value):
        if not name.startswith("_") and name not in self.__dict__ and self.__dict__.get("_is_complete") and not hasattr(type(self), name):
            known = ", ".join(sorted(key for key in self.__dict__ if not key.startswith("_")))
            raise AttributeError(f"{type(self).__name__} has no attribute `{name}`; it has {known}")
        object.__setattr__(self, name, value)

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "__init__" in cls.__dict__:
            cls.__init__ = _completing(cls, cls.__init__)

    def _to_dict(self):
        """SDK v1's JSON: the attributes, their names in camel case."""
        return {camel_case(name): as_json(value) for name, value in self.__dict__.items() if not name.startswith("_")}

    def _update(self, content):
        """Takes what the JSON holds, also of the elements inside."""
        names = {camel_case(name): name for name in self.__dict__ if not name.startswith("_")}
        for key, value in (content or {}).items():
            name = names.get(key)
            if name is None:
                say_once(f"`{key}` of a {type(self).__name__}", "is not known here and stays unread")
                continue
            current = getattr(self, name)
            if isinstance(current, ConfigElement) and isinstance(value, dict):
                current._update(value)
            else:
                setattr(self, name, value)
        return self

    def __eq__(self, other):
        return type(other) is type(self) and other._to_dict() == self._to_dict()

    __hash__ = object.__hash__

    def __repr__(self):
        return f"{type(self).__name__}({json.dumps(self._to_dict(), indent=4, default=str)})"


def _completing(cls, initialize):
    from functools import wraps

    @wraps(initialize)
    def init(self, *args, **kwargs):
        initialize(self, *args, **kwargs)
        if type(self) is cls:
            object.__setattr__(self, "_is_complete", True)

    return init


def camel_case(name):
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


def as_json(value):
    if hasattr(value, "_to_dict"):
        return value._to_dict()
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [as_json(item) for item in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return str(value)
