//! What only this side can show of MLflow's API: refusals, tokens, workspaces. That its clients work
//! is shown with them, in `tests/mlflow`.

mod artifacts;
mod experiments;
mod registry;
mod runs;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};

use crate::support::{Answer, Daemon};

const ROOT: &str = "/api/2.0/mlflow";

async fn send(daemon: &Daemon, method: Method, path: &str, body: Value) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    daemon.send(request).await
}

pub async fn post(daemon: &Daemon, path: &str, body: Value) -> Value {
    let path = format!("{ROOT}{path}");
    send(daemon, Method::POST, &path, body).await.ok(&path)
}

async fn get(daemon: &Daemon, path: &str) -> Value {
    let path = format!("{ROOT}{path}");
    daemon.call(Method::GET, &path, None).await.ok(&path)
}

/// The code and the message of a refusal.
fn refusal(answer: &Answer, status: u16) -> (String, String) {
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(answer.status.as_u16(), status, "{body}");
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("error_code"), text("message"))
}

#[tokio::test]
async fn who_may_ask_and_how_a_refusal_looks() {
    let daemon = Daemon::start().await;
    let path = format!("{ROOT}/experiments/get?experiment_id=0");
    let ask = async |authorization: &str| {
        let request = Request::get(&path).header("authorization", authorization);
        daemon.send(request.body(Body::empty()).unwrap()).await
    };
    let basic = |text: String| {
        use base64::Engine;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
    };
    let token = daemon.app.token().to_owned();
    for authorization in [format!("Bearer {token}"), basic(format!("lazuli:{token}"))] {
        let answer: Value = ask(&authorization).await.ok(&path);
        assert_eq!(answer["experiment"]["name"], "Default");
        assert_eq!(answer["experiment"]["experiment_id"], "0");
    }
    for authorization in ["", "Bearer wrong", &basic("lazuli:wrong".into())] {
        let (code, message) = refusal(&ask(authorization).await, 401);
        assert_eq!(code, "UNAUTHENTICATED");
        assert!(message.contains("token") && !message.contains(&token), "{message}");
    }
    let (code, message) =
        refusal(&daemon.call(Method::GET, "/api/2.0/mlflow/nothing", None).await, 404);
    assert_eq!(code, "ENDPOINT_NOT_FOUND");
    assert!(message.contains("/api/2.0/mlflow/nothing"), "{message}");
    let wrong_method = daemon.call(Method::DELETE, &format!("{ROOT}/experiments/get"), None).await;
    assert_eq!(refusal(&wrong_method, 405).0, "INVALID_PARAMETER_VALUE");
}

#[tokio::test]
async fn a_body_that_is_no_message_is_refused() {
    let daemon = Daemon::start().await;
    let path = format!("{ROOT}/experiments/create");
    let post_raw = async |body: String| {
        let request =
            Request::post(&path).header("content-type", "application/json; charset=utf-8");
        daemon.send(request.body(Body::from(body)).unwrap()).await
    };
    let deep = "[".repeat(10_000);
    for body in ["{", "[]", "5", "{\"name\": NaN}", "\u{0}", &deep] {
        assert_eq!(refusal(&post_raw(body.to_owned()).await, 400).0, "INVALID_PARAMETER_VALUE");
    }
    let (_, message) = refusal(&post_raw("{\"name\": \"a\\u0000b\"}".into()).await, 400);
    assert!(message.contains("NUL"), "{message}");
    let huge = format!("{{\"name\": \"{}\"}}", "x".repeat(33 << 20));
    refusal(&post_raw(huge).await, 413);
    let (_, message) = refusal(&daemon.call(Method::POST, &path, Some(json!({}))).await, 400);
    assert_eq!(message, "Bad Request. Content-Type header is missing.");
}
