"""The tracking servers that are measured: Lazuli's daemon and MLflow's server, each alone in a folder of its own."""

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

from daemon import Daemon

TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 300


class Server:
    """What both have: a connection that is kept alive, and what the system says of their processes."""

    def connect(self):
        place = urllib.parse.urlsplit(self.url)
        self.connection = http.client.HTTPConnection(place.hostname, place.port, timeout=600, blocksize=1 << 20)

    def ask(self, method, path, body=None, headers=None, connection=None):
        """The answer as bytes; anything but success ends the measurement."""
        connection = connection or self.connection
        if body is not None and not hasattr(body, "read"):
            body, headers = json.dumps(body), {"Content-Type": "application/json", **(headers or {})}
        connection.request(method, path, body, {**self.headers, **(headers or {})})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{self.name}: {method} {path[:80]}: {answer.status} {content[:300]!r}")
        return content

    def post(self, call, body, connection=None):
        return json.loads(self.ask("POST", f"/api/2.0/mlflow/{call}", body, connection=connection))

    def cpu(self):
        """Processor seconds of all its processes so far."""
        return sum(sum(fields) for fields in self._each("stat", lambda text: [int(n) / TICKS for n in text.rsplit(")", 1)[1].split()[11:13]]))

    def resident(self, peak=False):
        """Megabytes of all its processes, now or at their highest."""
        word = "VmHWM:" if peak else "VmRSS:"
        return sum(self._each("status", lambda text: int(text.split(word)[1].split()[0]) / 1e3 if word in text else 0))

    def _each(self, file, read):
        for process in self.processes():
            try:
                yield read((process / file).read_text())
            except (OSError, ProcessLookupError):
                continue  # It ended while it was looked at.


class Lazuli(Server):
    name = "lazuli"

    def processes(self):
        return [Path(f"/proc/{self.pid}")]

    def __init__(self, binaries, folder):
        begin = time.perf_counter()
        self.daemon = Daemon(binaries, folder=folder)
        self.start_seconds = time.perf_counter() - begin
        self.pid, self.url = self.daemon.process.pid, self.daemon.url
        self.headers = self.daemon.authorization()
        self.tracking_uri = self.daemon.tracking_uri()
        self.connect()

    def stop(self):
        self.daemon.stop()


class Mlflow(Server):
    """One worker on SQLite, without its job runner: the least disturbed way to run it."""

    name = "mlflow"

    def __init__(self, python, folder):
        self.folder = folder / "mlflow"
        self.folder.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = self.tracking_uri = f"http://127.0.0.1:{port}"
        self.headers = {}
        self.database = self.folder / "mlflow.db"
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "LAZULI_"))}
        environment.update(MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false")
        begin = time.perf_counter()
        self.log = open(self.folder / "server.log", "wb")
        self.process = subprocess.Popen(
            [
                python, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{self.database}",
                "--artifacts-destination", str(self.folder / "artifacts"), "--workers", "1",
                "--host", "127.0.0.1", "--port", str(port),
            ],
            cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            start_new_session=True,
        )  # fmt: skip
        self.pid = self.process.pid
        self.connect()
        while True:
            try:
                self.ask("GET", "/health")
                break
            except OSError:
                self.connect()
            if self.process.poll() is not None or time.perf_counter() - begin > START_SECONDS:
                raise RuntimeError(f"mlflow did not start: {(self.folder / 'server.log').read_text()[-2000:]}")
            time.sleep(0.02)
        self.start_seconds = time.perf_counter() - begin

    def processes(self):
        """It leads a group of its own, with its workers."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if os.getpgid(int(process.name)) == self.pid:
                    yield process
            except ProcessLookupError:
                continue

    def stop(self):
        os.killpg(self.pid, signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()
        self.log.close()

    def insert(self, table, rows):
        """Rows straight into its database: by its API they would take hours."""
        with sqlite3.connect(self.database, timeout=60) as database:
            columns = list(rows[0])
            database.executemany(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
                [tuple(row.values()) for row in rows],
            )


def say(text):
    print(text, file=sys.stderr, flush=True)
