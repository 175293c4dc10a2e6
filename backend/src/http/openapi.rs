//! The description of this API, made from the handlers.

use lazuli_domain::{ApiError, TableProfile, VERSION};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi, ToSchema};

use super::extract::Json;
use super::{
    artifacts, blobs, compute, daemon, datasets, datastores, details, environments, events,
    experiments, housekeeping, jobs, logs, metrics, models, queries, runs, search, secrets,
    snapshots, studio, tokens, uploads, view, workspaces,
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
        workspaces::list, workspaces::create, workspaces::get, workspaces::patch,
        experiments::list, experiments::create, experiments::get, experiments::patch,
        experiments::delete, experiments::restore,
        runs::list, runs::create, runs::get, runs::patch, runs::flush, runs::add_records, runs::verify, runs::complete, runs::fail,
        runs::cancel, runs::delete, runs::restore, runs::children, details::details, details::display,
        details::page, search::complete,
        metrics::list, metrics::get,
        artifacts::list, artifacts::put, artifacts::get, uploads::begin, uploads::get,
        uploads::put, uploads::complete, uploads::delete,
        logs::list, logs::get, logs::append,
        jobs::create, jobs::get, jobs::report,
        studio::give_code, studio::enter, studio::leave, studio::sessions, studio::end,
        tokens::list, tokens::create, tokens::revoke,
        snapshots::create, snapshots::get, blobs::put, blobs::get,
        models::list, models::register, models::get, models::file, models::patch, models::delete,
        models::restore, models::get_name, models::patch_name, models::delete_name,
        models::restore_name,
        datasets::list, datasets::register, datasets::get_newest, datasets::delete,
        datasets::restore, datasets::versions, datasets::get, datasets::patch, datasets::files,
        datasets::uses, datasets::by_id, datasets::resolve, datasets::of_run, datasets::add_to_run,
        datasets::display, datasets::sql, queries::ask, queries::get,
        secrets::list, secrets::put, secrets::get, secrets::delete,
        datastores::list, datastores::register, datastores::get, datastores::patch,
        datastores::delete, datastores::files, datastores::file, datastores::put_file,
        datastores::delete_file, datastores::begin_upload,
        compute::list, compute::create, compute::attach, compute::get, compute::patch, compute::delete,
        environments::list, environments::register, environments::get, environments::delete,
        environments::versions, environments::patch, environments::builds,
        environments::start_build, environments::build, environments::build_log,
        environments::cached, environments::read_conda, environments::read_yaml, housekeeping::gc, housekeeping::backup,
        housekeeping::restore, housekeeping::export, housekeeping::import, events::follow,
    ),
    components(schemas(ApiError, TableProfile, view::View)),
    modifiers(&Secured, &Tagged),
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
    name_operations(&mut document);
    document
}

/// Each operation has a name of its own, `get_runs_run_id_metrics`: clients are made from this document,
/// and the handlers' own `get` would be many.
fn name_operations(document: &mut utoipa::openapi::OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let words = path.trim_start_matches("/api").split(|c: char| !c.is_ascii_alphanumeric());
        let place = words.filter(|word| !word.is_empty()).collect::<Vec<&str>>().join("_");
        let operations = [
            ("get", &mut item.get),
            ("put", &mut item.put),
            ("post", &mut item.post),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                operation.operation_id = Some(format!("{method}_{place}"));
            }
        }
    }
}

struct Secured;

impl Modify for Secured {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer =
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        document.components.get_or_insert_default().add_security_scheme("token", bearer);
    }
}

/// The structures below a tagged union refuse unknown fields, and their schemas say so; but there the
/// tag stands beside their fields, which such a schema would refuse.
struct Tagged;

impl Modify for Tagged {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let Some(components) = &mut document.components else { return };
        for name in ["TableDefinition", "FileDefinition"] {
            if let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(name) {
                object.additional_properties = None;
            }
        }
    }
}
