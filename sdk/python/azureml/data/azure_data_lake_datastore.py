"""SDK v1's place of this class."""

from azureml.data.azure_storage_datastore import AzureDataLakeGen2Datastore

__all__ = ["AzureDataLakeGen2Datastore"]
