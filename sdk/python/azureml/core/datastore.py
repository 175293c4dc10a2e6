import os
import sys
from urllib.parse import urlsplit

from azureml.data.azure_postgre_sql_datastore import AzurePostgreSqlDatastore
from azureml.data.azure_storage_datastore import AzureBlobDatastore, AzureDataLakeGen2Datastore, AzureFileDatastore
from azureml.data.dataset_error_handling import DatastoreNotFoundError, user_errors
from azureml.data.own_datastores import FolderDatastore, GcsDatastore, S3Datastore, SqliteDatastore
from lazuli.errors import InvalidError


class Datastore:
    """`Datastore(workspace, name)` is the registered datastore, of the class of its kind; without a
    name, the default one."""

    def __new__(cls, workspace, name=None):
        return Datastore.get_default(workspace) if name is None else Datastore.get(workspace, name)

    @staticmethod
    def get(workspace, datastore_name):
        with user_errors(DatastoreNotFoundError):
            return _of(workspace, workspace._client.datastore(workspace.name, datastore_name))

    @staticmethod
    def get_default(workspace):
        for record in workspace._client.datastores(workspace.name):
            if record["is_default"]:
                return _of(workspace, record)
        raise DatastoreNotFoundError(f"workspace `{workspace.name}` has no default datastore", "run `lazuli datastore list`")

    @staticmethod
    def _all(workspace):
        """Name to datastore."""
        return {record["name"]: _of(workspace, record) for record in workspace._client.datastores(workspace.name)}

    # Kinds of SDK v1

    @staticmethod
    def register_azure_blob_container(workspace, datastore_name, container_name, account_name, sas_token=None, account_key=None, protocol=None, endpoint=None, overwrite=False, create_if_not_exists=False, skip_validation=False, blob_cache_timeout=None, grant_workspace_access=False, subscription_id=None, resource_group=None):
        """Registers a container. ``endpoint`` is a cloud's suffix (`core.windows.net`) or the whole
        address of a blob service (`http://127.0.0.1:10000/devstoreaccount1`)."""
        place = {
            "type": "azure_blob",
            "account": account_name,
            "container": container_name,
            "endpoint": _endpoint(account_name, "blob", protocol, endpoint),
        }
        return _register(workspace, datastore_name, place, _storage_credential(sas_token, account_key), overwrite, create_if_not_exists, skip_validation)

    @staticmethod
    def register_azure_file_share(workspace, datastore_name, file_share_name, account_name, sas_token=None, account_key=None, protocol=None, endpoint=None, overwrite=False, create_if_not_exists=False, skip_validation=False):
        place = {
            "type": "azure_file",
            "account": account_name,
            "share": file_share_name,
            "endpoint": _endpoint(account_name, "file", protocol, endpoint),
        }
        return _register(workspace, datastore_name, place, _storage_credential(sas_token, account_key), overwrite, create_if_not_exists, skip_validation)

    @staticmethod
    def register_azure_data_lake_gen2(workspace, datastore_name, filesystem, account_name, tenant_id=None, client_id=None, client_secret=None, resource_url=None, authority_url=None, protocol=None, endpoint=None, overwrite=False, subscription_id=None, resource_group=None, grant_workspace_access=False, account_key=None, sas_token=None):
        """Registers a file system; SDK v1 opens it by a service principal, a key or SAS serves as well."""
        place = {
            "type": "azure_data_lake_gen2",
            "account": account_name,
            "filesystem": filesystem,
            # object_store speaks to the blob service of the same account.
            "endpoint": _endpoint(account_name, "blob", protocol, endpoint),
        }
        credential = _storage_credential(sas_token, account_key)
        principal = (tenant_id, client_id, client_secret)
        if any(principal):
            if not all(principal):
                raise InvalidError("a service principal is not whole", "give tenant_id=, client_id= and client_secret=")
            credential = {"type": "client_secret", "tenant": tenant_id, "client": client_id, "secret": client_secret}
        return _register(workspace, datastore_name, place, credential, overwrite)

    @staticmethod
    def register_azure_postgre_sql(workspace, datastore_name, server_name, database_name, user_id, user_password, port_number=None, endpoint=None, overwrite=False, enforce_ssl=True, **kwargs):
        """Registers a PostgreSQL database. ``server_name`` is a host, or the name of an Azure server,
        whose ``endpoint`` is `postgres.database.azure.com` when not said."""
        place = {
            "type": "postgresql",
            "host": _database_host(server_name, endpoint),
            "port": int(port_number) if port_number else 5432,
            "database": database_name,
            "user": user_id,
            "enforce_ssl": bool(enforce_ssl),
        }
        credential = {"type": "password", "password": user_password} if user_password else None
        return _register(workspace, datastore_name, place, credential, overwrite, skip_validation=kwargs.get("skip_validation", False))

    @staticmethod
    def register_azure_data_lake(workspace, datastore_name, store_name, tenant_id=None, client_id=None, client_secret=None, resource_url=None, authority_url=None, subscription_id=None, resource_group=None, overwrite=False, grant_workspace_access=False):
        raise NotImplementedError("Azure Data Lake Storage Gen1 was closed in 2024; use `register_azure_data_lake_gen2`")

    @staticmethod
    def register_azure_sql_database(workspace, datastore_name, server_name, database_name, tenant_id=None, client_id=None, client_secret=None, resource_url=None, authority_url=None, endpoint=None, overwrite=False, username=None, password=None, subscription_id=None, resource_group=None, grant_workspace_access=False, **kwargs):
        raise NotImplementedError("Lazuli reads no Azure SQL database; use `register_azure_postgre_sql` or `register_sqlite`")

    @staticmethod
    def register_azure_my_sql(workspace, datastore_name, server_name, database_name, user_id, user_password, port_number=None, endpoint=None, overwrite=False, **kwargs):
        raise NotImplementedError("Lazuli reads no MySQL database; use `register_azure_postgre_sql` or `register_sqlite`")

    @staticmethod
    def register_dbfs(workspace, datastore_name):
        raise NotImplementedError("Lazuli reads no Databricks file system; mount it and use `register_folder`")

    @staticmethod
    def register_hdfs(workspace, datastore_name, protocol, namenode_address, hdfs_server_certificate, kerberos_realm, kerberos_kdc_address, kerberos_principal, kerberos_keytab=None, kerberos_password=None, overwrite=False):
        raise NotImplementedError("Lazuli reads no HDFS; mount it and use `register_folder`, or use `register_s3_bucket`")

    # Kinds of Lazuli's own

    @staticmethod
    def register_folder(workspace, datastore_name, path, overwrite=False, create_if_not_exists=False):
        """Registers a folder of this machine, a mounted share included."""
        place = {"type": "folder", "path": os.path.abspath(os.path.expanduser(str(path)))}
        return _register(workspace, datastore_name, place, None, overwrite, create_if_not_exists)

    @staticmethod
    def register_s3_bucket(workspace, datastore_name, bucket_name, access_key_id=None, secret_access_key=None, session_token=None, region=None, endpoint=None, overwrite=False, create_if_not_exists=False, skip_validation=False):
        """Registers a bucket of S3, or of the server at ``endpoint`` that speaks like it."""
        place = {"type": "s3", "bucket": bucket_name, "region": region, "endpoint": endpoint}
        credential = None
        if access_key_id or secret_access_key:
            if not (access_key_id and secret_access_key):
                raise InvalidError("an access key is not whole", "give access_key_id= and secret_access_key=")
            credential = {"type": "access_key", "access_key_id": access_key_id, "secret_access_key": secret_access_key}
            if session_token:
                credential["session_token"] = session_token
        return _register(workspace, datastore_name, place, credential, overwrite, create_if_not_exists, skip_validation)

    @staticmethod
    def register_gcs_bucket(workspace, datastore_name, bucket_name, service_account_json=None, endpoint=None, overwrite=False, create_if_not_exists=False, skip_validation=False):
        """Registers a bucket of Google Cloud Storage; ``service_account_json`` is the key file's text."""
        place = {"type": "gcs", "bucket": bucket_name, "endpoint": endpoint}
        credential = {"type": "service_account", "json": service_account_json} if service_account_json else None
        return _register(workspace, datastore_name, place, credential, overwrite, create_if_not_exists, skip_validation)

    @staticmethod
    def register_sqlite(workspace, datastore_name, path, overwrite=False):
        """Registers a SQLite database file of this machine, for reading."""
        place = {"type": "sqlite", "path": os.path.abspath(os.path.expanduser(str(path)))}
        return _register(workspace, datastore_name, place, None, overwrite)


def _register(workspace, name, place, credential, overwrite, create_if_not_exists=False, skip_validation=False):
    new_datastore = {
        "name": name,
        "place": {key: value for key, value in place.items() if value is not None},
        "overwrite": bool(overwrite),
        "create_if_not_exists": bool(create_if_not_exists),
        "skip_validation": bool(skip_validation),
    }
    if credential is not None:
        new_datastore["credential"] = credential
    with user_errors(DatastoreNotFoundError):
        record = workspace._client.register_datastore(workspace.name, new_datastore)
    unchecked = record.pop("unchecked", None)
    if unchecked:
        print(f"datastore `{name}` is registered, but was not opened: {unchecked}", file=sys.stderr)
    return _of(workspace, record)


def _of(workspace, record):
    """The datastore that the daemon tells of."""
    place, name = record["place"], record["name"]
    endpoint = place.get("endpoint")
    protocol = urlsplit(endpoint).scheme if endpoint else "https"
    kind = place["type"]
    if kind == "folder":
        return FolderDatastore(workspace, name, place["path"], _record=record)
    if kind == "azure_blob":
        return AzureBlobDatastore(workspace, name, place["container"], place["account"], protocol=protocol, endpoint=endpoint, _record=record)
    if kind == "azure_file":
        return AzureFileDatastore(workspace, name, place["share"], place["account"], protocol=protocol, endpoint=endpoint, _record=record)
    if kind == "azure_data_lake_gen2":
        return AzureDataLakeGen2Datastore(workspace, name, place["filesystem"], place["account"], protocol=protocol, endpoint=endpoint, _record=record)
    if kind == "s3":
        return S3Datastore(workspace, name, place["bucket"], place.get("region"), endpoint, _record=record)
    if kind == "gcs":
        return GcsDatastore(workspace, name, place["bucket"], endpoint, _record=record)
    if kind == "sqlite":
        return SqliteDatastore(workspace, name, place["path"], _record=record)
    if kind == "postgresql":
        return AzurePostgreSqlDatastore(
            workspace, name, place["host"], place["database"], place["user"],
            port_number=place["port"], enforce_ssl=place["enforce_ssl"], _record=record,
        )
    raise InvalidError(f"datastore `{name}` is of the kind `{kind}`, which this SDK does not know", "update the SDK")


def _storage_credential(sas_token, account_key):
    if sas_token and account_key:
        raise InvalidError("an account key and a SAS token were given", "give one of them")
    if sas_token:
        return {"type": "sas", "token": sas_token}
    if account_key:
        return {"type": "account_key", "key": account_key}
    return None


def _endpoint(account, service, protocol, endpoint):
    """The whole address of a storage service, or None for Azure's own."""
    if not endpoint or endpoint == "core.windows.net" and protocol in (None, "https"):
        return None
    if "://" in endpoint:
        return endpoint
    scheme = protocol or "https"
    host = endpoint.partition("/")[0]
    # A cloud's suffix has letters and dots; an emulator has a port, or is this machine.
    if ":" in host or "/" in endpoint or host == "localhost" or host.replace(".", "").isdigit():
        return f"{scheme}://{endpoint}"
    return f"{scheme}://{account}.{service}.{endpoint}"


def _database_host(server_name, endpoint):
    if "." in server_name or ":" in server_name or server_name == "localhost":
        return server_name
    return f"{server_name}.{endpoint or 'postgres.database.azure.com'}"
