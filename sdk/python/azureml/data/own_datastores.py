"""Datastores that SDK v1 does not have."""

from azureml.data.abstract_datastore import AbstractDatastore
from azureml.data.azure_storage_datastore import AbstractAzureStorageDatastore


class FolderDatastore(AbstractAzureStorageDatastore):
    """A folder of this machine, a mounted share included; `workspaceblobstore` is one."""

    def __init__(self, workspace, name, folder, _record=None):
        # Notebooks print container and account.
        super().__init__(workspace, name, "Folder", name, "local", None, None, "file", None, _record)
        self.folder = folder


class S3Datastore(AbstractAzureStorageDatastore):
    """A bucket of S3 or of a server that speaks like it."""

    def __init__(self, workspace, name, bucket_name, region=None, endpoint=None, _record=None):
        super().__init__(workspace, name, "S3", bucket_name, None, None, None, None, endpoint, _record)
        self.bucket_name = bucket_name
        self.region = region


class GcsDatastore(AbstractAzureStorageDatastore):
    """A bucket of Google Cloud Storage."""

    def __init__(self, workspace, name, bucket_name, endpoint=None, _record=None):
        super().__init__(workspace, name, "Gcs", bucket_name, None, None, None, None, endpoint, _record)
        self.bucket_name = bucket_name


class SqliteDatastore(AbstractDatastore):
    """A SQLite database file of this machine, asked in SQL."""

    def __init__(self, workspace, name, file, _record=None):
        super().__init__(workspace, name, "Sqlite", _record)
        self.file = file
