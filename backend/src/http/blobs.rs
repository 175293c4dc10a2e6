use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::artifacts::announced_size;
use super::download;
use super::error::Answer;
use super::extract::Path;
use crate::app::App;
use crate::blobs::check_digest;

/// The body is the content, and must have that digest. A blob that is there is left as it is.
#[utoipa::path(put, path = "/api/blobs/{sha256}", tag = "blobs", request_body(content = inline(super::openapi::RawBytes), content_type = "application/octet-stream"), responses((status = 200)))]
pub async fn put(
    State(app): State<Arc<App>>,
    Path(sha256): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer<StatusCode> {
    check_digest(&sha256)?;
    if app.blobs.hold(&sha256).await?.is_none() {
        app.blobs.receive(body.into_data_stream(), announced_size(&headers), Some(&sha256)).await?;
    }
    Ok(StatusCode::OK)
}

/// Streams the content; `Range` and `HEAD` are understood.
#[utoipa::path(get, path = "/api/blobs/{sha256}", tag = "blobs", responses((status = 200, content_type = "application/octet-stream")))]
pub async fn get(
    State(app): State<Arc<App>>,
    Path(sha256): Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    check_digest(&sha256)?;
    let content = app.blobs.open_blob(&sha256).await?;
    download::blob(content, &sha256, &headers).await
}
