//! Logs: files that grow while a run goes on, artifacts afterwards.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use lazuli_domain::{ApiError, EventKind, LogFile, artifact_path};

use super::ending::another_end;
use crate::app::App;
use crate::blobs::Content;
use crate::error::{Error, FileContext, Result};
use crate::store;

/// Folders of a run's artifacts that hold logs.
const LOG_FOLDERS: [&str; 2] = ["logs/", "user_logs/"];

/// Appends at `offset`, which is where the log ends as its writer knows it. What was appended before
/// is skipped, so that a request may be repeated after a lost answer. Returns the log's size.
pub async fn append_log(
    app: &Arc<App>,
    given: String,
    path: String,
    offset: u64,
    bytes: Bytes,
) -> Result<u64> {
    let path = artifact_path(&path)?;
    let run_id = super::full_run_id(app, given).await?;
    let _gate = app.enter_run(&run_id).await;
    let asked = run_id.clone();
    let head = app.store.read(move |database| store::runs::head(database, &asked)).await?;
    if head.status.is_final() {
        return Err(another_end(&head).into());
    }
    let file_path = app.home.logs(&run_id).join(&path);
    let (before, size) = tokio::task::spawn_blocking(move || append_at(&file_path, offset, &bytes))
        .await
        .map_err(|panic| Error::Defect(format!("writing a log broke down: {panic}")))??;
    if size > before {
        let grown = EventKind::LogAppended { path, size };
        app.store.write(move |write| write.event(&head.scope(), grown)).await?;
    }
    Ok(size)
}

/// Logs by path.
pub async fn list_logs(app: &Arc<App>, given: String) -> Result<Vec<LogFile>> {
    let (run_id, mut logs) = app
        .store
        .read(move |database| {
            let head = store::runs::head(database, &given)?;
            let mut logs = Vec::new();
            for folder in LOG_FOLDERS {
                for artifact in store::artifacts::list(database, head.key, folder)? {
                    logs.push(LogFile { path: artifact.path, size: artifact.size });
                }
            }
            Ok((head.run_id, logs))
        })
        .await?;
    let folder = app.home.logs(&run_id);
    for live in live_logs(&folder).while_trying(|| format!("reading `{}`", folder.display()))? {
        logs.retain(|log| log.path != live.path);
        logs.push(live);
    }
    logs.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(logs)
}

/// Opens a log, whether the run goes on or has ended.
pub async fn open_log(app: &Arc<App>, given: String, path: String) -> Result<Content> {
    let path = artifact_path(&path)?;
    let run_id = super::full_run_id(app, given).await?;
    if let Some(log) = open_live_or_kept(app, &run_id, &path).await? {
        return Ok(log);
    }
    // The run may have ended between the two looks of the first attempt.
    if let Some(log) = open_live_or_kept(app, &run_id, &path).await? {
        return Ok(log);
    }
    let hint = match list_logs(app, run_id).await?.as_slice() {
        [] => "the run has written no log yet".to_owned(),
        logs => {
            let paths: Vec<String> =
                logs.iter().take(5).map(|log| format!("`{}`", log.path)).collect();
            format!("the run has {}", paths.join(", "))
        }
    };
    Err(ApiError::not_found("log", &path).hint(hint).into())
}

/// While the run goes on the live file is the log; at its end it becomes an artifact.
async fn open_live_or_kept(app: &Arc<App>, run_id: &str, path: &str) -> Result<Option<Content>> {
    let (asked_run, asked) = (run_id.to_owned(), path.to_owned());
    let (artifact, ended) = app
        .store
        .read(move |database| {
            let head = store::runs::head(database, &asked_run)?;
            Ok((store::artifacts::find(database, head.key, &asked)?, head.status.is_final()))
        })
        .await?;
    if !ended && let Ok(file) = File::open(app.home.logs(run_id).join(path)) {
        let log = Content::of_file(file).while_trying(|| "reading a log's size".into())?;
        return Ok(Some(log));
    }
    match artifact {
        Some(artifact) => app.blobs.open_blob(&artifact.sha256).await.map(Some),
        None => Ok(None),
    }
}

/// Files below the folder of a run's live logs; none when there is no folder.
pub(super) fn live_logs(folder: &Path) -> std::io::Result<Vec<LogFile>> {
    let mut logs = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries = match fs::read_dir(&next) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if let Some(name) = path.strip_prefix(folder).ok().and_then(Path::to_str) {
                logs.push(LogFile { path: name.to_owned(), size: entry.metadata()?.len() });
            }
        }
    }
    logs.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(logs)
}

/// The file's size before and after.
fn append_at(path: &Path, offset: u64, bytes: &[u8]) -> Result<(u64, u64)> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).while_trying(|| format!("making `{}`", folder.display()))?;
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .while_trying(|| format!("opening `{}`", path.display()))?;
    let size = file.metadata().while_trying(|| "reading a log's size".into())?.len();
    if offset > size {
        return Err(ApiError::conflict(format!(
            "the log ends at {size}; appending at {offset} would leave a gap"
        ))
        .hint(format!("send it again from offset {size}"))
        .into());
    }
    let known = usize::try_from(size - offset).unwrap_or(usize::MAX).min(bytes.len());
    let new = &bytes[known..];
    let append = |file: &mut File| -> std::io::Result<()> {
        file.write_all(new)?;
        file.sync_data()
    };
    if !new.is_empty()
        && let Err(source) = append(&mut file)
    {
        // Half of it may have been written before the disk was full: as if nothing had been.
        if let Err(error) = file.set_len(size) {
            tracing::error!(%error, path = %path.display(), "a log was not cut back");
        }
        return Err(Error::File { action: format!("writing `{}`", path.display()), source });
    }
    Ok((size, size + new.len() as u64))
}
