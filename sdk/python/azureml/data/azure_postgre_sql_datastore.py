from azureml.data.abstract_datastore import AbstractDatastore


class AzurePostgreSqlDatastore(AbstractDatastore):
    """A PostgreSQL database, asked in SQL: `Dataset.Tabular.from_sql_query((datastore, 'SELECT …'))`."""

    def __init__(self, workspace, name, server_name, database_name, user_id, user_password=None, port_number=None, enforce_ssl=True, _record=None):
        super().__init__(workspace, name, "AzurePostgreSql", _record)
        self.server_name = server_name
        self.database_name = database_name
        self.user_id = user_id
        self.user_password = user_password
        self.port_number = port_number
        self.enforce_ssl = enforce_ssl
