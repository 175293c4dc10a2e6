"""A daemon of its own in a home of its own: for MLflow's tests, for ours and for the bench. Standard library only."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

# A debug build on a machine that is busy otherwise.
START_SECONDS = 30
STOP_SECONDS = 30
# The daemon looks at the password only; the name is for people who read the address.
USER = "lazuli"


def environment_of(home, **more):
    """The environment of a machine where only this home is known, and no tracking server at all."""
    foreign = ("LAZULI_", "AZUREML_", "MLFLOW_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    environment.update(LAZULI_HOME=str(home), MLFLOW_DISABLE_TELEMETRY="true", **more)
    return environment


class Daemon:
    """`lazuli serve` in the foreground of a temporary home; `stop` ends it and removes the home."""

    def __init__(self, binaries, port=0, folder=None, work=None):
        self.program = Path(binaries) / "lazuli"
        self.folder = Path(tempfile.mkdtemp(prefix="lazuli-mlflow-", dir=folder))
        self.home = self.folder / "home"
        self.work = Path(work) if work else self.folder / "work"
        self.work.mkdir(exist_ok=True)
        self.environment = environment_of(self.home)
        self.log = open(self.folder / "serve.log", "wb")
        self.process = self._serve(port)
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _serve(self, port):
        return subprocess.Popen(
            [str(self.program), "serve", "--port", str(port)],
            env=self.environment,
            cwd=self.work,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )

    def _wait(self):
        """daemon.json is written before the first request is answered, so both are asked for."""
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                info = json.loads((self.home / "daemon.json").read_text())
                if info["process"]["pid"] == self.process.pid:
                    self.url = info["url"].rstrip("/")
                    self.token = (self.home / "token").read_text().strip()
                    with urllib.request.urlopen(self.url + "/health", timeout=5):
                        return
            except (OSError, ValueError, urllib.error.URLError):
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                said = (self.folder / "serve.log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"the daemon did not start (exit code {self.process.poll()}): {said}")
            time.sleep(0.01)

    def tracking_uri(self):
        """What `lazuli mlflow-uri` prints, which is all that a user sets."""
        done = self.lazuli("mlflow-uri")
        if done.returncode != 0:
            raise RuntimeError(f"lazuli mlflow-uri failed: {done.stderr.strip()}")
        return done.stdout.strip()

    def authorization(self):
        """Headers for a client that is not MLflow's."""
        secret = base64.b64encode(f"{USER}:{self.token}".encode()).decode()
        return {"Authorization": f"Basic {secret}"}

    def lazuli(self, *arguments, **options):
        return subprocess.run(
            [str(self.program), *arguments],
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

    def restart(self):
        """The same home and port again; the old process is ended first."""
        port = self.url.rsplit(":", 1)[1]
        self._end()
        self.process = self._serve(port)
        self._wait()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def _end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                raise RuntimeError(f"the daemon did not end within {STOP_SECONDS} s of SIGTERM") from None

    def stop(self):
        try:
            self._end()
        finally:
            self.log.close()
            shutil.rmtree(self.folder, ignore_errors=True)
