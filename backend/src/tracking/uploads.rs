//! Files that come in pieces, and go on where they stopped when a connection breaks.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use lazuli_domain::{NewUpload, Upload, artifact_path};
use tokio::sync::mpsc;

use super::artifacts::{commit_artifact, running};
use crate::app::App;
use crate::blobs::check_digest;
use crate::error::{Error, Result};

const CHUNKS_IN_FLIGHT: usize = 8;
const BETWEEN_SWEEPS: Duration = Duration::from_secs(3600);

/// Begins an upload, or finds the one that was begun. Content that is here already is complete.
pub async fn begin_upload(app: &Arc<App>, given: String, mut new: NewUpload) -> Result<Upload> {
    new.path = artifact_path(&new.path)?;
    if let Some(sha256) = &new.sha256 {
        check_digest(sha256)?;
    }
    let run_id = running(app, given).await?;
    let session = app.uploads.begin(&run_id, &new).await?;
    let mut session = session.lock().await;
    let described = session.describe();
    if let Some(sha256) = &new.sha256
        && let Some(blob) = app.blobs.hold(sha256).await?
        && blob.size == new.size
    {
        let artifact = commit_artifact(app, run_id, new.path, blob).await?;
        session.completed(artifact)?;
        return Ok(session.describe());
    }
    if let Err(error) = app.blobs.check_room(new.size - described.offset) {
        app.uploads.forget(&mut session);
        return Err(error);
    }
    Ok(described)
}

pub async fn upload(app: &Arc<App>, upload_id: String) -> Result<Upload> {
    let session = app.uploads.get(&upload_id)?;
    let session = session.lock().await;
    Ok(session.describe())
}

/// Receives a piece that begins at `offset`. What came of it stays when the connection breaks.
pub async fn continue_upload<E: std::fmt::Display>(
    app: &Arc<App>,
    upload_id: String,
    offset: u64,
    mut body: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin,
) -> Result<Upload> {
    let session = app.uploads.get(&upload_id)?;
    // An offset that does not fit is refused before anything is sent.
    session.lock().await.write(offset, &[])?;
    let (chunks, mut received) = mpsc::channel::<Bytes>(CHUNKS_IN_FLIGHT);
    let writing = {
        let session = Arc::clone(&session);
        tokio::task::spawn_blocking(move || -> Result<()> {
            let mut at = offset;
            while let Some(chunk) = received.blocking_recv() {
                session.blocking_lock().write(at, &chunk)?;
                at += chunk.len() as u64;
            }
            session.blocking_lock().sync()
        })
    };
    let mut broken = None;
    while let Some(chunk) = body.next().await {
        match chunk {
            Ok(chunk) => {
                // The writer stopped: its error says why.
                if chunks.send(chunk).await.is_err() {
                    break;
                }
            }
            Err(error) => {
                broken = Some(error.to_string());
                break;
            }
        }
    }
    drop(chunks);
    let written = writing
        .await
        .map_err(|panic| Error::Defect(format!("writing an upload broke down: {panic}")))?;
    let mut session = session.lock().await;
    if let Err(error) = written {
        // Half a file must not be what keeps the disk full.
        if error.is_disk_full() {
            app.uploads.forget(&mut session);
        }
        return Err(error);
    }
    match broken {
        Some(reason) => Err(Error::BrokenUpload(reason)),
        None => Ok(session.describe()),
    }
}

/// Makes what came an artifact of the run. Completing again gives the same answer.
pub async fn complete_upload(app: &Arc<App>, upload_id: String) -> Result<Upload> {
    let session = app.uploads.get(&upload_id)?;
    let mut locked = Arc::clone(&session).lock_owned().await;
    if locked.artifact().is_some() {
        return Ok(locked.describe());
    }
    let is_short = locked.describe().offset != locked.describe().size;
    let (mut locked, whole) = tokio::task::spawn_blocking(move || {
        let whole = locked.whole();
        (locked, whole)
    })
    .await
    .map_err(|panic| Error::Defect(format!("checking an upload broke down: {panic}")))?;
    let whole = match whole {
        Ok(whole) => whole,
        Err(error) => {
            // What has come is not what was announced; more of it would not help.
            if !is_short {
                app.uploads.forget(&mut locked);
            }
            return Err(error);
        }
    };
    let committed = async {
        running(app, whole.run_id.clone()).await?;
        let blob = app.blobs.adopt(whole.content, &whole.sha256, whole.size).await?;
        commit_artifact(app, whole.run_id, whole.path, blob).await
    };
    match committed.await {
        Ok(artifact) => {
            locked.completed(artifact)?;
            Ok(locked.describe())
        }
        Err(error) => {
            // The run has ended: nothing can become of it any more.
            if matches!(error, Error::Refused(_)) {
                app.uploads.forget(&mut locked);
            }
            Err(error)
        }
    }
}

pub async fn discard_upload(app: &Arc<App>, upload_id: String) -> Result<()> {
    app.uploads.discard(&upload_id).await
}

/// Gives up what nobody went on with, until the daemon ends.
pub fn watch_uploads(app: &Arc<App>) -> tokio::task::JoinHandle<()> {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = tokio::time::sleep(BETWEEN_SWEEPS) => {}
                () = app.until_shutdown() => return,
            }
            match app.uploads.sweep() {
                Ok((0, _)) => {}
                Ok((uploads, bytes)) => tracing::info!(uploads, bytes, "uploads expired"),
                Err(error) => tracing::warn!(%error, "expired uploads were not removed"),
            }
        }
    })
}
