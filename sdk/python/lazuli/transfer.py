"""Many files to and from a datastore: in parallel, streamed, going on where a broken connection stopped.

Nothing is begun before every name was found to stay in its folder.
"""

import http.client
import io
import os
import time
from pathlib import Path

from lazuli import client as daemon_client
from lazuli.errors import ConflictError, InvalidError, NoAnswerError, NotFoundError, UnavailableError
from lazuli.progress import Progress

_CHUNK = 1 << 20
_THREADS = 8
#: A store that died is waited for as long, counted from the last byte.
_PATIENCE_SECONDS = 60
_BROKEN = (NoAnswerError, UnavailableError, OSError, http.client.HTTPException)


def upload(client, workspace, datastore, files, overwrite, show_progress):
    """Sends (local file, path in the datastore) pairs; gives the paths of those that were sent.

    What is there already is left alone unless ``overwrite``.
    """
    sizes = {}
    for local, _ in files:
        try:
            sizes[local] = os.stat(local).st_size
        except OSError as error:
            raise NotFoundError(f"`{local}` cannot be read: {error.strerror}", "nothing was uploaded; name files that are there") from error
    progress = Progress("uploaded", len(files), sum(sizes.values()), show_progress)

    def send(local, path):
        try:
            with _Watched(local, lambda position: progress.at(path, position)) as file:
                _send(client, workspace, datastore, path, file, sizes[local], overwrite)
        except ConflictError:
            if overwrite:
                raise
            progress.skipped(path, sizes[local])
            return None
        progress.done(path, sizes[local])
        return path

    return _all(progress, send, files)


def download(client, workspace, datastore, files, overwrite, show_progress):
    """Fetches (path in the datastore, size, local file) triples; gives the local files that were written."""
    fetches = [(Fetch.stored(client, workspace, datastore, path), size, local) for path, size, local in files]
    return fetch_all(fetches, overwrite, show_progress)


def fetch_all(fetches, overwrite, show_progress):
    """Carries out (fetch, size, local file) triples; files that are there stay unless ``overwrite``."""
    progress = Progress("downloaded", len(fetches), sum(size for _, size, _ in fetches), show_progress)
    places = {}
    for fetch, _, local in fetches:
        other = places.setdefault(os.path.abspath(local), fetch)
        if other is not fetch:
            raise ConflictError(
                f"{other} and {fetch} would both become `{local}`", "download them one after the other into different folders"
            )

    def get(fetch, size, local):
        local = Path(local)
        if local.exists() and not overwrite:
            progress.skipped(fetch, size)
            return None
        written = fetch.to(local, lambda position: progress.at(fetch, position))
        progress.done(fetch, written)
        return str(local)

    return _all(progress, get, fetches)


def _all(progress, move, jobs):
    """Several at once; the first error ends the rest and is raised."""
    # Imported here, because a script that only logs needs none of it.
    from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

    try:
        with ThreadPoolExecutor(max_workers=min(_THREADS, max(1, len(jobs)))) as threads:
            futures = [threads.submit(move, *job) for job in jobs]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                # Also when the user interrupts: what has not begun does not begin.
                for future in futures:
                    future.cancel()
            failed = [future for future in futures if not future.cancelled() and future.exception()]
            for future in failed:
                future.result()
            return [result for result in (future.result() for future in futures) if result is not None]
    finally:
        progress.close()


def _send(client, workspace, datastore, path, file, size, overwrite):
    address = client.stored_file(workspace, datastore, path)
    if size < daemon_client.LARGE:
        return client._upload(f"{address}?overwrite={'true' if overwrite else 'false'}", file)
    digest, size = daemon_client.digest_of(file)
    new_upload = {"path": path, "size": size, "sha256": digest, "overwrite": overwrite}
    return client._upload_in_pieces(client.stored_uploads(workspace, datastore), new_upload, file)


class Fetch:
    """A file to fetch: from a datastore by the daemon, from a web server, or a copy on this machine."""

    def __init__(self, name, open_at):
        self._name = name
        self._open_at = open_at

    @staticmethod
    def stored(client, workspace, datastore, path):
        address = client.stored_file(workspace, datastore, path)

        def open_at(offset):
            headers = {"Range": f"bytes={offset}-"} if offset else {}
            return client._request("GET", address, headers=headers, repeatable=True)

        return Fetch(f"`{path}` of datastore `{datastore}`", open_at)

    @staticmethod
    def url(url):
        import urllib.error
        import urllib.request

        def open_at(offset):
            request = urllib.request.Request(url, headers={"Range": f"bytes={offset}-"} if offset else {})
            try:
                return urllib.request.urlopen(request, timeout=120)
            except urllib.error.HTTPError as error:
                raise NotFoundError(f"`{_without_query(url)}` answers with HTTP status {error.code}", "check the address") from error

        return Fetch(f"`{_without_query(url)}`", open_at)

    @staticmethod
    def local(path):
        def open_at(offset):
            file = open(path, "rb")
            file.seek(offset)
            return file

        return Fetch(f"`{path}`", open_at)

    def to(self, destination, on_position=lambda position: None):
        """Writes the file, which appears whole or not at all; gives its size."""
        destination.parent.mkdir(parents=True, exist_ok=True)
        partial = destination.with_name(f".{destination.name}"[:200] + f".{os.getpid()}.partial")
        try:
            with open(partial, "wb") as file:
                self._fill(file, on_position)
                size = file.tell()
            os.replace(partial, destination)
            return size
        finally:
            if partial.exists():
                partial.unlink()

    def _fill(self, file, on_position):
        seen = None
        has_begun = False
        last_byte_at = time.monotonic()
        pause = 0.1
        while True:
            offset = file.tell()
            try:
                with self._open_at(offset) as reply:
                    has_begun = True
                    mark, total = _about(reply, offset)
                    if offset and (mark != seen or not _is_part(reply)):
                        # It changed meanwhile, or the server always sends all of it.
                        file.seek(0)
                        file.truncate()
                        offset = 0
                        if _is_part(reply):
                            seen = None
                            continue
                    seen = mark
                    while True:
                        chunk = reply.read(_CHUNK)
                        if not chunk:
                            break
                        file.write(chunk)
                        last_byte_at, pause = time.monotonic(), 0.1
                        on_position(file.tell())
                if total is None or file.tell() >= total:
                    return
                problem = UnavailableError(f"{self} broke off after {file.tell()} of {total} bytes", "try again")
            except _BROKEN as error:
                # What never answered is not waited for: its address may be wrong.
                if not has_begun or isinstance(error, OSError) and _is_ours(error):
                    raise
                problem = error
            if time.monotonic() - last_byte_at > _PATIENCE_SECONDS:
                raise problem
            time.sleep(pause)
            pause = min(2 * pause, 2)

    def __str__(self):
        return self._name


class _Watched(io.FileIO):
    """A file that tells how far it has been read."""

    def __init__(self, path, on_position):
        super().__init__(path)
        self._on_position = on_position

    def read(self, size=-1):
        chunk = super().read(size)
        self._on_position(self.tell())
        return chunk


def _about(reply, offset):
    """What tells one content of the file from another, and its size where the server says it."""
    header = getattr(reply, "getheader", None)
    if header is None:
        return None, None
    length = header("Content-Length")
    total = None if length is None or header("Content-Encoding") else offset * _is_part(reply) + int(length)
    return header("ETag") or header("Last-Modified"), total


def _is_part(reply):
    return getattr(reply, "status", 206) == 206


def _is_ours(error):
    """A full disk or a missing right here is nothing to wait for."""
    return error.filename is not None or error.errno in (28, 122)


def _without_query(url):
    # A signature may stand there.
    return url.partition("?")[0]


def local_files(folder):
    """(file, path below the folder with `/`) of every file below it, sorted by path."""
    folder = Path(folder)
    if not folder.is_dir():
        what = "is a file" if folder.is_file() else "does not exist"
        raise InvalidError(f"the folder `{folder}` {what}", "give the folder whose files are to be uploaded")
    found = []
    for parent, _, names in os.walk(folder):
        for name in names:
            file = Path(parent) / name
            if file.is_file():
                found.append((file, file.relative_to(folder).as_posix()))
    return sorted(found, key=lambda pair: pair[1])
