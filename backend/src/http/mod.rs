//! The daemon's HTTP API: requests in, use cases called, answers out. One file per resource;
//! [`error`] alone knows status codes and [`guard`] alone decides who may ask.

mod artifacts;
mod blobs;
mod compute;
mod daemon;
mod details;
mod download;
mod error;
mod events;
mod experiments;
mod extract;
mod guard;
mod housekeeping;
mod jobs;
mod logs;
mod metrics;
mod mlflow;
mod models;
mod openapi;
mod runs;
mod secrets;
mod snapshots;
mod unread;
mod uploads;
mod view;
mod workspaces;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post, put};
use axum::serve::ListenerExt;
use lazuli_domain::ApiError;
use tokio::net::TcpListener;

use crate::app::App;
use error::Failure;

/// Answers requests until `ended`, then those that are under way.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    ended: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    // Made once and shared: a bare router would be made anew, all its routes, for each connection.
    let service = router(app).into_make_service();
    // Answers and events leave when they are written, not when the last ones were acknowledged.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    axum::serve(listener, service).with_graceful_shutdown(ended).await
}

/// Every route, behind the guard.
pub fn router(app: Arc<App>) -> Router {
    let api = Router::new()
        .route("/openapi.json", get(openapi::describe))
        .route("/status", get(daemon::status))
        .route("/shutdown", post(daemon::shutdown))
        .route("/events", get(events::follow))
        .route("/gc", post(housekeeping::gc))
        .route("/backup", get(housekeeping::backup))
        .route("/restore", post(housekeeping::restore))
        .route("/environments", get(compute::environments))
        .route("/snapshots", post(snapshots::create))
        .route("/snapshots/{snapshot_id}", get(snapshots::get))
        .route("/uploads/{upload_id}", get(uploads::get).put(uploads::put).delete(uploads::delete))
        .route("/uploads/{upload_id}/complete", post(uploads::complete))
        .route("/blobs/{sha256}", get(blobs::get).put(blobs::put))
        .route("/workspaces", get(workspaces::list).post(workspaces::create))
        .nest("/workspaces/{workspace}", in_workspace())
        .nest("/runs/{run_id}", of_run());
    Router::new()
        .route("/health", get(daemon::health))
        .route("/events", get(events::follow))
        .nest("/api", api)
        .merge(mlflow::routes())
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&app), guard::guard))
        .layer(from_fn(unread::leave_nothing))
        .with_state(app)
}

fn in_workspace() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(workspaces::get))
        .route("/experiments", get(experiments::list).post(experiments::create))
        .route("/experiments/{experiment}", get(experiments::get).delete(experiments::delete))
        .route("/experiments/{experiment}/archive", get(housekeeping::export))
        .route("/archives", post(housekeeping::import))
        .route("/experiments/{experiment}/restore", post(experiments::restore))
        .route("/runs", get(runs::list).post(runs::create))
        .route("/jobs", post(jobs::create))
        .route("/models", get(models::list).post(models::register))
        .route(
            "/models/{name}",
            get(models::get).patch(models::patch_name).delete(models::delete_name),
        )
        .route("/models/{name}/registered", get(models::get_name))
        .route("/models/{name}/restore", post(models::restore_name))
        .route("/models/{name}/{version}", patch(models::patch).delete(models::delete))
        .route("/models/{name}/{version}/restore", post(models::restore))
        .route("/models/{name}/{version}/files/{*path}", get(models::file))
        .route("/secrets", get(secrets::list))
        .route("/secrets/{name}", put(secrets::put).get(secrets::get).delete(secrets::delete))
        .route("/compute", get(compute::list))
}

fn of_run() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(runs::get).patch(runs::patch).delete(runs::delete))
        .route("/restore", post(runs::restore))
        .route("/flush", post(runs::flush))
        .route("/verify", get(runs::verify))
        .route("/complete", post(runs::complete))
        .route("/fail", post(runs::fail))
        .route("/cancel", post(runs::cancel))
        .route("/children", get(runs::children))
        .route("/details", get(details::details))
        .route("/display", get(details::display))
        .route("/metrics", get(metrics::list))
        .route("/metrics/{name}", get(metrics::get))
        .route("/artifacts", get(artifacts::list))
        .route("/uploads", post(uploads::begin))
        .route("/artifacts/{*path}", get(artifacts::get).put(artifacts::put))
        .route("/logs", get(logs::list))
        .route("/logs/{*path}", get(logs::get).post(logs::append))
        .route("/job", get(jobs::get))
        .route("/job/report", post(jobs::report))
}

async fn unknown_route(request: Request) -> Response {
    let path: String = request.uri().path().chars().take(200).collect();
    if mlflow::serves(&path) {
        return mlflow::error::Failure::no_such_route(request.method().as_str(), &path)
            .into_response();
    }
    let error = ApiError::not_found("route", &path).hint("`/api/openapi.json` lists what there is");
    Failure::from(error).into_response()
}

async fn wrong_method(request: Request) -> Response {
    let path: String = request.uri().path().chars().take(200).collect();
    let failure = Failure::wrong_method(request.method().as_str(), &path);
    answered_as_asked(&path, failure)
}

/// The failure in the form that who asked for this path reads.
fn answered_as_asked(path: &str, failure: Failure) -> Response {
    match mlflow::serves(path) {
        true => mlflow::error::Failure::from(failure).into_response(),
        false => failure.into_response(),
    }
}
