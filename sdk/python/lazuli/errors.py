"""What can go wrong: a few types for code to branch on, one sentence and a next step for people."""


class LazuliError(Exception):
    """Base of all errors; ``message`` is one sentence, ``hint`` (or None) the next step.

    The first parameter is called as SDK v1's exceptions call it, because scripts raise them, too.
    """

    kind = "internal"

    def __init__(self, exception_message="", hint=None, inner_exception=None, target=None, details=None, message_format=None, message_parameters=None, reference_code=None, **kwargs):
        super().__init__(exception_message)
        self.message = str(exception_message)
        self.hint = hint
        self.inner_exception = inner_exception
        self.target = target
        self.details = details

    def print_stacktrace(self):
        """Prints where the inner exception came from, else where this one was raised."""
        from traceback import print_exception

        error = self.inner_exception or self.__cause__ or self
        print_exception(type(error), error, error.__traceback__)

    def __str__(self):
        if self.hint:
            return f"{self.message}\nhint: {self.hint}"
        return self.message


class NotFoundError(LazuliError):
    kind = "not_found"


class ConflictError(LazuliError):
    kind = "conflict"


class RunFinishedError(ConflictError):
    """The run has ended and takes no more records."""

    def __init__(self, run_id):
        super().__init__(
            f"run `{run_id}` has ended and takes no more records",
            "start another one with `experiment.start_logging()`",
        )


class InvalidError(LazuliError, ValueError):
    kind = "invalid"


class UnauthorizedError(LazuliError):
    kind = "unauthorized"


class VersionMismatchError(LazuliError):
    kind = "version_mismatch"


class UnavailableError(LazuliError):
    kind = "unavailable"


class NoAnswerError(UnavailableError):
    """The connection to the daemon broke; a refusal is another error."""


class RunFailedError(LazuliError):
    """A run that was waited for did not complete."""


_BY_KIND = {
    error.kind: error
    for error in (
        NotFoundError,
        ConflictError,
        InvalidError,
        UnauthorizedError,
        VersionMismatchError,
        UnavailableError,
    )
}


def error_of_reply(status, body):
    """The error that a failed request answered; ``body`` is the parsed JSON or None."""
    if isinstance(body, dict) and "message" in body:
        return _BY_KIND.get(body.get("kind"), LazuliError)(body["message"], body.get("hint"))
    return LazuliError(f"the daemon answered with HTTP status {status}", "see daemon.log in the Lazuli home")
