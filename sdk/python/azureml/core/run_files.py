import io
import os
import zipfile
from pathlib import Path

from azureml.core.model import Model
from lazuli.errors import InvalidError, NotFoundError
from lazuli.names import artifact_path, below
from lazuli.submission import create_snapshot


class RunFiles:
    """Files, logs and the snapshot of a run, and models made of them; a part of `Run`."""

    def upload_file(self, name, path_or_stream, datastore_name=None):
        """Keeps a file, or what a binary stream gives, with the run."""
        name = artifact_path(name)
        if isinstance(path_or_stream, (str, os.PathLike)):
            path = Path(path_or_stream)
            if path.is_dir():
                raise InvalidError(f"`{path}` is a folder", "use `upload_folder`")
            if not path.is_file():
                raise NotFoundError(f"the file `{path}` does not exist")
            with open(path, "rb") as file:
                self._client.put_artifact(self.id, name, file)
        elif isinstance(path_or_stream, io.TextIOBase) or not hasattr(path_or_stream, "read"):
            raise TypeError(
                f"`upload_file` takes a path or a binary stream, got a {type(path_or_stream).__name__}; open the file with 'rb'"
            )
        else:
            self._client.put_artifact(self.id, name, path_or_stream)

    def upload_files(self, names, paths, return_artifacts=False, timeout_seconds=None, datastore_name=None):
        """Keeps several files with the run; the names belong to the paths in their order.

        With ``return_artifacts``, gives name to what is known of the file.
        """
        names, paths = [*names], [*paths]
        if len(names) != len(paths):
            raise ValueError(f"`upload_files` got {len(names)} names and {len(paths)} paths, give one name for each path")
        for name, path in zip(names, paths):
            self.upload_file(name, path)
        if return_artifacts:
            kept = {artifact["path"]: artifact for artifact in self._client.artifacts(self.id)}
            return {name: kept[artifact_path(name)] for name in names}
        return None

    def upload_folder(self, name, path, datastore_name=None):
        """Keeps everything below a folder with the run, below ``name``."""
        folder = Path(path)
        if not folder.is_dir():
            raise NotFoundError(f"the folder `{path}` does not exist")
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                self.upload_file(f"{name}/{file.relative_to(folder).as_posix()}", file)

    def get_file_names(self):
        """Names of the run's files, its logs among them."""
        names = [artifact["path"] for artifact in self._client.artifacts(self.id)]
        return [*dict.fromkeys([*names, *self._log_names()])]

    def _log_names(self):
        return [log["path"] for log in self._client.logs(self.id)]

    def download_file(self, name, output_file_path=None, _validate_checksum=False):
        """Writes a file of the run to a path, to a folder, or by its own name to this folder."""
        base = artifact_path(name).rpartition("/")[2]
        if output_file_path is None:
            destination = Path(base)
        elif str(output_file_path).endswith(("/", os.sep)) or Path(output_file_path).is_dir():
            destination = Path(output_file_path) / base
        else:
            destination = Path(output_file_path)
        self._download(name, destination, self._log_names())

    def _download(self, name, destination, log_names):
        if name in log_names:
            destination.parent.mkdir(parents=True, exist_ok=True)
            destination.write_bytes(self._client.log(self.id, name))
        else:
            self._client.get_artifact(self.id, name, destination)

    def download_files(self, prefix=None, output_directory=None, output_paths=None, batch_size=100, append_prefix=True, timeout_seconds=None):
        """Writes the run's files, or those whose name begins with ``prefix``, below a folder."""
        names = [name for name in self.get_file_names() if not prefix or name.startswith(prefix)]
        if output_paths is not None:
            paths = [output_paths] if isinstance(output_paths, str) else [*output_paths]
            if len(paths) != len(names):
                raise ValueError(f"`download_files` got {len(paths)} output_paths for {len(names)} files")
            destinations = [Path(output_directory or ".") / path for path in paths]
        else:
            folder = Path(output_directory or ".")
            cut = 0 if append_prefix or not prefix else len(prefix)
            destinations = [below(folder, name[cut:].lstrip("/") or name.rpartition("/")[2]) for name in names]
        log_names = self._log_names()
        for name, destination in zip(names, destinations):
            self._download(name, destination, log_names)

    def get_all_logs(self, destination=None):
        """Writes the run's logs below a folder; gives their paths."""
        folder = Path(destination or ".")
        written = []
        for log in self._client.logs(self.id):
            path = below(folder, log["path"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._client.log(self.id, log["path"]))
            written.append(str(path))
        return written

    def register_model(self, model_name, model_path=None, tags=None, properties=None, model_framework=None, model_framework_version=None, description=None, datasets=None, sample_input_dataset=None, sample_output_dataset=None, resource_configuration=None, **kwargs):
        """Registers a file of the run, or all files below a folder of it, as the model's next version."""
        path = artifact_path(model_path or model_name)
        if self._is_own_job():
            # A script's outputs are collected when it has ended; what it registers is wanted now.
            self._upload_local(path)
        source = {"run": {"run_id": self.id, "path": path}}
        return Model._register(
            self._workspace, model_name, source, tags, properties, description, model_framework, model_framework_version,
            datasets, sample_input_dataset, sample_output_dataset, resource_configuration,
        )

    def _upload_local(self, path):
        local = Path(path)
        kept = {artifact["path"] for artifact in self._client.artifacts(self.id, prefix=path)}
        if local.is_file() and path not in kept:
            self.upload_file(path, local)
        elif local.is_dir():
            for file in sorted(local.rglob("*")):
                name = f"{path}/{file.relative_to(local).as_posix()}"
                if file.is_file() and name not in kept:
                    self.upload_file(name, file)

    # The code it was started with

    def get_snapshot_id(self):
        """The id of the source folder's snapshot."""
        found = self._read()
        snapshot_id = self._client.job(self.id)["spec"]["snapshot_id"] if found["kind"] == "script" else found.get("snapshot_id")
        if not snapshot_id:
            raise NotFoundError(
                f"run `{self.id}` has no snapshot", "submitted scripts have one, and runs of `start_logging(snapshot_directory='.')`"
            )
        return snapshot_id

    def restore_snapshot(self, snapshot_id=None, path=None):
        """Writes the source folder as a ZIP file into a folder; gives the file's path."""
        snapshot_id = snapshot_id or self.get_snapshot_id()
        folder = Path(path or ".")
        folder.mkdir(parents=True, exist_ok=True)
        archive = folder / f"{snapshot_id}.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as content:
            for file in self._client.snapshot(snapshot_id)["files"]:
                information = zipfile.ZipInfo(file["path"])
                information.external_attr = (0o755 if file.get("executable") else 0o644) << 16
                information.compress_type = zipfile.ZIP_DEFLATED
                content.writestr(information, self._client.blob(file["sha256"]))
        return str(archive)

    def take_snapshot(self, file_or_folder_path):
        """Keeps a folder of code; its id is for `restore_snapshot`."""
        if not Path(file_or_folder_path).is_dir():
            raise InvalidError(f"`{file_or_folder_path}` is no folder", "give the folder that holds the code")
        return create_snapshot(self._client.config, Path(file_or_folder_path))
