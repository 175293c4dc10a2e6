use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use lazuli_domain::{
    Datastore, DatastorePatch, Glob, NewDatastore, NewUpload, Page, StoredFile, Upload, stored_path,
};
use serde::Deserialize;

use super::artifacts::announced_size;
use super::download;
use super::error::Answer;
use super::extract::{Json, Path, Query};
use crate::app::App;
use crate::datastores::{self, FileList};
use crate::tracking;

const DEFAULT_LIMIT: usize = 1_000;
const LARGEST_LIMIT: usize = 10_000;

#[derive(Deserialize, utoipa::IntoParams)]
pub struct ListFiles {
    /// Beginning of the path.
    #[serde(default)]
    prefix: String,
    /// A pattern of the whole path: `*` and `?` within a name, `**` over folders.
    glob: Option<String>,
    /// At most so many; 1,000 unless told, 10,000 at most.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Deserialize, utoipa::IntoParams)]
pub struct PutFile {
    /// Replace a file that is there; else that is a conflict.
    #[serde(default)]
    overwrite: bool,
}

/// Those that every workspace has, then the others by name.
#[utoipa::path(get, path = "/api/workspaces/{workspace}/datastores", tag = "datastores", responses((status = 200, body = [Datastore])))]
pub async fn list(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
) -> Answer<Json<Vec<Datastore>>> {
    Ok(Json(datastores::list(&app, workspace).await?))
}

/// Registers a place, after asking whether it answers. What opens it is sealed and never answered.
#[utoipa::path(post, path = "/api/workspaces/{workspace}/datastores", tag = "datastores", responses((status = 200, body = Datastore)))]
pub async fn register(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
    Json(new): Json<NewDatastore>,
) -> Answer<Json<Datastore>> {
    Ok(Json(datastores::register(&app, workspace, new).await?))
}

#[utoipa::path(get, path = "/api/workspaces/{workspace}/datastores/{name}", tag = "datastores", responses((status = 200, body = Datastore)))]
pub async fn get(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
) -> Answer<Json<Datastore>> {
    Ok(Json(datastores::get(&app, workspace, name).await?))
}

/// Makes it the default.
#[utoipa::path(patch, path = "/api/workspaces/{workspace}/datastores/{name}", tag = "datastores", responses((status = 200, body = Datastore)))]
pub async fn patch(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
    Json(patch): Json<DatastorePatch>,
) -> Answer<Json<Datastore>> {
    Ok(Json(datastores::patch(&app, workspace, name, patch).await?))
}

/// Unregisters it; what lies there stays there.
#[utoipa::path(delete, path = "/api/workspaces/{workspace}/datastores/{name}", tag = "datastores", responses((status = 204)))]
pub async fn delete(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
) -> Answer<StatusCode> {
    datastores::unregister(&app, workspace, name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Files, sorted by path (as bytes).
#[utoipa::path(get, path = "/api/workspaces/{workspace}/datastores/{name}/files", tag = "datastores", params(ListFiles), responses((status = 200, body = Page<StoredFile>)))]
pub async fn files(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
    Query(query): Query<ListFiles>,
) -> Answer<Json<Page<StoredFile>>> {
    let list = FileList {
        prefix: query.prefix.trim_start_matches('/').to_owned(),
        glob: Glob::parse(query.glob.as_deref().unwrap_or_default())?,
        after: query.cursor,
        limit: query.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, LARGEST_LIMIT),
    };
    let store = datastores::open(&app, &workspace, &name).await?;
    let (items, has_more) = store.list(list).await?;
    let last = items.last().map(|file| file.path.clone());
    Ok(Json(Page { next_cursor: last.filter(|_| has_more), items, total: None }))
}

/// Streams a file; `Range` is understood.
#[utoipa::path(get, path = "/api/workspaces/{workspace}/datastores/{name}/files/{path}", tag = "datastores", responses((status = 200, content_type = "application/octet-stream")))]
pub async fn file(
    State(app): State<Arc<App>>,
    Path((workspace, name, path)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Answer<Response> {
    let path = stored_path(&path)?;
    let store = datastores::open(&app, &workspace, &name).await?;
    let stored = store.content(&path).await?;
    download::blob(stored.content, &stored.tag, &headers).await
}

/// The body is the file, which is there whole or not at all.
#[utoipa::path(put, path = "/api/workspaces/{workspace}/datastores/{name}/files/{path}", tag = "datastores", params(PutFile), request_body(content = inline(super::openapi::RawBytes), content_type = "application/octet-stream"), responses((status = 200, body = StoredFile)))]
pub async fn put_file(
    State(app): State<Arc<App>>,
    Path((workspace, name, path)): Path<(String, String, String)>,
    Query(PutFile { overwrite }): Query<PutFile>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Json<StoredFile>> {
    let path = stored_path(&path)?;
    let store = datastores::open(&app, &workspace, &name).await?;
    if !overwrite {
        store.check_free(&path).await?;
    }
    let body = body.into_data_stream();
    Ok(Json(store.write(&path, body, announced_size(&headers), overwrite).await?))
}

#[utoipa::path(delete, path = "/api/workspaces/{workspace}/datastores/{name}/files/{path}", tag = "datastores", responses((status = 204)))]
pub async fn delete_file(
    State(app): State<Arc<App>>,
    Path((workspace, name, path)): Path<(String, String, String)>,
) -> Answer<StatusCode> {
    let path = stored_path(&path)?;
    datastores::open(&app, &workspace, &name).await?.delete(&path).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begins an upload in pieces, or goes on with one of the same path, size and digest.
#[utoipa::path(post, path = "/api/workspaces/{workspace}/datastores/{name}/uploads", tag = "datastores", responses((status = 200, body = Upload)))]
pub async fn begin_upload(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
    Json(new): Json<NewUpload>,
) -> Answer<Json<Upload>> {
    Ok(Json(tracking::begin_datastore_upload(&app, workspace, name, new).await?))
}
