//! Files, streamed both ways. The tree of the proxy is explained in `registry/proxy.rs`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;
use lazuli_domain::{Artifact, ErrorKind};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Scope;
use super::error::{Answer, Failure};
use super::logged_models::{Named, no_model};
use super::media_type::media_type;
use super::model_versions::{no_version, version_number};
use super::registered_models::model_name;
use super::wire::{Message, Reply, done};
use crate::app::App;
use crate::error::Error;
use crate::http::artifacts::announced_size;
use crate::http::download;
use crate::registry::{self, Listed, RunRoot};

/// MLflow's own limit of what its pages upload.
const LARGEST_UPLOAD: u64 = 10 << 20;

/// The route's `{*path}`, percent-decoded once; the address may also name a workspace.
#[derive(Deserialize)]
pub struct At {
    pub path: String,
}

pub async fn put(
    State(app): State<Arc<App>>,
    Path(At { path }): Path<At>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Reply<Value>> {
    let size = announced_size(&headers);
    registry::put_proxied(&app, &path, body.into_data_stream(), size).await?;
    Ok(done())
}

pub async fn get(
    State(app): State<Arc<App>>,
    Path(At { path }): Path<At>,
    headers: HeaderMap,
) -> Answer<Response> {
    let artifact = registry::proxied(&app, path).await?;
    content(&app, artifact, &headers).await
}

pub async fn delete(
    State(app): State<Arc<App>>,
    Path(At { path }): Path<At>,
) -> Answer<Reply<Value>> {
    registry::remove_proxied(&app, &path).await?;
    Ok(done())
}

/// What a folder of the proxy's tree holds; the names alone.
pub async fn list(State(app): State<Arc<App>>, message: Message) -> Answer<Reply<Value>> {
    let path = message.text("path")?.unwrap_or_default().to_owned();
    Ok(Reply(file_infos("", registry::list_proxied(&app, path).await?)))
}

/// Where a file can be read in ranges, for clients that read several at once.
pub async fn presigned(
    State(app): State<Arc<App>>,
    Path(At { path }): Path<At>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Answer<Reply<Value>> {
    let artifact = registry::proxied(&app, path).await?;
    let (from, to) = ("/mlflow-artifacts/presigned/", "/mlflow-artifacts/artifacts/");
    Ok(Reply(json!({
        "url": address(&uri, &headers, from, to)?,
        "headers": credentials(&headers),
        "file_size": artifact.size,
    })))
}

/// What a folder of a run's files holds; paths relative to their root.
pub async fn list_of_run(State(app): State<Arc<App>>, message: Message) -> Answer<Reply<Value>> {
    let run_id = message.run_id()?.to_owned();
    let folder = message.text("path")?.unwrap_or_default();
    let folder = match folder.trim_matches('/') {
        "" | "." if !folder.starts_with('/') => String::new(),
        _ => safe(folder)?,
    };
    let root = root_of_run(&app, run_id).await?;
    let path = format!("{}/{folder}", root.path);
    let files = registry::list_proxied(&app, path.trim_end_matches('/').to_owned()).await?;
    let mut reply = file_infos(&folder, files);
    reply["root_uri"] = json!(root.uri);
    Ok(Reply(reply))
}

pub async fn get_of_run(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    message: Message,
) -> Answer<Response> {
    let run_id = message.run_id()?.to_owned();
    let path = safe(message.required_text("path")?)?;
    let root = root_of_run(&app, run_id).await?;
    let artifact = registry::proxied(&app, format!("{}/{path}", root.path)).await?;
    content(&app, artifact, &headers).await
}

pub async fn get_of_version(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    headers: HeaderMap,
    message: Message,
) -> Answer<Response> {
    let (name, version) = (model_name(&message, "name")?, version_number(&message)?);
    let path = safe(message.required_text("path")?)?;
    // Says that the version is not there, before anything about its files.
    let known = registry::model(&app, workspace.clone(), name.clone(), Some(version)).await;
    known.map_err(|error| no_version(error, &name, version))?;
    let artifact = registry::version_artifact(&app, workspace, name, version, path).await?;
    content(&app, artifact, &headers).await
}

pub async fn get_of_logged_model(
    State(app): State<Arc<App>>,
    Path(Named { model_id }): Path<Named>,
    headers: HeaderMap,
    message: Message,
) -> Answer<Response> {
    let Some(path) = message.text("artifact_file_path")?.filter(|path| !path.is_empty()) else {
        return Err(Failure::invalid(
            "Request must include the \"artifact_file_path\" query parameter.",
        ));
    };
    let path = safe(path)?;
    let found = registry::logged_model(&app, model_id.clone(), false).await;
    let model = found.map_err(|error| no_model(error, &model_id))?;
    let uri = registry::artifact_uri(&model);
    let Some(root) = registry::proxy_path(&uri) else {
        return Err(Failure::missing(format!("the files of the model lie elsewhere: {uri}")));
    };
    let artifact = registry::proxied(&app, format!("{root}/{path}")).await?;
    content(&app, artifact, &headers).await
}

/// What MLflow's own pages upload: the body is the file.
pub async fn upload_to_run(
    State(app): State<Arc<App>>,
    Query(query): Query<Upload>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Response> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let Some(run_id) = given(query.run_uuid) else {
        return Err(Failure::invalid("Request must specify run_uuid."));
    };
    let Some(path) = given(query.path) else {
        return Err(Failure::invalid("Request must specify path."));
    };
    let path = safe(&path)?;
    match announced_size(&headers) {
        None | Some(0) => return Err(Failure::invalid("Request must specify data.")),
        Some(size) if size > LARGEST_UPLOAD => {
            return Err(Failure::invalid("Artifact size is too large. Max size is 10MB."));
        }
        Some(_) => {}
    }
    let root = root_of_run(&app, run_id).await?;
    let (size, path) = (announced_size(&headers), format!("{}/{path}", root.path));
    registry::put_proxied(&app, &path, body.into_data_stream(), size).await?;
    Ok(Response::new(Body::empty()))
}

#[derive(Deserialize)]
pub struct Upload {
    run_uuid: Option<String>,
    path: Option<String>,
}

/// A path below a root of ours, in its plain form.
pub fn safe(path: &str) -> Answer<String> {
    Ok(registry::safe_path(path)?)
}

/// `files` as MLflow lists them, below `folder`.
pub fn file_infos(folder: &str, files: Vec<Listed>) -> Value {
    if files.is_empty() {
        return json!({});
    }
    let info = |file: Listed| {
        let path = match folder {
            "" => file.name,
            folder => format!("{folder}/{}", file.name),
        };
        match file.size {
            Some(size) => json!({"path": path, "is_dir": false, "file_size": size}),
            None => json!({"path": path, "is_dir": true}),
        }
    };
    json!({"files": files.into_iter().map(info).collect::<Vec<_>>()})
}

async fn root_of_run(app: &Arc<App>, run_id: String) -> Answer<RunRoot> {
    registry::root_of_run(app, run_id.clone()).await.map_err(|error| match error {
        Error::Refused(refusal) if refusal.kind == ErrorKind::NotFound => {
            Failure::missing(format!("Run with id={run_id} not found"))
        }
        error => error.into(),
    })
}

/// The file, or the range of it that was asked for; never as a page of this address.
async fn content(app: &Arc<App>, artifact: Artifact, headers: &HeaderMap) -> Answer<Response> {
    let file = app.blobs.open_blob(&artifact.sha256).await?;
    let mut response = download::blob(file, &artifact.sha256, headers).await?;
    let name = artifact.path.rsplit('/').next().unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(name)));
    if let Ok(disposition) = HeaderValue::from_str(&disposition(name)) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

/// `attachment` with the file's name (RFC 6266).
fn disposition(name: &str) -> String {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~%'*".contains(&byte);
    if name.bytes().all(is_token) {
        return format!("attachment; filename={name}");
    }
    if name.is_ascii() {
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
        return format!("attachment; filename=\"{quoted}\"");
    }
    let plain: String = name.chars().map(|it| if it.is_ascii() { it } else { '_' }).collect();
    let encoded: String = name
        .bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect();
    let quoted = plain.replace('\\', "\\\\").replace('"', "\\\"");
    format!("attachment; filename=\"{quoted}\"; filename*=UTF-8''{encoded}")
}

/// The request's own address with one part of its path replaced: a client that came by a name or
/// through a workspace goes on by it.
pub fn address(uri: &Uri, headers: &HeaderMap, from: &str, to: &str) -> Answer<String> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    match (host, uri.path().split_once(from)) {
        (Some(host), Some((before, after))) => Ok(format!("http://{host}{before}{to}{after}")),
        _ => Err(Failure::invalid("the request does not say which host it asks")),
    }
}

/// What the client needs to send with the address: what it has sent to get it.
pub fn credentials(headers: &HeaderMap) -> Value {
    match headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        Some(value) => json!({"Authorization": value}),
        None => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use super::disposition;

    #[test]
    fn names_of_attachments() {
        for (name, wanted) in [
            ("a.txt", "attachment; filename=a.txt"),
            ("dog+step+20.png", "attachment; filename=dog+step+20.png"),
            ("a b\".txt", "attachment; filename=\"a b\\\".txt\""),
            ("€.json", "attachment; filename=\"_.json\"; filename*=UTF-8''%E2%82%AC.json"),
        ] {
            assert_eq!(disposition(name), wanted);
        }
    }
}
