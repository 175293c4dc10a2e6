use std::sync::Arc;

use axum::extract::State;
use lazuli_domain::Metric;

use super::error::Answer;
use super::extract::{Json, Path};
use crate::app::App;
use crate::tracking;

/// Full histories, in order of first appearance.
#[utoipa::path(get, path = "/api/runs/{run_id}/metrics", tag = "metrics", responses((status = 200, body = [Metric])))]
pub async fn list(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
) -> Answer<Json<Vec<Metric>>> {
    Ok(Json(tracking::metrics(&app, run_id).await?))
}

#[utoipa::path(get, path = "/api/runs/{run_id}/metrics/{name}", tag = "metrics", responses((status = 200, body = Metric)))]
pub async fn get(
    State(app): State<Arc<App>>,
    Path((run_id, name)): Path<(String, String)>,
) -> Answer<Json<Metric>> {
    Ok(Json(tracking::metric(&app, run_id, name).await?))
}
