use std::sync::Arc;

use axum::extract::State;
use lazuli_domain::{NewWorkspace, Workspace, WorkspacePatch};

use super::error::Answer;
use super::extract::{Json, Path};
use crate::app::App;
use crate::tracking;

#[utoipa::path(get, path = "/api/workspaces", tag = "workspaces", responses((status = 200, body = [Workspace])))]
pub async fn list(State(app): State<Arc<App>>) -> Answer<Json<Vec<Workspace>>> {
    Ok(Json(tracking::list_workspaces(&app).await?))
}

/// Makes the workspace; one of that name is returned as it is.
#[utoipa::path(post, path = "/api/workspaces", tag = "workspaces", responses((status = 200, body = Workspace)))]
pub async fn create(
    State(app): State<Arc<App>>,
    Json(new): Json<NewWorkspace>,
) -> Answer<Json<Workspace>> {
    Ok(Json(tracking::create_workspace(&app, new).await?))
}

/// Changes tags or settings.
#[utoipa::path(patch, path = "/api/workspaces/{workspace}", tag = "workspaces", responses((status = 200, body = Workspace)))]
pub async fn patch(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
    Json(patch): Json<WorkspacePatch>,
) -> Answer<Json<Workspace>> {
    Ok(Json(tracking::patch_workspace(&app, workspace, patch).await?))
}

#[utoipa::path(get, path = "/api/workspaces/{workspace}", tag = "workspaces", responses((status = 200, body = Workspace)))]
pub async fn get(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
) -> Answer<Json<Workspace>> {
    Ok(Json(tracking::workspace(&app, workspace).await?))
}
