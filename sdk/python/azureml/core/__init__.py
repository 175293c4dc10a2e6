"""Workspace, experiment, run, model and data of SDK v1.

Each name is imported when it is first asked for: a training script that needs a run gets nothing else.
"""

from lazuli.later import module_names

#: The SDK v1 whose names these are; notebooks print it.
VERSION = __version__ = "1.62.0"

_MODULES = {
    "ComputeTarget": "azureml.core.compute",
    "ContainerRegistry": "azureml.core.container_registry",
    "Dataset": "azureml.core.dataset",
    "Datastore": "azureml.core.datastore",
    "Environment": "azureml.core.environment",
    "Experiment": "azureml.core.experiment",
    "Keyvault": "azureml.core.keyvault",
    "Model": "azureml.core.model",
    "Run": "azureml.core.run",
    "RunConfiguration": "azureml.core.runconfig",
    "ScriptRun": "azureml.core.script_run",
    "ScriptRunConfig": "azureml.core.script_run_config",
    "Workspace": "azureml.core.workspace",
    "diagnostic_log": "azureml.core.diagnostics",
    "get_run": "azureml.core.run",
}

__all__ = ["VERSION", *_MODULES]

__getattr__ = module_names(__name__, _MODULES)


def __dir__():
    return [*globals(), *_MODULES]
