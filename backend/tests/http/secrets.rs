use std::os::unix::fs::PermissionsExt;

use axum::http::{Method, StatusCode};
use lazuli_domain::Secret;
use serde_json::{Value, json};

use crate::support::Daemon;

const SECRETS: &str = "/api/workspaces/default/secrets";

#[tokio::test]
async fn a_secret_is_kept_and_never_in_the_clear() {
    let daemon = Daemon::start().await;
    let path = format!("{SECRETS}/api%2Fkey");
    let put = daemon.call(Method::PUT, &path, Some(json!({"value": "hunter2-in-the-clear"}))).await;
    assert_eq!(put.status, StatusCode::NO_CONTENT);
    assert_eq!(daemon.get::<Value>(&path).await, json!({"value": "hunter2-in-the-clear"}));
    let listed: Vec<Secret> = daemon.get(SECRETS).await;
    assert_eq!(listed.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["api/key"]);
    for name in daemon.files_in(".") {
        let file = daemon.home().join(&name);
        if file.is_file() {
            let bytes = std::fs::read(file).unwrap();
            let found = bytes.windows(7).any(|window| window == b"hunter2");
            assert!(!found, "the value stands in {name}");
        }
    }
    daemon.call(Method::PUT, &path, Some(json!({"value": "changed"}))).await;
    let daemon = daemon.killed_and_started_again().await;
    assert_eq!(daemon.get::<Value>(&path).await, json!({"value": "changed"}));
    assert_eq!(daemon.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    daemon.get_refused(&path, 404).await;
    daemon.call(Method::DELETE, &path, None).await.refused(404);
}

#[tokio::test]
async fn another_key_does_not_open_it() {
    let daemon = Daemon::start().await;
    let path = format!("{SECRETS}/x");
    daemon.call(Method::PUT, &path, Some(json!({"value": "v"}))).await;
    std::fs::write(daemon.home().join("key"), [7; 32]).unwrap();
    let daemon = daemon.killed_and_started_again().await;
    let error = daemon.get_refused(&path, 503).await;
    assert_eq!(error.message, "the secret `x` does not open with this home's key");
}

#[tokio::test]
async fn bad_secrets_are_refused() {
    let daemon = Daemon::start().await;
    for (name, value) in [("x".repeat(300), "v".into()), ("x".to_owned(), "v".repeat(100_000))] {
        let path = format!("{SECRETS}/{name}");
        daemon.call(Method::PUT, &path, Some(json!({"value": value}))).await.refused(400);
    }
    let path = "/api/workspaces/nowhere/secrets/x";
    daemon.call(Method::PUT, path, Some(json!({"value": "v"}))).await.refused(404);
}

#[tokio::test]
async fn nobody_else_may_look() {
    let daemon = Daemon::start().await;
    let mode = |name: &str| {
        let metadata = std::fs::metadata(daemon.home().join(name)).unwrap();
        format!("{:o}", metadata.permissions().mode() & 0o777)
    };
    for folder in ["", "blobs", "spool", "logs", "runs", "environments"] {
        assert_eq!(mode(folder), "700", "{folder}");
    }
    for file in ["token", "key"] {
        assert_eq!(mode(file), "600", "{file}");
    }
}
