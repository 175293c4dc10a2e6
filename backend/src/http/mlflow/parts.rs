//! Large files in parts: the client asks where to, sends each part there, and says that it is done.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::artifacts::{At, address, credentials};
use super::error::{Answer, Failure};
use super::wire::{Message, Reply, done};
use crate::app::App;
use crate::http::artifacts::announced_size;
use crate::registry;

const CREATE: &str = "/mlflow-artifacts/mpu/create/";
const PARTS: &str = "/mlflow-artifacts/mpu/parts/";

pub async fn create(
    State(app): State<Arc<App>>,
    Path(At { path }): Path<At>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    message: Message,
) -> Answer<Reply<Value>> {
    let path = target(&path, &message)?;
    let parts = u64::try_from(message.integer("num_parts")?.unwrap_or(1)).unwrap_or(0);
    let upload_id = registry::begin_parts(&app, &path, parts).await?;
    let before = address(&uri, &headers, CREATE, PARTS)?;
    let before = before.split_once(PARTS).map_or("", |(before, _)| before);
    let credential = |number| {
        json!({
            "url": format!("{before}{PARTS}{upload_id}/{number}"),
            "part_number": number,
            "headers": credentials(&headers),
        })
    };
    let credentials: Vec<Value> = (1..=parts).map(credential).collect();
    Ok(Reply(json!({"upload_id": upload_id, "credentials": credentials})))
}

#[derive(Deserialize)]
pub struct PartAt {
    upload_id: String,
    number: u64,
}

pub async fn put(
    State(app): State<Arc<App>>,
    Path(PartAt { upload_id, number }): Path<PartAt>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Response> {
    let size = announced_size(&headers);
    let body = body.into_data_stream();
    let tag = registry::put_part(&app, upload_id, number, body, size).await?;
    let mut response = StatusCode::OK.into_response();
    // Hexadecimal digits are a header's value.
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{tag}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

pub async fn complete(
    State(app): State<Arc<App>>,
    Path(At { path }): Path<At>,
    mut message: Message,
) -> Answer<Reply<Value>> {
    let path = target(&path, &message)?;
    let upload_id = message.required_text("upload_id")?.to_owned();
    let mut parts = Vec::new();
    for part in message.take_messages("parts")? {
        let number = part.required_integer("part_number")?;
        let tag = part.text("etag")?.unwrap_or_default().to_owned();
        parts.push((u64::try_from(number).unwrap_or(0), tag));
    }
    registry::complete_parts(&app, &path, upload_id, parts).await?;
    Ok(done())
}

pub async fn abort(
    State(app): State<Arc<App>>,
    Path(At { path }): Path<At>,
    message: Message,
) -> Answer<Reply<Value>> {
    let path = target(&path, &message)?;
    let upload_id = message.required_text("upload_id")?.to_owned();
    registry::abort_parts(&app, &path, upload_id).await?;
    Ok(done())
}

/// The folder is in the address, the file's name the last part of its path at the client.
fn target(folder: &str, message: &Message) -> Answer<String> {
    let local = message.required_text("path")?;
    let name = local.rsplit(['/', '\\']).next().unwrap_or_default();
    if name.is_empty() {
        return Err(Failure::invalid("the path ends before the name of a file"));
    }
    Ok(format!("{}/{name}", folder.trim_end_matches('/')))
}
