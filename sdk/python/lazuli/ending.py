"""Runs that live in this process: ended when it ends, however that comes about.

Whoever is not told here (a killed process) is noticed by the daemon, which watches the run's owner.
"""

import atexit
import os
import sys
import threading

from lazuli import spool

_lock = threading.Lock()
_open = {}
_failure = None
_installed = False


def watch(client, run_id):
    """From now on the run is ended when the interpreter ends."""
    global _installed
    with _lock:
        _open[run_id] = (client, os.getpid())
        if not _installed:
            _installed = True
            _remember_uncaught_exceptions()
            atexit.register(_end_open_runs)


def forget(run_id):
    """Somebody ended the run by hand."""
    with _lock:
        _open.pop(run_id, None)


def _remember_uncaught_exceptions():
    previous = sys.excepthook

    def excepthook(kind, error, traceback):
        global _failure
        _failure = error_of_exception(kind, error, traceback)
        previous(kind, error, traceback)

    sys.excepthook = excepthook


def error_of_exception(kind, error, traceback):
    """A run's error: the last line of the traceback, and the traceback."""
    # Imported here, because only a program that fails needs it.
    from traceback import format_exception, format_exception_only

    return {
        "message": format_exception_only(kind, error)[-1].strip(),
        "details": "".join(format_exception(kind, error, traceback)),
    }


def _end_open_runs():
    # Children before their parents.
    for run_id, (client, pid) in reversed(list(_open.items())):
        # A forked child holds the list, but the runs are its parent's.
        if pid != os.getpid():
            continue
        # Somebody else has ended it, or removed the home.
        if not spool.is_open(client.config.home, run_id):
            continue
        try:
            if _failure is None:
                client.complete_run(run_id)
            else:
                client.fail_run(run_id, _failure)
        except Exception as error:
            print(f"lazuli: run `{run_id}` could not be ended: {error}", file=sys.stderr)
