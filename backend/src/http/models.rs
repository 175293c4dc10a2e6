use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use lazuli_domain::{ApiError, Model, ModelPatch, NewModel, RegisteredModel, RegisteredModelPatch};
use serde::Deserialize;

use super::download;
use super::error::Answer;
use super::extract::{Json, Path, Query};
use crate::app::App;
use crate::registry::{self, ModelFilter, WantedEntry};

#[derive(Deserialize, utoipa::IntoParams)]
pub struct ListModels {
    /// Only the versions of this name.
    name: Option<String>,
    /// Only what this run made.
    run_id: Option<String>,
    /// Only what this dataset had to do with.
    dataset_id: Option<String>,
    /// Only those that have all of these, as JSON: `["team", ["stage", "test"]]`, keys and pairs.
    tags: Option<String>,
    /// The same of properties.
    properties: Option<String>,
    /// Only the newest version of each name.
    #[serde(default)]
    latest: bool,
    /// Those that are deleted, instead of those that are not.
    #[serde(default)]
    deleted: bool,
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
    let wanted = ModelFilter {
        name: query.name,
        run_id: query.run_id,
        dataset_id: query.dataset_id,
        tags: entries("tags", query.tags)?,
        properties: entries("properties", query.properties)?,
        latest: query.latest,
        deleted: query.deleted,
    };
    Ok(Json(registry::list_models(&app, workspace, wanted).await?))
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

/// Changes description, stage or tags of a version.
#[utoipa::path(patch, path = "/api/workspaces/{workspace}/models/{name}/{version}", tag = "models", responses((status = 200, body = Model)))]
pub async fn patch(
    State(app): State<Arc<App>>,
    Path((workspace, name, version)): Path<(String, String, u64)>,
    Json(patch): Json<ModelPatch>,
) -> Answer<Json<Model>> {
    Ok(Json(registry::patch_version(&app, workspace, name, version, patch).await?))
}

/// Hides a version; its number is not given again.
#[utoipa::path(delete, path = "/api/workspaces/{workspace}/models/{name}/{version}", tag = "models", responses((status = 204)))]
pub async fn delete(
    State(app): State<Arc<App>>,
    Path((workspace, name, version)): Path<(String, String, u64)>,
) -> Answer<StatusCode> {
    registry::delete_version(&app, workspace, name, version).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Brings a version back, and its name if that is deleted too.
#[utoipa::path(post, path = "/api/workspaces/{workspace}/models/{name}/{version}/restore", tag = "models", responses((status = 200, body = Model)))]
pub async fn restore(
    State(app): State<Arc<App>>,
    Path((workspace, name, version)): Path<(String, String, u64)>,
) -> Answer<Json<Model>> {
    Ok(Json(registry::restore_version(&app, workspace, name, version).await?))
}

/// What belongs to the name and not to a version: tags, aliases, the newest version of each stage.
#[utoipa::path(get, path = "/api/workspaces/{workspace}/models/{name}/registered", tag = "models", responses((status = 200, body = RegisteredModel)))]
pub async fn get_name(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
) -> Answer<Json<RegisteredModel>> {
    Ok(Json(registry::registered_model(&app, workspace, name).await?))
}

/// Changes name, description, tags or aliases.
#[utoipa::path(patch, path = "/api/workspaces/{workspace}/models/{name}", tag = "models", responses((status = 200, body = RegisteredModel)))]
pub async fn patch_name(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
    Json(patch): Json<RegisteredModelPatch>,
) -> Answer<Json<RegisteredModel>> {
    Ok(Json(registry::patch_name(&app, workspace, name, patch).await?))
}

/// Hides the model and all its versions.
#[utoipa::path(delete, path = "/api/workspaces/{workspace}/models/{name}", tag = "models", responses((status = 204)))]
pub async fn delete_name(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
) -> Answer<StatusCode> {
    registry::delete_name(&app, workspace, name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Brings the model back, with the versions that were deleted with it.
#[utoipa::path(post, path = "/api/workspaces/{workspace}/models/{name}/restore", tag = "models", responses((status = 200, body = RegisteredModel)))]
pub async fn restore_name(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
) -> Answer<Json<RegisteredModel>> {
    Ok(Json(registry::restore_name(&app, workspace, name).await?))
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

fn entries(name: &str, given: Option<String>) -> Result<Vec<WantedEntry>, ApiError> {
    let Some(given) = given else { return Ok(Vec::new()) };
    serde_json::from_str(&given).map_err(|error| {
        ApiError::invalid(format!("`{name}` is not understood: {error}"))
            .hint(r#"give a list of keys and pairs: `["team", ["stage", "test"]]`"#)
    })
}
