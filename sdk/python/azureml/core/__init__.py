"""Workspace, experiment, run and model of SDK v1."""

from azureml.core.experiment import Experiment
from azureml.core.model import Model
from azureml.core.run import Run
from azureml.core.workspace import Workspace

#: The SDK v1 whose names these are; notebooks print it.
VERSION = "1.62.0"

__all__ = ["VERSION", "Experiment", "Model", "Run", "Workspace"]
