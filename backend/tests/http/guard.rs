use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use lazuli_domain::{ErrorKind, Health, VERSION};
use serde_json::json;

use crate::support::Daemon;

fn request(path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn health_needs_no_token_and_everything_else_does() {
    let daemon = Daemon::start().await;
    let health: Health =
        daemon.send(request("/health", &[("authorization", "none")])).await.ok("health");
    assert_eq!((health.status.as_str(), health.version.as_str()), ("ok", VERSION));
    assert_eq!(health.pid, std::process::id());
    let document: serde_json::Value = daemon.get("/api/openapi.json").await;
    for path in document["paths"].as_object().unwrap().keys().filter(|path| *path != "/health") {
        for token in ["", "Bearer ", "Bearer 0000", "Basic x"] {
            let path = path.replace(['{', '}'], "");
            let error = daemon.send(request(&path, &[("authorization", token)])).await.refused(401);
            assert_eq!(error.kind, ErrorKind::Unauthorized);
        }
    }
    for path in ["/events", "/api/nothing"] {
        daemon.send(request(path, &[("authorization", "")])).await.refused(401);
    }
}

/// Attacks 7 and 8: a page that rebinds its name to this address, or posts to it.
#[tokio::test]
async fn only_the_own_host_is_served() {
    let daemon = Daemon::start().await;
    for host in ["localhost", "localhost:8080", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:9"] {
        let answer = daemon.send(request("/health", &[("host", host)])).await;
        assert_eq!(answer.status, StatusCode::OK, "{host}");
    }
    for host in ["evil.example", "evil.example:80", "localhost.evil.example", "10.0.0.1", ""] {
        for path in ["/health", "/api/status", "/api/openapi.json"] {
            let error = daemon.send(request(path, &[("host", host)])).await.refused(403);
            assert_eq!(error.message, format!("the host `{host}` is not served here"));
        }
    }
    let two = request("/health", &[("host", "localhost"), ("host", "evil.example")]);
    daemon.send(two).await.refused(403);
}

#[tokio::test]
async fn a_page_of_another_origin_gets_no_leave() {
    let daemon = Daemon::start().await;
    let preflight = Request::options("/api/workspaces")
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "POST")
        .body(Body::empty())
        .unwrap();
    let answer = daemon.send(preflight).await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
    assert!(!answer.status.is_success());
    // A form can be posted without being asked, but never with the token.
    let form = Request::post("/api/shutdown")
        .header("authorization", "")
        .header("content-type", "text/plain")
        .body(Body::empty())
        .unwrap();
    daemon.send(form).await.refused(401);
    assert!(!*daemon.app.shutdown().borrow());
}

#[tokio::test]
async fn another_version_is_told_what_to_do() {
    let daemon = Daemon::start().await;
    let answer = daemon.send(request("/api/status", &[("x-lazuli-version", VERSION)])).await;
    assert_eq!(answer.status, StatusCode::OK);
    let error =
        daemon.send(request("/api/status", &[("x-lazuli-version", "9.9.9")])).await.refused(426);
    assert_eq!(error.kind, ErrorKind::VersionMismatch);
    assert_eq!(
        error.message,
        format!("the daemon is version {VERSION}, this client is version 9.9.9")
    );
    assert!(error.hint.unwrap().contains("lazuli stop"));
}

#[tokio::test]
async fn what_is_not_there_is_told_in_the_same_form() {
    let daemon = Daemon::start().await;
    let error = daemon.get_refused("/api/nothing", 404).await;
    assert_eq!(error.message, "route `/api/nothing` not found");
    let error = daemon.call(Method::DELETE, "/api/workspaces", None).await.refused(405);
    assert_eq!(error.message, "`/api/workspaces` does not answer to DELETE");
    let error = daemon.call(Method::DELETE, "/api/runs/x/flush", Some(json!(1))).await.refused(405);
    assert_eq!(error.kind, ErrorKind::Invalid);
}
