//! Web addresses: one file each, asked for its size and not read.

use std::time::Duration;

use lazuli_domain::{ApiError, DataPath, DatasetFile, shown};
use object_store::http::{HttpBuilder, HttpStore};
use object_store::path::Path;
use object_store::{
    ClientOptions, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig,
};

use crate::blobs::told;
use crate::error::Result;

const PATIENCE: Duration = Duration::from_secs(20);

pub async fn file(url: &str) -> Result<DatasetFile> {
    let place = without_query(url);
    let is_web = ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme));
    if !is_web || url.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
        return Err(ApiError::invalid(format!("`{}` is no web address", shown(place, 200)))
            .hint("it begins with `http://` or `https://`; a blank in it is written `%20`")
            .into());
    }
    let store = HttpBuilder::new()
        .with_url(url)
        .with_client_options(
            ClientOptions::new()
                .with_allow_http(true)
                .with_connect_timeout(Duration::from_secs(5))
                .with_timeout(PATIENCE),
        )
        .with_retry(RetryConfig {
            max_retries: 2,
            retry_timeout: PATIENCE,
            ..RetryConfig::default()
        })
        .build()
        .map_err(|error| refused(place, &error))?;
    let meta = meta(&store).await.map_err(|error| refused(place, &error))?;
    Ok(DatasetFile {
        at: DataPath::Url { url: url.to_owned() },
        relative_path: name(place),
        size: meta.as_ref().map_or(0, |meta| meta.size),
        modified_at_ms: meta.map_or(0, |meta| meta.last_modified.timestamp_millis()),
    })
}

/// What the server says of the file; `None` when it is there and its size is not said.
async fn meta(store: &HttpStore) -> Result<Option<ObjectMeta>, object_store::Error> {
    // The address is the store's own: the path below it is empty.
    let here = Path::default();
    if let Ok(meta) = store.head(&here).await {
        return Ok(Some(meta));
    }
    // Some servers answer no HEAD: a signed address is good for GET alone.
    let first_byte = GetOptions { range: Some(GetRange::Bounded(0..1)), ..GetOptions::default() };
    match store.get_opts(&here, first_byte).await {
        Ok(answer) => return Ok(Some(answer.meta)),
        Err(error @ object_store::Error::NotFound { .. }) => return Err(error),
        Err(_no_range) => {}
    }
    match store.get_opts(&here, GetOptions::default()).await {
        Ok(answer) => Ok(Some(answer.meta)),
        Err(error) if told(&error).contains("Content-Length Header missing") => Ok(None),
        Err(error) => Err(error),
    }
}

fn refused(place: &str, error: &object_store::Error) -> ApiError {
    match error {
        object_store::Error::NotFound { .. } => ApiError::not_found("web address", place)
            .hint("open it in a browser to see what the server says"),
        error => ApiError::unavailable(format!("`{place}` cannot be read: {}", told(error)))
            .hint("check the address and the network, and try again"),
    }
}

/// Behind the `?` may stand a signature.
fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

/// What the file is called where it is put.
fn name(place: &str) -> String {
    let path = place.split_once("://").map_or(place, |(_, rest)| rest);
    let last = path.split_once('/').map_or("", |(_, path)| path).rsplit('/').next();
    let name = decoded(last.unwrap_or_default());
    match lazuli_domain::artifact_path(&name) {
        Ok(safe) if !safe.contains('/') => safe,
        _ => "download".to_owned(),
    }
}

/// `%20` is a blank; what cannot be decoded stays.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_as_the_address_ends() {
        for (place, expected) in [
            ("https://host/data/diabetes%20one.csv", "diabetes one.csv"),
            ("https://host", "download"),
            ("https://host/", "download"),
            ("https://host/..%2f..%2fetc", "download"),
            ("https://host/100%.csv", "100%.csv"),
        ] {
            assert_eq!(name(place), expected, "{place}");
        }
        assert_eq!(without_query("https://host/a.csv?sig=secret#x"), "https://host/a.csv");
    }
}
