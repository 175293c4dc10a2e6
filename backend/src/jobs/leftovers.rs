//! What an agent that was killed left in the run's folder: what it had still to tell.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use lazuli_domain::JobReport;

use crate::app::App;
use crate::error::{Error, Result};
use crate::tracking::{self, STANDARD_LOG};

/// Folders in `code/` whose files are kept with the run.
const COLLECTED: [&str; 2] = ["outputs", "logs"];
const LARGEST_PIECE: u64 = 1 << 20;

/// True when an agent has been at work in the folder.
pub fn has_begun(folder: &Path) -> bool {
    folder.join("std_log.txt").exists() || folder.join("report.json").exists()
}

/// How the script ended, if the agent came to know and to write it.
pub fn report(folder: &Path) -> Result<Option<JobReport>> {
    let path = folder.join("report.json");
    match fs::read(&path) {
        Ok(text) => Ok(serde_json::from_slice(&text)
            .inspect_err(
                |error| tracing::warn!(%error, path = %path.display(), "a report is damaged"),
            )
            .ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::File { action: format!("reading `{}`", path.display()), source }),
    }
}

/// The end of what the agent said for itself.
pub fn last_words(folder: &Path) -> String {
    let text = fs::read(folder.join("agent.log")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

/// Keeps the rest of the log, and the files the script wrote.
pub async fn collect(app: &Arc<App>, run_id: &str) -> Result<()> {
    let folder = app.home.run_folder(run_id);
    append_rest_of_log(app, run_id, &folder.join("std_log.txt")).await?;
    let code = folder.join("code");
    let files = tokio::task::spawn_blocking(move || {
        let mut files = Vec::new();
        for name in COLLECTED {
            find(&code.join(name), name, &mut files);
        }
        files
    })
    .await
    .map_err(|panic| Error::Defect(format!("looking for files broke down: {panic}")))?;
    for (name, path) in files {
        match tracking::put_artifact_file(app, run_id.to_owned(), name.clone(), path).await {
            Err(Error::ShuttingDown) => return Err(Error::ShuttingDown),
            Err(error) => tracing::warn!(
                run_id,
                name,
                error = &error as &dyn std::error::Error,
                "a file of a run was not kept"
            ),
            Ok(_) => {}
        }
    }
    Ok(())
}

async fn append_rest_of_log(app: &Arc<App>, run_id: &str, path: &Path) -> Result<()> {
    let logs = tracking::list_logs(app, run_id.to_owned()).await?;
    let mut told = logs.iter().find(|log| log.path == STANDARD_LOG).map_or(0, |log| log.size);
    loop {
        let piece = match read_piece(path, told) {
            Ok(piece) if piece.is_empty() => return Ok(()),
            Ok(piece) => Bytes::from(piece),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(source) => {
                return Err(Error::File {
                    action: format!("reading `{}`", path.display()),
                    source,
                });
            }
        };
        let log = STANDARD_LOG.to_owned();
        told = tracking::append_log(app, run_id.to_owned(), log, told, piece).await?;
    }
}

fn read_piece(path: &Path, start: u64) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(LARGEST_PIECE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Name and path of every file below `folder`; nothing when it is not there.
fn find(folder: &Path, name: &str, files: &mut Vec<(String, PathBuf)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(std::result::Result::ok) {
        let path = entry.path();
        let Some(file_name) = entry.file_name().to_str().map(str::to_owned) else {
            tracing::warn!(path = %path.display(), "a file whose name is no text is not kept");
            continue;
        };
        let name = format!("{name}/{file_name}");
        // A link is followed to a file, never to a folder: that could lead round in a circle.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            find(&path, &name, files);
        } else if path.is_file() {
            files.push((name, path));
        }
    }
}
