"""RunDetails under a cell: the daemon draws the picture, and it is drawn anew until the run has ended."""

import os
import sys
import threading
import time

from lazuli.client import Client
from lazuli.errors import LazuliError

_REQUEST = "application/vnd.lazuli.run-request+json"
_STATE = "application/vnd.lazuli.run+json"
_BETWEEN_UPDATES = 1.0


def show(run_id):
    """Shows the run; in a notebook it is followed."""
    shell = _shell()
    if shell is None:
        print(Client().display(run_id)["data"]["text/plain"])
        return
    from IPython.display import display

    if os.environ.get("LAZULI_KERNEL"):
        # The kernel around this process draws the run and follows it.
        display({_REQUEST: {"run_id": run_id}, "text/plain": f"run {run_id}"}, raw=True)
        return
    bundle = Client().display(run_id)
    handle = display(bundle["data"], metadata=bundle["metadata"], raw=True, display_id=True)
    if not bundle["is_final"]:
        threading.Thread(target=_follow, args=(run_id, handle), daemon=True).start()


def state(run_id):
    """What is drawn of the run, as data."""
    return Client().display(run_id)["data"][_STATE]


def _follow(run_id, handle):
    while True:
        time.sleep(_BETWEEN_UPDATES)
        try:
            bundle = Client().display(run_id)
        except LazuliError as error:
            print(f"the run `{run_id}` is followed no longer: {error}", file=sys.stderr)
            return
        handle.update(bundle["data"], metadata=bundle["metadata"], raw=True)
        if bundle["is_final"]:
            return


def _shell():
    # Without IPython in this process there is no cell to show anything in.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell if shell is not None and shell.has_trait("kernel") else None
