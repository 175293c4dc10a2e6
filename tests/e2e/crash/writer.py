"""Logs until it is killed or told to stop, and says in a file outside of Lazuli what it did."""

import itertools
import os
import sys
import time

from azureml.core import Run
from lazuli.errors import LazuliError

ledger_path, stop_path, first = sys.argv[1], sys.argv[2], int(sys.argv[3])
ledger = os.open(ledger_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def note(word, what):
    os.write(ledger, f"{word} {what}\n".encode())


def flush(run, last):
    try:
        run.flush()
    except LazuliError as error:
        print(f"flush: {error}", file=sys.stderr)
        return
    note("flushed", last)


def find_run():
    """Asked for while the daemon is killed again and again, a new run may take several attempts."""
    while True:
        try:
            return Run.get_context()
        except LazuliError as error:
            print(f"get_context: {error}", file=sys.stderr)


run = find_run()
note("run", run.id)
for number in itertools.count(first):
    if os.path.exists(stop_path):
        break
    note("begun", number)
    run.log("value", number)
    note("returned", number)
    time.sleep(0.0005)
    if number % 50 == 49:
        flush(run, number)
flush(run, number)
