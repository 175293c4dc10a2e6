//! Deleting so that it can be taken back. Clients may delete what goes on.

use std::sync::Arc;

use lazuli_domain::{ApiError, ErrorKind, EventKind};

use super::experiments::ensured;
use super::head;
use crate::app::App;
use crate::clock::now_ms;
use crate::error::Result;
use crate::store::{self, deletion};
use crate::tracking::deletion::{scope, tell};

/// Hides the run and those below it. Deleting again changes nothing.
pub async fn delete_run(app: &Arc<App>, workspace: String, run_id: String) -> Result<()> {
    app.store
        .write(move |write| {
            let head = head(write, &workspace, &run_id)?;
            let deleted = deletion::delete_run(write, head.key, now_ms())?;
            tell(write, &deleted, &EventKind::RunDeleted)
        })
        .await
}

/// Brings the run back, with those below it that were deleted with it.
pub async fn restore_run(app: &Arc<App>, workspace: String, run_id: String) -> Result<()> {
    app.store
        .write(move |write| {
            let head = head(write, &workspace, &run_id)?;
            let experiment = store::experiments::get_by_key(write, head.experiment_key)?;
            super::experiments::check_active(&experiment)?;
            let restored = deletion::restore_run(write, &head)?;
            tell(write, &restored, &EventKind::RunRestored)
        })
        .await
}

/// Hides the experiment and its runs; one that is deleted is not there.
pub async fn delete_experiment(app: &Arc<App>, workspace: String, id: String) -> Result<()> {
    app.store
        .write(move |write| {
            let experiment = ensured(write, &workspace, &id)?;
            if experiment.deleted_at_ms.is_some() {
                return Err(not_there(experiment.id).into());
            }
            deletion::delete_experiment(write, experiment.id, now_ms())?;
            write.event(&scope(&experiment), EventKind::ExperimentDeleted)
        })
        .await
}

/// Brings the experiment back with the runs that were deleted with it; one that is not deleted is
/// not there.
pub async fn restore_experiment(app: &Arc<App>, workspace: String, id: String) -> Result<()> {
    app.store
        .write(move |write| {
            let experiment = ensured(write, &workspace, &id)?;
            let Some(deleted_at_ms) = experiment.deleted_at_ms else {
                return Err(not_there(experiment.id).into());
            };
            deletion::restore_experiment(write, experiment.id, deleted_at_ms, now_ms())?;
            write.event(&scope(&experiment), EventKind::ExperimentRestored)
        })
        .await
}

fn not_there(id: i64) -> ApiError {
    ApiError::new(ErrorKind::NotFound, format!("No Experiment with id={id} exists"))
}
