use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use lazuli_domain::{ApiError, TableAsk, TableQuery};

use super::download::insert;
use super::error::Answer;
use super::extract::{Json, Path};
use super::openapi::RawBytes;
use crate::app::App;
use crate::queries;

/// By which a client finds out why an answer broke off.
const QUERY: HeaderName = HeaderName::from_static("lazuli-query");
const ARROW: &str = "application/vnd.apache.arrow.stream";

/// Reads a table: `rows` answers an Arrow IPC stream, everything else JSON. An answer that breaks off
/// is explained at `/api/queries/{query_id}`; its id is in the header `lazuli-query`.
#[utoipa::path(post, path = "/api/workspaces/{workspace}/queries", tag = "datasets", request_body = TableQuery, responses((status = 200, body = RawBytes, content_type = "application/vnd.apache.arrow.stream")))]
pub async fn ask(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
    Json(query): Json<TableQuery>,
) -> Answer<Response> {
    let content_type = match query.ask {
        TableAsk::Rows => ARROW,
        _ => "application/json",
    };
    let answer = queries::ask(&app, &workspace, query).await?;
    let query_id = answer.query_id.clone();
    // An error in it cuts the connection: the reader must not take a part for the whole.
    let parts = stream::try_unfold(answer, |mut answer| async move {
        let part = answer.next().await?;
        Ok::<_, crate::Error>(part.map(|part| (part, answer)))
    });
    let mut response = Body::from_stream(parts).into_response();
    insert(response.headers_mut(), header::CONTENT_TYPE, content_type.into());
    insert(response.headers_mut(), QUERY, query_id);
    Ok(response)
}

/// Why the answer to that query broke off.
#[utoipa::path(get, path = "/api/queries/{query_id}", tag = "datasets", responses((status = 200, body = ApiError)))]
pub async fn get(
    State(app): State<Arc<App>>,
    Path(query_id): Path<String>,
) -> Answer<Json<ApiError>> {
    Ok(Json(queries::failure(&app, &query_id)?))
}
