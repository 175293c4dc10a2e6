use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use lazuli_domain::{NewSecret, Secret};

use super::error::Answer;
use super::extract::{Json, Path};
use crate::app::App;
use crate::secrets;

/// Names only.
#[utoipa::path(get, path = "/api/workspaces/{workspace}/secrets", tag = "secrets", responses((status = 200, body = [Secret])))]
pub async fn list(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
) -> Answer<Json<Vec<Secret>>> {
    Ok(Json(secrets::list(&app, workspace).await?))
}

#[utoipa::path(put, path = "/api/workspaces/{workspace}/secrets/{name}", tag = "secrets", responses((status = 204)))]
pub async fn put(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
    Json(secret): Json<NewSecret>,
) -> Answer<StatusCode> {
    secrets::put(&app, workspace, name, secret).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/api/workspaces/{workspace}/secrets/{name}", tag = "secrets", responses((status = 200, body = NewSecret)))]
pub async fn get(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
) -> Answer<Json<NewSecret>> {
    Ok(Json(secrets::get(&app, workspace, name).await?))
}

#[utoipa::path(delete, path = "/api/workspaces/{workspace}/secrets/{name}", tag = "secrets", responses((status = 204)))]
pub async fn delete(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
) -> Answer<StatusCode> {
    secrets::delete(&app, workspace, name).await?;
    Ok(StatusCode::NO_CONTENT)
}
