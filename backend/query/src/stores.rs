//! The places that a query reads from and writes to, opened.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lazuli_domain::{ApiError, Credential, DataPath, DatastorePlace, ErrorKind, OpenDatastore};
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, RetryConfig};

use tempfile::TempPath;

use crate::error::{Result, internal, of_store};
use crate::nearest::nearest;
use crate::web;

/// A store that does not answer is told within the time a person waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// A file or a folder, and the store that has it.
#[derive(Clone, Debug)]
pub struct Place {
    pub store: Store,
    pub path: Path,
    /// As people know it: `csv/a.csv` of a datastore, an absolute path, an address without its `?`.
    pub shown: String,
}

/// An opened store; clones are the same one.
#[derive(Clone, Debug)]
pub struct Store {
    pub objects: Arc<dyn ObjectStore>,
    /// Short and unique within a query: the key by which DataFusion finds the store.
    pub key: String,
    /// The datastore's name; empty for what belongs to none.
    name: String,
    /// When a SAS token says that it ends.
    sas_end: Option<String>,
}

/// All stores of one query, each opened when it is first needed.
pub struct Stores {
    known: BTreeMap<String, OpenDatastore>,
    open: BTreeMap<String, Store>,
    /// Where files of the web are kept while the query lasts.
    folder: PathBuf,
    fetched: Vec<TempPath>,
}

impl Stores {
    pub fn new(known: BTreeMap<String, OpenDatastore>, folder: &std::path::Path) -> Stores {
        Stores { known, open: BTreeMap::new(), folder: folder.to_owned(), fetched: Vec::new() }
    }

    pub fn all(&self) -> impl Iterator<Item = &Store> {
        self.open.values()
    }

    pub fn datastore(&self, name: &str) -> Result<&OpenDatastore> {
        self.known.get(name).ok_or_else(|| {
            let error = ApiError::not_found("datastore", name);
            match nearest(name, self.known.keys().map(String::as_str)) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error,
            }
        })
    }

    /// Where that is. Nothing is asked of a store yet; what lies in the web is fetched, because few web
    /// servers give parts of a file.
    pub async fn place(&mut self, at: &DataPath) -> Result<Place> {
        match at {
            DataPath::Datastore { datastore, path } => {
                let store = self.of_datastore(datastore)?;
                let plain = path.trim_matches('/');
                let path = Path::parse(plain).map_err(|_| no_name(plain))?;
                Ok(Place { store, path, shown: plain.to_owned() })
            }
            DataPath::Local { local } => {
                let store = self.local()?;
                let plain = local.trim_matches('/');
                let path = Path::parse(plain).map_err(|_| no_name(plain))?;
                Ok(Place { store, path, shown: local.clone() })
            }
            DataPath::Url { url } => {
                let file = web::fetch(url, &self.folder).await?;
                let store = self.local()?;
                let path = Path::from_absolute_path(&file).map_err(internal)?;
                self.fetched.push(file);
                Ok(Place { store, path, shown: web::shown(url).to_owned() })
            }
        }
    }

    fn of_datastore(&mut self, name: &str) -> Result<Store> {
        let key = format!("datastore:{name}");
        if let Some(open) = self.open.get(&key) {
            return Ok(open.clone());
        }
        let number = self.open.len();
        let known = self.datastore(name)?.clone();
        self.opened(&key, || open(name, format!("store{number}"), &known))
    }

    fn local(&mut self) -> Result<Store> {
        self.opened("local", || {
            Ok(Store {
                objects: Arc::new(LocalFileSystem::new()),
                key: "local".into(),
                name: String::new(),
                sas_end: None,
            })
        })
    }

    fn opened(&mut self, key: &str, open: impl FnOnce() -> Result<Store>) -> Result<Store> {
        if let Some(store) = self.open.get(key) {
            return Ok(store.clone());
        }
        let store = open()?;
        self.open.insert(key.to_owned(), store.clone());
        Ok(store)
    }
}

impl Place {
    /// What became of an attempt to read it.
    pub fn unreadable(&self, error: &object_store::Error) -> ApiError {
        self.store.failed(&format!("the file `{}`", self.shown), error)
    }
}

impl Store {
    pub fn failed(&self, what: &str, error: &object_store::Error) -> ApiError {
        let place = match self.name.as_str() {
            "" => String::new(),
            name => format!(" of the datastore `{name}`"),
        };
        let text = of_store(error);
        if let object_store::Error::NotFound { .. } = error {
            let missing = match () {
                _ if text.contains("ContainerNotFound") => Some("container"),
                _ if text.contains("NoSuchBucket") => Some("bucket"),
                _ => None,
            };
            if let Some(missing) = missing {
                return ApiError::new(
                    ErrorKind::NotFound,
                    format!("the {missing}{place} is not there"),
                )
                .hint("see whether it was deleted, or register the datastore anew");
            }
            return ApiError::new(
                ErrorKind::NotFound,
                format!("{what}{place} is not there any more"),
            )
            .hint("put it back, or register a new version of the dataset without it");
        }
        if self.is_refusal(error, &text) {
            if let Some(end) = self.expired() {
                return ApiError::unavailable(format!("the SAS token{place} expired at {end}"))
                    .hint("make a new one and register the datastore again with `overwrite`");
            }
            return ApiError::unavailable(format!("the store refused to give {what}{place}: its credential is wrong or does not allow it"))
                .hint("register the datastore again with the right credential and `overwrite`");
        }
        ApiError::unavailable(format!("{what}{place} cannot be read: {text}"))
            .hint("try again; when it goes on, see that the store is reachable")
    }

    fn is_refusal(&self, error: &object_store::Error, text: &str) -> bool {
        matches!(
            error,
            object_store::Error::PermissionDenied { .. }
                | object_store::Error::Unauthenticated { .. }
        ) || [
            "AuthenticationFailed",
            "AuthorizationFailure",
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "403 Forbidden",
            "401 Unauthorized",
        ]
        .iter()
        .any(|sign| text.contains(sign))
    }

    fn expired(&self) -> Option<&str> {
        let end = self.sas_end.as_deref()?;
        let now = chrono::Utc::now().timestamp_micros();
        let time = crate::text::values::datetime(end)?;
        (time < now).then_some(end)
    }
}

fn no_name(path: &str) -> ApiError {
    ApiError::invalid(format!("`{path}` is no path of a file"))
}

fn retry() -> RetryConfig {
    RetryConfig { retry_timeout: PATIENCE, max_retries: 4, ..RetryConfig::default() }
}

fn options(allow_http: bool) -> ClientOptions {
    ClientOptions::new()
        .with_connect_timeout(Duration::from_secs(5))
        // A large answer takes as long as its reader needs.
        .with_timeout_disabled()
        .with_allow_http(allow_http)
}

fn cannot_open(name: &str, error: &object_store::Error) -> ApiError {
    ApiError::unavailable(format!("the datastore `{name}` cannot be opened: {}", of_store(error)))
        .hint("register it again with the right place and credential and `overwrite`")
}

fn open(name: &str, key: String, datastore: &OpenDatastore) -> Result<Store> {
    let OpenDatastore { place, credential } = datastore;
    let failed = |error: object_store::Error| cannot_open(name, &error);
    let plain_http = |endpoint: &Option<String>| {
        options(endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://")))
    };
    let mut sas_end = None;
    let objects: Arc<dyn ObjectStore> = match place {
        DatastorePlace::Folder { path } => {
            let folder = LocalFileSystem::new_with_prefix(path).map_err(|error| {
                ApiError::new(
                    ErrorKind::NotFound,
                    format!(
                        "the folder `{path}` of the datastore `{name}` cannot be opened: {}",
                        of_store(&error)
                    ),
                )
                .hint("mount it or make it again")
            })?;
            Arc::new(folder)
        }
        DatastorePlace::AzureBlob { account, container, endpoint }
        | DatastorePlace::AzureDataLakeGen2 { account, filesystem: container, endpoint } => {
            let mut builder = match credential {
                None => MicrosoftAzureBuilder::from_env(),
                Some(_) => MicrosoftAzureBuilder::new(),
            }
            .with_account(account)
            .with_container_name(container)
            .with_retry(retry())
            .with_client_options(plain_http(endpoint));
            if let Some(endpoint) = endpoint {
                builder = builder.with_endpoint(endpoint.clone());
            }
            match credential {
                Some(Credential::AccountKey { key }) => {
                    builder = builder.with_access_key(key.trim())
                }
                Some(Credential::Sas { token }) => {
                    let pairs = sas_pairs(token);
                    sas_end = sas_end_of(&pairs);
                    builder = builder.with_sas_authorization(pairs);
                }
                Some(Credential::ConnectionString { value }) => {
                    let said = |wanted: &str| {
                        value.split(';').find_map(|pair| {
                            let (key, value) = pair.split_once('=')?;
                            key.trim().eq_ignore_ascii_case(wanted).then(|| value.trim())
                        })
                    };
                    if endpoint.is_none()
                        && let Some(said) = said("BlobEndpoint")
                    {
                        builder = builder
                            .with_endpoint(said.trim_end_matches('/').to_owned())
                            .with_client_options(options(said.starts_with("http://")));
                    }
                    if let Some(key) = said("AccountKey") {
                        builder = builder.with_access_key(key);
                    } else if let Some(token) = said("SharedAccessSignature") {
                        let pairs = sas_pairs(token);
                        sas_end = sas_end_of(&pairs);
                        builder = builder.with_sas_authorization(pairs);
                    }
                }
                Some(Credential::ClientSecret { tenant, client, secret }) => {
                    builder = builder.with_client_secret_authorization(client, secret, tenant);
                }
                _ => {}
            }
            Arc::new(builder.build().map_err(failed)?)
        }
        DatastorePlace::S3 { bucket, region, endpoint } => {
            let mut builder = match credential {
                None => AmazonS3Builder::from_env(),
                Some(_) => AmazonS3Builder::new(),
            }
            .with_bucket_name(bucket)
            .with_retry(retry())
            .with_client_options(plain_http(endpoint));
            if let Some(region) = region {
                builder = builder.with_region(region);
            }
            if let Some(endpoint) = endpoint {
                builder = builder.with_endpoint(endpoint);
            }
            if let Some(Credential::AccessKey { access_key_id, secret_access_key, session_token }) =
                credential
            {
                builder = builder
                    .with_access_key_id(access_key_id)
                    .with_secret_access_key(secret_access_key);
                if let Some(token) = session_token {
                    builder = builder.with_token(token);
                }
            }
            Arc::new(builder.build().map_err(failed)?)
        }
        DatastorePlace::Gcs { bucket, endpoint } => {
            let mut builder = match credential {
                None => GoogleCloudStorageBuilder::from_env(),
                Some(_) => GoogleCloudStorageBuilder::new(),
            }
            .with_bucket_name(bucket)
            .with_retry(retry())
            .with_client_options(plain_http(endpoint));
            if let Some(endpoint) = endpoint {
                builder = builder.with_base_url(endpoint);
            }
            match credential {
                Some(Credential::ServiceAccount { json }) => {
                    builder = builder.with_service_account_key(json);
                }
                _ if endpoint.is_some() => builder = builder.with_skip_signature(true),
                _ => {}
            }
            Arc::new(builder.build().map_err(failed)?)
        }
        DatastorePlace::AzureFile { .. } => {
            return Err(ApiError::invalid(format!(
                "tables cannot be read from the file share of the datastore `{name}`"
            ))
            .hint("download the files, or copy them into a blob container"));
        }
        DatastorePlace::Sqlite { .. } | DatastorePlace::Postgresql { .. } => {
            return Err(ApiError::invalid(format!(
                "the datastore `{name}` is a database and has no files"
            ))
            .hint(
                "ask it with a query: `Dataset.Tabular.from_sql_query((datastore, \"SELECT …\"))`",
            ));
        }
    };
    Ok(Store { objects, key, name: name.to_owned(), sas_end })
}

/// The decoded parameters of a SAS token.
fn sas_pairs(token: &str) -> Vec<(String, String)> {
    token
        .trim()
        .trim_start_matches('?')
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), percent_decoded(value)))
        .collect()
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digits: Option<Vec<u8>> = (byte == b'%')
            .then(|| {
                rest.clone().take(2).map(|d| char::from(d).to_digit(16).map(|d| d as u8)).collect()
            })
            .flatten();
        match digits.as_deref() {
            Some([high, low]) => {
                bytes.push(high * 16 + low);
                rest.nth(1);
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn sas_end_of(pairs: &[(String, String)]) -> Option<String> {
    pairs.iter().find(|(name, _)| name == "se").map(|(_, value)| value.clone())
}
