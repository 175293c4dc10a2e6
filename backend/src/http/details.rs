use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use lazuli_domain::{ApiError, DisplayBundle, RunDetails};

use super::download::insert;
use super::error::Answer;
use super::extract::{Json, Path};
use crate::app::App;
use crate::error::Error;
use crate::tracking::Extent;
use crate::{run_details, tracking};

/// Everything RunDetails shows.
#[utoipa::path(get, path = "/api/runs/{run_id}/details", tag = "runs", responses((status = 200, body = RunDetails)))]
pub async fn details(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
) -> Answer<Json<RunDetails>> {
    Ok(Json(tracking::run_details(&app, run_id, Extent::DISPLAY).await?))
}

/// RunDetails as a Jupyter display: state, static picture, plain text.
#[utoipa::path(get, path = "/api/runs/{run_id}/display", tag = "runs", responses((status = 200, body = DisplayBundle)))]
pub async fn display(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
) -> Answer<Json<DisplayBundle>> {
    let details = tracking::run_details(&app, run_id, Extent::DISPLAY).await?;
    // Drawing takes milliseconds of pure computing; it must not hold up other requests.
    let bundle = tokio::task::spawn_blocking(move || run_details::bundle(&details))
        .await
        .map_err(|panic| Error::Defect(format!("drawing the run broke down: {panic}")))?;
    Ok(Json(bundle))
}

/// RunDetails as a file of its own: HTML that holds state and component, asks nobody, and opens
/// anywhere.
#[utoipa::path(get, path = "/api/runs/{run_id}/page", tag = "runs", responses((status = 200, body = String, content_type = "text/html")))]
pub async fn page(State(app): State<Arc<App>>, Path(run_id): Path<String>) -> Answer<Response> {
    let script = lazuli_studio::file("export/run-details.js").ok_or_else(|| {
        ApiError::unavailable("this build of Lazuli has no Studio, which exported pages come from")
            .hint(lazuli_studio::HOW_TO_BUILD)
    })?;
    let details = tracking::run_details(&app, run_id, Extent::FILE).await?;
    let name = details.run.run_id.clone();
    let html = tokio::task::spawn_blocking(move || run_details::page(&details, script))
        .await
        .map_err(|panic| Error::Defect(format!("writing the page broke down: {panic}")))?
        .map_err(|error| Error::Defect(format!("the run cannot be written as JSON: {error}")))?;
    let mut response = html.into_response();
    let headers = response.headers_mut();
    insert(headers, header::CONTENT_TYPE, "text/html; charset=utf-8".into());
    // It is a file to keep, never a page of this address.
    insert(headers, header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.html\""));
    insert(headers, header::CONTENT_SECURITY_POLICY, "sandbox".into());
    insert(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff".into());
    Ok(response)
}
