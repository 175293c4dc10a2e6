"""Fixtures: a home of its own for each test that asks for one, and a kernel that lives in it."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from frontend import Frontend, environment_of, processes_of, until

CHECKOUT = Path(__file__).resolve().parents[2]


def binaries():
    """Where `lazuli` lies; `make test` says it."""
    folder = Path(os.environ.get("LAZULI_TEST_BINARIES", CHECKOUT / "target" / "debug"))
    assert (folder / "lazuli").exists(), f"{folder}/lazuli is missing: run `make build`"
    return folder


class Home:
    def __init__(self, folder):
        self.path = folder / "home"
        self.work = folder / "work"
        self.work.mkdir()
        self.environment = environment_of(self.path)

    def lazuli(self, *arguments, **options):
        return subprocess.run(
            [str(binaries() / "lazuli"), *arguments],
            env=self.environment,
            cwd=self.work,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            **options,
        )

    def json(self, *arguments):
        done = self.lazuli(*arguments, "--json")
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    def stop(self):
        """Stops the daemon; no process of this home may be left."""
        self.lazuli("stop")
        with contextlib.suppress(AssertionError):
            until("all processes to end", lambda: not processes_of(self.path), limit=15)
        left = processes_of(self.path)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert not left, f"processes are left: {left}"


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path)
    yield home
    home.stop()


@pytest.fixture
def kernel(home):
    frontend = Frontend(home.environment, home.work)
    yield frontend
    frontend.close()


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("shared"))
    yield home
    home.stop()


@pytest.fixture(scope="module")
def shared_kernel(shared_home):
    """One kernel for tests that leave nothing behind: starting one takes seconds."""
    frontend = Frontend(shared_home.environment, shared_home.work)
    yield frontend
    frontend.close()


@pytest.fixture(scope="session")
def browser_program():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        program = shutil.which(name)
        if program:
            return program
    message = "no Chromium on this machine: `apt-get install chromium`"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
