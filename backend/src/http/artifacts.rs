use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use lazuli_domain::{ApiError, Artifact, ArtifactPage};
use serde::Deserialize;

use super::download;
use super::error::Answer;
use super::extract::{Json, Path, Query};
use crate::app::App;
use crate::store::artifacts::ArtifactQuery;
use crate::tracking;

const DEFAULT_LIMIT: usize = 1_000;
const LARGEST_LIMIT: usize = 10_000;

#[derive(Deserialize, utoipa::IntoParams)]
pub struct ListArtifacts {
    /// Beginning of the path.
    #[serde(default)]
    prefix: String,
    /// `/`: what lies in a folder below the prefix is one entry of `folders`.
    delimiter: Option<String>,
    /// At most so many files and folders; 1,000 unless told, 10,000 at most.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Deserialize, utoipa::IntoParams)]
pub struct PutArtifact {
    /// Lower-case hex digest of the body; with it, nothing else is kept.
    sha256: Option<String>,
}

/// By path.
#[utoipa::path(get, path = "/api/runs/{run_id}/artifacts", tag = "artifacts", params(ListArtifacts), responses((status = 200, body = ArtifactPage)))]
pub async fn list(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
    Query(query): Query<ListArtifacts>,
) -> Answer<Json<ArtifactPage>> {
    let by_folder = match query.delimiter.as_deref() {
        None | Some("") => false,
        Some("/") => true,
        Some(_) => {
            return Err(ApiError::invalid("the only delimiter is `/`")
                .hint("give `delimiter=/`, or leave it out")
                .into());
        }
    };
    let query = ArtifactQuery {
        prefix: query.prefix,
        by_folder,
        limit: query.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, LARGEST_LIMIT),
        cursor: query.cursor,
    };
    Ok(Json(tracking::list_artifacts(&app, run_id, query).await?))
}

/// The body is the file.
#[utoipa::path(put, path = "/api/runs/{run_id}/artifacts/{path}", tag = "artifacts", params(PutArtifact), request_body(content = inline(super::openapi::RawBytes), content_type = "application/octet-stream"), responses((status = 200, body = Artifact)))]
pub async fn put(
    State(app): State<Arc<App>>,
    Path((run_id, path)): Path<(String, String)>,
    Query(PutArtifact { sha256 }): Query<PutArtifact>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Json<Artifact>> {
    let size = announced_size(&headers);
    let body = body.into_data_stream();
    Ok(Json(tracking::put_artifact(&app, run_id, path, body, size, sha256).await?))
}

/// Streams the file; `Range` is understood.
#[utoipa::path(get, path = "/api/runs/{run_id}/artifacts/{path}", tag = "artifacts", responses((status = 200, content_type = "application/octet-stream")))]
pub async fn get(
    State(app): State<Arc<App>>,
    Path((run_id, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer<Response> {
    let artifact = tracking::artifact(&app, run_id, path).await?;
    let content = app.blobs.open_blob(&artifact.sha256).await?;
    download::blob(content, &artifact.sha256, &headers).await
}

pub fn announced_size(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
