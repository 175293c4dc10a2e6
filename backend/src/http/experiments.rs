use std::sync::Arc;

use axum::extract::State;
use lazuli_domain::{Experiment, ExperimentPatch, NewExperiment};
use serde::Deserialize;

use super::error::Answer;
use super::extract::{Json, Path, Query};
use super::view::View;
use crate::app::App;
use crate::tracking;

#[derive(Deserialize, utoipa::IntoParams)]
pub struct ListExperiments {
    view: Option<View>,
}

#[utoipa::path(get, path = "/api/workspaces/{workspace}/experiments", tag = "experiments", params(ListExperiments), responses((status = 200, body = [Experiment])))]
pub async fn list(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
    Query(query): Query<ListExperiments>,
) -> Answer<Json<Vec<Experiment>>> {
    Ok(Json(
        tracking::list_experiments(&app, workspace, query.view.unwrap_or_default().into()).await?,
    ))
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

/// Changes tags.
#[utoipa::path(patch, path = "/api/workspaces/{workspace}/experiments/{experiment}", tag = "experiments", responses((status = 200, body = Experiment)))]
pub async fn patch(
    State(app): State<Arc<App>>,
    Path((workspace, experiment)): Path<(String, String)>,
    Json(patch): Json<ExperimentPatch>,
) -> Answer<Json<Experiment>> {
    Ok(Json(tracking::patch_experiment(&app, workspace, experiment, patch).await?))
}

/// Hides the experiment and its runs. All of them must have ended.
#[utoipa::path(delete, path = "/api/workspaces/{workspace}/experiments/{experiment}", tag = "experiments", responses((status = 200, body = Experiment)))]
pub async fn delete(
    State(app): State<Arc<App>>,
    Path((workspace, experiment)): Path<(String, String)>,
) -> Answer<Json<Experiment>> {
    Ok(Json(tracking::delete_experiment(&app, workspace, experiment).await?))
}

/// Brings the experiment back, with the runs that were deleted with it.
#[utoipa::path(post, path = "/api/workspaces/{workspace}/experiments/{experiment}/restore", tag = "experiments", responses((status = 200, body = Experiment)))]
pub async fn restore(
    State(app): State<Arc<App>>,
    Path((workspace, experiment)): Path<(String, String)>,
) -> Answer<Json<Experiment>> {
    Ok(Json(tracking::restore_experiment(&app, workspace, experiment).await?))
}
