from collections.abc import Mapping

from azureml.data.dataset_error_handling import DatasetNotFoundError


class RegisteredDatasets(Mapping):
    """Name to the newest version of each dataset, asked for when it is needed: a workspace may have
    tens of thousands."""

    def __init__(self, workspace):
        self._workspace = workspace

    def __getitem__(self, name):
        from azureml.data.abstract_dataset import AbstractDataset

        return AbstractDataset.get_by_name(self._workspace, name)

    def __contains__(self, name):
        try:
            self[name]
        except DatasetNotFoundError:
            return False
        return True

    def __iter__(self):
        return (record["name"] for record in self._records())

    def __len__(self):
        return sum(1 for _ in self._records())

    def items(self):
        from azureml.data.abstract_dataset import AbstractDataset

        return [(record["name"], AbstractDataset._of(self._workspace, record)) for record in self._records()]

    def values(self):
        return [dataset for _, dataset in self.items()]

    def _records(self):
        return self._workspace._client.datasets(self._workspace.name)

    def __repr__(self):
        return repr(dict(self.items()))
