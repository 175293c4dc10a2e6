"""The exceptions of SDK v1, by the names scripts catch them with."""

from lazuli.errors import InvalidError, LazuliError, NotFoundError, RunFailedError

AzureMLException = LazuliError
UserErrorException = InvalidError


class ActivityFailedException(RunFailedError):
    """A run that was waited for failed; ``error_details`` is the last line of its traceback."""

    def __init__(self, error_details="", hint=None, **kwargs):
        super().__init__(error_details, hint, **kwargs)


class AuthenticationException(UserErrorException):
    """The credentials do not open what they should."""


class AzureMLAggregatedException(AzureMLException):
    """Several errors at once."""

    def __init__(self, exceptions_list, **kwargs):
        self.exceptions_list = [*exceptions_list]
        super().__init__("\n".join(map(str, self.exceptions_list)), **kwargs)


class ComputeTargetException(AzureMLException):
    """There is no such compute target, or it refuses what is asked."""


class DiscoveryUrlNotFoundException(AzureMLException):
    def __init__(self, discovery_key, **kwargs):
        super().__init__(f"there is no address `{discovery_key}`", **kwargs)


class ExperimentExecutionException(AzureMLException):
    """The experiment could not be run."""


class ImageException(AzureMLException):
    """An image could not be made."""


class ModelPathNotFoundException(AzureMLException):
    """The path of a model is not there."""

    def __init__(self, exception_message="", logger=None, **kwargs):
        super().__init__(exception_message, **kwargs)


class ParallelRunException(AzureMLException):
    """A parallel run failed."""

    def __init__(self, exception_message="", code=None, delay_seconds=0, **kwargs):
        super().__init__(exception_message, **kwargs)
        self.code = code
        self.delay_seconds = delay_seconds


class ProjectSystemException(AzureMLException):
    """A project's files are not as they should be."""


class RunConfigurationException(AzureMLException):
    """The run configuration is not whole."""


class RunEnvironmentException(AzureMLException):
    """The script was started by itself where a submitted one is wanted."""

    def __init__(self, exception_message="", hint=None, **kwargs):
        super().__init__(exception_message, hint, **kwargs)


class ServiceException(AzureMLException):
    """The daemon refused a request."""

    def __init__(self, error_response_exception="", hint=None, **kwargs):
        super().__init__(error_response_exception, hint, **kwargs)
        self.status_code = getattr(error_response_exception, "status_code", None)


class SnapshotException(AzureMLException):
    """The source folder could not be kept."""


class TrainingException(AzureMLException):
    """An estimator is not as it should be."""


class WebserviceException(AzureMLException):
    """What SDK v1 raises for web services, and for models that are not there."""

    def __init__(self, exception_message="", status_code=None, logger=None, hint=None, **kwargs):
        super().__init__(exception_message, hint, **kwargs)
        self.status_code = status_code


class ModelNotFoundException(NotFoundError, WebserviceException):
    """The workspace has no such model."""

    def __init__(self, exception_message="", logger=None, hint=None, **kwargs):
        WebserviceException.__init__(self, exception_message, logger=logger, hint=hint, **kwargs)


class WorkspaceException(AzureMLException):
    """There is no such workspace, or it refuses what is asked."""

    def __init__(self, exception_message="", found_multiple=False, hint=None, **kwargs):
        super().__init__(exception_message, hint, **kwargs)
        self.found_multiple = found_multiple


class WorkspacePrivateEndpointException(WorkspaceException):
    """Private endpoints belong to Azure."""


__all__ = [name for name, value in list(vars().items()) if isinstance(value, type) and name.endswith("Exception")]


def __getattr__(name):
    # It stands beside the tables that raise it, and is caught by its name here.
    if name == "DatasetTimestampMissingError":
        from azureml.data.tabular_dataset import DatasetTimestampMissingError

        return DatasetTimestampMissingError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
