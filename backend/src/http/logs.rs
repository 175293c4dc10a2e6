use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::HeaderName;
use axum::response::Response;
use lazuli_domain::LogFile;
use serde::{Deserialize, Serialize};

use super::download;
use super::error::Answer;
use super::extract::{Json, Path, Query, body_failure};
use crate::app::App;
use crate::tracking;

/// Whole size of the log at the time of the answer.
pub(super) const SIZE_HEADER: HeaderName = HeaderName::from_static("x-lazuli-size");
const LARGEST_PIECE: usize = 16 << 20;

#[derive(Deserialize, utoipa::IntoParams)]
pub struct Offset {
    #[serde(default)]
    offset: u64,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct LogSize {
    size: u64,
}

#[utoipa::path(get, path = "/api/runs/{run_id}/logs", tag = "logs", responses((status = 200, body = [LogFile])))]
pub async fn list(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
) -> Answer<Json<Vec<LogFile>>> {
    Ok(Json(tracking::list_logs(&app, run_id).await?))
}

/// The log from `offset` on, while the run goes on and afterwards.
#[utoipa::path(get, path = "/api/runs/{run_id}/logs/{path}", tag = "logs", params(Offset), responses((status = 200, content_type = "application/octet-stream")))]
pub async fn get(
    State(app): State<Arc<App>>,
    Path((run_id, path)): Path<(String, String)>,
    Query(Offset { offset }): Query<Offset>,
) -> Answer<Response> {
    let log = tracking::open_log(&app, run_id, path).await?;
    let size = log.size();
    let start = offset.min(size);
    let mut response = download::part(log, start, size - start).await?;
    download::insert(response.headers_mut(), SIZE_HEADER, size.to_string());
    Ok(response)
}

/// Appends at `offset`. What is there already is skipped; a gap is refused.
#[utoipa::path(post, path = "/api/runs/{run_id}/logs/{path}", tag = "logs", params(Offset), request_body(content = inline(super::openapi::RawBytes), content_type = "application/octet-stream"), responses((status = 200, body = LogSize)))]
pub async fn append(
    State(app): State<Arc<App>>,
    Path((run_id, path)): Path<(String, String)>,
    Query(Offset { offset }): Query<Offset>,
    body: Body,
) -> Answer<Json<LogSize>> {
    let bytes =
        to_bytes(body, LARGEST_PIECE).await.map_err(|error| body_failure(&error, LARGEST_PIECE))?;
    let size = tracking::append_log(&app, run_id, path, offset, bytes).await?;
    Ok(Json(LogSize { size }))
}
