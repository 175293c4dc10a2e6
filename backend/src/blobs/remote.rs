//! Blobs in an object store: S3, Azure Blob Storage or Google Cloud Storage.
//!
//! What goes up is a file that was received and hashed here, so it goes straight to its final name;
//! a large one in parts, which nobody sees before the last one is there. Credentials come from the
//! environment that each store's own tools read (`AWS_…`, `AZURE_STORAGE_…`, `GOOGLE_…`), and neither
//! they nor anything of an address behind its `?` is ever said.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use lazuli_domain::ApiError;
use object_store::aws::{AmazonS3Builder, Checksum};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{
    ClientOptions, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig,
};

use super::FoundBlob;
use crate::error::{Error, FileContext, Result};

/// A part of a large file, and what is sent as a whole; held in memory.
const PART: u64 = 16 << 20;
/// S3 takes 10,000.
const MOST_PARTS: u64 = 9_000;
/// A store that does not answer is told within the time a person waits.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone)]
pub struct Remote {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// Where it is, for people.
    place: String,
}

impl Remote {
    /// `s3://bucket/prefix`, `az://container/prefix` or `gs://bucket/prefix`.
    pub fn open(address: &str) -> Result<Remote> {
        let malformed = |why: &str| {
            Error::from(
                ApiError::invalid(format!("the address of the blob store is malformed: {why}"))
                    .hint("give `--blobs s3://bucket/prefix`, `az://…`, `gs://…` or a folder"),
            )
        };
        let (scheme, rest) = address.split_once("://").ok_or_else(|| malformed("no `://`"))?;
        if rest.contains(['@', '?', '#']) {
            return Err(malformed(
                "credentials and options come from the environment, not from the address",
            ));
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(malformed("it names no bucket"));
        }
        let prefix =
            Path::parse(prefix.trim_matches('/')).map_err(|error| malformed(&error.to_string()))?;
        let retry = RetryConfig { retry_timeout: PATIENCE, ..RetryConfig::default() };
        let options = ClientOptions::new().with_connect_timeout(Duration::from_secs(5));
        let place = format!("{scheme}://{bucket}/{prefix}").trim_end_matches('/').to_owned();
        let refused = |error: object_store::Error| {
            Error::from(
                ApiError::unavailable(format!(
                    "the blob store `{place}` cannot be opened: {}",
                    told(&error)
                ))
                .hint(credentials(scheme)),
            )
        };
        // The options of the environment (a plain-HTTP endpoint, say) stand in the builder already.
        let store: Arc<dyn ObjectStore> = match scheme {
            "s3" | "s3a" => Arc::new(
                AmazonS3Builder::from_env()
                    .with_bucket_name(bucket)
                    .with_checksum_algorithm(Checksum::SHA256)
                    .with_retry(retry)
                    .build()
                    .map_err(refused)?,
            ),
            "az" | "azure" | "abfs" => Arc::new(
                MicrosoftAzureBuilder::from_env()
                    .with_container_name(bucket)
                    .with_retry(retry)
                    .build()
                    .map_err(refused)?,
            ),
            "gs" => Arc::new(
                GoogleCloudStorageBuilder::from_env()
                    .with_bucket_name(bucket)
                    .with_retry(retry)
                    .with_client_options(options)
                    .build()
                    .map_err(refused)?,
            ),
            _ => return Err(malformed("it is of no kind that is known")),
        };
        Ok(Remote { store, prefix, place })
    }

    /// Asks for something, so that a wrong name or key is told at the start.
    pub async fn check(&self) -> Result<()> {
        let mut list = self.store.list(Some(&self.prefix));
        match list.next().await {
            Some(Err(error)) => {
                let scheme = self.place.split(':').next().unwrap_or_default();
                Err(ApiError::unavailable(format!(
                    "the blob store `{}` cannot be used: {}",
                    self.place,
                    told(&error)
                ))
                .hint(credentials(scheme))
                .into())
            }
            _ => Ok(()),
        }
    }

    /// The size of the blob, if it is there.
    pub async fn size(&self, sha256: &str) -> Result<Option<u64>> {
        match self.store.head(&self.path(sha256)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    pub async fn stream(
        &self,
        sha256: &str,
        start: u64,
        length: u64,
    ) -> Result<BoxStream<'static, std::io::Result<Bytes>>> {
        if length == 0 {
            return Ok(futures_util::stream::empty().boxed());
        }
        let range = Some(GetRange::Bounded(start..start + length));
        let options = GetOptions { range, ..GetOptions::default() };
        let found = self
            .store
            .get_opts(&self.path(sha256), options)
            .await
            .map_err(|error| self.failed(&error))?;
        Ok(found.into_stream().map_err(|error| std::io::Error::other(told(&error))).boxed())
    }

    /// Sends the file under its name. Goes on when whoever waits for it goes away.
    pub async fn put(&self, sha256: &str, file: File, size: u64) -> Result<()> {
        let (remote, path) = (self.clone(), self.path(sha256));
        tokio::spawn(async move { remote.send(&path, file, size).await })
            .await
            .map_err(|panic| Error::Defect(format!("sending a blob broke down: {panic}")))?
    }

    /// The blobs that were written before that time and of which `is_wanted` says so.
    pub async fn find(
        &self,
        before: SystemTime,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<FoundBlob>> {
        let mut found = Vec::new();
        let mut list = self.store.list(Some(&self.prefix));
        while let Some(object) = list.next().await {
            let object = object.map_err(|error| self.failed(&error))?;
            let Some(sha256) = object.location.filename() else { continue };
            // What somebody else keeps below the same prefix is not ours to remove.
            let is_ours = super::check_digest(sha256).is_ok()
                && object.location == self.path(sha256)
                && SystemTime::from(object.last_modified) <= before;
            if is_ours && is_wanted(sha256) {
                found.push(FoundBlob { sha256: sha256.to_owned(), size: object.size });
            }
        }
        Ok(found)
    }

    pub async fn remove(&self, sha256: &str) -> Result<()> {
        match self.store.delete(&self.path(sha256)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed(&error)),
        }
    }

    async fn send(&self, path: &Path, mut file: File, size: u64) -> Result<()> {
        if size <= PART {
            let (_, bytes) = read_part(file, size).await?;
            let sent = self.store.put(path, PutPayload::from(bytes)).await;
            return sent.map(drop).map_err(|error| self.failed(&error));
        }
        let mut upload =
            self.store.put_multipart(path).await.map_err(|error| self.failed(&error))?;
        let part = PART.max(size.div_ceil(MOST_PARTS));
        let sent = async {
            let mut left = size;
            while left > 0 {
                let (back, bytes) = read_part(file, left.min(part)).await?;
                file = back;
                left -= bytes.len() as u64;
                upload
                    .put_part(PutPayload::from(bytes))
                    .await
                    .map_err(|error| self.failed(&error))?;
            }
            upload.complete().await.map(drop).map_err(|error| self.failed(&error))
        }
        .await;
        if sent.is_err()
            && let Err(error) = upload.abort().await
        {
            tracing::warn!(error = told(&error), "the parts of a broken upload were not removed");
        }
        sent
    }

    fn path(&self, sha256: &str) -> Path {
        self.prefix.clone().join(&sha256[..2.min(sha256.len())]).join(sha256)
    }

    fn failed(&self, error: &object_store::Error) -> Error {
        ApiError::unavailable(format!("the blob store `{}` failed: {}", self.place, told(error)))
            .hint("try again; when it goes on, see that the store is reachable")
            .into()
    }
}

/// So many bytes, and the file behind them.
async fn read_part(mut file: File, size: u64) -> Result<(File, Bytes)> {
    super::blocking(move || {
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
        file.read_exact(&mut bytes).while_trying(|| "reading a blob to send".into())?;
        Ok((file, Bytes::from(bytes)))
    })
    .await
}

fn credentials(scheme: &str) -> &'static str {
    match scheme {
        "s3" | "s3a" => {
            "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION where `lazuli serve` runs; \
             AWS_ENDPOINT names another server than Amazon's"
        }
        "gs" => "set GOOGLE_APPLICATION_CREDENTIALS where `lazuli serve` runs",
        _ => {
            "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY where `lazuli serve` runs"
        }
    }
}

/// What went wrong, with its causes, and without what an address says behind its `?`: a signature may
/// stand there.
pub fn told(error: &object_store::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = next.source();
    }
    let mut clean = String::new();
    for word in text.split_inclusive(char::is_whitespace) {
        match word.split_once('?') {
            Some((before, _)) if before.contains("://") => {
                clean.push_str(before);
                clean.push(' ');
            }
            _ => clean.push_str(word),
        }
    }
    clean.trim_end().chars().take(600).collect()
}
