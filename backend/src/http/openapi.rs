//! The description of this API, made from the handlers.

use lazuli_domain::{ApiError, VERSION};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi, ToSchema};

use super::extract::Json;
use super::{
    artifacts, blobs, compute, daemon, details, events, experiments, housekeeping, jobs, logs,
    metrics, models, runs, secrets, snapshots, uploads, workspaces,
};

/// Any bytes.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct RawBytes(#[allow(dead_code, reason = "described, never built")] Vec<u8>);

#[derive(OpenApi)]
#[openapi(
    info(title = "Lazuli", description = "The daemon's API. Every failure has an `ApiError` as its body."),
    paths(
        daemon::health, daemon::status, daemon::shutdown, describe,
        workspaces::list, workspaces::create, workspaces::get,
        experiments::list, experiments::create, experiments::get, experiments::delete,
        experiments::restore,
        runs::list, runs::create, runs::get, runs::patch, runs::flush, runs::verify, runs::complete, runs::fail,
        runs::cancel, runs::delete, runs::restore, runs::children, details::details, details::display,
        metrics::list, metrics::get,
        artifacts::list, artifacts::put, artifacts::get, uploads::begin, uploads::get,
        uploads::put, uploads::complete, uploads::delete,
        logs::list, logs::get, logs::append,
        jobs::create, jobs::get, jobs::report,
        snapshots::create, snapshots::get, blobs::put, blobs::get,
        models::list, models::register, models::get, models::file, models::patch, models::delete,
        models::restore, models::get_name, models::patch_name, models::delete_name,
        models::restore_name,
        secrets::list, secrets::put, secrets::get, secrets::delete,
        compute::list, compute::environments, housekeeping::gc, housekeeping::backup,
        housekeeping::restore, housekeeping::export, housekeeping::import, events::follow,
    ),
    components(schemas(ApiError)),
    modifiers(&Secured),
    security(("token" = [])),
)]
struct Description;

/// This document.
#[utoipa::path(get, path = "/api/openapi.json", tag = "daemon", responses((status = 200)))]
pub async fn describe() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}

pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Description::openapi();
    document.info.version = VERSION.to_owned();
    document
}

struct Secured;

impl Modify for Secured {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer =
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        document.components.get_or_insert_default().add_security_scheme("token", bearer);
    }
}
