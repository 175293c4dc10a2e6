use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use lazuli_domain::{DaemonStatus, Health, VERSION};

use super::error::Answer;
use super::extract::Json;
use crate::app::App;
use crate::{process, tracking};

/// Is the daemon there? The one route without a token.
#[utoipa::path(get, path = "/health", tag = "daemon", responses((status = 200, body = Health)), security(()))]
pub async fn health() -> Json<Health> {
    let status = "ok".to_owned();
    Json(Health { status, version: VERSION.to_owned(), pid: std::process::id() })
}

#[utoipa::path(get, path = "/api/status", tag = "daemon", responses((status = 200, body = DaemonStatus)))]
pub async fn status(State(app): State<Arc<App>>) -> Answer<Json<DaemonStatus>> {
    let (workspaces, runs, active_runs, models) = tracking::totals(&app).await?;
    let last_event = *app.store.recent().last().borrow();
    Ok(Json(DaemonStatus {
        version: VERSION.to_owned(),
        pid: std::process::id(),
        url: app.url.clone(),
        home: app.home.path().display().to_string(),
        started_at_ms: app.started_at_ms,
        memory: process::resident_memory(),
        workspaces,
        runs,
        active_runs,
        models,
        last_event,
        database: app.database.clone(),
    }))
}

/// The daemon answers what it has begun and ends.
#[utoipa::path(post, path = "/api/shutdown", tag = "daemon", responses((status = 202)))]
pub async fn shutdown(State(app): State<Arc<App>>) -> StatusCode {
    tracing::info!("asked to end");
    app.request_shutdown();
    StatusCode::ACCEPTED
}
