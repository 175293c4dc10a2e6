from azureml.data.constants import DIRECT_MODE, DOWNLOAD_MODE, MOUNT_MODE
from azureml.data.data_reference import check_input_name
from lazuli.errors import InvalidError


class DatasetConsumptionConfig:
    """A dataset for a script, under a name: as a dataset (`direct`), as files on the compute
    (`download`), or as a path that shows them (`mount`)."""

    def __init__(self, name, dataset, mode=DIRECT_MODE, path_on_compute=None):
        if mode not in (DIRECT_MODE, DOWNLOAD_MODE, MOUNT_MODE):
            raise InvalidError(f"the mode {mode!r} of input `{name}` is none", "give 'direct', 'download' or 'mount'")
        self._name = check_input_name(name)
        self.dataset = dataset
        self.mode = mode
        self.path_on_compute = path_on_compute

    def as_download(self, path_on_compute=None):
        return self._as(DOWNLOAD_MODE, path_on_compute)

    def as_mount(self, path_on_compute=None):
        return self._as(MOUNT_MODE, path_on_compute)

    def as_hdfs(self):
        raise NotImplementedError("there is no HDFS here; use `as_mount` or `as_download`")

    @property
    def name(self):
        return self._name

    def _as(self, mode, path_on_compute):
        from azureml.data.file_dataset import FileDataset

        if not isinstance(self.dataset, FileDataset):
            raise InvalidError(
                f"input `{self.name}` is a table, which is no file on the compute",
                f"leave out `as_{mode}()`; the script reads it by run.input_datasets[{self.name!r}]",
            )
        return DatasetConsumptionConfig(self.name, self.dataset, mode, path_on_compute)

    def __str__(self):
        """What stands in the arguments until the compute knows the path or the id."""
        return f"$AZUREML_DATAREFERENCE_{self.name}"

    def __repr__(self):
        return f"DatasetConsumptionConfig({self.name!r}, {self.dataset!r}, mode={self.mode!r})"
