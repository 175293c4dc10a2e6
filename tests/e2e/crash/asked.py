"""Logs each number that it reads and answers `ok`, or the sentence that the call failed with."""

import sys

from azureml.core import Run
from lazuli.errors import LazuliError

run = Run.get_context()
for line in sys.stdin:
    try:
        run.log("value", int(line))
    except LazuliError as error:
        print(error.message, "|", error.hint, flush=True)
    else:
        print("ok", flush=True)
