from azureml.data.dataset_error_handling import DatastoreNotFoundError, user_errors


class AbstractDatastore:
    """A place where data lies, known by a name in its workspace.

    What opens it is sealed by the daemon and answered to nobody: attributes such as ``account_key``
    are None.
    """

    def __init__(self, workspace, name, datastore_type, _record=None):
        self._workspace = workspace
        self._name = name
        self._datastore_type = datastore_type
        self._record = _record or {}

    def set_as_default(self):
        """Makes it the one that serves where none is named."""
        with user_errors(DatastoreNotFoundError):
            self._record = self._client.make_default_datastore(self._workspace.name, self.name)

    def unregister(self):
        """Forgets the datastore; its files stay where they are."""
        with user_errors(DatastoreNotFoundError):
            self._client.unregister_datastore(self._workspace.name, self.name)

    @property
    def name(self):
        return self._name

    @property
    def workspace(self):
        return self._workspace

    @property
    def datastore_type(self):
        return self._datastore_type

    @property
    def description(self):
        return self._record.get("description", "")

    @property
    def tags(self):
        return dict(self._record.get("tags", {}))

    @property
    def _client(self):
        return self._workspace._client

    @property
    def _place(self):
        return self._record.get("place", {})

    def __eq__(self, other):
        return isinstance(other, AbstractDatastore) and (other.name, other.workspace.name) == (self.name, self.workspace.name)

    def __hash__(self):
        return hash((self.name, self.workspace.name))

    def __repr__(self):
        return f"{type(self).__name__}(name={self.name!r}, workspace={self.workspace.name!r})"
