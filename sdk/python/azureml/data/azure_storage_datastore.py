"""Datastores with files: uploaded, listed, downloaded, and given to scripts as paths."""

import os
from pathlib import Path

from azureml.data.abstract_datastore import AbstractDatastore
from azureml.data.data_reference import DataReference
from azureml.data.dataset_error_handling import DatastoreNotFoundError, user_errors
from lazuli import transfer
from lazuli.errors import InvalidError
from lazuli.later import module_names
from lazuli.names import stored_below, stored_folder, stored_path


class AbstractAzureStorageDatastore(AbstractDatastore):
    """A datastore with files.

    Uploads and downloads move several files at once, go on where a broken connection stopped, and
    leave alone what is there unless ``overwrite``. Progress goes to standard error.
    """

    def __init__(self, workspace, name, datastore_type, container_name, account_name, sas_token=None, account_key=None, protocol=None, endpoint=None, _record=None):
        super().__init__(workspace, name, datastore_type, _record)
        self.container_name = container_name
        self.account_name = account_name
        self.sas_token = sas_token
        self.account_key = account_key
        self.protocol = protocol
        self.endpoint = endpoint

    def upload(self, src_dir, target_path=None, overwrite=False, show_progress=True):
        """Uploads everything below a local folder; gives a reference to where it is now."""
        files = transfer.local_files(src_dir)
        return self._upload(files, target_path, overwrite, show_progress)

    def upload_files(self, files, relative_root=None, target_path=None, overwrite=False, show_progress=True):
        """Uploads local files under the paths they have below ``relative_root``, else below the folder
        they have in common; gives a reference to where they are now."""
        if isinstance(files, (str, os.PathLike)):
            raise InvalidError("`upload_files` takes a list of files", f"write [{str(files)!r}]")
        places = [Path(os.path.abspath(str(file))) for file in files]
        for place in places:
            if place.is_dir():
                raise InvalidError(f"`{place}` is a folder", "use `upload` for folders")
        if not places:
            raise InvalidError("`upload_files` got no file", "name at least one")
        root = Path(os.path.abspath(str(relative_root))) if relative_root else _common_folder(places)
        pairs = []
        for place in places:
            try:
                pairs.append((place, place.relative_to(root).as_posix()))
            except ValueError:
                raise InvalidError(f"`{place}` does not lie below `{root}`", "give a relative_root above all of the files") from None
        return self._upload(pairs, target_path, overwrite, show_progress)

    def download(self, target_path, prefix=None, overwrite=False, show_progress=True):
        """Downloads every file whose path begins with ``prefix`` below a local folder, under its whole
        path; gives how many were downloaded."""
        prefix = (prefix or "").replace("\\", "/").lstrip("/")
        with user_errors(DatastoreNotFoundError):
            found = [*self._client.stored_files(self._workspace.name, self.name, prefix)]
            folder = Path(target_path)
            files = [(file["path"], file["size"], stored_below(folder, file["path"])) for file in found]
            written = transfer.download(self._client, self._workspace.name, self.name, files, overwrite, show_progress)
        folder.mkdir(parents=True, exist_ok=True)
        return len(written)

    def path(self, path=None, data_reference_name=None):
        """A place in it for a script: `datastore.path('data').as_download()`."""
        return DataReference(self, data_reference_name, path)

    def as_download(self, path_on_compute=None):
        return self.path().as_download(path_on_compute)

    def as_upload(self, path_on_compute=None):
        return self.path().as_upload(path_on_compute)

    def as_mount(self):
        return self.path().as_mount()

    @property
    def is_sas(self):
        return self._record.get("credential") == "sas"

    def _upload(self, files, target_path, overwrite, show_progress):
        target = stored_folder(target_path)
        pairs = [(local, stored_path(f"{target}/{path}" if target else path)) for local, path in files]
        with user_errors(DatastoreNotFoundError):
            transfer.upload(self._client, self._workspace.name, self.name, pairs, overwrite, show_progress)
        return self.path(target or None)


class AzureBlobDatastore(AbstractAzureStorageDatastore):
    """A container of Azure Blob Storage."""

    def __init__(self, workspace, name, container_name, account_name, sas_token=None, account_key=None, protocol=None, endpoint=None, request_session=None, workspace_msi_has_access=False, subscription_id=None, resource_group=None, service_data_access_auth_identity=None, _record=None):
        super().__init__(workspace, name, "AzureBlob", container_name, account_name, sas_token, account_key, protocol, endpoint, _record)
        self.subscription_id = subscription_id
        self.resource_group = resource_group


class AzureFileDatastore(AbstractAzureStorageDatastore):
    """A file share of Azure Files."""

    def __init__(self, workspace, name, container_name, account_name, sas_token=None, account_key=None, protocol=None, endpoint="core.windows.net", request_session=None, _record=None):
        super().__init__(workspace, name, "AzureFile", container_name, account_name, sas_token, account_key, protocol, endpoint, _record)


class AzureDataLakeGen2Datastore(AbstractAzureStorageDatastore):
    """A file system of Azure Data Lake Storage Gen2."""

    def __init__(self, workspace, name, container_name, account_name, tenant_id=None, client_id=None, client_secret=None, resource_url=None, authority_url=None, protocol=None, endpoint=None, _record=None):
        super().__init__(workspace, name, "AzureDataLakeGen2", container_name, account_name, None, None, protocol, endpoint, _record)
        self.tenant_id = tenant_id
        self.client_id = client_id


def _common_folder(places):
    return Path(os.path.commonpath([str(place.parent) for place in places]))


__getattr__ = module_names(__name__)
