//! A client for each kind of object store.

use std::sync::Arc;
use std::time::Duration;

use lazuli_domain::{ApiError, Credential, DatastorePlace, OpenDatastore};
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum};
use object_store::azure::{AzureConfigKey, MicrosoftAzure, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorage, GoogleCloudStorageBuilder};
use object_store::multipart::MultipartStore;
use object_store::{ClientOptions, ObjectStore, RetryConfig};

use super::azure::Secret;
use super::told::Teller;
use crate::config;
use crate::error::Result;

/// A store that does not answer is told within the time a person waits.
const PATIENCE: Duration = Duration::from_secs(20);
/// For one request with its body, which is never larger than a part of a file.
const LONGEST_REQUEST: Duration = Duration::from_secs(300);

/// How often a request that the store did not answer is made.
#[derive(Clone, Copy, Debug)]
pub enum Tries {
    /// Somebody waits to hear how the store is.
    Once,
    /// Ten times with growing pauses, a few seconds in all, and never beyond [`PATIENCE`].
    Several,
}

impl Tries {
    fn retry(self) -> RetryConfig {
        match self {
            Tries::Once => RetryConfig { max_retries: 0, ..RetryConfig::default() },
            Tries::Several => RetryConfig { retry_timeout: PATIENCE, ..RetryConfig::default() },
        }
    }
}

/// What a store's client can do.
#[derive(Clone)]
pub struct Client {
    pub store: Arc<dyn ObjectStore>,
    pub parts: Arc<dyn MultipartStore>,
    /// Whether a list can begin behind a name, and comes in the order of the names.
    pub lists_in_order: bool,
}

impl Client {
    fn of<S: ObjectStore + MultipartStore>(store: S, lists_in_order: bool) -> Client {
        let store = Arc::new(store);
        Client { store: store.clone(), parts: store, lists_in_order }
    }

    pub fn open(opened: &OpenDatastore, teller: &Teller, tries: Tries) -> Result<Client> {
        let credential = opened.credential.as_ref();
        let failed = |error: object_store::Error| teller.cannot_be_opened(&error);
        Ok(match &opened.place {
            DatastorePlace::AzureBlob { account, container, endpoint }
            | DatastorePlace::AzureDataLakeGen2 { account, filesystem: container, endpoint } => {
                let endpoint = endpoint.as_deref();
                // Azurite, which has an endpoint, cannot begin a list behind a name.
                let is_azures_own = endpoint.is_none();
                let builder = azure(account, container, endpoint, credential)?;
                let store = builder.with_retry(tries.retry()).build().map_err(failed)?;
                Client::of::<MicrosoftAzure>(store, is_azures_own)
            }
            DatastorePlace::S3 { bucket, region, endpoint } => {
                let builder = s3(bucket, region.as_deref(), endpoint.as_deref(), credential);
                let store = builder.with_retry(tries.retry()).build().map_err(failed)?;
                Client::of::<AmazonS3>(store, true)
            }
            DatastorePlace::Gcs { bucket, endpoint } => {
                let builder = gcs(bucket, endpoint.as_deref(), credential);
                let store = builder.with_retry(tries.retry()).build().map_err(failed)?;
                Client::of::<GoogleCloudStorage>(store, true)
            }
            place => {
                return Err(
                    ApiError::invalid(format!("{} is no object store", place.in_words())).into()
                );
            }
        })
    }
}

fn azure(
    account: &str,
    container: &str,
    endpoint: Option<&str>,
    credential: Option<&Credential>,
) -> Result<MicrosoftAzureBuilder, ApiError> {
    let secret = credential.map(Secret::of).transpose()?.flatten();
    let mut builder = match secret {
        // With nothing given, and nothing in the environment, a public container is asked for.
        None if config::has_azure_credentials() => MicrosoftAzureBuilder::from_env(),
        None => MicrosoftAzureBuilder::new().with_skip_signature(true),
        Some(Secret::Key(key)) => MicrosoftAzureBuilder::new().with_access_key(key),
        Some(Secret::Sas(token)) => {
            MicrosoftAzureBuilder::new().with_config(AzureConfigKey::SasKey, token)
        }
        Some(Secret::Client { tenant, client, secret }) => {
            MicrosoftAzureBuilder::new().with_client_secret_authorization(client, secret, tenant)
        }
    };
    builder = builder
        .with_account(account)
        .with_container_name(container)
        .with_client_options(client_options(endpoint));
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint.to_owned());
    }
    Ok(builder)
}

pub(super) fn s3(
    bucket: &str,
    region: Option<&str>,
    endpoint: Option<&str>,
    credential: Option<&Credential>,
) -> AmazonS3Builder {
    let mut builder = match credential {
        Some(Credential::AccessKey { access_key_id, secret_access_key, session_token }) => {
            let builder = AmazonS3Builder::new()
                .with_access_key_id(access_key_id)
                .with_secret_access_key(secret_access_key);
            match session_token {
                Some(token) => builder.with_token(token),
                None => builder,
            }
        }
        _ if config::has_aws_credentials() => AmazonS3Builder::from_env(),
        _ => AmazonS3Builder::new().with_skip_signature(true),
    };
    builder = builder
        .with_bucket_name(bucket)
        .with_checksum_algorithm(Checksum::SHA256)
        .with_client_options(client_options(endpoint));
    if let Some(region) = region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    builder
}

fn gcs(
    bucket: &str,
    endpoint: Option<&str>,
    credential: Option<&Credential>,
) -> GoogleCloudStorageBuilder {
    let mut builder = match credential {
        Some(Credential::ServiceAccount { json }) => {
            GoogleCloudStorageBuilder::new().with_service_account_key(json)
        }
        _ if config::has_google_credentials() => GoogleCloudStorageBuilder::from_env(),
        _ => GoogleCloudStorageBuilder::new().with_skip_signature(true),
    };
    builder = builder.with_bucket_name(bucket).with_client_options(client_options(endpoint));
    if let Some(endpoint) = endpoint {
        builder = builder.with_base_url(endpoint);
    }
    builder
}

/// Nothing is sent in the clear unless the endpoint says so.
pub(super) fn client_options(endpoint: Option<&str>) -> ClientOptions {
    ClientOptions::new()
        .with_allow_http(endpoint.is_some_and(|endpoint| endpoint.starts_with("http://")))
        .with_connect_timeout(Duration::from_secs(5))
        .with_timeout(LONGEST_REQUEST)
}
