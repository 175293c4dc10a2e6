"""The daemon's HTTP API as calls. One connection per request: nothing to keep alive or to fork."""

import hashlib
import http.client
import json
import os
import time
from pathlib import Path
from urllib.parse import urlencode

from lazuli import daemon
from lazuli.addresses import part as _part
from lazuli.addresses import path as _path
from lazuli.config import Config
from lazuli.data_calls import DataCalls
from lazuli.environment_calls import EnvironmentCalls
from lazuli.errors import LazuliError, NoAnswerError, error_of_reply
from lazuli.names import artifact_path
from lazuli.version import __version__

_CHUNK = 1 << 20
# From this size on a file is sent so that it can go on where it stopped.
LARGE = 16 << 20
# Long enough for a disk that is busy; a daemon that is gone refuses the connection at once.
_TIMEOUT_SECONDS = 120
# A large file on its way into an object store, a table that is aggregated before its first row.
_LONG_SECONDS = 3600
# After so long the port may belong to another program.
_TRUST_SECONDS = 0.5


class Client(DataCalls, EnvironmentCalls):
    """Speaks with the daemon of one home, and starts it when it is needed and not there."""

    def __init__(self, config=None):
        self.config = config or Config()
        #: The daemon's address and until when it is taken for good.
        self._known = (None, 0.0)

    # Workspaces and experiments

    def workspaces(self):
        return self.get("/api/workspaces")

    def workspace(self, name):
        return self.get(f"/api/workspaces/{_part(name)}")

    def create_workspace(self, name, tags, settings=None):
        return self.post("/api/workspaces", {"name": name, "tags": tags, "settings": settings or {}}, repeatable=True)

    def patch_workspace(self, name, patch):
        return self.patch(f"/api/workspaces/{_part(name)}", patch)

    def experiments(self, workspace, view="active"):
        return self.get(f"/api/workspaces/{_part(workspace)}/experiments?view={view}")

    def experiment(self, workspace, name):
        return self.get(f"/api/workspaces/{_part(workspace)}/experiments/{_part(name)}")

    def patch_experiment(self, workspace, name, patch):
        return self.patch(f"/api/workspaces/{_part(workspace)}/experiments/{_part(name)}", patch)

    def delete_experiment(self, workspace, name):
        self.delete(f"/api/workspaces/{_part(workspace)}/experiments/{_part(name)}")

    def restore_experiment(self, workspace, name):
        return self.post(f"/api/workspaces/{_part(workspace)}/experiments/{_part(name)}/restore", repeatable=True)

    def create_experiment(self, workspace, name, tags=None):
        return self.post(f"/api/workspaces/{_part(workspace)}/experiments", {"name": name, "tags": tags or {}}, repeatable=True)

    # Runs

    def runs(self, workspace, **filters):
        """Every run that fits, newest first, page after page."""
        filters = {key: value for key, value in filters.items() if value is not None}
        while True:
            page = self.get(f"/api/workspaces/{_part(workspace)}/runs?{urlencode(filters)}")
            yield from page["items"]
            if not page.get("next_cursor"):
                return
            filters["cursor"] = page["next_cursor"]

    def create_run(self, workspace, new_run):
        return self.post(f"/api/workspaces/{_part(workspace)}/runs", new_run)

    def run(self, run_id):
        return self.get(f"/api/runs/{_part(run_id)}")

    def patch_run(self, run_id, patch):
        return self.patch(f"/api/runs/{_part(run_id)}", patch)

    def flush_run(self, run_id):
        return self.post(f"/api/runs/{_part(run_id)}/flush", repeatable=True)

    def complete_run(self, run_id):
        return self.post(f"/api/runs/{_part(run_id)}/complete", repeatable=True)

    def fail_run(self, run_id, error):
        return self.post(f"/api/runs/{_part(run_id)}/fail", error, repeatable=True)

    def cancel_run(self, run_id):
        return self.post(f"/api/runs/{_part(run_id)}/cancel", repeatable=True)

    def display(self, run_id):
        """The run as a notebook shows it, and whether that is the last picture of it."""
        return self.get(f"/api/runs/{_part(run_id)}/display")

    def children(self, run_id):
        return self.get(f"/api/runs/{_part(run_id)}/children")

    def metrics(self, run_id):
        return self.get(f"/api/runs/{_part(run_id)}/metrics")

    def metric(self, run_id, name):
        return self.get(f"/api/runs/{_part(run_id)}/metrics/{_part(name)}")

    def display(self, run_id):
        """The run as a notebook shows it, and whether that is the last picture of it."""
        return self.get(f"/api/runs/{_part(run_id)}/display")

    def submit_job(self, workspace, new_job):
        return self.post(f"/api/workspaces/{_part(workspace)}/jobs", new_job)

    def job(self, run_id):
        return self.get(f"/api/runs/{_part(run_id)}/job")

    # Files

    def artifacts(self, run_id, prefix=None):
        """Every artifact whose path begins with the prefix, page after page."""
        query = {"prefix": prefix} if prefix else {}
        found = []
        while True:
            page = self.get(f"/api/runs/{_part(run_id)}/artifacts?{urlencode(query)}")
            found += page["items"]
            if not page.get("next_cursor"):
                return found
            query["cursor"] = page["next_cursor"]

    def put_artifact(self, run_id, name, file):
        """Streams a binary file object up; what arrives is checked against what was read here."""
        path = f"/api/runs/{_part(run_id)}/artifacts/{_path(artifact_path(name))}"
        found = digest_of(file)
        if found is None:
            return self._upload(path, file)
        digest, size = found
        if size >= LARGE:
            begin = f"/api/runs/{_part(run_id)}/uploads"
            return self._upload_in_pieces(begin, {"path": artifact_path(name), "size": size, "sha256": digest}, file)
        return self._upload(f"{path}?sha256={digest}", file)

    def get_artifact(self, run_id, name, destination):
        """Streams an artifact into a file, which appears whole or not at all."""
        self._download(f"/api/runs/{_part(run_id)}/artifacts/{_path(artifact_path(name))}", destination)

    def put_blob(self, sha256, file):
        self._upload(f"/api/blobs/{sha256}", file)

    def snapshot(self, snapshot_id):
        return self.get(f"/api/snapshots/{_part(snapshot_id)}")

    def blob(self, sha256):
        with self._request("GET", f"/api/blobs/{_part(sha256)}", repeatable=True) as reply:
            return reply.read()

    def logs(self, run_id):
        return self.get(f"/api/runs/{_part(run_id)}/logs")

    def log(self, run_id, name, offset=0):
        """What the log holds from ``offset`` on, as bytes."""
        path = f"/api/runs/{_part(run_id)}/logs/{_path(name)}?offset={offset}"
        with self._request("GET", path, repeatable=True) as reply:
            return reply.read()

    # Models

    def models(self, workspace, name=None):
        query = "?" + urlencode({"name": name}) if name else ""
        return self.get(f"/api/workspaces/{_part(workspace)}/models{query}")

    def model(self, workspace, name, version=None):
        query = f"?version={int(version)}" if version is not None else ""
        return self.get(f"/api/workspaces/{_part(workspace)}/models/{_part(name)}{query}")

    def create_model(self, workspace, new_model):
        return self.post(f"/api/workspaces/{_part(workspace)}/models", new_model)

    def patch_model(self, workspace, name, version, patch):
        return self.patch(f"/api/workspaces/{_part(workspace)}/models/{_part(name)}/{int(version)}", patch)

    def delete_model(self, workspace, name, version):
        self.delete(f"/api/workspaces/{_part(workspace)}/models/{_part(name)}/{int(version)}")

    def get_model_file(self, workspace, name, version, path, destination):
        self._download(
            f"/api/workspaces/{_part(workspace)}/models/{_part(name)}/{int(version)}/files/{_path(artifact_path(path))}", destination
        )

    # Events

    def events(self, run_id):
        """The events of a run from now on, endlessly; None each time the daemon says it is still there.

        The first item comes when the daemon listens: what happens after it is never missed. Ends when
        the connection does.
        """
        with self._request("GET", f"/api/events?run={_part(run_id)}", repeatable=True, timeout=45) as reply:
            yield None
            try:
                for line in reply:
                    if line.startswith(b"data:"):
                        yield json.loads(line[5:])
                    elif line.startswith(b":"):
                        yield None
            except (OSError, http.client.HTTPException):
                return

    # The wire

    def get(self, path):
        return self._json("GET", path, repeatable=True)

    def post(self, path, body=None, repeatable=False, timeout=_TIMEOUT_SECONDS):
        return self._json("POST", path, body, repeatable, timeout)

    def patch(self, path, body):
        return self._json("PATCH", path, body, repeatable=True)

    def delete(self, path):
        with self._request("DELETE", path, repeatable=True) as reply:
            reply.read()

    def stream(self, path, body):
        """The answer to a POST as it comes; a context manager."""
        payload = json.dumps(body).encode("utf-8")
        headers = {"Content-Type": "application/json"}
        return self._request("POST", path, payload, headers, repeatable=True, timeout=_LONG_SECONDS)

    def _json(self, method, path, body=None, repeatable=False, timeout=_TIMEOUT_SECONDS):
        payload = None if body is None else json.dumps(body).encode("utf-8")
        headers = {} if body is None else {"Content-Type": "application/json"}
        return self._json_of(method, path, payload, headers, repeatable, timeout)

    def _json_of(self, method, path, payload, headers, repeatable=False, timeout=_TIMEOUT_SECONDS):
        with self._request(method, path, payload, headers, repeatable, timeout) as reply:
            # An answer without content (204) is None.
            return json.loads(reply.read() or b"null")

    def _upload(self, path, file):
        try:
            start = file.tell()
            size = os.fstat(file.fileno()).st_size - start
        except (AttributeError, OSError, ValueError):
            # A stream without a known size and without a way back: in chunks, and once.
            chunks = iter(lambda: file.read(_CHUNK), b"")
            with self._request("PUT", path, chunks, {"Transfer-Encoding": "chunked"}) as reply:
                return json.loads(reply.read() or b"null")

        def body():
            file.seek(start)
            return _exactly(file, size)

        with self._request("PUT", path, body, {"Content-Length": str(size)}, repeatable=True) as reply:
            return json.loads(reply.read() or b"null")

    def _upload_in_pieces(self, begin, new_upload, file):
        """Sends a large file; when the connection breaks, goes on where it stopped."""
        start, size = file.tell(), new_upload["size"]
        upload = self.post(begin, new_upload, repeatable=True)
        path = f"/api/uploads/{_part(upload['upload_id'])}"
        failures = 0
        while not (upload.get("artifact") or upload.get("file")):
            offset = upload["offset"]
            try:
                if offset == size:
                    upload = self.post(f"{path}/complete", repeatable=True, timeout=_LONG_SECONDS)
                    continue
                file.seek(start + offset)
                headers = {"Content-Length": str(size - offset)}
                with self._request("PUT", f"{path}?offset={offset}", _exactly(file, size - offset), headers) as reply:
                    upload = json.loads(reply.read())
            except (NoAnswerError, OSError, http.client.HTTPException):
                upload = self.get(path)
                failures = 0 if upload["offset"] > offset else failures + 1
                if failures > 8:
                    raise
                time.sleep(min(0.05 * 2**failures, 2))
        return upload.get("artifact") or upload["file"]

    def _download(self, path, destination):
        destination = Path(destination)
        destination.parent.mkdir(parents=True, exist_ok=True)
        partial = destination.with_name(f".{destination.name}.{os.getpid()}.partial"[-255:])
        try:
            with self._request("GET", path, repeatable=True) as reply:
                digest = hashlib.sha256()
                with open(partial, "wb") as file:
                    while chunk := reply.read(_CHUNK):
                        digest.update(chunk)
                        file.write(chunk)
                expected = (reply.getheader("ETag") or "").strip('"')
            if expected and expected != digest.hexdigest():
                raise LazuliError(f"`{destination.name}` arrived damaged", "download it again")
            os.replace(partial, destination)
        finally:
            partial.unlink(missing_ok=True)

    def _address(self):
        """Where the daemon is. Thousands of small files are not each preceded by the question whether it lives."""
        address, until = self._known
        if address is None or time.monotonic() > until:
            address = daemon.address(self.config)
            self._known = (address, time.monotonic() + _TRUST_SECONDS)
        return address

    def _request(self, method, path, body=None, headers=None, repeatable=False, timeout=_TIMEOUT_SECONDS):
        """Sends, and again for some seconds when the daemon goes away in between."""
        deadline = time.monotonic() + 15
        pause = 0.05
        while True:
            host, port, token = self._address()
            connection = http.client.HTTPConnection(host, port, timeout=timeout)
            try:
                connection.connect()
            except OSError as error:
                problem, sent = error, False
                self._known = (None, 0.0)
            else:
                try:
                    payload = body() if callable(body) else body
                    connection.request(
                        method,
                        path,
                        payload,
                        {"Authorization": f"Bearer {token}", "x-lazuli-version": __version__, **(headers or {})},
                        encode_chunked=True,
                    )
                    return _Reply(connection, connection.getresponse())
                except (OSError, http.client.HTTPException) as error:
                    refusal = _early_refusal(connection)
                    connection.close()
                    if refusal is not None:
                        raise refusal from error
                    problem, sent = error, True
                    self._known = (None, 0.0)
            if (sent and not repeatable) or time.monotonic() > deadline:
                raise NoAnswerError(
                    f"the daemon did not answer: {str(problem) or type(problem).__name__}",
                    "try again; `lazuli status` says how the daemon is",
                ) from problem
            time.sleep(pause)
            pause = min(2 * pause, 2)


class _Reply:
    """An answer that succeeded; closes its connection when left."""

    def __init__(self, connection, reply):
        self._connection = connection
        self._reply = reply
        if reply.status >= 400:
            try:
                body = json.loads(reply.read())
            except (OSError, ValueError, http.client.HTTPException):
                body = None
            finally:
                connection.close()
            raise error_of_reply(reply.status, body)

    def __enter__(self):
        return self._reply

    def __exit__(self, *_):
        self._connection.close()


def _exactly(file, size):
    """The next ``size`` bytes of a file that may be growing."""
    while size > 0:
        chunk = file.read(min(size, _CHUNK))
        if not chunk:
            return
        size -= len(chunk)
        yield chunk


def digest_of(file):
    """SHA-256 and size of what is left of a file, which is then as it was; None for a stream without a way back."""
    try:
        start = file.tell()
        file.seek(start)
    except (AttributeError, OSError, ValueError):
        return None
    digest, size = hashlib.sha256(), 0
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
    file.seek(start)
    return digest.hexdigest(), size


def _early_refusal(connection):
    """The answer of a daemon that refused an upload before it had read all of it."""
    try:
        connection.sock.settimeout(2)
        reply = http.client.HTTPResponse(connection.sock)
        reply.begin()
        return error_of_reply(reply.status, json.loads(reply.read())) if reply.status >= 400 else None
    except (AttributeError, OSError, ValueError, http.client.HTTPException):
        return None
