use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use lazuli_domain::{
    Dataset, DatasetFile, DatasetPatch, DatasetUse, DisplayBundle, NewDataset, NewDatasetUse, Page,
    SqlAnswer, SqlRequest, UnregisteredDataset,
};
use serde::Deserialize;

use super::error::Answer;
use super::extract::{Json, Path, Query};
use crate::app::App;
use crate::dataset_details;
use crate::datasets::{self, FilesPage};
use crate::error::Error;

#[derive(Deserialize, utoipa::IntoParams)]
pub struct ListDatasets {
    /// Only names that begin so.
    #[serde(default)]
    name: String,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// At most so many; 100 unless told, 10,000 at most.
    limit: Option<usize>,
}

#[derive(Deserialize, utoipa::IntoParams)]
pub struct PageOf {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// At most so many; 10,000 at most.
    limit: Option<usize>,
}

/// The newest version of each name.
#[utoipa::path(get, path = "/api/workspaces/{workspace}/datasets", tag = "datasets", params(ListDatasets), responses((status = 200, body = Page<Dataset>)))]
pub async fn list(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
    Query(query): Query<ListDatasets>,
) -> Answer<Response> {
    let ListDatasets { name, cursor, limit } = query;
    let page = datasets::list_datasets(&app, workspace, name, cursor, limit).await?;
    let items: Vec<&str> = page.items.iter().map(|listed| listed.json.as_str()).collect();
    let items = items.join(",");
    let text = match page.next_cursor {
        Some(cursor) => {
            let cursor = serde_json::Value::String(cursor);
            format!("{{\"items\":[{items}],\"next_cursor\":{cursor}}}")
        }
        None => format!("{{\"items\":[{items}]}}"),
    };
    Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
}

/// Registers the next version; the newest one is the answer when it is the same.
#[utoipa::path(post, path = "/api/workspaces/{workspace}/datasets", tag = "datasets", responses((status = 200, body = Dataset)))]
pub async fn register(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
    Json(new): Json<NewDataset>,
) -> Answer<Json<Dataset>> {
    Ok(Json(datasets::register(&app, workspace, new).await?))
}

/// The newest version.
#[utoipa::path(get, path = "/api/workspaces/{workspace}/datasets/{name}", tag = "datasets", responses((status = 200, body = Dataset)))]
pub async fn get_newest(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
) -> Answer<Json<Dataset>> {
    Ok(Json(datasets::dataset(&app, workspace, name, None).await?))
}

/// Unregisters all versions; the files they name are left alone.
#[utoipa::path(delete, path = "/api/workspaces/{workspace}/datasets/{name}", tag = "datasets", responses((status = 204)))]
pub async fn delete(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
) -> Answer<StatusCode> {
    datasets::delete_dataset(&app, workspace, name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Brings the dataset back, with the versions that were unregistered with it.
#[utoipa::path(post, path = "/api/workspaces/{workspace}/datasets/{name}/restore", tag = "datasets", responses((status = 200, body = Dataset)))]
pub async fn restore(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
) -> Answer<Json<Dataset>> {
    Ok(Json(datasets::restore_dataset(&app, workspace, name).await?))
}

/// All versions, the newest first.
#[utoipa::path(get, path = "/api/workspaces/{workspace}/datasets/{name}/versions", tag = "datasets", params(PageOf), responses((status = 200, body = Page<Dataset>)))]
pub async fn versions(
    State(app): State<Arc<App>>,
    Path((workspace, name)): Path<(String, String)>,
    Query(PageOf { cursor, limit }): Query<PageOf>,
) -> Answer<Json<Page<Dataset>>> {
    Ok(Json(datasets::list_versions(&app, workspace, name, cursor, limit).await?))
}

#[utoipa::path(get, path = "/api/workspaces/{workspace}/datasets/{name}/{version}", tag = "datasets", responses((status = 200, body = Dataset)))]
pub async fn get(
    State(app): State<Arc<App>>,
    Path((workspace, name, version)): Path<(String, String, u64)>,
) -> Answer<Json<Dataset>> {
    Ok(Json(datasets::dataset(&app, workspace, name, Some(version)).await?))
}

/// Changes description or tags of a version.
#[utoipa::path(patch, path = "/api/workspaces/{workspace}/datasets/{name}/{version}", tag = "datasets", responses((status = 200, body = Dataset)))]
pub async fn patch(
    State(app): State<Arc<App>>,
    Path((workspace, name, version)): Path<(String, String, u64)>,
    Json(patch): Json<DatasetPatch>,
) -> Answer<Json<Dataset>> {
    Ok(Json(datasets::patch_dataset(&app, workspace, name, version, patch).await?))
}

/// The files that were found when the version was registered, in the order in which they are read.
#[utoipa::path(get, path = "/api/workspaces/{workspace}/datasets/{name}/{version}/files", tag = "datasets", params(PageOf), responses((status = 200, body = Page<DatasetFile>)))]
pub async fn files(
    State(app): State<Arc<App>>,
    Path((workspace, name, version)): Path<(String, String, u64)>,
    Query(PageOf { cursor, limit }): Query<PageOf>,
) -> Answer<Json<Page<DatasetFile>>> {
    let asked = FilesPage { limit, cursor };
    Ok(Json(datasets::files_of_version(&app, workspace, name, version, asked).await?))
}

/// Which runs read the version, or made it.
#[utoipa::path(get, path = "/api/workspaces/{workspace}/datasets/{name}/{version}/uses", tag = "datasets", responses((status = 200, body = [DatasetUse])))]
pub async fn uses(
    State(app): State<Arc<App>>,
    Path((workspace, name, version)): Path<(String, String, u64)>,
) -> Answer<Json<Vec<DatasetUse>>> {
    Ok(Json(datasets::uses_of_dataset(&app, workspace, name, version).await?))
}

/// The version as a notebook shows it: first rows, types, what is missing, how each column is spread.
#[utoipa::path(get, path = "/api/workspaces/{workspace}/datasets/{name}/{version}/display", tag = "datasets", responses((status = 200, body = DisplayBundle)))]
pub async fn display(
    State(app): State<Arc<App>>,
    Path((workspace, name, version)): Path<(String, String, u64)>,
) -> Answer<Json<DisplayBundle>> {
    let details = datasets::details(&app, workspace, name, version).await?;
    // Drawing takes milliseconds of pure computing; it must not hold up other requests.
    let bundle = tokio::task::spawn_blocking(move || dataset_details::bundle(&details))
        .await
        .map_err(|panic| Error::Defect(format!("drawing the dataset broke down: {panic}")))?;
    Ok(Json(bundle))
}

/// What a SELECT over registered datasets answers, and how a notebook shows it.
#[utoipa::path(post, path = "/api/workspaces/{workspace}/sql", tag = "datasets", responses((status = 200, body = SqlAnswer)))]
pub async fn sql(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
    Json(asked): Json<SqlRequest>,
) -> Answer<Json<SqlAnswer>> {
    let rows = datasets::sql_rows(&app, &workspace, &asked).await?;
    let answer = tokio::task::spawn_blocking(move || {
        dataset_details::answer(rows, asked.shown, asked.plot.as_ref())
    })
    .await
    .map_err(|panic| Error::Defect(format!("drawing the rows broke down: {panic}")))?;
    Ok(Json(answer?))
}

/// The version with that id.
#[utoipa::path(get, path = "/api/workspaces/{workspace}/dataset-ids/{dataset_id}", tag = "datasets", responses((status = 200, body = Dataset)))]
pub async fn by_id(
    State(app): State<Arc<App>>,
    Path((workspace, dataset_id)): Path<(String, String)>,
) -> Answer<Json<Dataset>> {
    Ok(Json(datasets::by_id(&app, workspace, dataset_id).await?))
}

/// The files that a definition finds now; nothing is registered.
#[utoipa::path(post, path = "/api/workspaces/{workspace}/dataset-files", tag = "datasets", responses((status = 200, body = [DatasetFile])))]
pub async fn resolve(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
    Json(UnregisteredDataset { definition }): Json<UnregisteredDataset>,
) -> Answer<Json<Vec<DatasetFile>>> {
    Ok(Json(datasets::files_of_definition(&app, &workspace, &definition).await?))
}

/// What the run read and made.
#[utoipa::path(get, path = "/api/runs/{run_id}/datasets", tag = "datasets", responses((status = 200, body = [DatasetUse])))]
pub async fn of_run(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
) -> Answer<Json<Vec<DatasetUse>>> {
    Ok(Json(datasets::uses_of_run(&app, run_id).await?))
}

/// Keeps that the run reads or made a version; all that it uses is the answer.
#[utoipa::path(post, path = "/api/runs/{run_id}/datasets", tag = "datasets", responses((status = 200, body = [DatasetUse])))]
pub async fn add_to_run(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
    Json(new): Json<NewDatasetUse>,
) -> Answer<Json<Vec<DatasetUse>>> {
    Ok(Json(datasets::add_use(&app, run_id, new).await?))
}
