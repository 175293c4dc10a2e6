"""The kernel of this Python, when it is on another machine: what is logged here is written there.

Lines of JSON over a socket: ``{"run": ID, "record": RECORD}``, and the answer ``{"appended": true}``,
``{"appended": false}`` (the run takes no records) or ``{"error": TEXT}``. Without a record it only asks.
"""

import json
import os
import socket
import threading

from lazuli.config import Config
from lazuli.errors import UnavailableError

_lock = threading.Lock()
_link = None


def append(run_id, record):
    """True when the run has the record; False when it takes none, or no kernel is elsewhere."""
    address = Config().magics_socket
    if not address:
        return False
    with _lock:
        try:
            line = _exchange(address, {"run": run_id, "record": record})
        except OSError as error:
            close()
            raise UnavailableError(f"the kernel cannot be reached, so nothing was logged: {error}", "restart the kernel") from error
        except BaseException:
            # An interrupt: the answer that is still to come must not be the next one's.
            close()
            raise
    answer = json.loads(line)
    if "error" in answer:
        raise UnavailableError(answer["error"], "nothing else of the run is harmed")
    return answer["appended"]


def _exchange(address, request):
    global _link
    # A forked child must not read its parent's answers.
    if _link is None or _link[0] != os.getpid():
        _link = (os.getpid(), *connect(address, "records"))
    _, stdin, stdout = _link
    stdin.write(json.dumps(request) + "\n")
    stdin.flush()
    line = stdout.readline()
    if not line:
        raise ConnectionError("it has ended")
    return line


def connect(address, purpose):
    """What is written there and read from there, as two files."""
    link = socket.socket(socket.AF_UNIX)
    link.connect(address)
    stdin, stdout = link.makefile("w", encoding="utf-8"), link.makefile("r", encoding="utf-8")
    # The files keep it open.
    link.close()
    stdin.write(json.dumps({"open": purpose}) + "\n")
    stdin.flush()
    return stdin, stdout


def close():
    """Lets go of the kernel; the next record finds it again."""
    global _link
    link, _link = _link, None
    if link is not None:
        for file in link[1:]:
            try:
                file.close()
            except OSError:
                # It is cut already.
                pass
