"""Logging: one record, one line, one write to the end of the run's spool file.

The daemon creates the file with the run and removes it at the run's end, so a missing file means
that the run has ended. Nothing is kept between two records and no daemon is needed: what a call
returned from survives the death of this process and of the daemon.
"""

import fcntl
import json
import os
import time

from lazuli.errors import RunFinishedError


def append(home, run_id, record):
    """Writes one record; raises RunFinishedError when the run has ended."""
    line = (json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n").encode("utf-8", "replace")
    try:
        file = os.open(path(home, run_id), os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    except FileNotFoundError:
        raise RunFinishedError(run_id) from None
    try:
        fcntl.flock(file, fcntl.LOCK_SH)
        if os.fstat(file).st_nlink == 0:
            raise RunFinishedError(run_id)
        while os.write(file, line) < len(line):
            # The torn piece becomes a line of its own, which the daemon skips.
            line = b"\n" + line.lstrip(b"\n")
    finally:
        os.close(file)


def is_open(home, run_id):
    """True while the run takes records."""
    return path(home, run_id).exists()


def path(home, run_id):
    return home / "spool" / f"{run_id}.jsonl"


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
