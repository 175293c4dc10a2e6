from azureml.core.run import Run
from lazuli.later import module_names


class ScriptRun(Run):
    """The run of a script that was submitted."""

    RUN_TYPE = "azureml.scriptrun"

    def __init__(self, experiment, run_id, directory=None, _run_config=None, **kwargs):
        super().__init__(experiment, run_id, **kwargs)
        self._directory = directory
        self._run_config = _run_config


__getattr__ = module_names(__name__, {"AzureMLException": "azureml.exceptions", "RunConfiguration": "azureml.core.runconfig", "UserErrorException": "azureml.exceptions"})
