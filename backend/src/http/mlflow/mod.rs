//! MLflow's REST API, over the rows that every other face sees.
//!
//! - `wire.rs`: what travels. A handler takes a [`wire::Message`] and asks it for its fields; each
//!   getter refuses a wrong type or a missing value in MLflow's words. It answers a
//!   [`wire::Reply`], or [`wire::done`] where MLflow's message is empty.
//! - `error.rs`: failures as MLflow's clients read them. A use case's [`crate::Error`] and an
//!   `ApiError` become one by `?`; [`error::Failure::invalid`] and `missing` make one here.
//! - `validate.rs`: what MLflow allows in names, tags, parameters and metrics.
//! - [`Scope`]: the workspace that a request is about.
//! - One file per resource: the handlers, and the form in which the thing travels.
//!
//! Every route is served below each of [`roots`], and each of these below `/workspaces/{workspace}`
//! as well: an address is all that a client knows, so a workspace that is not the default one stands
//! in the address. Who may ask is decided by the guard, as for every other request.

mod artifacts;
pub mod error;
mod experiments;
mod inputs;
mod logged_models;
mod logging;
mod media_type;
mod metrics;
mod model_versions;
mod parts;
mod registered_models;
mod runs;
mod server_info;
mod validate;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::routing::{delete, get, patch, post, put};
use lazuli_domain::DEFAULT_WORKSPACE;

use crate::app::App;
use crate::store::search::View;
use error::{Answer, Failure};

/// The MLflow whose API is spoken here.
const VERSION: &str = "3.17.2";

/// All of it, to be merged into the daemon's routes.
pub fn routes() -> Router<Arc<App>> {
    let everywhere = Router::new()
        .merge(roots())
        .route("/version", get(version))
        .route("/get-artifact", get(artifacts::get_of_run))
        .route("/model-versions/get-artifact", get(artifacts::get_of_version));
    Router::new().nest("/workspaces/{workspace}", everywhere.clone()).merge(everywhere)
}

/// The API below every beginning under which clients look for it. The second is the one that
/// MLflow's own pages use.
fn roots() -> Router<Arc<App>> {
    ["/api", "/ajax-api"].into_iter().fold(Router::new(), |router, root| {
        router
            .nest(&format!("{root}/2.0/mlflow"), second())
            .nest(&format!("{root}/2.0/mlflow-artifacts"), proxy())
            .route(&format!("{root}/3.0/mlflow/server-info"), get(server_info::get))
    })
}

/// Version 2 of the API.
fn second() -> Router<Arc<App>> {
    Router::new()
        .route("/experiments/create", post(experiments::create))
        .route("/experiments/get", get(experiments::get))
        .route("/experiments/get-by-name", get(experiments::get_by_name))
        .route("/experiments/update", post(experiments::update))
        .route("/experiments/set-experiment-tag", post(experiments::set_tag))
        .route("/experiments/delete-experiment-tag", post(experiments::delete_tag))
        .route("/experiments/delete", post(experiments::delete))
        .route("/experiments/restore", post(experiments::restore))
        .route("/experiments/search", get(experiments::search).post(experiments::search))
        .route("/experiments/search-datasets", post(inputs::search_datasets))
        .route("/runs/create", post(runs::create))
        .route("/runs/get", get(runs::get))
        .route("/runs/update", post(runs::update))
        .route("/runs/search", post(runs::search))
        .route("/runs/delete", post(runs::delete))
        .route("/runs/restore", post(runs::restore))
        .route("/runs/log-metric", post(logging::metric))
        .route("/runs/log-parameter", post(logging::parameter))
        .route("/runs/log-batch", post(logging::batch))
        .route("/runs/set-tag", post(logging::tag))
        .route("/runs/delete-tag", post(runs::delete_tag))
        .route("/runs/log-inputs", post(inputs::log_inputs))
        .route("/runs/outputs", post(inputs::log_outputs))
        .route("/runs/log-model", post(inputs::log_model))
        .route("/metrics/get-history", get(metrics::history))
        .route("/metrics/get-history-bulk", get(metrics::bulk))
        .route("/metrics/get-history-bulk-interval", get(metrics::bulk_interval))
        .merge(registry())
        .merge(logged())
        .route("/artifacts/list", get(artifacts::list_of_run))
        .route("/upload-artifact", post(artifacts::upload_to_run))
}

/// Registered models and their versions.
fn registry() -> Router<Arc<App>> {
    use {model_versions as versions, registered_models as names};
    Router::new()
        .route("/registered-models/create", post(names::create))
        .route("/registered-models/rename", post(names::rename))
        .route("/registered-models/update", patch(names::update))
        .route("/registered-models/delete", delete(names::delete))
        .route("/registered-models/get", get(names::get))
        .route("/registered-models/search", get(names::search))
        .route(
            "/registered-models/get-latest-versions",
            get(names::latest_versions).post(names::latest_versions),
        )
        .route("/registered-models/set-tag", post(names::set_tag))
        .route("/registered-models/delete-tag", delete(names::delete_tag))
        .route(
            "/registered-models/alias",
            get(names::get_by_alias).post(names::set_alias).delete(names::delete_alias),
        )
        .route("/model-versions/create", post(versions::create))
        .route("/model-versions/update", patch(versions::update))
        .route("/model-versions/transition-stage", post(versions::transition_stage))
        .route("/model-versions/delete", delete(versions::delete))
        .route("/model-versions/get", get(versions::get))
        .route("/model-versions/search", get(versions::search))
        .route("/model-versions/get-download-uri", get(versions::download_uri))
        .route("/model-versions/set-tag", post(versions::set_tag))
        .route("/model-versions/delete-tag", delete(versions::delete_tag))
}

/// Models of runs, before anybody registers them.
fn logged() -> Router<Arc<App>> {
    use logged_models as models;
    Router::new()
        .route("/logged-models", post(models::create))
        .route("/logged-models/search", post(models::search))
        .route(
            "/logged-models/{model_id}",
            get(models::get).patch(models::finalize).delete(models::delete),
        )
        .route("/logged-models/{model_id}/tags", patch(models::set_tags))
        .route("/logged-models/{model_id}/tags/{tag}", delete(models::delete_tag))
        .route("/logged-models/{model_id}/params", post(models::log_parameters))
        .route("/logged-models/{model_id}/artifacts/directories", get(models::list_artifacts))
        .route("/logged-models/{model_id}/artifacts/files", get(artifacts::get_of_logged_model))
}

/// Files of everything, in one tree.
fn proxy() -> Router<Arc<App>> {
    Router::new()
        .route("/artifacts", get(artifacts::list))
        .route(
            "/artifacts/{*path}",
            get(artifacts::get).put(artifacts::put).delete(artifacts::delete),
        )
        .route("/presigned/{*path}", get(artifacts::presigned))
        .route("/mpu/create/{*path}", post(parts::create))
        .route("/mpu/parts/{upload_id}/{number}", put(parts::put))
        .route("/mpu/complete/{*path}", post(parts::complete))
        .route("/mpu/abort/{*path}", post(parts::abort))
}

/// True for a path whose failures are read by MLflow's clients.
pub fn serves(path: &str) -> bool {
    let path = match path.strip_prefix("/workspaces/") {
        Some(rest) => rest.split_once('/').map_or("", |(_workspace, path)| path),
        None => path.trim_start_matches('/'),
    };
    let versions = path.strip_prefix("api/").or_else(|| path.strip_prefix("ajax-api/"));
    versions.is_some_and(|rest| {
        rest.split_once('/').is_some_and(|(version, rest)| {
            matches!(version, "2.0" | "3.0") && rest.starts_with("mlflow")
        })
    }) || matches!(path, "version" | "get-artifact" | "model-versions/get-artifact")
}

async fn version() -> &'static str {
    VERSION
}

/// MLflow's words for what of deletion a search looks at.
const VIEWS: [&str; 3] = ["ACTIVE_ONLY", "DELETED_ONLY", "ALL"];

fn view(word: Option<&str>) -> View {
    match word {
        Some("DELETED_ONLY") => View::Deleted,
        Some("ALL") => View::All,
        _ => View::Active,
    }
}

/// The workspace that the address names, or the default one.
pub struct Scope(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Scope {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Scope> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|error| Failure::invalid(format!("the address is malformed: {error}")))?;
        let named = params.iter().find(|(name, _)| *name == "workspace");
        Ok(Scope(named.map_or(DEFAULT_WORKSPACE, |(_, workspace)| workspace).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::serves;

    #[test]
    fn mlflows_paths_are_known() {
        for path in [
            "/api/2.0/mlflow/runs/get",
            "/ajax-api/2.0/mlflow/runs/get",
            "/api/3.0/mlflow/traces",
            "/api/2.0/mlflow-artifacts/artifacts/a/b",
            "/workspaces/team%20a/api/2.0/mlflow/runs/get",
            "/version",
        ] {
            assert!(serves(path), "{path}");
        }
        for path in ["/api/runs/r", "/api/workspaces/api/runs", "/workspaces/x", "/health", "/", ""]
        {
            assert!(!serves(path), "{path}");
        }
    }
}
