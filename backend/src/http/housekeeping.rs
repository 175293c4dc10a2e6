//! Long work on the home as a whole, answered line by line.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::Response;
use futures_util::stream;
use lazuli_domain::{GcReport, GcRequest, Line};
use serde::Serialize;
use tokio::sync::mpsc;

use super::download::insert;
use super::error::{Answer, Failure};
use super::extract::Json;
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
