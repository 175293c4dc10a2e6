//! Collects what the script wrote below `outputs/` and `logs/`.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lazuli::domain::{Artifact, artifact_path};
use sha2::{Digest, Sha256};

use crate::code::COLLECTED;
use crate::daemon::{Daemon, Undeliverable};
use crate::std_log::StdLog;

/// A daemon that is there and refuses a file again and again has a reason that stays.
const MOST_REFUSALS: u32 = 5;

/// Keeps every file with the run; says why when one could not be kept.
pub fn collect(code: &Path, daemon: &Daemon, run_id: &str, log: &mut StdLog) -> Result<(), String> {
    let mut files = Vec::new();
    for name in COLLECTED {
        find(&code.join(name), name, &mut files, log);
    }
    if files.is_empty() {
        return Ok(());
    }
    let kept = daemon
        .call(|client| client.artifacts(run_id, ""), keep_trying)
        .map_err(|failure| describe(failure).1)?;
    let kept: HashMap<String, Artifact> =
        kept.into_iter().map(|artifact| (artifact.path.clone(), artifact)).collect();
    let mut problem = None;
    for (name, path) in files {
        if kept.get(&name).is_some_and(|artifact| is_same(artifact, &path)) {
            continue;
        }
        if let Err((goes_on, reason)) = keep(daemon, run_id, &name, &path) {
            log.say(&format!("`{name}` could not be kept: {reason}"));
            problem.get_or_insert(format!("`{name}` could not be kept: {reason}"));
            if !goes_on {
                break;
            }
        }
    }
    problem.map_or(Ok(()), Err)
}

fn keep(daemon: &Daemon, run_id: &str, name: &str, path: &Path) -> Result<(), (bool, String)> {
    let mut refusals = 0;
    let patience = |time: Duration| {
        if daemon.is_there() {
            refusals += 1;
        }
        std::thread::sleep(time);
        refusals < MOST_REFUSALS
    };
    daemon
        .call(|client| client.put_artifact_file(run_id, name, path, None), patience)
        .map(drop)
        .map_err(describe)
}

/// Whether it makes sense to go on with the next file, and the reason in words.
fn describe(failure: Undeliverable) -> (bool, String) {
    match failure {
        Undeliverable::Refused(error) | Undeliverable::GivenUp(Some(error)) => {
            (true, error.message().to_owned())
        }
        Undeliverable::GivenUp(None) => (true, "no daemon is there".to_owned()),
        Undeliverable::HomeGone => (false, "the Lazuli home was removed".to_owned()),
    }
}

fn keep_trying(time: Duration) -> bool {
    std::thread::sleep(time);
    true
}

/// Name and path of every file below `folder`. What cannot be kept is said in the log.
pub fn find(folder: &Path, name: &str, files: &mut Vec<(String, PathBuf)>, log: &mut StdLog) {
    let mut entries = match fs::read_dir(folder) {
        Ok(entries) => entries.filter_map(Result::ok).collect::<Vec<_>>(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => return log.say(&format!("`{name}` cannot be read: {error}")),
    };
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let file_name = entry.file_name();
        let Some(file_name) = file_name.to_str() else {
            log.say(&format!("`{}` is not kept: its name is no text", path.display()));
            continue;
        };
        let name = match name {
            "" => file_name.to_owned(),
            name => format!("{name}/{file_name}"),
        };
        // A link is followed to a file, never to a folder: that could lead round in a circle.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder {
            find(&path, &name, files, log);
        } else if !path.is_file() {
            log.say(&format!("`{name}` is not kept: it is no regular file"));
        } else {
            match artifact_path(&name) {
                Ok(name) => files.push((name, path)),
                Err(error) => log.say(&format!("`{name}` is not kept: {}", error.message)),
            }
        }
    }
}

/// The script may have uploaded it itself.
fn is_same(artifact: &Artifact, path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.len() == artifact.size)
        && sha256(path).is_ok_and(|digest| digest == artifact.sha256)
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(format!("{:x}", digest.finalize()));
        }
        digest.update(&buffer[..count]);
    }
}
