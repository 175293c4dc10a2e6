"""The daemon's HTTP API for data: datastores, datasets and questions about tables."""

import http.client
import json
from contextlib import contextmanager
from urllib.parse import urlencode

from lazuli.addresses import part, path
from lazuli.errors import LazuliError, UnavailableError, error_of_reply

#: Entries of a list that are asked for at once.
_PAGE = 5000


class DataCalls:
    """A part of `lazuli.client.Client`."""

    # Datastores

    def datastores(self, workspace):
        return _items(self.get(_datastores(workspace)))

    def datastore(self, workspace, name):
        return self.get(f"{_datastores(workspace)}/{part(name)}")

    def register_datastore(self, workspace, new_datastore):
        return self.post(_datastores(workspace), new_datastore)

    def make_default_datastore(self, workspace, name):
        return self.patch(f"{_datastores(workspace)}/{part(name)}", {"make_default": True})

    def unregister_datastore(self, workspace, name):
        self.delete(f"{_datastores(workspace)}/{part(name)}")

    def stored_files(self, workspace, datastore, prefix="", glob=None):
        """Every file below the prefix or that the glob finds, sorted, page after page."""
        query = {"prefix": prefix} if prefix else {}
        if glob:
            query["glob"] = glob
        return self._pages(f"{_datastores(workspace)}/{part(datastore)}/files", query)

    def stored_file(self, workspace, datastore, name):
        """The address of a file, to GET or PUT."""
        return f"{_datastores(workspace)}/{part(datastore)}/files/{path(name)}"

    def stored_uploads(self, workspace, datastore):
        """The address at which a large file's upload begins."""
        return f"{_datastores(workspace)}/{part(datastore)}/uploads"

    def delete_stored_file(self, workspace, datastore, name):
        self.delete(self.stored_file(workspace, datastore, name))

    # Datasets

    def datasets(self, workspace, name=None):
        """The newest version of each dataset, page after page."""
        return self._pages(_datasets(workspace), {"name": name} if name else {})

    def dataset(self, workspace, name, version=None):
        version = "" if version is None else f"/{int(version)}"
        return self.get(f"{_datasets(workspace)}/{part(name)}{version}")

    def dataset_by_id(self, workspace, dataset_id):
        return self.get(f"/api/workspaces/{part(workspace)}/dataset-ids/{part(dataset_id)}")

    def dataset_versions(self, workspace, name):
        return self._pages(f"{_datasets(workspace)}/{part(name)}/versions", {})

    def register_dataset(self, workspace, new_dataset):
        # The same again makes no new version, so a lost answer may be asked for again.
        return self.post(_datasets(workspace), new_dataset, repeatable=new_dataset.get("create_new_version", False))

    def patch_dataset(self, workspace, name, version, patch):
        return self.patch(f"{_datasets(workspace)}/{part(name)}/{int(version)}", patch)

    def dataset_display(self, workspace, name, version):
        """How it is shown: MIME type to content."""
        return self.get(f"{_datasets(workspace)}/{part(name)}/{int(version)}/display")["data"]

    def unregister_dataset(self, workspace, name):
        self.delete(f"{_datasets(workspace)}/{part(name)}")

    def dataset_files(self, workspace, name, version):
        return self._pages(f"{_datasets(workspace)}/{part(name)}/{int(version)}/files", {})

    def resolve_files(self, workspace, definition):
        """The files that a definition finds now; none is an error."""
        reply = self.post(f"/api/workspaces/{part(workspace)}/dataset-files", {"definition": definition}, repeatable=True)
        return _items(reply)

    def run_datasets(self, run_id):
        """Which versions a run read and made."""
        return _items(self.get(f"/api/runs/{part(run_id)}/datasets"))

    def add_run_dataset(self, run_id, dataset_id, input_name="", direction="input"):
        body = {"dataset_id": dataset_id, "input_name": input_name, "direction": direction}
        return self.post(f"/api/runs/{part(run_id)}/datasets", body, repeatable=True)

    # Tables

    def query(self, workspace, table, ask):
        """The JSON that answers a question about a table."""
        with self._query(workspace, table, ask) as reply:
            return json.loads(reply.read())

    @contextmanager
    def rows(self, workspace, table):
        """The rows as they come, an Arrow IPC stream to read from."""
        with self._query(workspace, table, {"type": "rows"}) as reply:
            yield reply

    @contextmanager
    def _query(self, workspace, table, ask):
        with self.stream(f"/api/workspaces/{part(workspace)}/queries", {"table": table, "ask": ask}) as reply:
            query_id = reply.getheader("lazuli-query")
            try:
                yield reply
            except LazuliError:
                raise
            except Exception as error:
                # A table that turns out wrong in the middle is cut short; the reason is kept apart.
                reason = self._reason(query_id) if _is_cut(error) else None
                if reason is None:
                    raise
                raise reason from error

    def _reason(self, query_id):
        broken = UnavailableError("the connection broke while the rows came", "try again")
        if not query_id:
            return broken
        found = self.get(f"/api/queries/{part(query_id)}")
        found = found.get("error", found) if isinstance(found, dict) else found
        return error_of_reply(500, found) if found else broken

    def _pages(self, address, query):
        query = dict(query, limit=_PAGE)
        while True:
            page = self.get(f"{address}?{urlencode(query)}")
            yield from _items(page)
            if not isinstance(page, dict) or not page.get("next_cursor"):
                return
            query["cursor"] = page["next_cursor"]


def _datastores(workspace):
    return f"/api/workspaces/{part(workspace)}/datastores"


def _datasets(workspace):
    return f"/api/workspaces/{part(workspace)}/datasets"


def _items(page):
    return page["items"] if isinstance(page, dict) else page


def _is_cut(error):
    """Whether it is what a reader of a stream says when the stream ends too early."""
    return isinstance(error, (OSError, EOFError, http.client.HTTPException)) or type(error).__module__.startswith("pyarrow")
