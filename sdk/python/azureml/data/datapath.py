from azureml.data.constants import MOUNT_MODE


class DataPath:
    """A place in a datastore: `DataPath(datastore, 'data/*.csv')`; with a database, a query."""

    def __init__(self, datastore=None, path_on_datastore=None, name=None):
        self._datastore = datastore
        self._path_on_datastore = path_on_datastore
        self._name = name

    @staticmethod
    def create_from_data_reference(data_reference):
        return DataPath(data_reference.datastore, data_reference.path_on_datastore, data_reference.data_reference_name)

    def create_data_reference(self, data_reference_name=None, datapath_compute_binding=None):
        binding = datapath_compute_binding or DataPathComputeBinding()
        return binding.create_data_reference(data_reference_name or self._name, self)

    @property
    def datastore(self):
        return self._datastore

    @property
    def datastore_name(self):
        return self._datastore.name if self._datastore is not None else None

    @property
    def path_on_datastore(self):
        return self._path_on_datastore

    def __repr__(self):
        return f"DataPath({self.datastore_name!r}, {self.path_on_datastore!r})"


class DataPathComputeBinding:
    """How a place in a datastore becomes a path on the compute."""

    def __init__(self, mode=MOUNT_MODE, path_on_compute=None, overwrite=False):
        self.mode = mode
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite

    @staticmethod
    def create_from_data_reference(data_reference):
        return DataPathComputeBinding(data_reference.mode, data_reference.path_on_compute, data_reference.overwrite)

    def create_data_reference(self, data_reference_name=None, datapath=None):
        from azureml.data.data_reference import DataReference

        return DataReference.create(data_reference_name, datapath, self)
