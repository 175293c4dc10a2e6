//! Use cases that only MLflow's clients have, over the rows of everything else.
//!
//! Their refusals are in MLflow's words: its clients, and scripts written for them, look for these.
//! Ids are exact here, never the beginning of one, and what belongs to another workspace is not
//! there.
//!
//! A run that a client starts has no owner, because nobody on this machine need be its process: it
//! goes on until a client says otherwise. It has a spool file as every run that goes on, so that
//! Lazuli's own SDKs can log to it; what MLflow's clients log is committed when they are answered.
//! An ended run takes what they log, and goes on again, as MLflow has it: its autologging adds
//! metrics of an evaluation to the run of the training. Lazuli's SDKs still find it ended.

mod changes;
mod deletion;
mod experiments;
mod history;
mod inputs;
mod logging;
mod runs;

use lazuli_domain::{ApiError, ErrorKind};

use crate::error::Result;
use crate::store::runs::RunHead;
use crate::store::{self, Connection};

pub use changes::{RunChange, delete_tag, update_run};
pub use deletion::{delete_experiment, delete_run, restore_experiment, restore_run};
pub use experiments::{
    create_experiment, delete_experiment_tag, experiment, experiment_by_name, rename_experiment,
    search_experiments, set_experiment_tag,
};
pub use history::{ClientPoint, RunPoints, histories, history, sampled_histories};
pub use inputs::{log_inputs, record_model, search_datasets};
pub use logging::{Batch, LoggedPoint, Measured, log};
pub use runs::{ClientRun, NewClientRun, RunQuestion, create_run, run, search_runs};

/// Tags that are columns of a run.
pub const RUN_NAME: &str = "mlflow.runName";
pub const PARENT: &str = "mlflow.parentRunId";

/// The run of exactly this id in the workspace, also when it is deleted.
fn head(connection: &Connection, workspace: &str, run_id: &str) -> Result<RunHead> {
    match store::runs::find_head(connection, run_id)? {
        Some(head) if head.workspace == workspace => Ok(head),
        _ => {
            let shown: String = run_id.chars().take(80).collect();
            Err(ApiError::new(ErrorKind::NotFound, format!("Run with id={shown} not found")).into())
        }
    }
}

/// The same, of a run that is not deleted.
fn active_head(connection: &Connection, workspace: &str, run_id: &str) -> Result<RunHead> {
    let head = head(connection, workspace, run_id)?;
    match head.deleted_at_ms {
        None => Ok(head),
        Some(_) => Err(ApiError::invalid(format!(
            "The run {run_id} must be in the 'active' state. Current state is deleted."
        ))
        .into()),
    }
}
