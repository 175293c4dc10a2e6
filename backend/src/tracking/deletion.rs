//! Deleting so that it can be taken back. What is deleted for good goes by `lazuli gc`.

use std::sync::Arc;

use lazuli_domain::{ApiError, EventKind, Experiment, Run};

use crate::app::App;
use crate::clock::now_ms;
use crate::error::Result;
use crate::store::runs::RunHead;
use crate::store::{self, EventScope, Write, deletion};

/// Hides the run and those below it; one that goes on is refused. Deleting again changes nothing.
pub async fn delete_run(app: &Arc<App>, given: String) -> Result<Run> {
    app.store
        .write(move |write| {
            let head = store::runs::head(write, &given)?;
            if let Some(alive) = deletion::alive_in_tree(write, head.key)? {
                let while_what = match alive == head.run_id {
                    true => "it goes on".to_owned(),
                    false => format!("run `{alive}` below it goes on"),
                };
                return Err(refused(&format!("run `{}`", head.run_id), &while_what, &alive).into());
            }
            let deleted = deletion::delete_run(write, head.key, now_ms())?;
            tell(write, &deleted, &EventKind::RunDeleted)?;
            store::runs::get(write, &head.run_id)
        })
        .await
}

/// Brings the run back, with those below it that were deleted with it.
pub async fn restore_run(app: &Arc<App>, given: String) -> Result<Run> {
    app.store
        .write(move |write| {
            let head = store::runs::head(write, &given)?;
            let experiment = store::experiments::get_by_key(write, head.experiment_key)?;
            if experiment.deleted_at_ms.is_some() {
                let name = &experiment.name;
                return Err(ApiError::conflict(format!(
                    "run `{}` belongs to the experiment `{name}`, which is deleted",
                    head.run_id
                ))
                .hint(format!("bring that back first with `lazuli experiment restore {name}`"))
                .into());
            }
            let restored = deletion::restore_run(write, &head)?;
            tell(write, &restored, &EventKind::RunRestored)?;
            store::runs::get(write, &head.run_id)
        })
        .await
}

/// Hides the experiment and its runs; while one of them goes on, it is refused.
pub async fn delete_experiment(
    app: &Arc<App>,
    workspace: String,
    name: String,
) -> Result<Experiment> {
    app.store
        .write(move |write| {
            let experiment = store::experiments::get(write, &workspace, &name)?;
            if experiment.deleted_at_ms.is_some() {
                return Ok(experiment);
            }
            if let Some(alive) = deletion::alive_in_experiment(write, experiment.id)? {
                let while_what = format!("run `{alive}` goes on");
                return Err(
                    refused(&format!("the experiment `{name}`"), &while_what, &alive).into()
                );
            }
            deletion::delete_experiment(write, experiment.id, now_ms())?;
            write.event(&scope(&experiment), EventKind::ExperimentDeleted)?;
            store::experiments::get_by_key(write, experiment.id)
        })
        .await
}

/// Brings the experiment back, with the runs that were deleted with it.
pub async fn restore_experiment(
    app: &Arc<App>,
    workspace: String,
    name: String,
) -> Result<Experiment> {
    app.store
        .write(move |write| {
            let experiment = store::experiments::get(write, &workspace, &name)?;
            let Some(deleted_at_ms) = experiment.deleted_at_ms else { return Ok(experiment) };
            deletion::restore_experiment(write, experiment.id, deleted_at_ms, now_ms())?;
            write.event(&scope(&experiment), EventKind::ExperimentRestored)?;
            store::experiments::get_by_key(write, experiment.id)
        })
        .await
}

pub(super) fn tell(write: &mut Write<'_>, runs: &[RunHead], kind: &EventKind) -> Result<()> {
    runs.iter().try_for_each(|head| write.event(&head.scope(), kind.clone()))
}

pub(super) fn scope(experiment: &Experiment) -> EventScope {
    EventScope {
        workspace: experiment.workspace.clone(),
        experiment: Some(experiment.name.clone()),
        run_id: None,
    }
}

fn refused(what: &str, while_what: &str, alive: &str) -> ApiError {
    ApiError::conflict(format!("{what} cannot be deleted while {while_what}"))
        .hint(format!("end it first: `lazuli run cancel {alive}`, or `run complete`"))
}
