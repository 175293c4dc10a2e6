"""Datastores, datasets and how scripts get them, by SDK v1's names."""

from azureml.data.data_type import DataType
from azureml.data.file_dataset import FileDataset
from azureml.data.output_dataset_config import OutputFileDatasetConfig
from azureml.data.tabular_dataset import TabularDataset
from lazuli.later import module_names

__all__ = ["DataType", "FileDataset", "OutputFileDatasetConfig", "TabularDataset"]

__getattr__ = module_names(__name__)
