use std::sync::Arc;

use axum::extract::State;
use lazuli_domain::{Experiment, NewExperiment};

use super::error::Answer;
use super::extract::{Json, Path};
use crate::app::App;
use crate::tracking;

#[utoipa::path(get, path = "/api/workspaces/{workspace}/experiments", tag = "experiments", responses((status = 200, body = [Experiment])))]
pub async fn list(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
) -> Answer<Json<Vec<Experiment>>> {
    Ok(Json(tracking::list_experiments(&app, workspace).await?))
}

/// Makes the experiment; one of that name is returned as it is.
#[utoipa::path(post, path = "/api/workspaces/{workspace}/experiments", tag = "experiments", responses((status = 200, body = Experiment)))]
pub async fn create(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
    Json(new): Json<NewExperiment>,
) -> Answer<Json<Experiment>> {
    Ok(Json(tracking::create_experiment(&app, workspace, new).await?))
}

#[utoipa::path(get, path = "/api/workspaces/{workspace}/experiments/{experiment}", tag = "experiments", responses((status = 200, body = Experiment)))]
pub async fn get(
    State(app): State<Arc<App>>,
    Path((workspace, experiment)): Path<(String, String)>,
) -> Answer<Json<Experiment>> {
    Ok(Json(tracking::experiment(&app, workspace, experiment).await?))
}
