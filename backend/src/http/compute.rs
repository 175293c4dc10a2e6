use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use lazuli_domain::{ComputePatch, ComputeTarget, NewComputeTarget, NewMachine};

use super::error::Answer;
use super::extract::{Json, Path};
use crate::app::App;
use crate::{compute, machines};

/// This machine, then the named ones.
#[utoipa::path(get, path = "/api/workspaces/{workspace}/compute", tag = "compute", responses((status = 200, body = [ComputeTarget])))]
pub async fn list(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
) -> Answer<Json<Vec<ComputeTarget>>> {
    Ok(Json(compute::list(&app, workspace).await?))
}

/// Makes a target, or changes the one of that name and kind.
#[utoipa::path(post, path = "/api/workspaces/{workspace}/compute", tag = "compute", responses((status = 200, body = ComputeTarget)))]
pub async fn create(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
    Json(new): Json<NewComputeTarget>,
) -> Answer<Json<ComputeTarget>> {
    Ok(Json(compute::create(&app, workspace, new).await?))
}

/// Attaches a machine by SSH. Answers when its agent does; a host key that is not known is refused with
/// its fingerprint.
#[utoipa::path(post, path = "/api/workspaces/{workspace}/machines", tag = "compute", responses((status = 200, body = ComputeTarget)))]
pub async fn attach(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
    Json(new): Json<NewMachine>,
) -> Answer<Json<ComputeTarget>> {
    Ok(Json(machines::attach(&app, workspace, new).await?))
}

#[utoipa::path(get, path = "/api/workspaces/{workspace}/compute/{name}", tag = "compute", responses((status = 200, body = ComputeTarget)))]
pub async fn get(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
) -> Answer<Json<ComputeTarget>> {
    Ok(Json(compute::get(&app, workspace, name).await?))
}

/// Changes how many nodes it has; starts or stops an instance.
#[utoipa::path(patch, path = "/api/workspaces/{workspace}/compute/{name}", tag = "compute", responses((status = 200, body = ComputeTarget)))]
pub async fn patch(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
    Json(patch): Json<ComputePatch>,
) -> Answer<Json<ComputeTarget>> {
    Ok(Json(compute::patch(&app, workspace, name, patch).await?))
}

/// Refused while runs run on it or wait for it.
#[utoipa::path(delete, path = "/api/workspaces/{workspace}/compute/{name}", tag = "compute", responses((status = 204)))]
pub async fn delete(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
) -> Answer<StatusCode> {
    compute::delete(&app, workspace, name).await?;
    Ok(StatusCode::NO_CONTENT)
}
