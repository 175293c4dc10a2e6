use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use lazuli_domain::{ApiError, Artifact, ArtifactPage, EventKind, artifact_path};

use crate::app::App;
use crate::blobs::{Blob, check_digest};
use crate::clock::now_ms;
use crate::error::Result;
use crate::store::artifacts::ArtifactQuery;
use crate::store::{self, runs::RunHead};

/// Receives a file for a run that has not ended; with `sha256`, only that content.
pub async fn put_artifact<E: std::fmt::Display>(
    app: &Arc<App>,
    given: String,
    path: String,
    body: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin,
    announced_size: Option<u64>,
    sha256: Option<String>,
) -> Result<Artifact> {
    let path = artifact_path(&path)?;
    if let Some(sha256) = &sha256 {
        check_digest(sha256)?;
    }
    let run_id = running(app, given).await?;
    let blob = app.blobs.receive(body, announced_size, sha256.as_deref()).await?;
    commit_artifact(app, run_id, path, blob).await
}

/// Keeps a copy of a file on this machine as an artifact of the run.
pub async fn put_artifact_file(
    app: &Arc<App>,
    given: String,
    path: String,
    file: PathBuf,
) -> Result<Artifact> {
    let path = artifact_path(&path)?;
    let run_id = running(app, given).await?;
    let blob = app.blobs.store_file(&file).await?;
    commit_artifact(app, run_id, path, blob).await
}

/// Artifacts whose path begins with a prefix, page by page.
pub async fn list_artifacts(
    app: &Arc<App>,
    given: String,
    query: ArtifactQuery,
) -> Result<ArtifactPage> {
    app.store
        .read(move |database| {
            let head = store::runs::head(database, &given)?;
            store::artifacts::page(database, head.key, &query)
        })
        .await
}

pub async fn artifact(app: &Arc<App>, given: String, path: String) -> Result<Artifact> {
    let path = artifact_path(&path)?;
    app.store
        .read(move |database| {
            let head = store::runs::head(database, &given)?;
            store::artifacts::get(database, head.key, &path)
        })
        .await
}

pub(super) async fn commit_artifact(
    app: &Arc<App>,
    run_id: String,
    path: String,
    blob: Blob,
) -> Result<Artifact> {
    app.store
        .write(move |write| {
            let head = store::runs::head(write, &run_id)?;
            check_running(&head)?;
            let artifact = Artifact {
                path: path.clone(),
                size: blob.size,
                sha256: blob.sha256,
                created_at_ms: now_ms(),
            };
            store::artifacts::put(write, head.key, &artifact)?;
            write.event(&head.scope(), EventKind::ArtifactAdded { path })?;
            write.after_commit(move || drop(blob.lease));
            Ok(artifact)
        })
        .await
}

pub(super) async fn running(app: &Arc<App>, given: String) -> Result<String> {
    app.store
        .read(move |database| {
            let head = store::runs::head(database, &given)?;
            check_running(&head)?;
            Ok(head.run_id)
        })
        .await
}

fn check_running(head: &RunHead) -> Result<(), ApiError> {
    if head.status.is_final() {
        return Err(ApiError::conflict(format!(
            "run `{}` is {}; it takes no more files",
            head.run_id, head.status
        ))
        .hint("upload before the run ends, or start a new run"));
    }
    Ok(())
}
