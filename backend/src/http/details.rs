use std::sync::Arc;

use axum::extract::State;
use lazuli_domain::{DisplayBundle, RunDetails};

use super::error::Answer;
use super::extract::{Json, Path};
use crate::app::App;
use crate::error::Error;
use crate::{run_details, tracking};

/// Everything RunDetails shows.
#[utoipa::path(get, path = "/api/runs/{run_id}/details", tag = "runs", responses((status = 200, body = RunDetails)))]
pub async fn details(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
) -> Answer<Json<RunDetails>> {
    Ok(Json(tracking::run_details(&app, run_id).await?))
}

/// RunDetails as a Jupyter display: state, static picture, plain text.
#[utoipa::path(get, path = "/api/runs/{run_id}/display", tag = "runs", responses((status = 200, body = DisplayBundle)))]
pub async fn display(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
) -> Answer<Json<DisplayBundle>> {
    let details = tracking::run_details(&app, run_id).await?;
    // Drawing takes milliseconds of pure computing; it must not hold up other requests.
    let bundle = tokio::task::spawn_blocking(move || run_details::bundle(&details))
        .await
        .map_err(|panic| Error::Defect(format!("drawing the run broke down: {panic}")))?;
    Ok(Json(bundle))
}
