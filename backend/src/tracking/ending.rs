//! How runs end.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lazuli_domain::{ApiError, Artifact, EventKind, Run, RunError, RunKind, RunStatus};

use super::logs::live_logs;
use super::runs::full_run_id;
use super::spool::{drain, ingest_to_end};
use crate::app::App;
use crate::blobs::Lease;
use crate::clock::now_ms;
use crate::error::{Error, FileContext, Result};
use crate::store::runs::RunHead;
use crate::store::{self, Write};

/// A writer holds its shared lock for one `write`; it must be stopped or dead to hold it so long.
const LONGEST_WAIT_FOR_WRITERS: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq)]
pub enum RunEnd {
    Completed,
    Failed(RunError),
    Canceled,
}

impl RunEnd {
    pub fn status(&self) -> RunStatus {
        match self {
            Self::Completed => RunStatus::Completed,
            Self::Failed(_) => RunStatus::Failed,
            Self::Canceled => RunStatus::Canceled,
        }
    }

    pub(super) fn error(&self) -> Option<&RunError> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }
}

/// `run.complete()`. A script run ends when its script does: there it only flushes.
pub async fn complete_run(app: &Arc<App>, given: String) -> Result<Run> {
    let head = head(app, given).await?;
    if head.kind == RunKind::Script && !head.status.is_final() {
        return super::run(app, head.run_id).await;
    }
    end_run(app, &head.run_id, RunEnd::Completed).await
}

/// `run.fail(..)`. A script run that says so of itself fails when its script has ended, however the
/// script ends.
pub async fn fail_run(app: &Arc<App>, given: String, error: RunError) -> Result<Run> {
    let head = head(app, given).await?;
    if head.kind == RunKind::Script && !head.status.is_final() {
        let key = head.key;
        app.store.write(move |write| store::jobs::set_declared_error(write, key, &error)).await?;
        return super::run(app, head.run_id).await;
    }
    end_run(app, &head.run_id, RunEnd::Failed(error)).await
}

/// Ends an interactive run at once. For a script run that has begun it asks: its agent kills the
/// script and reports.
pub async fn cancel_run(app: &Arc<App>, given: String) -> Result<Run> {
    let head = head(app, given).await?;
    if head.kind != RunKind::Script {
        return end_run(app, &head.run_id, RunEnd::Canceled).await;
    }
    let run_id = head.run_id;
    let asked = run_id.clone();
    let has_begun = app
        .store
        .write(move |write| {
            let head = store::runs::head(write, &asked)?;
            let job = store::jobs::get(write, head.key, &asked)?;
            if head.status.can_become(RunStatus::CancelRequested) {
                move_on(write, &head, RunStatus::CancelRequested)?;
            }
            // A claim after this write sees the request and leaves the job alone.
            Ok(job.claimed_at_ms.is_some() && !head.status.is_final())
        })
        .await?;
    if !has_begun {
        return end_run(app, &run_id, RunEnd::Canceled).await;
    }
    app.job_changes.notify_one();
    super::run(app, run_id).await
}

/// Ends the run: what was logged is read to the last record and committed together with the end,
/// and nothing can be logged afterwards. The same end again is accepted, another one is a conflict.
pub async fn end_run(app: &Arc<App>, run_id: &str, end: RunEnd) -> Result<Run> {
    end_run_at(app, run_id, end, None).await
}

/// The same at a time that somebody says; now, when nobody does.
pub(super) async fn end_run_at(
    app: &Arc<App>,
    run_id: &str,
    end: RunEnd,
    ended_at_ms: Option<i64>,
) -> Result<Run> {
    let gate = app.enter_run(run_id).await;
    let head = head(app, run_id.to_owned()).await?;
    if head.status.is_final() {
        return already_ended(app, &head, &end).await;
    }
    // The bulk is read before the lock is taken, so that nobody who logs has to wait for it.
    drain(app, run_id).await?;

    let logs = keep_logs(app, run_id).await?;
    let (ending_app, ending_id) = (Arc::clone(app), run_id.to_owned());
    let spool = tokio::task::spawn_blocking(move || lock_spool(&ending_app, &ending_id))
        .await
        .map_err(|panic| Error::Defect(format!("ending a run broke down: {panic}")))??;

    let (ending_id, spool_path) = (run_id.to_owned(), app.home.spool(run_id));
    let ended = app
        .store
        .write(move |write| {
            let head = store::runs::head(write, &ending_id)?;
            if !head.status.can_become(end.status()) {
                return Err(another_end(&head).into());
            }
            if let Some(spool) = &spool {
                ingest_to_end(write, &ending_id, spool)?;
            }
            for (artifact, _lease) in &logs {
                store::artifacts::put(write, head.key, artifact)?;
                let path = artifact.path.clone();
                write.event(&head.scope(), EventKind::ArtifactAdded { path })?;
            }
            store::runs::set_end(write, head.key, end.status(), end.error(), ended_at_ms)?;
            write.event(&head.scope(), EventKind::RunStatus { status: end.status() })?;
            // Unlinked while the lock is held: who waits for it finds a file without a name.
            write.after_commit(move || {
                remove_file(&spool_path);
                drop((spool, logs));
            });
            store::runs::get(write, &ending_id)
        })
        .await?;

    let folders = [app.home.logs(run_id), app.home.run_folder(run_id)];
    tokio::task::spawn_blocking(move || folders.iter().for_each(|folder| remove_folder(folder)))
        .await
        .map_err(|panic| Error::Defect(format!("cleaning up after a run broke down: {panic}")))?;
    drop(gate);
    Ok(ended)
}

/// Moves a run to a status that is no end.
pub(super) fn move_on(write: &mut Write<'_>, head: &RunHead, status: RunStatus) -> Result<()> {
    store::runs::set_status(write, head.key, status, now_ms())?;
    write.event(&head.scope(), EventKind::RunStatus { status })
}

pub(super) fn another_end(head: &RunHead) -> ApiError {
    ApiError::conflict(format!("run `{}` has ended already: it is {}", head.run_id, head.status))
        .hint("start a new run; an ended one does not change")
}

/// Takes the exclusive lock, after which no record can come; `None` when there is no spool.
pub(super) fn lock_spool(app: &App, run_id: &str) -> Result<Option<File>> {
    let path = app.home.spool(run_id);
    let file = match File::options().read(true).append(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(Error::File { action: format!("opening `{}`", path.display()), source });
        }
    };
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) if begun.elapsed() < LONGEST_WAIT_FOR_WRITERS => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(ApiError::unavailable(format!(
                    "a process that logs to run `{run_id}` holds its spool and does not go on"
                ))
                .hint("let the stopped process continue, or end it")
                .into());
            }
            Err(TryLockError::Error(source)) => {
                return Err(Error::File {
                    action: format!("locking `{}`", path.display()),
                    source,
                });
            }
        }
    }
}

pub(super) fn remove_file(path: &Path) {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            // The next start of the daemon tries again.
            tracing::warn!(%error, path = %path.display(), "a file was not removed");
        }
        _ => {}
    }
}

pub(super) fn remove_folder(path: &Path) {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(%error, path = %path.display(), "a folder was not removed");
        }
        _ => {}
    }
}

async fn head(app: &Arc<App>, given: String) -> Result<RunHead> {
    app.store.read(move |database| store::runs::head(database, &given)).await
}

async fn already_ended(app: &Arc<App>, head: &RunHead, end: &RunEnd) -> Result<Run> {
    if head.status != end.status() {
        return Err(another_end(head).into());
    }
    let run_id = full_run_id(app, head.run_id.clone()).await?;
    app.store.read(move |database| store::runs::get(database, &run_id)).await
}

/// The logs of a run that ends, as artifacts to be.
async fn keep_logs(app: &App, run_id: &str) -> Result<Vec<(Artifact, Lease)>> {
    let folder = app.home.logs(run_id);
    let logs = live_logs(&folder).while_trying(|| format!("reading `{}`", folder.display()))?;
    let mut kept = Vec::with_capacity(logs.len());
    for log in logs {
        let blob = app.blobs.store_file(&folder.join(&log.path)).await?;
        let artifact = Artifact {
            path: log.path,
            size: blob.size,
            sha256: blob.sha256,
            created_at_ms: now_ms(),
        };
        kept.push((artifact, blob.lease));
    }
    Ok(kept)
}
