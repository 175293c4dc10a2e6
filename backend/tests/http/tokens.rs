use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use lazuli_domain::{AccessToken, ApiError, ErrorKind, MadeAccessToken, RestoreReport};
use serde_json::{Value, json};

use crate::support::{Answer, Daemon, sha256};

const TOKENS: &str = "/api/tokens";
const EXPERIMENT: &str = "/api/2.0/mlflow/experiments/get?experiment_id=0";

impl Daemon {
    async fn make_token(&self, body: Value) -> MadeAccessToken {
        self.post(TOKENS, body).await
    }

    async fn tokens(&self) -> Vec<AccessToken> {
        self.get(TOKENS).await
    }

    async fn get_as(&self, authorization: &str, path: &str) -> Answer {
        let request = Request::get(path).header("authorization", authorization);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// What somebody with this token is told.
    async fn refused_with(&self, token: &str) -> ApiError {
        self.get_as(&format!("Bearer {token}"), "/api/status").await.refused(401)
    }

    async fn revoke(&self, name: &str) -> Answer {
        self.call(Method::DELETE, &format!("{TOKENS}/{name}"), None).await
    }

    /// As if so much time had gone by: tokens end by whole days, and no test waits for one.
    async fn end_tokens_in(self, milliseconds: i64) -> Daemon {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let end = now.as_millis() as i64 + milliseconds;
        let sql = format!("UPDATE access_tokens SET expires_at_ms = {end}");
        self.app.store.write(move |write| write.execute(&sql, &[])).await.unwrap();
        self.killed_and_started_again().await
    }
}

fn forms(token: &str) -> [String; 3] {
    let basic = STANDARD.encode(format!("lazuli:{token}"));
    [format!("Bearer {token}"), format!("bearer {token}"), format!("Basic {basic}")]
}

#[tokio::test]
async fn a_token_opens_what_the_daemons_own_opens() {
    let daemon = Daemon::start().await;
    let made = daemon.make_token(json!({"name": "nightly / training"})).await;
    assert_eq!(made.token.len(), "lazuli_".len() + 64);
    assert_eq!(made.access_token.expires_at_ms, None);
    let listed = daemon.tokens().await;
    assert_eq!(listed, std::slice::from_ref(&made.access_token), "it was never used");

    for authorization in forms(&made.token) {
        let status = daemon.get_as(&authorization, "/api/status").await;
        assert_eq!(status.status, StatusCode::OK, "{authorization}");
        let found: Value = daemon.get_as(&authorization, EXPERIMENT).await.ok("MLflow");
        assert_eq!(found["experiment"]["name"], "Default");
    }
    let used = daemon.tokens().await[0].last_used_at_ms.unwrap();
    assert!(used >= made.access_token.created_at_ms);

    // Full rights: what is made with it is there for everybody.
    let body = json!({"experiment": "churn"}).to_string();
    let request = Request::post("/api/workspaces/default/runs")
        .header("authorization", format!("Bearer {}", made.token))
        .body(Body::from(body))
        .unwrap();
    assert_eq!(daemon.send(request).await.status, StatusCode::OK);

    let daemon = daemon.killed_and_started_again().await;
    let status = daemon.get_as(&forms(&made.token)[0], "/api/status").await;
    assert_eq!(status.status, StatusCode::OK, "it outlives the daemon");
    assert_eq!(daemon.tokens().await[0].name, "nightly / training");
}

#[tokio::test]
async fn a_revoked_token_is_refused_from_then_on() {
    let daemon = Daemon::start().await;
    let made = daemon.make_token(json!({"name": "ci"})).await;
    let other = daemon.make_token(json!({"name": "other"})).await;
    let mut open = daemon.events_as(&made.token).await;
    assert_eq!(daemon.revoke("ci").await.status, StatusCode::NO_CONTENT);

    let refused = daemon.refused_with(&made.token).await;
    assert_eq!(refused.kind, ErrorKind::Unauthorized);
    assert_eq!(refused.message, "the access token `ci` was revoked");
    assert!(refused.hint.unwrap().contains("`lazuli token create`"));
    for authorization in forms(&made.token) {
        let answer = daemon.get_as(&authorization, EXPERIMENT).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        let told = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(told.contains("was revoked") && told.contains("error_code"), "{told}");
    }
    // What it had opened is closed, although nothing happens that could be told.
    assert!(open.next().await.is_none());
    assert_eq!(daemon.tokens().await, [other.access_token], "the others are left alone");
    let error = daemon.revoke("ci").await.refused(404);
    assert_eq!(error.message, "access token `ci` not found");

    // The name is free again, and the old token stays what it was: also after a restart.
    let again = daemon.make_token(json!({"name": "ci"})).await;
    assert_ne!(again.token, made.token);
    let daemon = daemon.killed_and_started_again().await;
    assert_eq!(daemon.refused_with(&made.token).await.message, "the access token `ci` was revoked");
    assert_eq!(daemon.get_as(&forms(&again.token)[0], "/api/status").await.status, StatusCode::OK);
    let error = daemon.refused_with(&format!("{}x", again.token)).await;
    assert_eq!(error.message, "the token is not the right one");
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let daemon = Daemon::start().await;
    let made = daemon.make_token(json!({"name": "guest", "expires_in_days": 30})).await;
    let life = made.access_token.expires_at_ms.unwrap() - made.access_token.created_at_ms;
    assert_eq!(life, 30 * 24 * 60 * 60 * 1000);

    let daemon = daemon.end_tokens_in(1500).await;
    let mut open = daemon.events_as(&made.token).await;
    // The stream ends by itself at that moment, which no clock of this test decides.
    assert!(open.next().await.is_none());
    let refused = daemon.refused_with(&made.token).await;
    assert_eq!(refused.kind, ErrorKind::Unauthorized);
    let begin = "the access token `guest` expired on 20";
    assert!(refused.message.starts_with(begin), "{}", refused.message);
    // It is still listed, until somebody revokes it.
    assert_eq!(daemon.tokens().await[0].name, "guest");
    assert_eq!(daemon.revoke("guest").await.status, StatusCode::NO_CONTENT);
    assert!(daemon.tokens().await.is_empty());
}

#[tokio::test]
async fn bad_tokens_are_refused() {
    let daemon = Daemon::start().await;
    daemon.make_token(json!({"name": "ci"})).await;
    let error = daemon.post_refused(TOKENS, json!({"name": "ci"}), 409).await;
    assert_eq!(error.message, "there is an access token `ci` already");
    assert_eq!(error.hint.unwrap(), "choose another name, or revoke that one first");
    for name in ["", " ", " x", "a\nb"] {
        let error = daemon.post_refused(TOKENS, json!({ "name": name }), 400).await;
        assert!(error.message.starts_with("the access token name"), "{}", error.message);
    }
    for days in [0, 3651, 4_000_000_000_u32] {
        let body = json!({"name": "x", "expires_in_days": days});
        let error = daemon.post_refused(TOKENS, body, 400).await;
        assert_eq!(error.message, format!("an access token cannot expire in {days} days"));
        let hint = "give 1 to 3650 days, or none: it lasts until it is revoked";
        assert_eq!(error.hint.as_deref(), Some(hint));
    }
    for body in [json!({"name": "x", "expires_in_days": -1}), json!({"name": "x", "days": 3})] {
        daemon.post_refused(TOKENS, body, 400).await;
    }
    assert_eq!(daemon.tokens().await.len(), 1);
}

#[tokio::test]
async fn a_token_is_told_once_and_stands_nowhere() {
    let daemon = Daemon::start().await;
    let body = json!({"name": "ci", "expires_in_days": 3650});
    let answer = daemon.call(Method::POST, TOKENS, Some(body)).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let made: MadeAccessToken = answer.ok(TOKENS);
    let kept = sha256(made.token.as_bytes());
    assert!(!format!("{made:?}").contains(&made.token));
    daemon.get_as(&forms(&made.token)[0], "/api/status").await;

    let listed = daemon.call(Method::GET, TOKENS, None).await;
    let events = daemon.call(Method::GET, "/api/status", None).await;
    let archive = daemon.backup().await;
    for text in [listed.body.as_ref(), events.body.as_ref(), archive.as_slice()] {
        for secret in [made.token.as_bytes(), kept.as_bytes()] {
            assert!(!text.windows(secret.len()).any(|window| window == secret));
        }
    }
    let secret = made.token.as_bytes();
    for name in daemon.files_in(".") {
        let file = daemon.home().join(&name);
        if file.is_file() {
            let bytes = std::fs::read(file).unwrap();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{name}");
        }
    }

    // A backup brings no token into another home, and takes none away there.
    let other = Daemon::start().await;
    let its = other.make_token(json!({"name": "its own"})).await;
    other.post_lines::<RestoreReport>("/api/restore", archive).await.unwrap();
    assert_eq!(other.refused_with(&made.token).await.message, "the token is not the right one");
    let status = other.get_as(&forms(&its.token)[0], "/api/status").await;
    assert_eq!(status.status, StatusCode::OK);
}

impl Daemon {
    /// An event stream that was opened with that token.
    async fn events_as(&self, token: &str) -> axum::body::BodyDataStream {
        let response = self.open_as(token, "/api/events").await;
        assert_eq!(response.status(), StatusCode::OK);
        response.into_body().into_data_stream()
    }
}
