"""Logging: one record, one line, one write to the end of the run's spool file.

The daemon creates the file with the run and removes it at the run's end, so a missing file means
that the run has ended. Nothing is kept between two records and no daemon is needed: what a call
returned from survives the death of this process and of the daemon.
"""

import errno
import fcntl
import json
import os
import time

from lazuli.errors import LazuliError, RunFinishedError

_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def append(home, run_id, record):
    """Writes one record; raises RunFinishedError when the run has ended."""
    # The newline in front closes a line that a killed writer left torn.
    line = f"\n{_ENCODE(record)}\n".encode("utf-8", "replace")
    try:
        _append(home, run_id, line)
    except FileNotFoundError:
        if not _elsewhere(run_id, record):
            raise RunFinishedError(run_id) from None
    except OSError as error:
        raise LazuliError(
            f"the record could not be written to `{path(home, run_id)}`: {error.strerror}",
            "free some space, or see who may write there; nothing else of the run is harmed",
        ) from error


def _append(home, run_id, line):
    file = os.open(path(home, run_id), os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_SH)
        if os.fstat(file).st_nlink == 0:
            raise RunFinishedError(run_id)
        if os.write(file, line) < len(line) and os.write(file, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(file)


def is_open(home, run_id):
    """True while the run takes records."""
    return os.path.exists(path(home, run_id)) or _elsewhere(run_id, None)


def _elsewhere(run_id, record):
    """As ``append``, by a kernel that is on another machine: the run's file is there."""
    # Imported here: a script has no kernel, and is quicker without.
    from lazuli import kernel

    return kernel.append(run_id, record)


def path(home, run_id):
    # A Path would cost as much as the write.
    return f"{home}/spool/{run_id}.jsonl"


def metric(name, kind, value, step=None, description=""):
    """The record of one point; ``value`` in its JSON form (see ``lazuli.values``)."""
    record = {"record": "metric", "name": name, "kind": kind, "value": value, "time_ms": time.time_ns() // 1_000_000}
    if step is not None:
        record["step"] = step
    if description:
        record["description"] = description
    return record


def tag(key, value):
    return {"record": "tag", "key": key, "value": value}
