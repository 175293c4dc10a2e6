//! The daemon's HTTP API: requests in, use cases called, answers out. One file per resource;
//! [`error`] alone knows status codes and [`guard`] alone decides who may ask.

mod artifacts;
mod blobs;
mod compute;
mod daemon;
mod datasets;
mod datastores;
mod details;
mod download;
mod environments;
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
mod queries;
mod runs;
mod search;
mod secrets;
mod snapshots;
mod studio;
mod tokens;
mod unread;
mod uploads;
mod view;
mod workspaces;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post, put};
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
        .route("/cached-environments", get(environments::cached))
        .route("/environment-builds/{build_id}", get(environments::build))
        .route("/environment-builds/{build_id}/log", get(environments::build_log))
        .route("/conda-specifications", post(environments::read_conda))
        .route("/yaml", post(environments::read_yaml))
        .route("/snapshots", post(snapshots::create))
        .route("/snapshots/{snapshot_id}", get(snapshots::get))
        .route("/uploads/{upload_id}", get(uploads::get).put(uploads::put).delete(uploads::delete))
        .route("/uploads/{upload_id}/complete", post(uploads::complete))
        .route("/blobs/{sha256}", get(blobs::get).put(blobs::put))
        .route("/queries/{query_id}", get(queries::get))
        .route("/studio/codes", post(studio::give_code))
        .route("/studio/session", post(studio::enter).delete(studio::leave))
        .route("/studio/sessions", get(studio::sessions))
        .route("/studio/sessions/{session_id}", delete(studio::end))
        .route("/tokens", get(tokens::list).post(tokens::create))
        .route("/tokens/{name}", delete(tokens::revoke))
        .route("/workspaces", get(workspaces::list).post(workspaces::create))
        .nest("/workspaces/{workspace}", in_workspace())
        .nest("/runs/{run_id}", of_run());
    Router::new()
        .route("/", get(studio::home))
        .route("/studio", get(studio::home))
        .route("/studio/", get(studio::start))
        .route("/studio/{*path}", get(studio::page))
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
        .route("/", get(workspaces::get).patch(workspaces::patch))
        .route("/experiments", get(experiments::list).post(experiments::create))
        .route(
            "/experiments/{experiment}",
            get(experiments::get).patch(experiments::patch).delete(experiments::delete),
        )
        .route("/experiments/{experiment}/archive", get(housekeeping::export))
        .route("/archives", post(housekeeping::import))
        .route("/experiments/{experiment}/restore", post(experiments::restore))
        .route("/runs", get(runs::list).post(runs::create))
        .route("/completions", get(search::complete))
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
        .route("/datasets", get(datasets::list).post(datasets::register))
        .route("/datasets/{name}", get(datasets::get_newest).delete(datasets::delete))
        .route("/datasets/{name}/restore", post(datasets::restore))
        .route("/datasets/{name}/versions", get(datasets::versions))
        .route("/datasets/{name}/{version}", get(datasets::get).patch(datasets::patch))
        .route("/datasets/{name}/{version}/files", get(datasets::files))
        .route("/datasets/{name}/{version}/uses", get(datasets::uses))
        .route("/dataset-ids/{dataset_id}", get(datasets::by_id))
        .route("/datasets/{name}/{version}/display", get(datasets::display))
        .route("/dataset-files", post(datasets::resolve))
        .route("/queries", post(queries::ask))
        .route("/sql", post(datasets::sql))
        .route("/secrets", get(secrets::list))
        .route("/secrets/{name}", put(secrets::put).get(secrets::get).delete(secrets::delete))
        .route("/compute", get(compute::list).post(compute::create))
        .route("/machines", post(compute::attach))
        .route("/compute/{name}", get(compute::get).patch(compute::patch).delete(compute::delete))
        .route("/environments", get(environments::list).post(environments::register))
        .route("/environments/{name}", get(environments::get).delete(environments::delete))
        .route("/environments/{name}/versions", get(environments::versions))
        .route("/environments/{name}/{version}", patch(environments::patch))
        .route(
            "/environments/{name}/{version}/builds",
            get(environments::builds).post(environments::start_build),
        )
        .route("/datastores", get(datastores::list).post(datastores::register))
        .route(
            "/datastores/{name}",
            get(datastores::get).patch(datastores::patch).delete(datastores::delete),
        )
        .route("/datastores/{name}/files", get(datastores::files))
        .route("/datastores/{name}/uploads", post(datastores::begin_upload))
        .route(
            "/datastores/{name}/files/{*path}",
            get(datastores::file).put(datastores::put_file).delete(datastores::delete_file),
        )
}

fn of_run() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(runs::get).patch(runs::patch).delete(runs::delete))
        .route("/restore", post(runs::restore))
        .route("/flush", post(runs::flush))
        .route("/records", post(runs::add_records))
        .route("/verify", get(runs::verify))
        .route("/complete", post(runs::complete))
        .route("/fail", post(runs::fail))
        .route("/cancel", post(runs::cancel))
        .route("/children", get(runs::children))
        .route("/details", get(details::details))
        .route("/display", get(details::display))
        .route("/page", get(details::page))
        .route("/metrics", get(metrics::list))
        .route("/metrics/{name}", get(metrics::get))
        .route("/artifacts", get(artifacts::list))
        .route("/uploads", post(uploads::begin))
        .route("/artifacts/{*path}", get(artifacts::get).put(artifacts::put))
        .route("/logs", get(logs::list))
        .route("/logs/{*path}", get(logs::get).post(logs::append))
        .route("/datasets", get(datasets::of_run).post(datasets::add_to_run))
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
