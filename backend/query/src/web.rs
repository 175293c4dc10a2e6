//! Files of the web, fetched whole.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use lazuli_domain::{ApiError, ErrorKind};
use tempfile::TempPath;

use crate::error::{Result, chain, internal};

/// The address without what may be secret in it.
pub fn shown(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// The file at that address, in the folder; it goes when the answer is dropped.
pub async fn fetch(url: &str, folder: &Path) -> Result<TempPath> {
    let shown = shown(url);
    let failed = |error: reqwest::Error| {
        // The error's own text has the whole address in it.
        let error = error.without_url();
        ApiError::unavailable(format!("`{shown}` cannot be fetched: {}", chain(&error)))
            .hint("see that the address is right and the server is reachable")
    };
    let scheme = url.split("://").next().unwrap_or_default();
    if !matches!(scheme, "http" | "https") || shown.contains('@') {
        return Err(ApiError::invalid("the address of a file is none that can be fetched")
            .hint("give it as `https://host/folder/file.csv`, without a name or password in it"));
    }
    let client = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(60))
        .build()
        .map_err(failed)?;
    let mut answer = client.get(url).send().await.map_err(failed)?;
    let status = answer.status();
    if !status.is_success() {
        let kind = match status.as_u16() {
            404 | 410 => ErrorKind::NotFound,
            _ => ErrorKind::Unavailable,
        };
        let words = status.canonical_reason().unwrap_or_default();
        return Err(ApiError::new(
            kind,
            format!("`{shown}` cannot be fetched: the server says {} {words}", status.as_u16()),
        )
        .hint("see that the address is right and still valid"));
    }
    let mut file =
        tempfile::Builder::new().prefix("fetched-").tempfile_in(folder).map_err(internal)?;
    while let Some(bytes) = answer.chunk().await.map_err(failed)? {
        file.write_all(&bytes).map_err(|error| {
            ApiError::unavailable(format!("`{shown}` cannot be kept: {error}"))
                .hint("make room on the disk")
        })?;
    }
    file.flush().map_err(internal)?;
    Ok(file.into_temp_path())
}
