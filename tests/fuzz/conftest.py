"""One daemon with a little of everything in it, which every request of these tests is sent to."""

import json
import os
import sys
import urllib.request
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "tests" / "mlflow"))

from daemon import Daemon  # noqa: E402


@pytest.fixture(scope="session")
def daemon(tmp_path_factory):
    binaries = Path(os.environ.get("LAZULI_TEST_BINARIES", CHECKOUT / "target" / "debug"))
    assert (binaries / "lazuli").exists(), f"{binaries}/lazuli is missing: run `make build`"
    daemon = Daemon(binaries, folder=tmp_path_factory.mktemp("daemon"))
    yield daemon
    # Whatever it was asked: it lives, and its database is whole.
    assert daemon.process.poll() is None, (daemon.folder / "serve.log").read_text(errors="replace")[-4000:]
    log = (daemon.folder / "serve.log").read_text(errors="replace")
    daemon.stop()
    assert "panicked" not in log, log[log.index("panicked") - 500 :][:3000]


@pytest.fixture(scope="session")
def run_id(daemon):
    """A run that goes on."""
    run = ask(daemon, "POST", "/api/workspaces/default/runs", {"experiment": "fuzzed"})
    return run["run_id"]


def ask(daemon, method, path, body=None):
    request = urllib.request.Request(
        daemon.url + path,
        json.dumps(body).encode() if body is not None else None,
        {**daemon.authorization(), "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())
