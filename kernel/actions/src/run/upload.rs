use std::path::PathBuf;

use lazuli::Result;
use lazuli_commands::table::Upload;
use lazuli_domain::{ApiError, artifact_path};
use serde_json::json;

use super::log::run_to_log;
use crate::show::{byte_size, count};
use crate::{Context, Outcome, Session, Talk, files, hash};

pub(super) fn upload(
    context: &Context,
    session: &mut Session,
    talk: &mut dyn Talk,
    command: &Upload,
) -> Result<Outcome> {
    let mut chosen: Vec<(String, PathBuf)> = Vec::new();
    for path in &command.files {
        let is_folder = context.path(path).is_dir();
        let found = files::named_by_last_part(context, path)?;
        for (name, file) in found {
            chosen.push((artifact_name(command, path, &name, is_folder)?, file));
        }
    }
    if let Some(twice) = chosen.iter().enumerate().find_map(|(index, (name, _))| {
        chosen[..index].iter().any(|(before, _)| before == name).then_some(name)
    }) {
        return Err(ApiError::invalid(format!("two files would be kept as `{twice}`"))
            .hint("upload them one by one with `--name`")
            .into());
    }
    let run = run_to_log(context, session, talk, command.run.as_deref())?;
    let size = put(context, talk, &run.run_id, &chosen)?;
    let names: Vec<&String> = chosen.iter().map(|(name, _)| name).collect();
    let what = match names.as_slice() {
        [name] => format!("`{name}`"),
        _ => count(names.len() as u64, "file"),
    };
    Outcome::new(
        format!("kept {what} ({}) with run `{}`", byte_size(size), run.run_id),
        &json!({ "run_id": run.run_id, "artifacts": names }),
    )
}

/// A file is kept by the path it was given when that stays inside the folder (`outputs/a.txt`),
/// else by its last part; `--name` renames a single file and is a folder for everything else.
fn artifact_name(
    command: &Upload,
    path: &str,
    name: &str,
    is_folder: bool,
) -> Result<String, ApiError> {
    match &command.name {
        Some(given) if command.files.len() == 1 && !is_folder => artifact_path(given),
        Some(folder) => artifact_path(&format!("{folder}/{name}")),
        None if is_folder => match artifact_path(path) {
            Ok(folder) => {
                let inside = name.split_once('/').map_or(name, |(_, inside)| inside);
                artifact_path(&format!("{folder}/{inside}"))
            }
            Err(_) => artifact_path(name),
        },
        None => artifact_path(path).or_else(|_| artifact_path(name)),
    }
}

/// Uploads the files and gives their size.
pub(super) fn put(
    context: &Context,
    talk: &mut dyn Talk,
    run_id: &str,
    chosen: &[(String, PathBuf)],
) -> Result<u64> {
    let mut sizes = Vec::new();
    for (_, file) in chosen {
        let metadata = std::fs::metadata(file).map_err(|error| hash::unreadable(file, &error))?;
        sizes.push(metadata.len());
    }
    let total = sizes.iter().sum();
    let mut before = 0;
    for ((name, file), size) in chosen.iter().zip(sizes) {
        let mut progress = |done: u64| talk.transfer("uploading", before + done, total);
        context.client.put_artifact_file(run_id, name, file, Some(&mut progress))?;
        before += size;
    }
    talk.transfer("uploading", total, total);
    Ok(total)
}
