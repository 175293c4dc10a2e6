//! Files that hold a home or an experiment.

use std::path::PathBuf;

use lazuli::Result;
use lazuli_domain::{ApiError, Progress};
use serde_json::json;

use crate::show::{byte_size, count};
use crate::{Context, Outcome, Session, Talk};

pub(crate) fn export(
    context: &Context,
    session: &Session,
    talk: &mut dyn Talk,
    name: &str,
    file: &str,
    force: bool,
) -> Result<Outcome> {
    let path = new_file(context, file, force)?;
    let mut size = 0;
    let (runs, left_out) =
        context
            .client
            .export_experiment(&session.workspace, name, &path, &mut |done| size = done)?;
    if left_out > 0 {
        let are = if left_out == 1 { "goes on and is" } else { "go on and are" };
        talk.note(&format!("{} {are} left out", count(left_out, "run")));
    }
    Outcome::new(
        format!(
            "kept {} of experiment `{name}` in `{file}` ({})",
            count(runs, "run"),
            byte_size(size)
        ),
        &json!({ "file": path, "runs": runs, "left_out": left_out, "size": size }),
    )
}

pub(crate) fn import(
    context: &Context,
    session: &Session,
    talk: &mut dyn Talk,
    file: &str,
    name: Option<&str>,
) -> Result<Outcome> {
    let path = context.path(file);
    let report = context.client.import_experiment(&session.workspace, &path, name, &mut |now| {
        step(talk, now);
    })?;
    lost(talk, &report.missing);
    let mut text =
        format!("brought {} into experiment `{}`", count(report.runs, "run"), report.experiment);
    if report.present > 0 {
        let were = if report.present == 1 { "was" } else { "were" };
        text.push_str(&format!("; {} {were} here already", count(report.present, "run")));
    }
    Outcome::new(text, &report)
}

/// A file to be written: not one that is there, unless it may be replaced.
pub(crate) fn new_file(context: &Context, file: &str, force: bool) -> Result<PathBuf> {
    let path = context.path(file);
    if path.is_dir() {
        return Err(ApiError::invalid(format!("`{file}` is a folder"))
            .hint("say which file to write in it")
            .into());
    }
    if path.exists() && !force {
        return Err(ApiError::conflict(format!("`{file}` exists already"))
            .hint("replace it with `--force`, or choose another name")
            .into());
    }
    match path.parent() {
        Some(folder) if !folder.is_dir() => {
            Err(ApiError::invalid(format!("the folder `{}` does not exist", folder.display()))
                .hint("make it first, or choose another")
                .into())
        }
        _ => Ok(path),
    }
}

/// Bytes are shown as a transfer, everything else is over before anybody has read it.
pub(crate) fn step(talk: &mut dyn Talk, now: &Progress) {
    if now.doing == "sending" {
        talk.transfer(&now.doing, now.done, now.total);
    }
}

pub(crate) fn lost(talk: &mut dyn Talk, missing: &[String]) {
    if !missing.is_empty() {
        let number = count(missing.len() as u64, "file");
        talk.note(&format!(
            "{number} were lost before the archive was made: {}",
            missing.join(", ")
        ));
    }
}
