use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use lazuli_domain::Artifact;
use serde::Deserialize;

use super::download;
use super::error::Answer;
use super::extract::{Json, Path, Query};
use crate::app::App;
use crate::tracking;

#[derive(Deserialize, utoipa::IntoParams)]
pub struct ListArtifacts {
    /// Beginning of the path.
    #[serde(default)]
    prefix: String,
}

#[utoipa::path(get, path = "/api/runs/{run_id}/artifacts", tag = "artifacts", params(ListArtifacts), responses((status = 200, body = [Artifact])))]
pub async fn list(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
    Query(query): Query<ListArtifacts>,
) -> Answer<Json<Vec<Artifact>>> {
    Ok(Json(tracking::list_artifacts(&app, run_id, query.prefix).await?))
}

/// The body is the file.
#[utoipa::path(put, path = "/api/runs/{run_id}/artifacts/{path}", tag = "artifacts", request_body(content = inline(super::openapi::RawBytes), content_type = "application/octet-stream"), responses((status = 200, body = Artifact)))]
pub async fn put(
    State(app): State<Arc<App>>,
    Path((run_id, path)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Json<Artifact>> {
    let size = announced_size(&headers);
    Ok(Json(tracking::put_artifact(&app, run_id, path, body.into_data_stream(), size).await?))
}

/// Streams the file; `Range` is understood.
#[utoipa::path(get, path = "/api/runs/{run_id}/artifacts/{path}", tag = "artifacts", responses((status = 200, content_type = "application/octet-stream")))]
pub async fn get(
    State(app): State<Arc<App>>,
    Path((run_id, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer<Response> {
    let artifact = tracking::artifact(&app, run_id, path).await?;
    let (file, size) = app.blobs.open_blob(&artifact.sha256)?;
    download::blob(file, size, &artifact.sha256, &headers)
}

pub fn announced_size(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
