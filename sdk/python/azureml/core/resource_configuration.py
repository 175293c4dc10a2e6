from lazuli.errors import InvalidError


class ResourceConfiguration:
    """What a web service of a model asks for."""

    def __init__(self, cpu=None, memory_in_gb=None, gpu=None):
        for name, value in (("cpu", cpu), ("memory_in_gb", memory_in_gb), ("gpu", gpu)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0):
                raise InvalidError(f"{name}={value!r} is no amount", "give a number, such as cpu=1")
        self.cpu = cpu
        self.memory_in_gb = memory_in_gb
        self.gpu = gpu

    def serialize(self):
        return {"cpu": self.cpu, "memoryInGB": self.memory_in_gb, "gpu": self.gpu}

    @staticmethod
    def deserialize(payload_obj):
        if payload_obj is None:
            return None
        return ResourceConfiguration(payload_obj.get("cpu"), payload_obj.get("memoryInGB"), payload_obj.get("gpu"))

    def _to_json(self):
        """The daemon's JSON."""
        return {name: value for name, value in vars(self).items() if value is not None}

    @staticmethod
    def _of(record):
        return None if record is None else ResourceConfiguration(record.get("cpu"), record.get("memory_in_gb"), record.get("gpu"))

    def __repr__(self):
        return f"ResourceConfiguration(cpu={self.cpu}, memory_in_gb={self.memory_in_gb}, gpu={self.gpu})"
