from azureml.data.abstract_dataset import AbstractDataset
from azureml.data.dataset_factory import FileDatasetFactory, TabularDatasetFactory
from lazuli.later import module_names, with_later_members


@with_later_members
class Dataset:
    """Where datasets begin (`Dataset.Tabular`, `Dataset.File`) and are found again."""

    Tabular = TabularDatasetFactory
    File = FileDatasetFactory

    class Scenario:
        """What a dataset is used for, for `Model.register(datasets=[(Dataset.Scenario.TRAINING, ds)])`."""

        TRAINING = "training"
        VALIDATION = "validation"
        INFERENCE = "inference"

    @staticmethod
    def get_by_name(workspace, name, version="latest", **kwargs):
        """The newest version of that name, or the one that is asked for."""
        return AbstractDataset.get_by_name(workspace, name, version)

    @staticmethod
    def get_by_id(workspace, id, **kwargs):
        return AbstractDataset.get_by_id(workspace, id)

    @staticmethod
    def get_all(workspace):
        """Name to the newest version of each dataset."""
        return AbstractDataset.get_all(workspace)

    # Names of SDK v1's first datasets

    @staticmethod
    def get(workspace, name=None, id=None):
        return AbstractDataset.get_by_id(workspace, id) if name is None else AbstractDataset.get_by_name(workspace, name)

    @staticmethod
    def list(workspace):
        return AbstractDataset.get_all(workspace).values()

    @staticmethod
    def from_binary_files(path):
        return FileDatasetFactory.from_files(path)

    @staticmethod
    def from_parquet_files(path, include_path=False, partition_format=None):
        return TabularDatasetFactory.from_parquet_files(path, include_path=include_path, partition_format=partition_format)

    @staticmethod
    def from_sql_query(data_source, query):
        return TabularDatasetFactory.from_sql_query((data_source, query))


__getattr__ = module_names(
    __name__,
    {name: "azureml.data.dataset_type_definitions" for name in ("FileEncoding", "HistogramCompareMethod", "PromoteHeadersBehavior", "SkipLinesBehavior")},
)
