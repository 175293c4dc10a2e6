"""What goes wrong with data, by the names SDK v1's scripts catch."""

from contextlib import contextmanager

from azureml.exceptions import UserErrorException
from lazuli.errors import ConflictError, InvalidError, LazuliError, NoAnswerError, NotFoundError, UnavailableError


class DatasetValidationError(UserErrorException):
    """The data cannot be read as the dataset says."""


class DatasetExecutionError(UserErrorException):
    """Reading the data failed."""


class DatastoreNotFoundError(NotFoundError, UserErrorException):
    """The workspace has no datastore of that name."""


class DatasetNotFoundError(NotFoundError, UserErrorException, KeyError):
    """The workspace has no dataset of that name, version or id."""

    # KeyError would show the sentence in quotation marks.
    __str__ = LazuliError.__str__


class DataConflictError(ConflictError, UserErrorException):
    """The name is taken, or the state of things forbids it."""


_PASSED = (NoAnswerError,)


@contextmanager
def raising(kind):
    """What the daemon says becomes an exception of that kind, with its sentence and its hint."""
    try:
        yield
    except _PASSED:
        raise
    except (NotFoundError, ConflictError, InvalidError, UnavailableError) as error:
        if isinstance(error, (kind, DataConflictError, DatastoreNotFoundError, ImportError)):
            raise
        raise kind(error.message, error.hint) from error


@contextmanager
def user_errors(not_found=DatasetNotFoundError):
    """Refusals become what SDK v1's scripts catch as `UserErrorException`."""
    try:
        yield
    except UserErrorException:
        raise
    except NotFoundError as error:
        raise not_found(error.message, error.hint) from error
    except ConflictError as error:
        raise DataConflictError(error.message, error.hint) from error
