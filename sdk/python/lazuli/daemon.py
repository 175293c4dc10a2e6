"""Finds the daemon of a home, and starts it when none lives."""

import http.client
import json
import os
import shutil
import time
from pathlib import Path
from urllib.parse import urlsplit

from lazuli.errors import UnavailableError, VersionMismatchError
from lazuli.version import __version__

_START_SECONDS = 10
_POLL_SECONDS = 0.01
#: A laptop may sleep for a while; the job on the other machine does not.
_LINK_SECONDS = 60 * 60
_LINK_POLL_SECONDS = 0.25
_OF_THIS_PROCESS = (
    "AZUREML_RUN_ID",
    "LAZULI_EXPERIMENT",
    "LAZULI_OWNER",
    "LAZULI_RUN_ID",
    "LAZULI_SESSION",
    "LAZULI_WORKSPACE",
)


def address(config):
    """(host, port, token) of the living daemon; starts one when there is none."""
    found = _living(config.home)
    if found is None:
        is_remote = (_daemon_json(config.home) or {}).get("is_remote")
        found = _reached_again(config.home) if is_remote else _start(config)
    url = urlsplit(found["url"])
    try:
        token = (config.home / "token").read_text(encoding="ascii").strip()
    except OSError as error:
        raise UnavailableError(f"the daemon's token cannot be read: {error}", f"check the rights of `{config.home}`") from error
    return url.hostname, url.port, token


def _reached_again(home):
    """On a machine that is attached, the daemon is reached by a link, which is made again when it was cut."""
    deadline = time.monotonic() + _LINK_SECONDS
    while time.monotonic() < deadline:
        found = _living(home)
        if found is not None:
            return found
        time.sleep(_LINK_POLL_SECONDS)
    raise UnavailableError(
        f"the link to the daemon was cut, and did not come back within {_LINK_SECONDS // 60} minutes",
        "see `lazuli compute status` on the machine of the daemon",
    )


def _living(home):
    """The daemon.json of a daemon that answers, else None."""
    found = _daemon_json(home)
    if found is None:
        return None
    url = urlsplit(found["url"])
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=5)
    try:
        connection.request("GET", "/health")
        health = json.loads(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    if health.get("pid") != found["process"]["pid"]:
        # The port belongs to another program by now.
        return None
    if health.get("version") != __version__:
        raise VersionMismatchError(
            f"the daemon is version {health.get('version')}, this client is version {__version__}",
            "run `lazuli stop`; the next command starts the right one",
        )
    return found


def _daemon_json(home):
    try:
        found = json.loads((home / "daemon.json").read_text(encoding="utf-8"))
        return found if found["url"] and found["process"]["pid"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _start(config):
    home = config.home
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    executable = program(config)
    log = home / "daemon.log"
    # posix_spawn, because an interpreter that is shutting down may not fork, and runs are completed
    # just then; it also does not copy the memory map of a large training process.
    child = os.posix_spawn(
        executable,
        [executable, "serve", "--on-demand"],
        _daemon_environment(home),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, str(log), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600),
        ],
        setpgroup=0,
    )
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        found = _living(home)
        if found is not None:
            return found
        # Ended well: another client's daemon was quicker, and answers soon.
        if child and (status := _ended(child)) is not None:
            child = None
            if status != 0:
                raise UnavailableError(f"the daemon did not start: {_last_line(log)}", f"see `{log}`")
        time.sleep(_POLL_SECONDS)
    raise UnavailableError(f"the daemon did not answer within {_START_SECONDS} seconds", f"see `{log}`")


def _daemon_environment(home):
    # What only a job or a cell is told must not reach the jobs that this daemon starts later.
    environment = {name: value for name, value in os.environ.items() if name not in _OF_THIS_PROCESS}
    environment["LAZULI_HOME"] = str(home)
    return environment


def program(config):
    """Where the program `lazuli` is."""
    candidates = [config.binary, shutil.which("lazuli"), (_daemon_json(config.home) or {}).get("executable")]
    for candidate in candidates:
        if candidate and Path(candidate).is_file():
            return str(candidate)
    raise UnavailableError(
        "no Lazuli daemon runs and the program `lazuli` was not found",
        "start `lazuli serve`, put `lazuli` on the PATH, or set LAZULI_BIN to where it is",
    )


def _ended(child):
    try:
        pid, status = os.waitpid(child, os.WNOHANG)
    except ChildProcessError:
        # The program around us reaps all children itself.
        return 0
    return None if pid == 0 else status


def _last_line(log):
    try:
        with open(log, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 4096))
            lines = [line for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
    except OSError as error:
        return str(error)
    return lines[-1].strip() if lines else "it said nothing"
