//! Files that come in pieces: begin, send from the offset reached, complete.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use lazuli_domain::{NewUpload, Upload};
use serde::Deserialize;

use super::error::Answer;
use super::extract::{Json, Path, Query};
use crate::app::App;
use crate::tracking;

#[derive(Deserialize, utoipa::IntoParams)]
pub struct FromOffset {
    /// Where in the file the body begins. What is there already is skipped; a gap is refused.
    offset: u64,
}

/// Begins an upload, or goes on with one of the same path, size and digest. When the content is here
/// already the answer holds the artifact.
#[utoipa::path(post, path = "/api/runs/{run_id}/uploads", tag = "artifacts", responses((status = 200, body = Upload)))]
pub async fn begin(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
    Json(new): Json<NewUpload>,
) -> Answer<Json<Upload>> {
    Ok(Json(tracking::begin_upload(&app, run_id, new).await?))
}

/// How far it is.
#[utoipa::path(get, path = "/api/uploads/{upload_id}", tag = "artifacts", responses((status = 200, body = Upload)))]
pub async fn get(
    State(app): State<Arc<App>>,
    Path(upload_id): Path<String>,
) -> Answer<Json<Upload>> {
    Ok(Json(tracking::upload(&app, upload_id).await?))
}

/// The body is a piece of the file, of any size. What came of it is kept when the connection breaks.
#[utoipa::path(put, path = "/api/uploads/{upload_id}", tag = "artifacts", params(FromOffset), request_body(content = inline(super::openapi::RawBytes), content_type = "application/octet-stream"), responses((status = 200, body = Upload)))]
pub async fn put(
    State(app): State<Arc<App>>,
    Path(upload_id): Path<String>,
    Query(FromOffset { offset }): Query<FromOffset>,
    body: Body,
) -> Answer<Json<Upload>> {
    let body = body.into_data_stream();
    Ok(Json(tracking::continue_upload(&app, upload_id, offset, body).await?))
}

/// Checks size and digest and keeps the file with the run.
#[utoipa::path(post, path = "/api/uploads/{upload_id}/complete", tag = "artifacts", responses((status = 200, body = Upload)))]
pub async fn complete(
    State(app): State<Arc<App>>,
    Path(upload_id): Path<String>,
) -> Answer<Json<Upload>> {
    Ok(Json(tracking::complete_upload(&app, upload_id).await?))
}

/// Gives it up; nothing of it stays.
#[utoipa::path(delete, path = "/api/uploads/{upload_id}", tag = "artifacts", responses((status = 200)))]
pub async fn delete(
    State(app): State<Arc<App>>,
    Path(upload_id): Path<String>,
) -> Answer<StatusCode> {
    tracking::discard_upload(&app, upload_id).await?;
    Ok(StatusCode::OK)
}
