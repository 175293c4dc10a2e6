//! Long work on the home as a whole, answered line by line.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::Response;
use futures_util::stream;
use lazuli_domain::{GcReport, GcRequest, ImportReport, Line, RestoreReport};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::artifacts::announced_size;
use super::download::insert;
use super::error::{Answer, Failure};
use super::extract::{Json, Path, Query};
use crate::app::App;
use crate::housekeeping::{self, Teller};

/// Removes for good what was deleted long ago, then what nothing refers to. Each line of the answer
/// is a `Line`; the work goes on when the client goes away.
#[utoipa::path(post, path = "/api/gc", tag = "housekeeping", responses((status = 200, body = Line<GcReport>, content_type = "application/x-ndjson")))]
pub async fn gc(State(app): State<Arc<App>>, Json(asked): Json<GcRequest>) -> Answer<Response> {
    // Refused as a whole, not in its first line.
    drop(app.exclusion.remove()?);
    let (teller, lines) = Teller::new();
    tokio::spawn(async move {
        let done = housekeeping::gc(&app, asked, &teller).await;
        teller.end(done.map_err(|error| Failure::from(error).into_body())).await;
    });
    Ok(in_lines(lines))
}

/// Everything in one archive: rows and files, not the token and not the key of the secrets.
#[utoipa::path(get, path = "/api/backup", tag = "housekeeping", responses((status = 200, content_type = "application/x-tar")))]
pub async fn backup(State(app): State<Arc<App>>) -> Answer<Response> {
    Ok(as_archive(housekeeping::backup(&app).await?))
}

#[derive(Deserialize, utoipa::IntoParams)]
pub struct Restore {
    /// Also when it takes the place of runs, models or secrets that are here.
    #[serde(default)]
    force: bool,
}

/// Brings back what a backup holds, all of it or nothing. Each line of the answer is a `Line`.
#[utoipa::path(post, path = "/api/restore", tag = "housekeeping", params(Restore), request_body(content = inline(super::openapi::RawBytes), content_type = "application/x-tar"), responses((status = 200, body = Line<RestoreReport>, content_type = "application/x-ndjson")))]
pub async fn restore(
    State(app): State<Arc<App>>,
    Query(Restore { force }): Query<Restore>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Response> {
    let staged =
        housekeeping::stage(&app, body.into_data_stream(), announced_size(&headers)).await?;
    let (teller, lines) = Teller::new();
    tokio::spawn(async move {
        let done = housekeeping::restore(&app, staged, force, &teller).await;
        teller.end(done.map_err(|error| Failure::from(error).into_body())).await;
    });
    Ok(in_lines(lines))
}

/// An archive of the experiment: its runs that have ended, with everything they hold.
#[utoipa::path(get, path = "/api/workspaces/{workspace}/experiments/{experiment}/archive", tag = "housekeeping", responses((status = 200, content_type = "application/x-tar")))]
pub async fn export(
    State(app): State<Arc<App>>,
    Path((workspace, experiment)): Path<(String, String)>,
) -> Answer<Response> {
    let export = housekeeping::export(&app, workspace, experiment).await?;
    let mut response = as_archive(export.chunks);
    let headers = response.headers_mut();
    insert(headers, HeaderName::from_static("x-lazuli-runs"), export.runs.to_string());
    insert(headers, HeaderName::from_static("x-lazuli-left-out"), export.left_out.to_string());
    Ok(response)
}

#[derive(Deserialize, utoipa::IntoParams)]
pub struct Import {
    /// What the experiment is to be called here; as it was called when absent.
    name: Option<String>,
}

/// Brings an exported experiment in. Runs that came before are left as they are. Each line of the
/// answer is a `Line`.
#[utoipa::path(post, path = "/api/workspaces/{workspace}/archives", tag = "housekeeping", params(Import), request_body(content = inline(super::openapi::RawBytes), content_type = "application/x-tar"), responses((status = 200, body = Line<ImportReport>, content_type = "application/x-ndjson")))]
pub async fn import(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
    Query(Import { name }): Query<Import>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Response> {
    let staged =
        housekeeping::stage(&app, body.into_data_stream(), announced_size(&headers)).await?;
    let (teller, lines) = Teller::new();
    tokio::spawn(async move {
        let done = housekeeping::import(&app, workspace, name, staged, &teller).await;
        teller.end(done.map_err(|error| Failure::from(error).into_body())).await;
    });
    Ok(in_lines(lines))
}

fn as_archive(chunks: housekeeping::Chunks) -> Response {
    let body = stream::unfold(chunks, async |mut chunks| Some((chunks.recv().await?, chunks)));
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    insert(headers, header::CONTENT_TYPE, "application/x-tar".into());
    insert(headers, header::CONTENT_DISPOSITION, "attachment".into());
    response
}

/// Each value as a line of JSON.
pub fn in_lines<T: Serialize + Send + 'static>(lines: mpsc::Receiver<Line<T>>) -> Response {
    let body = stream::unfold(lines, async |mut lines| {
        let line = lines.recv().await?;
        let mut text = serde_json::to_vec(&line).unwrap_or_default();
        text.push(b'\n');
        Some((Ok::<_, Infallible>(Bytes::from(text)), lines))
    });
    let mut response = Response::new(Body::from_stream(body));
    insert(response.headers_mut(), header::CONTENT_TYPE, "application/x-ndjson".into());
    response
}
