use lazuli::Result;
use lazuli_domain::Run;

use crate::show::count;
use crate::{Context, Outcome, Session};

/// All of them or none: what goes on is asked for first, and the daemon says why it is refused.
pub(super) fn delete(context: &Context, session: &mut Session, runs: &[String]) -> Result<Outcome> {
    let mut known = known(context, runs)?;
    known.sort_by_key(|run| run.status.is_final());
    let mut deleted = Vec::with_capacity(known.len());
    for run in &known {
        deleted.push(context.client.delete_run(&run.run_id)?);
        if session.last_run_id.as_deref() == Some(&run.run_id) {
            session.last_run_id = None;
        }
    }
    let text = match deleted.as_slice() {
        [run] => {
            let restore = context.say(&format!("run restore {}", run.run_id));
            format!("deleted run `{}`; {restore} brings it back", run.run_id)
        }
        runs => {
            let restore = context.say("run restore RUN…");
            format!("deleted {}; {restore} brings them back", count(runs.len() as u64, "run"))
        }
    };
    Outcome::new(text, &deleted)
}

pub(super) fn restore(context: &Context, runs: &[String]) -> Result<Outcome> {
    let known = known(context, runs)?;
    let restored: Vec<Run> =
        known.iter().map(|run| context.client.restore_run(&run.run_id)).collect::<Result<_>>()?;
    let what = match restored.as_slice() {
        [run] => format!("run `{}`", run.run_id),
        runs => count(runs.len() as u64, "run"),
    };
    Outcome::new(format!("restored {what}"), &restored)
}

/// Looked up before anything changes: a mistyped name changes nothing.
fn known(context: &Context, runs: &[String]) -> Result<Vec<Run>> {
    runs.iter().map(|run| context.client.run(run)).collect()
}
