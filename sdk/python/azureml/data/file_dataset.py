import os
import tempfile
import uuid
from pathlib import Path

from azureml.data.abstract_dataset import AbstractDataset, check_count, check_seed, check_share
from azureml.data.dataset_error_handling import DatasetExecutionError, DataConflictError, raising
from lazuli import transfer
from lazuli.errors import NotFoundError
from lazuli.names import stored_below
from lazuli.transfer import Fetch


class FileDataset(AbstractDataset):
    """Files, wherever they are."""

    def to_path(self):
        """Their paths, each with a slash in front, below what was named or before the first wildcard."""
        return ["/" + file["relative_path"] for file in self._files()]

    def download(self, target_path=None, overwrite=False, ignore_not_found=False):
        """Writes the files below a local folder, else a temporary one; gives their paths."""
        with raising(DatasetExecutionError):
            files = self._files()
            folder = Path(target_path) if target_path else Path(tempfile.mkdtemp(prefix="lazuli-data-"))
            places = [stored_below(folder, file["relative_path"]) for file in files]
            there = [place for place in places if place.exists()]
            if there and not overwrite:
                raise DataConflictError(f"`{there[0]}` exists already", "choose another target_path or give overwrite=True")
            fetches = [(self._fetch(file), file["size"], place) for file, place in zip(files, places)]
            if not ignore_not_found:
                return transfer.fetch_all(fetches, overwrite, show_progress=False)
            written = []
            for fetch in fetches:
                try:
                    written += transfer.fetch_all([fetch], overwrite, show_progress=False)
                except (NotFoundError, FileNotFoundError):
                    continue
            return written

    def mount(self, mount_point=None, **kwargs):
        """A context manager: `with ds.mount() as mounted: os.listdir(mounted.mount_point)`."""
        from azureml.data.context_managers import MountContext

        return MountContext(self, mount_point)

    def as_mount(self, path_on_compute=None):
        """For a script, which gets a path that shows the files."""
        return self.as_named_input(f"input_{uuid.uuid4().hex[:8]}").as_mount(path_on_compute)

    def as_download(self, path_on_compute=None):
        """For a script, which gets the folder with copies of the files."""
        return self.as_named_input(f"input_{uuid.uuid4().hex[:8]}").as_download(path_on_compute)

    def skip(self, count):
        return self._derived({"step": "skip", "count": check_count(count)})

    def take(self, count):
        return self._derived({"step": "take", "count": check_count(count)})

    def take_sample(self, probability, seed=None):
        """About that share of the files, by chance; the same ones for the same seed."""
        return self._derived({"step": "sample", "probability": check_share("probability", probability), "seed": check_seed(seed)})

    def random_split(self, percentage, seed=None):
        """Two datasets that share the files, the first with about that share of them."""
        split = {"step": "split", "percentage": check_share("percentage", percentage), "seed": check_seed(seed)}
        return self._derived({**split, "part": "first"}), self._derived({**split, "part": "second"})

    def filter(self, expression):
        raise NotImplementedError("file datasets are not filtered by conditions; name the files by wildcards, or use `take` and `skip`")

    def file_metadata(self, col):
        raise NotImplementedError("conditions over sizes and times of files are not there; name the files by wildcards")

    def as_hdfs(self):
        raise NotImplementedError("there is no HDFS here; use `as_mount` or `as_download`")

    def as_cache(self, datacache_store):
        raise NotImplementedError("there are no data caches; `as_mount` keeps copies that runs share")

    def hydrate(self, datacache_store, replica_count=None):
        raise NotImplementedError("there are no data caches; `as_mount` keeps copies that runs share")

    def _fetch(self, file):
        at = file["at"]
        if "url" in at:
            return Fetch.url(at["url"])
        if "local" in at:
            return Fetch.local(at["local"])
        return Fetch.stored(self._client, self._workspace.name, at["datastore"], at["path"])

    def _local_place(self, file):
        """Where the file itself lies, when that is on this machine."""
        at = file["at"]
        if "local" in at:
            return at["local"]
        if "datastore" not in at:
            return None
        place = self._place_of(at["datastore"])
        return os.path.join(place["path"], at["path"]) if place["type"] == "folder" else None

    def _place_of(self, datastore):
        places = self.__dict__.setdefault("_places", {})
        if datastore not in places:
            places[datastore] = self._client.datastore(self._workspace.name, datastore)["place"]
        return places[datastore]

    def _paths(self):
        return self._definition["paths"]

    def _partition_format(self):
        return self._definition.get("partition_format")


AbstractDataset._KINDS["file"] = FileDataset
