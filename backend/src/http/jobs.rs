use std::sync::Arc;

use axum::extract::State;
use lazuli_domain::{JobReport, JobSpec, JobStage, NewJob, ProcessIdentity, Run};
use serde::Serialize;

use super::error::Answer;
use super::extract::{Json, Path};
use crate::app::App;
use crate::tracking;

/// A job as an agent asks for it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct JobState {
    spec: JobSpec,
    agent: Option<ProcessIdentity>,
    stage: Option<JobStage>,
}

/// Queues a script run.
#[utoipa::path(post, path = "/api/workspaces/{workspace}/jobs", tag = "jobs", responses((status = 200, body = Run)))]
pub async fn create(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
    Json(new): Json<NewJob>,
) -> Answer<Json<Run>> {
    Ok(Json(tracking::create_job(&app, workspace, new).await?))
}

#[utoipa::path(get, path = "/api/runs/{run_id}/job", tag = "jobs", responses((status = 200, body = JobState)))]
pub async fn get(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
) -> Answer<Json<JobState>> {
    let job = tracking::job(&app, run_id).await?;
    Ok(Json(JobState { spec: job.spec, agent: job.agent, stage: job.stage }))
}

/// Sent by the agent. A report that changes nothing is accepted.
#[utoipa::path(post, path = "/api/runs/{run_id}/job/report", tag = "jobs", responses((status = 200, body = Run)))]
pub async fn report(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
    Json(report): Json<JobReport>,
) -> Answer<Json<Run>> {
    Ok(Json(tracking::report_job(&app, run_id, report).await?))
}
