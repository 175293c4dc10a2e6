//! Files that come in pieces, and go on where they stopped when a connection breaks.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use lazuli_domain::{ErrorKind, NewUpload, Upload, artifact_path, stored_path};
use tokio::sync::{Mutex, mpsc};

use super::artifacts::{commit_artifact, running};
use crate::app::App;
use crate::blobs::check_digest;
use crate::datastores;
use crate::error::{Error, Result};
use crate::uploads::{Become, Session, UploadPlace, Whole};

const CHUNKS_IN_FLIGHT: usize = 8;
/// Clients wait two minutes.
const LONGEST_ANSWER: Duration = Duration::from_secs(45);
const BETWEEN_SWEEPS: Duration = Duration::from_secs(3600);

/// Begins an upload, or finds the one that was begun. Content that is here already is complete.
pub async fn begin_upload(app: &Arc<App>, given: String, mut new: NewUpload) -> Result<Upload> {
    new.path = artifact_path(&new.path)?;
    if let Some(sha256) = &new.sha256 {
        check_digest(sha256)?;
    }
    let run_id = running(app, given).await?;
    let place = UploadPlace::Run { run_id: run_id.clone() };
    let session = app.uploads.begin(&place, &new).await?;
    let mut session = session.lock().await;
    let described = session.describe();
    if let Some(sha256) = &new.sha256
        && let Some(blob) = app.blobs.hold(sha256).await?
        && blob.size == new.size
    {
        let artifact = commit_artifact(app, run_id, new.path, blob).await?;
        session.completed(Become::Artifact(artifact))?;
        return Ok(session.describe());
    }
    if let Err(error) = app.blobs.check_room(new.size - described.offset) {
        app.uploads.forget(&mut session);
        return Err(error);
    }
    Ok(described)
}

/// The same for a file of a datastore.
pub async fn begin_datastore_upload(
    app: &Arc<App>,
    workspace: String,
    name: String,
    mut new: NewUpload,
) -> Result<Upload> {
    new.path = stored_path(&new.path)?;
    if let Some(sha256) = &new.sha256 {
        check_digest(sha256)?;
    }
    let store = datastores::open(app, &workspace, &name).await?;
    if !new.overwrite {
        store.check_free(&new.path).await?;
    }
    let place = UploadPlace::Datastore { workspace, name };
    let session = app.uploads.begin(&place, &new).await?;
    let mut session = session.lock().await;
    let described = session.describe();
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

/// Makes what came an artifact of the run or a file of the datastore. Completing again gives the
/// same answer.
///
/// A store may take longer than a client waits for an answer. Then the answer says that all has come
/// and nothing has become of it yet; the sending goes on, and who asks again waits for it.
pub async fn complete_upload(app: &Arc<App>, upload_id: String) -> Result<Upload> {
    let session = app.uploads.get(&upload_id)?;
    let completing = tokio::spawn(complete(Arc::clone(app), session));
    match tokio::time::timeout(LONGEST_ANSWER, completing).await {
        Ok(Ok(completed)) => completed,
        Ok(Err(panic)) => Err(Error::Defect(format!("completing an upload broke down: {panic}"))),
        Err(_still_under_way) => app.uploads.describe_whole(&upload_id),
    }
}

async fn complete(app: Arc<App>, session: Arc<Mutex<Session>>) -> Result<Upload> {
    let mut locked = session.lock_owned().await;
    if locked.is_complete() {
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
    match become_what_it_is_for(&app, whole).await {
        Ok(became) => {
            locked.completed(became)?;
            Ok(locked.describe())
        }
        Err(error) => {
            // The run has ended, or the file is there: nothing can become of it any more. A store
            // that does not answer may do so later.
            if matches!(&error, Error::Refused(error) if error.kind != ErrorKind::Unavailable) {
                app.uploads.forget(&mut locked);
            }
            Err(error)
        }
    }
}

async fn become_what_it_is_for(app: &Arc<App>, whole: Whole) -> Result<Become> {
    match &whole.place {
        UploadPlace::Run { run_id } => {
            running(app, run_id.clone()).await?;
            let blob = app.blobs.adopt(whole.content, &whole.sha256, whole.size).await?;
            commit_artifact(app, run_id.clone(), whole.path, blob).await.map(Become::Artifact)
        }
        UploadPlace::Datastore { workspace, name } => {
            let store = datastores::open(app, workspace, name).await?;
            store.keep_upload(&whole).await.map(Become::File)
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
