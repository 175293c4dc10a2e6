"""Fixtures: a home of its own for each test that asks for one, and what lives in it: a kernel, a JupyterLab,
Studio in a browser."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

import jupyter_servers
from frontend import Frontend, environment_of, processes_of, until
from sshd import machine  # noqa: F401 - a fixture
from studio import FLAGS, Studio

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


@pytest.fixture(scope="session")
def screenshots():
    """Where pictures for people go."""
    folder = Path(os.environ.get("LAZULI_TEST_SCREENSHOTS", CHECKOUT / "target" / "screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def shared_studio(shared_home, browser_program):
    """Studio in a browser that is signed in, for all tests of a file."""
    studio = Studio(shared_home, browser_program)
    yield studio
    studio.close()


@pytest.fixture
def studio(shared_studio):
    """The same for one test."""
    yield shared_studio
    shared_studio.close_pages()


@pytest.fixture
def jupyterlab(home, request):
    """A JupyterLab of its own, as (address, folder of its notebooks)."""
    with jupyter_servers.serving(home, "jupyterlab", getattr(request, "param", [])) as served:
        yield served


@pytest.fixture
def notebook7(home):
    """A Jupyter Notebook of its own, as (address, folder of its notebooks)."""
    pytest.importorskip("notebook", reason="tests/requirements.txt has it for Python 3.10 and later")
    with jupyter_servers.serving(home, "notebook") as served:
        yield served


@pytest.fixture
def page(browser_program, screenshots):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_program, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1100})
        page.set_default_timeout(60_000)
        yield page
        # What a person would have seen, whatever the test thought of it.
        page.screenshot(path=screenshots / "last.png")
        browser.close()
