use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use lazuli_domain::search::parse_fields;
use lazuli_domain::{ApiError, NewRun, Page, Run, RunError, RunPatch, RunStatus, RunVerification};
use serde::{Deserialize, Serialize};

use super::error::Answer;
use super::extract::{Json, Path, Query};
use super::view::View;
use crate::app::App;
use crate::tracking::{self, ListQuery, RunsOf};

/// At least one record of the greatest length.
const LARGEST_PIECE: usize = 64 << 20;

#[derive(Deserialize, utoipa::IntoParams)]
pub struct ListRuns {
    experiment: Option<String>,
    /// `Running`, `Completed` …, whatever the case.
    status: Option<String>,
    /// Id of the parent run.
    parent: Option<String>,
    /// `metrics.loss < 0.1 and tags.team = 'blue'`
    filter: Option<String>,
    /// `metrics.loss asc, started desc`; the run that was made last comes first unless told.
    order_by: Option<String>,
    view: Option<View>,
    /// What a run carries, `run_id,status,metrics.loss`; everything unless told.
    fields: Option<String>,
    /// `total` shall say how many there are in all.
    #[serde(default)]
    count: bool,
    /// At most so many; 100 unless told, 1000 at most.
    limit: Option<usize>,
    /// `next_cursor` of the page before; everything but `limit` and `fields` must be as it was there.
    cursor: Option<String>,
}

/// A page of runs, whole or with the fields that were asked for.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Runs {
    Whole(Page<Run>),
    Fields(Page<serde_json::Map<String, serde_json::Value>>),
}

/// Runs that match a filter.
#[utoipa::path(get, path = "/api/workspaces/{workspace}/runs", tag = "runs", params(ListRuns), responses((status = 200, body = Page<Run>)))]
pub async fn list(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
    Query(query): Query<ListRuns>,
) -> Answer<Json<Runs>> {
    let of = RunsOf {
        experiment: query.experiment,
        status: query.status.map(|text| known_status(&text)).transpose()?,
        parent: query.parent,
    };
    let fields = query.fields.unwrap_or_default();
    let is_whole = fields.trim().is_empty();
    let fields = parse_fields(&fields).map_err(ApiError::from)?;
    let asked = ListQuery {
        filter: query.filter,
        order_by: query.order_by,
        view: query.view.unwrap_or_default().into(),
        limit: query.limit,
        cursor: query.cursor,
        count: query.count,
    };
    let page = tracking::list_runs(&app, workspace, asked, of, fields.clone()).await?;
    if is_whole {
        return Ok(Json(Runs::Whole(page)));
    }
    let items = page.items.iter().map(|run| fields.of(run)).collect();
    let Page { next_cursor, total, .. } = page;
    Ok(Json(Runs::Fields(Page { items, next_cursor, total })))
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

/// Whether everything that was logged is there: how much was logged, shipped and committed.
#[utoipa::path(get, path = "/api/runs/{run_id}/verify", tag = "runs", responses((status = 200, body = RunVerification)))]
pub async fn verify(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
) -> Answer<Json<RunVerification>> {
    Ok(Json(tracking::verify_run(&app, run_id).await?))
}

#[derive(Deserialize, utoipa::IntoParams)]
pub struct SentFrom {
    /// Where in the file there the records stand, in bytes.
    offset: Option<u64>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct SentTo {
    /// How far the file there has arrived, in bytes.
    offset: u64,
}

/// Records that were logged on another machine, as lines. With an offset, what has arrived before is
/// skipped and a gap is refused.
#[utoipa::path(post, path = "/api/runs/{run_id}/records", tag = "runs", params(SentFrom), request_body(content = inline(super::openapi::RawBytes), content_type = "application/octet-stream"), responses((status = 200, body = SentTo)))]
pub async fn add_records(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
    Query(SentFrom { offset }): Query<SentFrom>,
    body: Body,
) -> Answer<Json<SentTo>> {
    let bytes = to_bytes(body, LARGEST_PIECE)
        .await
        .map_err(|error| super::extract::body_failure(&error, LARGEST_PIECE))?;
    let offset = tracking::add_sent_records(&app, run_id, offset, bytes).await?;
    Ok(Json(SentTo { offset }))
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

/// Hides the run and those below it. All of them must have ended.
#[utoipa::path(delete, path = "/api/runs/{run_id}", tag = "runs", responses((status = 200, body = Run)))]
pub async fn delete(State(app): State<Arc<App>>, Path(run_id): Path<String>) -> Answer<Json<Run>> {
    Ok(Json(tracking::delete_run(&app, run_id).await?))
}

/// Brings the run back, with those below it that were deleted with it.
#[utoipa::path(post, path = "/api/runs/{run_id}/restore", tag = "runs", responses((status = 200, body = Run)))]
pub async fn restore(State(app): State<Arc<App>>, Path(run_id): Path<String>) -> Answer<Json<Run>> {
    Ok(Json(tracking::restore_run(&app, run_id).await?))
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
