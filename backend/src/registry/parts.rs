//! Large files that come in parts, several at once, as MLflow's clients send them. Each part is a
//! blob; the file is put together from them when the last one has come.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use lazuli_domain::{ApiError, Artifact};

use super::proxy::{Place, check_writable, keep};
use crate::app::App;
use crate::clock::now_ms;
use crate::error::{Error, Result};
use crate::home::{hex, random};
use crate::store::parts::{self as stored, Part};

/// As many as any other store of parts takes.
const MOST_PARTS: u64 = 10_000;
/// An upload for which nothing came in so long is given up.
const PATIENCE_MS: i64 = 24 * 3600 * 1000;

/// Begins the upload of a file for that place; returns its id.
pub async fn begin_parts(app: &Arc<App>, path: &str, parts: u64) -> Result<String> {
    if !(1..=MOST_PARTS).contains(&parts) {
        return Err(ApiError::invalid(format!("a file of {parts} parts is not possible"))
            .hint(format!("send 1 to {MOST_PARTS} parts"))
            .into());
    }
    let place = Place::parse(path)?;
    let upload_id = hex(&random::<16>()?);
    let path = path.to_owned();
    app.store
        .write(move |write| {
            check_writable(write, &place)?;
            stored::remove_untouched(write, now_ms() - PATIENCE_MS)?;
            stored::begin(write, &upload_id, &path, parts, now_ms())?;
            Ok(upload_id)
        })
        .await
}

/// Receives a part and returns its tag, by which the client names it at the end. A part that is sent
/// again takes the place of the one before.
pub async fn put_part<E: std::fmt::Display>(
    app: &Arc<App>,
    upload_id: String,
    number: u64,
    body: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin,
    announced_size: Option<u64>,
) -> Result<String> {
    let asked = upload_id.clone();
    let upload = app
        .store
        .read(move |database| stored::find(database, &asked))
        .await?
        .ok_or_else(|| no_upload(&upload_id))?;
    if !(1..=upload.parts).contains(&number) {
        return Err(ApiError::invalid(format!("there is no part {number}"))
            .hint(format!("the upload was announced with {} parts", upload.parts))
            .into());
    }
    let blob = app.blobs.receive(body, announced_size, None).await?;
    let part = Part { number, size: blob.size, sha256: blob.sha256 };
    let tag = part.sha256.clone();
    app.store
        .write(move |write| {
            // It may have ended while the part came.
            let upload = stored::find(write, &upload_id)?.ok_or_else(|| no_upload(&upload_id))?;
            stored::put(write, upload.key, &part, now_ms())?;
            write.after_commit(move || drop(blob.lease));
            Ok(())
        })
        .await?;
    Ok(tag)
}

/// Puts the file together from the parts that the client names by number and tag.
pub async fn complete_parts(
    app: &Arc<App>,
    path: &str,
    upload_id: String,
    named: Vec<(u64, String)>,
) -> Result<Artifact> {
    let place = Place::parse(path)?;
    let (asked, wanted) = (upload_id.clone(), path.to_owned());
    let parts = app
        .store
        .read(move |database| {
            let upload = stored::find(database, &asked)?
                .filter(|upload| upload.path == wanted)
                .ok_or_else(|| no_upload(&asked))?;
            let parts = stored::parts(database, upload.key)?;
            check_whole(&parts, upload.parts, &named)?;
            Ok(parts)
        })
        .await?;
    let size = parts.iter().map(|part| part.size).sum();
    let blobs = app.blobs.clone();
    let content = stream::iter(parts)
        .then(move |part| {
            let blobs = blobs.clone();
            async move {
                let content = blobs.open_blob(&part.sha256).await?.stream(0, part.size).await?;
                Ok::<_, Error>(content.map_err(|error| Error::BrokenUpload(error.to_string())))
            }
        })
        .try_flatten();
    let blob = app.blobs.receive(content.boxed(), Some(size), None).await?;
    app.store
        .write(move |write| {
            let upload = stored::find(write, &upload_id)?.ok_or_else(|| no_upload(&upload_id))?;
            stored::remove(write, upload.key)?;
            keep(write, &place, blob)
        })
        .await
}

/// Gives the upload up; one that is not there is given up already.
pub async fn abort_parts(app: &Arc<App>, path: &str, upload_id: String) -> Result<()> {
    Place::parse(path)?;
    let path = path.to_owned();
    app.store
        .write(move |write| match stored::find(write, &upload_id)? {
            Some(upload) if upload.path == path => stored::remove(write, upload.key),
            _ => Ok(()),
        })
        .await
}

/// The parts that came are those that were announced and those that the client means.
fn check_whole(parts: &[Part], announced: u64, named: &[(u64, String)]) -> Result<(), ApiError> {
    let missing = (1..=announced).find(|number| !parts.iter().any(|part| part.number == *number));
    if let Some(number) = missing {
        return Err(ApiError::invalid(format!("part {number} of {announced} has not come"))
            .hint("send it, then complete the upload again"));
    }
    let is_meant = |part: &Part| {
        named
            .iter()
            .any(|(number, tag)| *number == part.number && tag.trim_matches('"') == part.sha256)
    };
    match parts.iter().find(|part| !is_meant(part)) {
        Some(part) => Err(ApiError::invalid(format!(
            "part {} is not the one that was sent last under its number",
            part.number
        ))
        .hint("complete the upload with the `ETag` of every part, each as it was answered")),
        None => Ok(()),
    }
}

fn no_upload(upload_id: &str) -> Error {
    let shown: String = upload_id.chars().take(64).collect();
    ApiError::not_found("upload", &shown)
        .hint("it may have ended or expired; begin it anew and send the whole file")
        .into()
}
