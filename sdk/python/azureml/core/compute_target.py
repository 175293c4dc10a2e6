from azureml.exceptions import ComputeTargetException


class AbstractComputeTarget:
    """Something with a name on which a script runs."""

    def __init__(self, compute_target_type, name):
        self._type = compute_target_type
        self._name = name

    @property
    def type(self):
        return self._type

    @property
    def name(self):
        return self._name

    @staticmethod
    def deserialize_from_dict(compute_target_name, compute_target_dict):
        return AbstractComputeTarget(compute_target_dict.get("type"), compute_target_name)


class LocalTarget(AbstractComputeTarget):
    """This machine."""

    def __init__(self):
        super().__init__("local", "local")


__all__ = ["AbstractComputeTarget", "ComputeTargetException", "LocalTarget"]
