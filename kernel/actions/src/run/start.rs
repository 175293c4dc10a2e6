use lazuli::Result;
use lazuli_domain::{NewRun, Run, RunKind, StringMap};

use crate::submit::DEFAULT_EXPERIMENT;
use crate::{Caller, Context, Outcome, Session};

#[derive(Default)]
pub(super) struct Start {
    pub name: Option<String>,
    pub experiment: Option<String>,
    pub parent: Option<String>,
    pub tags: StringMap,
}

pub(super) fn start(context: &Context, session: &mut Session, start: Start) -> Result<Outcome> {
    let before = session.run_id.clone();
    let run = begin(context, session, start)?;
    let mut text = format!("started run `{}` of experiment `{}`", run.run_id, run.experiment);
    if let Some(before) = before.filter(|_| context.caller == Caller::Cell) {
        text.push_str(&format!("; run `{before}` was active and goes on"));
    }
    Outcome::new(text, &run)
}

/// Starts an interactive run and makes it the active one.
pub(super) fn begin(context: &Context, session: &mut Session, start: Start) -> Result<Run> {
    let experiment = start.experiment.or_else(|| session.experiment.clone());
    let parent = match &start.parent {
        Some(parent) => Some(context.client.run(parent)?.run_id),
        None => None,
    };
    let run = context.client.create_run(
        &session.workspace,
        &NewRun {
            experiment: experiment.unwrap_or_else(|| DEFAULT_EXPERIMENT.to_owned()),
            name: start.name,
            kind: RunKind::Interactive,
            parent_run_id: parent,
            user: context.config.user.clone(),
            tags: start.tags,
            properties: StringMap::new(),
            snapshot_id: None,
            owner: context.owner.clone(),
        },
    )?;
    session.run_id = Some(run.run_id.clone());
    session.last_run_id = Some(run.run_id.clone());
    Ok(run)
}
