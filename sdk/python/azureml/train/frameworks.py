"""Estimators that bring a framework with them."""

from azureml.train.estimator import MMLBaseEstimator, settings_of
from lazuli.errors import InvalidError

__all__ = ["FrameworkEstimator", "settings_of"]


class FrameworkEstimator(MMLBaseEstimator):
    """An estimator whose script finds the framework, in the version that is asked for."""

    FRAMEWORK_NAME = None
    DEFAULT_VERSION = None
    #: Each version that SDK v1 knew, with what pip is asked for.
    _VERSIONS = {}

    def __init__(self, framework_version=None, **settings):
        if framework_version is not None and framework_version not in self._VERSIONS:
            raise InvalidError(
                f"{self.FRAMEWORK_NAME} {framework_version} is none of the versions of this estimator",
                f"give one of {', '.join(self._VERSIONS)}, or name the package in pip_packages= of an Estimator",
            )
        self._framework_version = framework_version or self.DEFAULT_VERSION
        if settings.get("environment_definition") is None and not settings.get("user_managed"):
            named = " ".join([*(settings.get("conda_packages") or []), *(settings.get("pip_packages") or [])])
            wanted = [package for package in self._packages(framework_version) if package.split("=")[0].split("<")[0].split(">")[0] not in named]
            settings["pip_packages"] = [*(settings.get("pip_packages") or []), *wanted]
        super().__init__(_framework=self.FRAMEWORK_NAME, **settings)

    def _packages(self, version):
        """What pip is asked for: the version that was named, else whatever fits this machine."""
        return self._VERSIONS[version] if version is not None else self._UNPINNED

    @property
    def framework_version(self):
        return self._framework_version

    @classmethod
    def get_supported_versions(cls):
        return [*cls._VERSIONS]
