import os
from collections.abc import Mapping

from azureml.data.abstract_dataset import AbstractDataset
from azureml.data.dataset_error_handling import DatasetNotFoundError, user_errors


class RunDatasets(Mapping):
    """`run.input_datasets['training_data']`: the dataset, or, in the script itself, the path where its
    files are when it was given as a download or a mount."""

    def __init__(self, run, entries):
        self._run = run
        #: Name to input or output of the job.
        self._entries = entries

    def __getitem__(self, name):
        entry = self._entries.get(name)
        if entry is None:
            raise DatasetNotFoundError(
                f"run `{self._run.id}` has no dataset `{name}`", f"it has {', '.join(self._entries) or 'none'}; see `as_named_input`"
            )
        path = os.environ.get(f"AZUREML_DATAREFERENCE_{name}")
        if path and entry.get("mode") != "direct" and self._run._is_own_job():
            return path
        workspace = self._run._workspace
        with user_errors():
            if "dataset_id" in entry["source"]:
                return AbstractDataset.get_by_id(workspace, entry["source"]["dataset_id"])
            definition = entry["source"]["definition"]
            return AbstractDataset._KINDS[definition["type"]](workspace, definition)

    def __iter__(self):
        return iter(self._entries)

    def __len__(self):
        return len(self._entries)

    def __repr__(self):
        return f"{{{', '.join(map(repr, self._entries))}}}"


def of_run(run, direction):
    """The inputs (or outputs) of a submitted run, and of any run what was noted as used by it."""
    found = run._read()
    entries = {}
    if found["kind"] == "script" and direction == "input":
        entries = {entry["name"]: entry for entry in run._client.job(run.id)["spec"].get("inputs", [])}
    for use in run._client.run_datasets(run.id):
        if use["direction"] == direction:
            entries.setdefault(use["input_name"] or use["dataset"], {"source": {"dataset_id": use["dataset_id"]}, "mode": "direct"})
    return RunDatasets(run, entries)


def as_details(run):
    """`inputDatasets` and `outputDatasets` of `run.get_details()`."""
    modes = {}
    found = run._read()
    if found["kind"] == "script":
        modes = {entry["name"]: entry["mode"].capitalize() for entry in run._client.job(run.id)["spec"].get("inputs", [])}
    inputs, outputs = [], []
    for use in run._client.run_datasets(run.id):
        dataset = {"id": use["dataset_id"], "name": use["dataset"], "version": use["version"]}
        if use["direction"] == "input":
            details = {"type": "RunInput", "inputName": use["input_name"], "mechanism": modes.get(use["input_name"], "Direct")}
            inputs.append({"dataset": dataset, "consumptionDetails": details})
        else:
            outputs.append({"identifier": {"savedId": use["dataset_id"]}, "outputType": "RunOutput", "dataset": dataset})
    return inputs, outputs


InputDatasets = OutputDatasets = RunDatasets
