class RunStatus:
    """How a run is, in SDK v1's words; Lazuli uses those it needs."""

    UNAPPROVED = "Unapproved"
    NOT_STARTED = "NotStarted"
    STARTING = "Starting"
    PROVISIONING = "Provisioning"
    PREPARING = "Preparing"
    QUEUED = "Queued"
    RUNNING = "Running"
    PAUSING = "Pausing"
    PAUSED = "Paused"
    FINALIZING = "Finalizing"
    CANCEL_REQUESTED = "CancelRequested"
    NOTRESPONDING = "NotResponding"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELED = "Canceled"

    @classmethod
    def list(cls):
        return [value for name, value in vars(cls).items() if name.isupper()]

    @classmethod
    def get_running_statuses(cls):
        return [status for status in cls.list() if not is_final(status) and status not in (cls.UNAPPROVED, cls.FINALIZING)]

    @classmethod
    def get_post_processing_statuses(cls):
        return [cls.FINALIZING]


def is_final(status):
    return status in (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELED)
