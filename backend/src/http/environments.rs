use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use lazuli_domain::{
    CachedEnvironment, CondaSpecification, CondaText, Environment, EnvironmentBuild,
    EnvironmentPatch, NewBuild, NewEnvironment,
};
use serde::Deserialize;

use super::error::Answer;
use super::extract::{Json, Path, Query};
use super::logs::SIZE_HEADER;
use crate::app::App;
use crate::environments;

#[derive(Deserialize, utoipa::IntoParams)]
pub struct ListEnvironments {
    /// Only those that come with Lazuli, or none of them; both unless told.
    curated: Option<bool>,
}

#[derive(Deserialize, utoipa::IntoParams)]
pub struct WhichVersion {
    /// The newest unless told.
    version: Option<String>,
    /// The version that this label points to.
    label: Option<String>,
}

#[derive(Deserialize, utoipa::IntoParams)]
pub struct FromByte {
    #[serde(default)]
    offset: u64,
}

/// The newest version of each name.
#[utoipa::path(get, path = "/api/workspaces/{workspace}/environments", tag = "environments", params(ListEnvironments), responses((status = 200, body = [Environment])))]
pub async fn list(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
    Query(query): Query<ListEnvironments>,
) -> Answer<Json<Vec<Environment>>> {
    Ok(Json(environments::list(&app, workspace, query.curated).await?))
}

/// Registers the next version, or answers the newest where that is defined so already.
#[utoipa::path(post, path = "/api/workspaces/{workspace}/environments", tag = "environments", responses((status = 200, body = Environment)))]
pub async fn register(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
    Json(new): Json<NewEnvironment>,
) -> Answer<Json<Environment>> {
    Ok(Json(environments::register(&app, workspace, new).await?))
}

#[utoipa::path(get, path = "/api/workspaces/{workspace}/environments/{name}", tag = "environments", params(WhichVersion), responses((status = 200, body = Environment)))]
pub async fn get(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
    Query(query): Query<WhichVersion>,
) -> Answer<Json<Environment>> {
    Ok(Json(environments::get(&app, workspace, name, query.version, query.label).await?))
}

/// Forgets every version of the name. Jobs keep what they were submitted with.
#[utoipa::path(delete, path = "/api/workspaces/{workspace}/environments/{name}", tag = "environments", responses((status = 204)))]
pub async fn delete(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
) -> Answer<StatusCode> {
    environments::delete(&app, workspace, name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Newest first.
#[utoipa::path(get, path = "/api/workspaces/{workspace}/environments/{name}/versions", tag = "environments", responses((status = 200, body = [Environment])))]
pub async fn versions(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
) -> Answer<Json<Vec<Environment>>> {
    Ok(Json(environments::versions(&app, workspace, name).await?))
}

/// Lets labels point to this version.
#[utoipa::path(patch, path = "/api/workspaces/{workspace}/environments/{name}/{version}", tag = "environments", responses((status = 200, body = Environment)))]
pub async fn patch(
    State(app): State<Arc<App>>,
    Path((workspace, name, version)): Path<(String, String, String)>,
    Json(patch): Json<EnvironmentPatch>,
) -> Answer<Json<Environment>> {
    Ok(Json(environments::patch(&app, workspace, name, version, patch).await?))
}

/// Of that version, newest first.
#[utoipa::path(get, path = "/api/workspaces/{workspace}/environments/{name}/{version}/builds", tag = "environments", responses((status = 200, body = [EnvironmentBuild])))]
pub async fn builds(
    State(app): State<Arc<App>>,
    Path((workspace, name, version)): Path<(String, String, String)>,
) -> Answer<Json<Vec<EnvironmentBuild>>> {
    Ok(Json(environments::builds(&app, workspace, name, version).await?))
}

/// Starts to make it on this machine.
#[utoipa::path(post, path = "/api/workspaces/{workspace}/environments/{name}/{version}/builds", tag = "environments", responses((status = 200, body = EnvironmentBuild)))]
pub async fn start_build(
    State(app): State<Arc<App>>,
    Path((workspace, name, version)): Path<(String, String, String)>,
    Json(new): Json<NewBuild>,
) -> Answer<Json<EnvironmentBuild>> {
    Ok(Json(environments::start_build(&app, workspace, name, version, new).await?))
}

#[utoipa::path(get, path = "/api/environment-builds/{build_id}", tag = "environments", responses((status = 200, body = EnvironmentBuild)))]
pub async fn build(
    State(app): State<Arc<App>>,
    Path(build_id): Path<String>,
) -> Answer<Json<EnvironmentBuild>> {
    Ok(Json(environments::build(&app, build_id).await?))
}

/// What was said, from that byte on; the header `x-lazuli-size` says how much there is in all.
#[utoipa::path(get, path = "/api/environment-builds/{build_id}/log", tag = "environments", params(FromByte), responses((status = 200, content_type = "text/plain")))]
pub async fn build_log(
    State(app): State<Arc<App>>,
    Path(build_id): Path<String>,
    Query(FromByte { offset }): Query<FromByte>,
) -> Answer<Response> {
    let log = environments::build_log(&app, build_id, offset).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (SIZE_HEADER, log.size.to_string()),
    ];
    Ok((headers, log.bytes).into_response())
}

/// Cached Python environments, newest first.
#[utoipa::path(get, path = "/api/cached-environments", tag = "environments", responses((status = 200, body = [CachedEnvironment])))]
pub async fn cached(State(app): State<Arc<App>>) -> Answer<Json<Vec<CachedEnvironment>>> {
    Ok(Json(environments::cached(&app).await?))
}

/// Reads and checks a conda file.
#[utoipa::path(post, path = "/api/conda-specifications", tag = "environments", responses((status = 200, body = CondaSpecification)))]
pub async fn read_conda(Json(given): Json<CondaText>) -> Answer<Json<CondaSpecification>> {
    Ok(Json(environments::read_conda(&given.text, given.file.as_deref())?))
}

/// The JSON of a YAML text.
#[utoipa::path(post, path = "/api/yaml", tag = "environments", request_body(content = String, content_type = "text/yaml"), responses((status = 200)))]
pub async fn read_yaml(body: axum::body::Bytes) -> Answer<Json<serde_json::Value>> {
    let text = std::str::from_utf8(&body).map_err(|_not_text| {
        lazuli_domain::ApiError::invalid("the text is not encoded in UTF-8")
            .hint("save it as UTF-8")
    })?;
    Ok(Json(environments::parse_yaml(text)?))
}
