use std::sync::Arc;

use axum::extract::State;
use lazuli_domain::{ApiError, NewRun, Page, Run, RunError, RunPatch, RunStatus};
use serde::Deserialize;

use super::error::Answer;
use super::extract::{Json, Path, Query};
use crate::app::App;
use crate::store::runs::RunFilter;
use crate::tracking;

const DEFAULT_LIMIT: usize = 100;
const LARGEST_LIMIT: usize = 1000;

#[derive(Deserialize, utoipa::IntoParams)]
pub struct ListRuns {
    experiment: Option<String>,
    /// `Running`, `Completed` …, whatever the case.
    status: Option<String>,
    /// Id of the parent run.
    parent: Option<String>,
    /// At most so many; 100 unless told, 1000 at most.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Newest first.
#[utoipa::path(get, path = "/api/workspaces/{workspace}/runs", tag = "runs", params(ListRuns), responses((status = 200, body = Page<Run>)))]
pub async fn list(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
    Query(query): Query<ListRuns>,
) -> Answer<Json<Page<Run>>> {
    let status = query.status.map(|text| known_status(&text)).transpose()?;
    let before = match query.cursor {
        None => None,
        Some(cursor) => Some(cursor.parse().map_err(|_no_number| {
            ApiError::invalid(format!("`{cursor}` is not a cursor"))
                .hint("give `next_cursor` of the page before")
        })?),
    };
    let filter = RunFilter {
        experiment: query.experiment,
        status,
        parent: query.parent,
        before,
        limit: query.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, LARGEST_LIMIT),
    };
    Ok(Json(tracking::list_runs(&app, workspace, filter).await?))
}

/// Starts an interactive run.
#[utoipa::path(post, path = "/api/workspaces/{workspace}/runs", tag = "runs", responses((status = 200, body = Run)))]
pub async fn create(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
    Json(new): Json<NewRun>,
) -> Answer<Json<Run>> {
    Ok(Json(tracking::create_run(&app, workspace, new).await?))
}

/// The run as it is now, with everything that its processes have logged.
#[utoipa::path(get, path = "/api/runs/{run_id}", tag = "runs", responses((status = 200, body = Run)))]
pub async fn get(State(app): State<Arc<App>>, Path(run_id): Path<String>) -> Answer<Json<Run>> {
    Ok(Json(tracking::run(&app, run_id).await?))
}

#[utoipa::path(patch, path = "/api/runs/{run_id}", tag = "runs", responses((status = 200, body = Run)))]
pub async fn patch(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
    Json(patch): Json<RunPatch>,
) -> Answer<Json<Run>> {
    Ok(Json(tracking::patch_run(&app, run_id, patch).await?))
}

/// Everything spooled is committed when it answers.
#[utoipa::path(post, path = "/api/runs/{run_id}/flush", tag = "runs", responses((status = 200, body = Run)))]
pub async fn flush(State(app): State<Arc<App>>, Path(run_id): Path<String>) -> Answer<Json<Run>> {
    Ok(Json(tracking::flush_run(&app, run_id).await?))
}

/// A script run ends when its script does; there this only flushes.
#[utoipa::path(post, path = "/api/runs/{run_id}/complete", tag = "runs", responses((status = 200, body = Run)))]
pub async fn complete(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
) -> Answer<Json<Run>> {
    Ok(Json(tracking::complete_run(&app, run_id).await?))
}

/// A script run of which this is said fails when its script has ended, however it ends.
#[utoipa::path(post, path = "/api/runs/{run_id}/fail", tag = "runs", responses((status = 200, body = Run)))]
pub async fn fail(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
    Json(error): Json<RunError>,
) -> Answer<Json<Run>> {
    Ok(Json(tracking::fail_run(&app, run_id, error).await?))
}

/// An interactive run ends at once; a script run when its processes are gone.
#[utoipa::path(post, path = "/api/runs/{run_id}/cancel", tag = "runs", responses((status = 200, body = Run)))]
pub async fn cancel(State(app): State<Arc<App>>, Path(run_id): Path<String>) -> Answer<Json<Run>> {
    Ok(Json(tracking::cancel_run(&app, run_id).await?))
}

/// Oldest first.
#[utoipa::path(get, path = "/api/runs/{run_id}/children", tag = "runs", responses((status = 200, body = [Run])))]
pub async fn children(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
) -> Answer<Json<Vec<Run>>> {
    Ok(Json(tracking::child_runs(&app, run_id).await?))
}

fn known_status(text: &str) -> Result<RunStatus, ApiError> {
    RunStatus::parse(text).ok_or_else(|| {
        let all: Vec<&str> = RunStatus::ALL.iter().map(|status| status.as_str()).collect();
        ApiError::invalid(format!("`{text}` is not a status"))
            .hint(format!("one of {}", all.join(", ")))
    })
}
