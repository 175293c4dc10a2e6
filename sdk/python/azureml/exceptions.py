"""The exceptions of SDK v1, by the names scripts catch them with."""

from lazuli.errors import InvalidError, LazuliError, NotFoundError, RunFailedError


class RunEnvironmentException(LazuliError):
    """The script was started by itself where a submitted one is wanted."""


AzureMLException = LazuliError
UserErrorException = InvalidError
ActivityFailedException = RunFailedError
ModelNotFoundException = NotFoundError

__all__ = [
    "ActivityFailedException",
    "AzureMLException",
    "ModelNotFoundException",
    "RunEnvironmentException",
    "UserErrorException",
]
