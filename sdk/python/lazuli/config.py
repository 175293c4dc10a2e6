"""What the process was told: environment variables and config.json. Nobody else reads them."""

import json
import os
from pathlib import Path

from lazuli.errors import InvalidError, NotFoundError

DEFAULT_WORKSPACE = "default"


class Config:
    """The environment of this process, read at the moment of the call."""

    def __init__(self, environment=None):
        environment = os.environ if environment is None else environment
        self.home = Path(environment.get("LAZULI_HOME") or Path.home() / ".lazuli")
        #: The `lazuli` program, when somebody says where it is.
        self.binary = environment.get("LAZULI_BIN") or None
        #: The run this process was started for: in a job, its script.
        self.job_run_id = environment.get("LAZULI_RUN_ID") or None
        self.user = environment.get("LAZULI_USER") or None
        #: Leads to the program that performs magics, when it is on another machine.
        self.magics_socket = environment.get("LAZULI_MAGICS") or None
        self.session_file = environment.get("LAZULI_SESSION") or None
        session = _session(self.session_file)
        #: The run that the surrounding notebook is in.
        self.session_run_id = session.get("run_id")
        self.workspace = environment.get("LAZULI_WORKSPACE") or session.get("workspace")
        self.experiment = environment.get("LAZULI_EXPERIMENT") or session.get("experiment")


def workspace_name(config):
    """The workspace that serves when the program names none."""
    if config.workspace:
        return config.workspace
    found = find_config_file()
    return found["workspace_name"] if found else DEFAULT_WORKSPACE


def find_config_file(path=None, file_name=None):
    """The config.json of SDK v1, as a dict, or None when there is none.

    ``path`` may name the file, or the folder in which to begin; from there every parent is tried. A
    config.json without ``workspace_name`` belongs to some other program and is passed over, unless it
    was named.
    """
    start = Path(path) if path else Path.cwd()
    if start.is_file():
        return _read_config_file(start, named=True)
    if path and not start.exists():
        raise NotFoundError(f"the configuration file `{path}` does not exist")
    name = file_name or "config.json"
    for folder in [start.resolve(), *start.resolve().parents]:
        for candidate in (folder / name, folder / ".azureml" / name):
            if candidate.is_file():
                found = _read_config_file(candidate, named=False)
                if found is not None:
                    return found
    return None


def _read_config_file(file, named):
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidError(f"`{file}` cannot be read: {error}", "write `{\"workspace_name\": \"..\"}` into it") from error
    if isinstance(content, dict) and isinstance(content.get("workspace_name"), str):
        return content
    if named:
        raise InvalidError(f"`{file}` names no workspace", "write `{\"workspace_name\": \"..\"}` into it")
    return None


def _session(file):
    """What the kernel wrote about the notebook this process was started from."""
    if not file:
        return {}
    try:
        content = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # The kernel is gone or is just replacing the file: as if there were no notebook.
        return {}
    return content if isinstance(content, dict) else {}
