"""A source folder as a snapshot. The rules of what stays behind and the hashing are the program's
`lazuli snapshot create`, so that they exist once."""

import json
import os
import subprocess
import sys

from lazuli import daemon
from lazuli.errors import InvalidError, UnavailableError


def create_snapshot(config, folder):
    """The id of the snapshot of a folder; what the program says meanwhile goes to standard error."""
    program = daemon.program(config)
    child = subprocess.Popen(
        [program, "snapshot", "create", "--json", "--", str(folder)],
        env={**os.environ, "LAZULI_HOME": str(config.home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )
    answer, said = child.communicate()
    reason, hint = None, None
    for line in said.splitlines():
        if line.startswith("error: "):
            reason = line[len("error: ") :]
        elif line.startswith("hint: "):
            hint = line[len("hint: ") :]
        else:
            print(line, file=sys.stderr)
    if child.returncode == 0:
        try:
            return json.loads(answer)["snapshot_id"]
        except (ValueError, KeyError, TypeError) as error:
            raise UnavailableError(
                f"`{program}` does not answer as this SDK expects", "install the program and the SDK of the same version"
            ) from error
    kind = InvalidError if reason else UnavailableError
    raise kind(f"no snapshot of `{folder}` could be made: {reason or f'`lazuli snapshot create` ended with {child.returncode}'}", hint)
