use lazuli::Result;
use lazuli_domain::{Run, RunError};

use super::{active, how_it_ended};
use crate::{Context, Outcome, Session};

pub(super) fn complete(
    context: &Context,
    session: &mut Session,
    named: Option<&str>,
) -> Result<Outcome> {
    let run = active(context, session, named)?;
    ended(session, &context.client.complete_run(&run.run_id)?)
}

pub(super) fn fail(
    context: &Context,
    session: &mut Session,
    named: Option<&str>,
    message: Option<&str>,
) -> Result<Outcome> {
    let run = active(context, session, named)?;
    let message = message.unwrap_or("ended as failed by hand").to_owned();
    let error = RunError { message, ..RunError::default() };
    ended(session, &context.client.fail_run(&run.run_id, &error)?)
}

/// Without a name, the active run or the one this session submitted last.
pub(super) fn cancel(
    context: &Context,
    session: &mut Session,
    named: Option<&str>,
) -> Result<Outcome> {
    let last = session.last_run_id.clone();
    let named = named.or(session.run_id.as_deref()).or(last.as_deref());
    let run = active(context, session, named)?;
    ended(session, &context.client.cancel_run(&run.run_id)?)
}

fn ended(session: &mut Session, run: &Run) -> Result<Outcome> {
    if run.status.is_final() && session.run_id.as_deref() == Some(&run.run_id) {
        session.run_id = None;
    }
    session.last_run_id = Some(run.run_id.clone());
    Outcome::new(how_it_ended(run), run)
}
