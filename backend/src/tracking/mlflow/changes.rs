//! Name, status, end and tags of a run, as clients change them.

use std::sync::Arc;

use lazuli_domain::{ApiError, ErrorKind, EventKind, RunError, RunKind, RunStatus};

use super::{ClientRun, RUN_NAME, active_head};
use crate::app::App;
use crate::error::Result;
use crate::store::entries::{self, EntryKind};
use crate::store::runs::RunHead;
use crate::store::{self, Write};
use crate::tracking::ending::{RunEnd, end_run_at, move_on};
use crate::tracking::runs::open_spool;
use crate::tracking::{cancel_run, complete_run, fail_run};

/// What is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunChange {
    pub name: Option<String>,
    /// `Running`, `Queued` (MLflow's `SCHEDULED`) or an end.
    pub status: Option<RunStatus>,
    pub ended_at_ms: Option<i64>,
}

/// Changes a run that is not deleted, from any status to any other. What becomes of a script run is
/// its job's affair: what its script says about the end waits until the script has ended, and when
/// it has, nothing changes any more.
pub async fn update_run(
    app: &Arc<App>,
    workspace: String,
    run_id: String,
    change: RunChange,
) -> Result<ClientRun> {
    let asked = (workspace.clone(), run_id.clone());
    let name = change.name.clone().filter(|name| !name.is_empty());
    let head = match name {
        None => app.store.read(move |database| active_head(database, &asked.0, &asked.1)).await?,
        Some(name) => {
            app.store
                .write(move |write| {
                    let head = active_head(write, &asked.0, &asked.1)?;
                    store::runs::rename(write, head.key, &name)?;
                    write.event(&head.scope(), EventKind::RunUpdated)?;
                    Ok(head)
                })
                .await?
        }
    };
    match change.status {
        Some(status) if head.kind == RunKind::Script => script_says(app, &head, status).await?,
        Some(status) if status.is_final() && !head.status.is_final() => {
            end_run_at(app, &head.run_id, end_of(status), change.ended_at_ms).await?;
        }
        Some(status) => set_status(app, &head, status, change.ended_at_ms).await?,
        None => {
            if let Some(ended_at_ms) = change.ended_at_ms {
                let key = head.key;
                app.store
                    .write(move |write| store::runs::set_ended_at(write, key, Some(ended_at_ms)))
                    .await?;
            }
        }
    }
    super::run(app, workspace, run_id).await
}

async fn script_says(app: &Arc<App>, head: &RunHead, status: RunStatus) -> Result<()> {
    if head.status.is_final() {
        return Ok(());
    }
    let run_id = head.run_id.clone();
    match end_of(status) {
        _ if !status.is_final() => {}
        RunEnd::Completed => drop(complete_run(app, run_id).await?),
        RunEnd::Failed(error) => drop(fail_run(app, run_id, error).await?),
        RunEnd::Canceled => drop(cancel_run(app, run_id).await?),
    }
    Ok(())
}

/// Of a run that has ended, or to a status that is no end.
async fn set_status(
    app: &Arc<App>,
    head: &RunHead,
    status: RunStatus,
    ended_at_ms: Option<i64>,
) -> Result<()> {
    let gate = app.enter_run(&head.run_id).await;
    let (again, run_id) = (Arc::clone(app), head.run_id.clone());
    app.store
        .write(move |write| {
            let Some(head) = store::runs::find_head(write, &run_id)? else { return Ok(()) };
            if head.status == status {
                return match ended_at_ms {
                    Some(_) => store::runs::set_ended_at(write, head.key, ended_at_ms),
                    None => Ok(()),
                };
            }
            if status.is_final() {
                return end_otherwise(write, &head, status, ended_at_ms);
            }
            move_on(write, &head, status)?;
            if head.status.is_final() {
                store::runs::reopen(write, head.key)?;
                // After the commit: until then the run takes no records. Should the daemon end in
                // between, its next start makes the file.
                write.after_commit(move || {
                    if let Err(error) = open_spool(&again, &run_id) {
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(error, run_id, "a run that goes on again has no spool");
                    }
                });
            }
            Ok(())
        })
        .await?;
    drop(gate);
    Ok(())
}

/// Another end for a run that has one.
fn end_otherwise(
    write: &mut Write<'_>,
    head: &RunHead,
    status: RunStatus,
    ended_at_ms: Option<i64>,
) -> Result<()> {
    let end = end_of(status);
    store::runs::set_end(write, head.key, status, end.error(), ended_at_ms)?;
    write.event(&head.scope(), EventKind::RunStatus { status })
}

fn end_of(status: RunStatus) -> RunEnd {
    match status {
        RunStatus::Failed => RunEnd::Failed(RunError {
            message: "an MLflow client ended the run as FAILED".to_owned(),
            ..RunError::default()
        }),
        RunStatus::Canceled => RunEnd::Canceled,
        _ => RunEnd::Completed,
    }
}

/// Takes a tag away; one that is not there is an error.
pub async fn delete_tag(
    app: &Arc<App>,
    workspace: String,
    run_id: String,
    key: String,
) -> Result<()> {
    app.store
        .write(move |write| {
            let head = active_head(write, &workspace, &run_id)?;
            // The run keeps its name, which every client reads out of this tag.
            if key != RUN_NAME && !entries::remove(write, EntryKind::Tag, head.key, &key)? {
                return Err(ApiError::new(
                    ErrorKind::NotFound,
                    format!("No tag with name: {key} in run with id {run_id}"),
                )
                .into());
            }
            write.event(&head.scope(), EventKind::RunUpdated)
        })
        .await
}
