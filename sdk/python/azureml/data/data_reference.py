import uuid

from azureml.data.constants import DOWNLOAD_MODE, MOUNT_MODE, UPLOAD_MODE
from lazuli.errors import InvalidError
from lazuli.names import stored_folder


class DataReference:
    """A place in a datastore that a script gets as a path, as an argument or in `script_params`."""

    def __init__(self, datastore, data_reference_name=None, path_on_datastore=None, mode=MOUNT_MODE, path_on_compute=None, overwrite=False):
        if mode not in (MOUNT_MODE, DOWNLOAD_MODE, UPLOAD_MODE):
            raise InvalidError(f"the mode {mode!r} of a data reference is none", "give 'mount', 'download' or 'upload'")
        self.datastore = datastore
        self.data_reference_name = check_input_name(data_reference_name or uuid.uuid4().hex)
        self.path_on_datastore = path_on_datastore
        self.mode = mode
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite

    @staticmethod
    def create(data_reference_name=None, datapath=None, datapath_compute_binding=None):
        from azureml.data.datapath import DataPathComputeBinding

        if datapath is None:
            raise InvalidError("a data reference is made from a DataPath", "give datapath=DataPath(datastore, 'path')")
        binding = datapath_compute_binding or DataPathComputeBinding()
        return DataReference(
            datapath.datastore, data_reference_name, datapath.path_on_datastore, binding.mode, binding.path_on_compute, binding.overwrite
        )

    def path(self, path=None, data_reference_name=None):
        """A place below this one."""
        base, below = stored_folder(self.path_on_datastore), stored_folder(path)
        return DataReference(self.datastore, data_reference_name, "/".join(part for part in (base, below) if part) or None)

    def as_mount(self):
        """The files where they are, if that is this machine; else a read-only copy that runs share."""
        return self._as(MOUNT_MODE)

    def as_download(self, path_on_compute=None, overwrite=False):
        """A copy, made before the script starts."""
        return self._as(DOWNLOAD_MODE, path_on_compute, overwrite)

    def as_upload(self, path_on_compute=None, overwrite=False):
        """A folder for the script to write to; it is uploaded when the script has ended, also when it failed."""
        return self._as(UPLOAD_MODE, path_on_compute, overwrite)

    def to_config(self):
        from azureml.core.runconfig import DataReferenceConfiguration

        return DataReferenceConfiguration(
            self.datastore.name, self.mode, self.path_on_datastore, self.path_on_compute, self.overwrite
        )

    def _as(self, mode, path_on_compute=None, overwrite=False):
        return DataReference(self.datastore, self.data_reference_name, self.path_on_datastore, mode, path_on_compute, overwrite)

    def __str__(self):
        """What stands in the arguments until the compute knows the path."""
        return f"$AZUREML_DATAREFERENCE_{self.data_reference_name}"

    def __repr__(self):
        return f"DataReference({self.datastore.name!r}, {self.data_reference_name!r}, {self.path_on_datastore!r}, mode={self.mode!r})"


def check_input_name(name):
    """Names of inputs and outputs become parts of environment variables."""
    if not isinstance(name, str) or not name or not all(c.isascii() and (c.isalnum() or c == "_") for c in name):
        raise InvalidError(f"the input name {name!r} is none", "use letters, digits and `_`, such as 'training_data'")
    return name
