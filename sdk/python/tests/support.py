"""A Lazuli home of its own for each test, with the real daemon."""

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

SDK = Path(__file__).resolve().parent.parent
CHECKOUT = SDK.parent.parent


# Read before the first test case cleans the environment.
NAMED_PROGRAM = os.environ.get("LAZULI_BIN")
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or CHECKOUT / "target")


def lazuli_program():
    """LAZULI_BIN, else the newest build of the checkout."""
    if NAMED_PROGRAM:
        return Path(NAMED_PROGRAM)
    built = [TARGET / profile / "lazuli" for profile in ("debug", "release")]
    built = [program for program in built if program.is_file()]
    if not built:
        raise RuntimeError("the program `lazuli` is missing: run `cargo build --workspace --bins`, or set LAZULI_BIN")
    return max(built, key=lambda program: program.stat().st_mtime)


class HomeTestCase(unittest.TestCase):
    """The process is in a folder and a home made for the test; the environment is put back after it."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="lazuli-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.home = self.folder / "home"
        before = dict(os.environ)
        self.addCleanup(os.environ.update, before)
        self.addCleanup(os.environ.clear)
        for name in list(os.environ):
            if name.startswith(("LAZULI_", "AZUREML_")):
                del os.environ[name]
        os.environ["LAZULI_HOME"] = str(self.home)
        work = self.folder / "work"
        work.mkdir()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(work)
        from azureml.core import Run

        Run._context = None


class DaemonTestCase(HomeTestCase):
    def setUp(self):
        super().setUp()
        os.environ["LAZULI_BIN"] = str(lazuli_program())
        self.addCleanup(self.stop_daemon)

    def daemon_pid(self):
        return json.loads((self.home / "daemon.json").read_text())["process"]["pid"]

    def stop_daemon(self):
        if (self.home / "daemon.json").exists():
            self.end_daemon(signal.SIGTERM)

    def end_daemon(self, how):
        pid = self.daemon_pid()
        try:
            os.kill(pid, how)
        except ProcessLookupError:
            return
        wait_for("the daemon's end", lambda: not is_alive(pid))

    def script(self, text, *arguments, name="script.py", **options):
        """Runs a Python script by itself, as a person would."""
        Path(name).write_text(text)
        environment = {**os.environ, "PYTHONPATH": str(SDK), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            [sys.executable, name, *arguments], env=environment, capture_output=True, text=True, timeout=120, **options
        )


def needs_packages(*names):
    """Skips loudly where a package is missing, and never in CI."""
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if not missing:
        return lambda test: test
    reason = f"this Python has no {', '.join(missing)}: pip install -r tests/requirements.txt"
    if os.environ.get("CI"):
        raise RuntimeError(reason)
    return skip_loudly(reason)


def skip_loudly(reason):
    print(f"SKIPPED: {reason}", file=sys.stderr)
    return unittest.skip(reason)


def wait_for(what, condition, seconds=60):
    """Asks again until there is an answer; the limit is for a test that hangs."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s in vain for {what}")


def is_alive(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    # A daemon that this process started stays a zombie until somebody waits for it.
    return stat.rpartition(")")[2].split()[0] not in "ZX"


AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def azurite(test):
    """The address of a blob service with the well-known account and key; it ends with the test."""
    program = shutil.which("azurite-blob")
    if program is None:
        reason = "no `azurite-blob` on the PATH: `npm install azurite`"
        if os.environ.get("CI"):
            raise RuntimeError(reason)
        print(f"SKIPPED: {reason}", file=sys.stderr)
        test.skipTest(reason)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = test.folder / "azurite"
    folder.mkdir()
    options = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    server = subprocess.Popen([program, *options], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    test.addCleanup(server.wait)
    test.addCleanup(server.terminate)
    wait_for("Azurite", lambda: _listens(port))
    return f"http://127.0.0.1:{port}/devstoreaccount1"


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
