use std::sync::Arc;

use axum::extract::State;
use lazuli_domain::{ComputeTarget, Environment};

use super::error::Answer;
use super::extract::{Json, Path};
use crate::app::App;
use crate::{compute, environments};

#[utoipa::path(get, path = "/api/workspaces/{workspace}/compute", tag = "compute", responses((status = 200, body = [ComputeTarget])))]
pub async fn list(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
) -> Answer<Json<Vec<ComputeTarget>>> {
    Ok(Json(compute::list(&app, workspace).await?))
}

/// Cached Python environments, newest first.
#[utoipa::path(get, path = "/api/environments", tag = "compute", responses((status = 200, body = [Environment])))]
pub async fn environments(State(app): State<Arc<App>>) -> Answer<Json<Vec<Environment>>> {
    Ok(Json(environments::list(&app).await?))
}
