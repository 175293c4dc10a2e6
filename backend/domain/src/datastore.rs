use serde::{Deserialize, Serialize};

use crate::StringMap;

/// A place where data lies, known by a name in its workspace.
///
/// Credentials go in by [`NewDatastore`] and never come out: the daemon seals them and says only of
/// which kind they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Datastore {
    pub workspace: String,
    pub name: String,
    pub place: DatastorePlace,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialKind>,
    /// The one that serves where none is named.
    pub is_default: bool,
    /// Made with the workspace; it cannot be unregistered.
    #[serde(default)]
    pub is_built_in: bool,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub tags: StringMap,
    pub created_at_ms: i64,
    /// In the answer to a registration alone: why the store could not be asked whether it opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchecked: Option<String>,
}

impl Datastore {
    /// The default one of every workspace.
    pub const BLOB_STORE: &str = "workspaceblobstore";
    pub const FILE_STORE: &str = "workspacefilestore";
}

/// Where a datastore's files or tables are. Nothing of it is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DatastorePlace {
    /// A folder of the daemon's machine, a mounted share included.
    Folder {
        /// Absolute.
        path: String,
    },
    AzureBlob {
        account: String,
        container: String,
        /// The whole address of the blob service, `http://127.0.0.1:10000/devstoreaccount1`;
        /// none: Azure's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<String>,
    },
    AzureFile {
        account: String,
        share: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<String>,
    },
    AzureDataLakeGen2 {
        account: String,
        filesystem: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<String>,
    },
    S3 {
        bucket: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        region: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<String>,
    },
    Gcs {
        bucket: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<String>,
    },
    /// A database file of the daemon's machine, opened for reading.
    Sqlite {
        /// Absolute.
        path: String,
    },
    Postgresql {
        host: String,
        #[serde(default = "postgresql_port")]
        port: u16,
        database: String,
        user: String,
        #[serde(default)]
        enforce_ssl: bool,
    },
}

fn postgresql_port() -> u16 {
    5432
}

impl DatastorePlace {
    /// A folder of the daemon's machine; absolute.
    pub fn folder(path: &str) -> DatastorePlace {
        DatastorePlace::Folder { path: path.to_owned() }
    }

    /// At Azure's own endpoint.
    pub fn azure_blob(account: &str, container: &str) -> DatastorePlace {
        DatastorePlace::AzureBlob {
            account: account.to_owned(),
            container: container.to_owned(),
            endpoint: None,
        }
    }

    /// At Amazon's own endpoint.
    pub fn s3(bucket: &str, region: &str) -> DatastorePlace {
        DatastorePlace::S3 {
            bucket: bucket.to_owned(),
            region: Some(region.to_owned()),
            endpoint: None,
        }
    }

    /// ``container `data` of storage account `acc` ``
    pub fn in_words(&self) -> String {
        match self {
            DatastorePlace::Folder { path } => format!("folder `{path}`"),
            DatastorePlace::AzureBlob { account, container, .. } => {
                format!("container `{container}` of storage account `{account}`")
            }
            DatastorePlace::AzureFile { account, share, .. } => {
                format!("file share `{share}` of storage account `{account}`")
            }
            DatastorePlace::AzureDataLakeGen2 { account, filesystem, .. } => {
                format!("file system `{filesystem}` of storage account `{account}`")
            }
            DatastorePlace::S3 { bucket, .. } => format!("S3 bucket `{bucket}`"),
            DatastorePlace::Gcs { bucket, .. } => {
                format!("Google Cloud Storage bucket `{bucket}`")
            }
            DatastorePlace::Sqlite { path } => format!("SQLite database `{path}`"),
            DatastorePlace::Postgresql { host, database, .. } => {
                format!("PostgreSQL database `{database}` on `{host}`")
            }
        }
    }

    /// Whether it holds tables and is asked in SQL, rather than files.
    pub fn is_database(&self) -> bool {
        matches!(self, DatastorePlace::Sqlite { .. } | DatastorePlace::Postgresql { .. })
    }
}

/// What opens a datastore. It is written by clients, read by the daemon, and answered to nobody.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Credential {
    /// Azure storage.
    AccountKey { key: String },
    /// Azure storage, with or without the leading `?`.
    Sas { token: String },
    /// Azure storage; its account and endpoint must agree with the place's.
    ConnectionString { value: String },
    /// Azure storage, by a service principal.
    ClientSecret { tenant: String, client: String, secret: String },
    /// S3.
    AccessKey {
        access_key_id: String,
        secret_access_key: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session_token: Option<String>,
    },
    /// Google Cloud Storage: the service account's JSON text.
    ServiceAccount { json: String },
    /// A database.
    Password { password: String },
}

/// [`Credential`] without what is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum CredentialKind {
    AccountKey,
    Sas,
    ConnectionString,
    ClientSecret,
    AccessKey,
    ServiceAccount,
    Password,
}

impl Credential {
    pub fn kind(&self) -> CredentialKind {
        match self {
            Credential::AccountKey { .. } => CredentialKind::AccountKey,
            Credential::Sas { .. } => CredentialKind::Sas,
            Credential::ConnectionString { .. } => CredentialKind::ConnectionString,
            Credential::ClientSecret { .. } => CredentialKind::ClientSecret,
            Credential::AccessKey { .. } => CredentialKind::AccessKey,
            Credential::ServiceAccount { .. } => CredentialKind::ServiceAccount,
            Credential::Password { .. } => CredentialKind::Password,
        }
    }
}

/// Only its kind: a credential that reaches a log by accident says nothing.
impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential({:?})", self.kind())
    }
}

/// Body of `POST /api/workspaces/{workspace}/datastores`; the answer is a [`Datastore`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewDatastore {
    pub name: String,
    pub place: DatastorePlace,
    /// None: what the daemon's environment gives (`AWS_…`, `AZURE_STORAGE_…`, `GOOGLE_…`), else
    /// anonymous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub tags: StringMap,
    /// Take the place of a datastore of that name; else that is a conflict.
    #[serde(default)]
    pub overwrite: bool,
    /// Make the container, bucket or folder where it is missing.
    #[serde(default)]
    pub create_if_not_exists: bool,
    /// Register it without asking the store whether it answers.
    #[serde(default)]
    pub skip_validation: bool,
}

impl NewDatastore {
    /// One that needs no credential; the other fields may be set besides.
    pub fn new(name: &str, place: DatastorePlace) -> NewDatastore {
        NewDatastore {
            name: name.to_owned(),
            place,
            credential: None,
            description: String::new(),
            tags: StringMap::new(),
            overwrite: false,
            create_if_not_exists: false,
            skip_validation: false,
        }
    }
}

/// Body of `PATCH /api/workspaces/{workspace}/datastores/{name}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DatastorePatch {
    /// Makes it the default; there always is one.
    #[serde(default)]
    pub make_default: bool,
}

/// A file of a datastore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StoredFile {
    /// From the datastore's root, `/` between folders, as the file is called (nothing encoded).
    pub path: String,
    pub size: u64,
    pub modified_at_ms: i64,
}
