//! The run's `code/` folder, made from its snapshot.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use lazuli::domain::{JobSpec, RunError, SnapshotFile, download_path};
use sha2::{Digest, Sha256};

use crate::attention::Attention;
use crate::daemon::Daemon;
use crate::end::Stopped;
use crate::std_log::StdLog;

/// Folders that belong to what the run writes.
pub const COLLECTED: [&str; 2] = ["outputs", "logs"];

/// Fills `folder` and returns the script's path relative to it, where there is one.
pub fn prepare(
    folder: &Path,
    spec: &JobSpec,
    daemon: &Daemon,
    attention: &Attention,
    log: &mut StdLog,
) -> Result<Option<PathBuf>, Stopped> {
    let snapshot = daemon
        .call(|client| client.snapshot(&spec.snapshot_id), |time| !attention.wait(time))
        .map_err(|failure| {
            Stopped::undeliverable("the source folder cannot be fetched", failure)
        })?;
    make_empty(folder)?;
    let mut left_out = 0;
    for file in &snapshot.files {
        if is_collected(&file.path) {
            left_out += 1;
            continue;
        }
        fetch(folder, file, daemon, attention)?;
    }
    for name in COLLECTED {
        let path = folder.join(name);
        fs::create_dir_all(&path).map_err(|error| Stopped::io("make", &path, error))?;
    }
    if left_out > 0 {
        log.say(&format!(
            "{left_out} files in `outputs/` and `logs/` of the source folder are left out: these folders take what the run writes"
        ));
    }
    match spec.script.is_empty() {
        true => Ok(None),
        false => find_script(folder, &spec.script, &snapshot.files).map(Some),
    }
}

fn is_collected(path: &str) -> bool {
    COLLECTED.iter().any(|name| path.strip_prefix(name).is_some_and(|rest| rest.starts_with('/')))
}

/// A folder of an attempt that was killed may be there already.
fn make_empty(folder: &Path) -> Result<(), Stopped> {
    match fs::remove_dir_all(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Stopped::io("empty", folder, error)),
    }
    fs::create_dir_all(folder).map_err(|error| Stopped::io("make", folder, error))
}

fn fetch(
    folder: &Path,
    file: &SnapshotFile,
    daemon: &Daemon,
    attention: &Attention,
) -> Result<(), Stopped> {
    // The names come from whoever made the snapshot; none may lead out of the folder.
    let path = download_path(folder, &file.path)
        .map_err(|error| Stopped::failed("the snapshot is damaged", error.to_string()))?;
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| Stopped::io("make", parent, error))?;
    }
    // The outer result says whether the daemon answered, the inner one what became of the content.
    let written = daemon
        .call(
            |client| {
                let mut content = client.get_blob(&file.sha256)?;
                Ok(write(&mut content, &path, file.executable))
            },
            |time| !attention.wait(time),
        )
        .map_err(|failure| {
            Stopped::undeliverable(&format!("`{}` cannot be fetched", file.path), failure)
        })?;
    let digest = written.map_err(|error| Stopped::io("write", &path, error))?;
    if digest != file.sha256 {
        return Err(Stopped::failed(
            format!("`{}` arrived damaged", file.path),
            "hint: submit the script again".to_owned(),
        ));
    }
    if attention.is_requested() {
        return Err(Stopped::Canceled);
    }
    Ok(())
}

fn write(content: &mut dyn Read, path: &Path, executable: bool) -> io::Result<String> {
    let mode = if executable { 0o755 } else { 0o644 };
    let mut file = File::options().write(true).create(true).truncate(true).mode(mode).open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                digest.update(&buffer[..count]);
                file.write_all(&buffer[..count])?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(format!("{:x}", digest.finalize()))
}

fn find_script(folder: &Path, script: &str, files: &[SnapshotFile]) -> Result<PathBuf, Stopped> {
    let path = download_path(folder, script)
        .map_err(|error| Stopped::failed(error.message, error.hint.unwrap_or_default()))?;
    if path.is_file() {
        return Ok(path.strip_prefix(folder).map(Path::to_owned).unwrap_or(path));
    }
    let mut there: Vec<&str> =
        files.iter().map(|file| file.path.as_str()).filter(|path| path.ends_with(".py")).collect();
    there.truncate(20);
    let details = match there.as_slice() {
        [] => "hint: the source folder holds no Python file; check which folder was submitted"
            .to_owned(),
        there => format!("hint: give one of these: {}", there.join(", ")),
    };
    Err(Stopped::Failed(RunError {
        message: format!("the script `{script}` is not in the source folder"),
        details,
        ..RunError::default()
    }))
}
