//! `%%track`: a cell as a run.

use std::io::Cursor;

use lazuli::Result;
use lazuli_commands::table::Track;
use lazuli_domain::{NewRun, Run, RunError, RunKind, StringMap};

use crate::submit::DEFAULT_EXPERIMENT;
use crate::{Context, Session};

/// What a tracked cell left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrackedCell<'a> {
    pub source: &'a str,
    /// How files in the cell's language end.
    pub extension: &'a str,
    /// What it printed, in order.
    pub output: &'a str,
    /// Why it failed.
    pub error: Option<RunError>,
}

/// Starts the run of a cell and makes it the active one; what the cell logs goes to it. Gives also
/// the run that was active before, for [`finish_track`].
pub fn start_track(
    context: &Context,
    session: &mut Session,
    command: &Track,
) -> Result<(Run, Option<String>)> {
    let experiment = command.experiment.clone().or_else(|| session.experiment.clone());
    let run = context.client.create_run(
        &session.workspace,
        &NewRun {
            experiment: experiment.unwrap_or_else(|| DEFAULT_EXPERIMENT.to_owned()),
            name: command.name.clone(),
            kind: RunKind::Cell,
            parent_run_id: session.run_id.clone(),
            user: context.config.user.clone(),
            tags: StringMap::new(),
            properties: StringMap::new(),
            snapshot_id: None,
            owner: context.owner.clone(),
        },
    )?;
    let before = session.run_id.replace(run.run_id.clone());
    session.last_run_id = Some(run.run_id.clone());
    Ok((run, before))
}

/// Keeps source and output of the cell, ends its run, and makes the run active that was before.
pub fn finish_track(
    context: &Context,
    session: &mut Session,
    run_id: &str,
    before: Option<String>,
    cell: &TrackedCell<'_>,
) -> Result<Run> {
    session.run_id = before;
    let keep = |name: &str, text: &str| {
        let length = text.len() as u64;
        let mut content = Cursor::new(text.as_bytes());
        context.client.put_artifact(run_id, name, &mut content, length, None)
    };
    // The cell itself may have ended its run; then there is nothing more to keep.
    let run = context.client.run(run_id)?;
    if run.status.is_final() {
        return Ok(run);
    }
    keep(&format!("cell/source.{}", cell.extension), cell.source)?;
    if !cell.output.is_empty() {
        keep("cell/output.txt", cell.output)?;
    }
    match &cell.error {
        Some(error) => context.client.fail_run(run_id, error),
        None => context.client.complete_run(run_id),
    }
}
