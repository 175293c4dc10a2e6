//! Script runs, as far as the database knows them. Starting and watching agents is the supervisor's.

use std::sync::Arc;

use lazuli_domain::{
    ApiError, EventKind, JobEnd, JobReport, JobSpec, JobStage, NewJob, ProcessIdentity, Run,
    RunKind, RunStatus, StringMap, artifact_path, check_name,
};

use super::ending::{RunEnd, another_end, end_run, move_on};
use super::runs::{
    announce, check_entries, forget_spool_on_error, new_run_id, open_spool, parent_key, set_all,
};
use crate::app::App;
use crate::clock::now_ms;
use crate::compute;
use crate::datasets;
use crate::environments;
use crate::error::Result;
use crate::store::entries::EntryKind;
use crate::store::jobs::JobRecord;
use crate::store::runs::{RunHead, RunRow};
use crate::store::{self, Write};

/// Queues a script run and tells the supervisor.
pub async fn create_job(app: &Arc<App>, workspace: String, mut new: NewJob) -> Result<Run> {
    check_name("experiment", &new.experiment)?;
    if let Some(name) = &new.name {
        check_name("run", name)?;
    }
    check_entries(EntryKind::Tag, &new.tags)?;
    check_entries(EntryKind::Property, &new.properties)?;
    check_program(&mut new.job)?;
    super::job_data::check(app, &workspace, &new.job).await?;
    let run_id = new_run_id(&new.experiment)?;
    open_spool(app, &run_id)?;
    let created = run_id.clone();
    let result = app.store.write(move |write| insert_job(write, &workspace, &run_id, new)).await;
    let run = forget_spool_on_error(app, &created, result)?;
    app.job_changes.notify_one();
    Ok(run)
}

/// What a job is to run, and for how long.
fn check_program(job: &mut JobSpec) -> Result<()> {
    match (job.script.is_empty(), job.command.first()) {
        (true, None) => {
            return Err(ApiError::invalid("the job has neither a script nor a command")
                .hint("name a script of the source folder")
                .into());
        }
        (false, Some(_)) => {
            return Err(ApiError::invalid("the job has both a script and a command")
                .hint("give one of them")
                .into());
        }
        (true, Some(_)) if job.distributed.is_some() => {
            return Err(ApiError::invalid("a command is not distributed")
                .hint("name a script, or let the command itself start its processes")
                .into());
        }
        (true, Some(_)) => {}
        (false, None) => job.script = artifact_path(&job.script)?,
    }
    if job.environment.is_some() && !job.python.packages.is_empty() {
        return Err(ApiError::invalid("the job has an environment and packages beside it")
            .hint("add the packages to the environment")
            .into());
    }
    if let Some(distributed) = &job.distributed
        && !(1..=1000).contains(&distributed.processes)
    {
        return Err(ApiError::invalid(format!(
            "a job of {} processes is none",
            distributed.processes
        ))
        .hint("give it 1 to 1000")
        .into());
    }
    if job.max_seconds == Some(0) {
        return Err(ApiError::invalid("a job that may run for 0 seconds never runs")
            .hint("leave `max_seconds` out to let it run as long as it takes")
            .into());
    }
    Ok(())
}

fn insert_job(
    write: &mut Write<'_>,
    workspace: &str,
    run_id: &str,
    mut new: NewJob,
) -> Result<Run> {
    compute::check_target(write, workspace, &new.job.compute)?;
    new.job.environment = match new.job.environment.take() {
        Some(wanted) => Some(environments::for_job(write, workspace, wanted)?),
        None => None,
    };
    let new = &new;
    let snapshot = store::snapshots::get(write, &new.job.snapshot_id)?;
    let has_script = !new.job.script.is_empty();
    if has_script && !snapshot.files.iter().any(|file| file.path == new.job.script) {
        return Err(ApiError::invalid(format!(
            "the script `{}` is not in the source folder that was submitted",
            new.job.script
        ))
        .hint("name the script relative to the source folder; `.amlignore` may exclude it")
        .into());
    }
    let now_ms = now_ms();
    let experiment =
        store::experiments::ensure(write, workspace, &new.experiment, &StringMap::new(), now_ms)?;
    let run = store::runs::insert(
        write,
        &RunRow {
            run_id,
            workspace,
            experiment,
            name: new.name.as_deref().unwrap_or(run_id),
            kind: RunKind::Script,
            status: RunStatus::Queued,
            parent: parent_key(write, new.parent_run_id.as_deref())?,
            user: &new.user,
            compute: &new.job.compute,
            created_at_ms: now_ms,
            started_at_ms: None,
            owner: None,
            snapshot_id: Some(&new.job.snapshot_id),
        },
    )?;
    set_all(write, EntryKind::Tag, run, &new.tags)?;
    set_all(write, EntryKind::Property, run, &new.properties)?;
    store::jobs::insert(write, run, &new.job)?;
    datasets::input_datasets(write, workspace, run, &new.job)?;
    announce(write, run_id)
}

pub async fn job(app: &Arc<App>, given: String) -> Result<JobRecord> {
    app.store
        .read(move |database| {
            let head = store::runs::head(database, &given)?;
            store::jobs::get(database, head.key, &head.run_id)
        })
        .await
}

/// Jobs that wait to be taken up, oldest first.
pub async fn jobs_queued(app: &Arc<App>) -> Result<Vec<JobRecord>> {
    app.store.read(store::jobs::queued).await
}

/// Jobs that were taken up and have not ended, oldest first. One of status `CancelRequested` is to
/// be stopped.
pub async fn jobs_active(app: &Arc<App>) -> Result<Vec<JobRecord>> {
    app.store.read(store::jobs::active).await
}

/// Takes a job up, before an agent is started for it. `None`: somebody else did, or it was canceled.
pub async fn claim_job(app: &Arc<App>, run_id: &str) -> Result<Option<JobRecord>> {
    let run_id = run_id.to_owned();
    app.store
        .write(move |write| {
            let head = store::runs::head(write, &run_id)?;
            let job = store::jobs::get(write, head.key, &run_id)?;
            if job.claimed_at_ms.is_some() || head.status != RunStatus::Queued {
                return Ok(None);
            }
            store::jobs::claim(write, head.key, now_ms())?;
            store::jobs::get(write, head.key, &run_id).map(Some)
        })
        .await
}

/// Records which process is the job's agent.
pub async fn set_job_agent(app: &Arc<App>, run_id: &str, agent: ProcessIdentity) -> Result<()> {
    let run_id = run_id.to_owned();
    app.store
        .write(move |write| {
            let head = store::runs::head(write, &run_id)?;
            store::jobs::set_agent(write, head.key, &agent)
        })
        .await
}

/// What an agent says. A report that changes nothing is accepted: its answer may have been lost.
pub async fn report_job(app: &Arc<App>, given: String, report: JobReport) -> Result<Run> {
    let run_id = super::full_run_id(app, given).await?;
    if report.stage == JobStage::Ended {
        let Some(end) = report.end else {
            return Err(ApiError::invalid("a report of stage `ended` must say how it ended")
                .hint("give `end`: completed, failed or canceled")
                .into());
        };
        check_agent(app, &run_id, report.agent).await?;
        return end_job(app, &run_id, end).await;
    }
    app.store
        .write(move |write| {
            let head = store::runs::head(write, &run_id)?;
            let job = store::jobs::get(write, head.key, &run_id)?;
            if head.status.is_final() {
                return Err(another_end(&head).into());
            }
            check_same_agent(&job, &report.agent)?;
            if job.agent.is_none() {
                store::jobs::set_agent(write, head.key, &report.agent)?;
            }
            if job.stage.is_none_or(|stage| (stage as u8) < (report.stage as u8)) {
                store::jobs::set_stage(write, head.key, report.stage)?;
            }
            let status = match report.stage {
                JobStage::Preparing => RunStatus::Preparing,
                JobStage::Running => RunStatus::Running,
                JobStage::Finalizing | JobStage::Ended => RunStatus::Finalizing,
            };
            // After a request to cancel the status stays; so it does after a repeated report.
            if head.status.can_become(status) {
                move_on(write, &head, status)?;
            }
            if report.activity.is_some() || report.stage != JobStage::Preparing {
                say_activity(write, &head, report.activity.as_deref())?;
            }
            store::runs::get(write, &run_id)
        })
        .await
}

/// Says of a job that waits what it waits for.
pub async fn set_job_activity(app: &Arc<App>, run_id: &str, activity: String) -> Result<()> {
    let run_id = run_id.to_owned();
    app.store
        .write(move |write| {
            let head = store::runs::head(write, &run_id)?;
            match head.status {
                RunStatus::Queued => say_activity(write, &head, Some(&activity)),
                _ => Ok(()),
            }
        })
        .await
}

fn say_activity(write: &mut Write<'_>, head: &RunHead, activity: Option<&str>) -> Result<()> {
    if store::runs::set_activity(write, head.key, activity)? {
        write.event(&head.scope(), EventKind::RunUpdated)?;
    }
    Ok(())
}

/// Ends a script run as its agent, or the supervisor in its place, says.
pub async fn end_job(app: &Arc<App>, run_id: &str, end: JobEnd) -> Result<Run> {
    let asked = run_id.to_owned();
    let declared = app
        .store
        .read(move |database| {
            let head = store::runs::head(database, &asked)?;
            store::jobs::declared_error(database, head.key)
        })
        .await?;
    let end = match (end, declared) {
        // `run.fail(..)` in the script, which then ended well.
        (JobEnd::Completed, Some(declared)) => RunEnd::Failed(declared),
        (JobEnd::Completed, None) => RunEnd::Completed,
        (JobEnd::Failed(error), _) => RunEnd::Failed(error),
        (JobEnd::Canceled, _) => RunEnd::Canceled,
    };
    let ended = end_run(app, run_id, end).await?;
    let key = run_id.to_owned();
    app.store
        .write(move |write| {
            let head = store::runs::head(write, &key)?;
            store::jobs::set_stage(write, head.key, JobStage::Ended)
        })
        .await?;
    Ok(ended)
}

async fn check_agent(app: &Arc<App>, run_id: &str, agent: ProcessIdentity) -> Result<()> {
    let job = job(app, run_id.to_owned()).await?;
    check_same_agent(&job, &agent)
}

fn check_same_agent(job: &JobRecord, agent: &ProcessIdentity) -> Result<()> {
    match &job.agent {
        Some(known) if known != agent => Err(ApiError::conflict(format!(
            "run `{}` is in the hands of another agent (process {})",
            job.run_id, known.pid
        ))
        .into()),
        _ => Ok(()),
    }
}
