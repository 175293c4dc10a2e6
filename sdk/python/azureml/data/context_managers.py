import os
import shutil
import tempfile
from pathlib import Path

from azureml.data.dataset_error_handling import DatasetExecutionError, raising
from lazuli import transfer
from lazuli.errors import ConflictError
from lazuli.names import stored_below


class MountContext:
    """A folder that shows the files of a dataset, until it is stopped.

    Files of this machine (a datastore that is a folder, a local path) are links to them; others are
    copied when the mount starts, for reading only.
    """

    def __init__(self, dataset, mount_point=None):
        self._dataset = dataset
        self._is_own = mount_point is None
        self._mount_point = Path(mount_point or tempfile.mkdtemp(prefix="lazuli-mount-"))
        self._is_started = False

    @property
    def mount_point(self):
        return str(self._mount_point)

    def start(self):
        if self._is_started:
            return
        if self._mount_point.is_dir() and any(self._mount_point.iterdir()):
            raise ConflictError(f"`{self._mount_point}` is not empty", "mount into a folder that is empty or not there")
        self._mount_point.mkdir(parents=True, exist_ok=True)
        self._is_started = True
        copies = []
        with raising(DatasetExecutionError):
            for file in self._dataset._files():
                shown = stored_below(self._mount_point, file["relative_path"])
                real = self._dataset._local_place(file)
                if real is None:
                    copies.append((self._dataset._fetch(file), file["size"], shown))
                else:
                    shown.parent.mkdir(parents=True, exist_ok=True)
                    os.symlink(real, shown)
            for copy in transfer.fetch_all(copies, overwrite=False, show_progress=False):
                os.chmod(copy, 0o444)

    def stop(self):
        """Removes what was shown; the files themselves stay."""
        if not self._is_started:
            return
        self._is_started = False
        # Links are removed, not followed.
        shutil.rmtree(self._mount_point)
        if not self._is_own:
            self._mount_point.mkdir()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
