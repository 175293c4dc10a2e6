use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use lazuli_domain::{Model, NewModel};
use serde::Deserialize;

use super::download;
use super::error::Answer;
use super::extract::{Json, Path, Query};
use crate::app::App;
use crate::registry;

#[derive(Deserialize, utoipa::IntoParams)]
pub struct ListModels {
    /// Only the versions of this name.
    name: Option<String>,
}

#[derive(Deserialize, utoipa::IntoParams)]
pub struct OfVersion {
    /// The newest unless told.
    version: Option<u64>,
}

/// By name, newest version first.
#[utoipa::path(get, path = "/api/workspaces/{workspace}/models", tag = "models", params(ListModels), responses((status = 200, body = [Model])))]
pub async fn list(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
    Query(query): Query<ListModels>,
) -> Answer<Json<Vec<Model>>> {
    Ok(Json(registry::list_models(&app, workspace, query.name).await?))
}

/// Registers the next version.
#[utoipa::path(post, path = "/api/workspaces/{workspace}/models", tag = "models", responses((status = 200, body = Model)))]
pub async fn register(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
    Json(new): Json<NewModel>,
) -> Answer<Json<Model>> {
    Ok(Json(registry::register_model(&app, workspace, new).await?))
}

#[utoipa::path(get, path = "/api/workspaces/{workspace}/models/{name}", tag = "models", params(OfVersion), responses((status = 200, body = Model)))]
pub async fn get(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
    Query(query): Query<OfVersion>,
) -> Answer<Json<Model>> {
    Ok(Json(registry::model(&app, workspace, name, query.version).await?))
}

/// Streams a file of the model; `Range` is understood.
#[utoipa::path(get, path = "/api/workspaces/{workspace}/models/{name}/{version}/files/{path}", tag = "models", responses((status = 200, content_type = "application/octet-stream")))]
pub async fn file(
    State(app): State<Arc<App>>,
    Path((workspace, name, version, path)): Path<(String, String, u64, String)>,
    headers: HeaderMap,
) -> Answer<Response> {
    let file = registry::model_file(&app, workspace, name, version, path).await?;
    let content = app.blobs.open_blob(&file.sha256).await?;
    download::blob(content, &file.sha256, &headers).await
}
