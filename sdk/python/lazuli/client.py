"""The daemon's HTTP API as calls. One connection per request: nothing to keep alive or to fork."""

import hashlib
import http.client
import json
import os
import time
from pathlib import Path
from urllib.parse import quote, urlencode

from lazuli import daemon
from lazuli.config import Config
from lazuli.errors import LazuliError, UnavailableError, error_of_reply
from lazuli.names import artifact_path
from lazuli.version import __version__

_CHUNK = 1 << 20
# From this size on a file is sent so that it can go on where it stopped.
_LARGE = 16 << 20
# Long enough for a disk that is busy; a daemon that is gone refuses the connection at once.
_TIMEOUT_SECONDS = 120


class Client:
    """Speaks with the daemon of one home, and starts it when it is needed and not there."""

    def __init__(self, config=None):
        self.config = config or Config()

    # Workspaces and experiments

    def workspaces(self):
        return self.get("/api/workspaces")

    def workspace(self, name):
        return self.get(f"/api/workspaces/{_part(name)}")

    def create_workspace(self, name, tags):
        return self.post("/api/workspaces", {"name": name, "tags": tags}, repeatable=True)

    def experiments(self, workspace):
        return self.get(f"/api/workspaces/{_part(workspace)}/experiments")

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
        return self._json("PATCH", f"/api/runs/{_part(run_id)}", patch, repeatable=True)

    def flush_run(self, run_id):
        return self.post(f"/api/runs/{_part(run_id)}/flush", repeatable=True)

    def complete_run(self, run_id):
        return self.post(f"/api/runs/{_part(run_id)}/complete", repeatable=True)

    def fail_run(self, run_id, error):
        return self.post(f"/api/runs/{_part(run_id)}/fail", error, repeatable=True)

    def cancel_run(self, run_id):
        return self.post(f"/api/runs/{_part(run_id)}/cancel", repeatable=True)

    def children(self, run_id):
        return self.get(f"/api/runs/{_part(run_id)}/children")

    def metrics(self, run_id):
        return self.get(f"/api/runs/{_part(run_id)}/metrics")

    def metric(self, run_id, name):
        return self.get(f"/api/runs/{_part(run_id)}/metrics/{_part(name)}")

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
        found = _digest(file)
        if found is None:
            return self._upload(path, file)
        digest, size = found
        if size >= _LARGE:
            return self._upload_in_pieces(run_id, artifact_path(name), file, digest, size)
        return self._upload(f"{path}?sha256={digest}", file)

    def get_artifact(self, run_id, name, destination):
        """Streams an artifact into a file, which appears whole or not at all."""
        self._download(f"/api/runs/{_part(run_id)}/artifacts/{_path(artifact_path(name))}", destination)

    def put_blob(self, sha256, file):
        self._upload(f"/api/blobs/{sha256}", file)

    def logs(self, run_id):
        return self.get(f"/api/runs/{_part(run_id)}/logs")

    def log(self, run_id, name, offset=0):
        """What the log holds from ``offset`` on, as bytes."""
        path = f"/api/runs/{_part(run_id)}/logs/{_path(name)}?offset={offset}"
        with self._request("GET", path, repeatable=True) as reply:
            return reply.read()

    # Models and secrets

    def models(self, workspace, name=None):
        query = "?" + urlencode({"name": name}) if name else ""
        return self.get(f"/api/workspaces/{_part(workspace)}/models{query}")

    def model(self, workspace, name, version=None):
        query = f"?version={int(version)}" if version is not None else ""
        return self.get(f"/api/workspaces/{_part(workspace)}/models/{_part(name)}{query}")

    def create_model(self, workspace, new_model):
        return self.post(f"/api/workspaces/{_part(workspace)}/models", new_model)

    def get_model_file(self, workspace, name, version, path, destination):
        self._download(
            f"/api/workspaces/{_part(workspace)}/models/{_part(name)}/{int(version)}/files/{_path(artifact_path(path))}", destination
        )

    def secret(self, workspace, name):
        return self.get(f"/api/workspaces/{_part(workspace)}/secrets/{_part(name)}")["value"]

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

    def post(self, path, body=None, repeatable=False):
        return self._json("POST", path, body, repeatable)

    def _json(self, method, path, body=None, repeatable=False):
        payload = None if body is None else json.dumps(body).encode("utf-8")
        headers = {} if body is None else {"Content-Type": "application/json"}
        with self._request(method, path, payload, headers, repeatable) as reply:
            return json.loads(reply.read())

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

    def _upload_in_pieces(self, run_id, name, file, digest, size):
        """Sends a large file; when the connection breaks, goes on where it stopped."""
        start = file.tell()
        upload = self.post(
            f"/api/runs/{_part(run_id)}/uploads", {"path": name, "size": size, "sha256": digest}, repeatable=True
        )
        path = f"/api/uploads/{_part(upload['upload_id'])}"
        failures = 0
        while not upload.get("artifact"):
            offset = upload["offset"]
            try:
                if offset == size:
                    upload = self.post(f"{path}/complete", repeatable=True)
                    continue
                file.seek(start + offset)
                headers = {"Content-Length": str(size - offset)}
                with self._request("PUT", f"{path}?offset={offset}", _exactly(file, size - offset), headers) as reply:
                    upload = json.loads(reply.read())
            except (_NoAnswer, OSError, http.client.HTTPException):
                upload = self.get(path)
                failures = 0 if upload["offset"] > offset else failures + 1
                if failures > 8:
                    raise
                time.sleep(min(0.05 * 2**failures, 2))
        return upload["artifact"]

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

    def _request(self, method, path, body=None, headers=None, repeatable=False, timeout=_TIMEOUT_SECONDS):
        """Sends, and again for some seconds when the daemon goes away in between."""
        deadline = time.monotonic() + 15
        pause = 0.05
        while True:
            host, port, token = daemon.address(self.config)
            connection = http.client.HTTPConnection(host, port, timeout=timeout)
            try:
                connection.connect()
            except OSError as error:
                problem, sent = error, False
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
            if (sent and not repeatable) or time.monotonic() > deadline:
                raise _NoAnswer(
                    f"the daemon did not answer: {str(problem) or type(problem).__name__}",
                    "try again; `lazuli status` says how the daemon is",
                ) from problem
            time.sleep(pause)
            pause = min(2 * pause, 2)


class _NoAnswer(UnavailableError):
    """The connection broke; a refusal is another error."""


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


def _digest(file):
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


def _part(text):
    return quote(str(text), safe="")


def _path(text):
    return quote(str(text), safe="/")
