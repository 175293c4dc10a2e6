use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use lazuli_domain::{BrowserSession, Completions, ErrorKind, SignInCode};
use serde_json::json;

use crate::support::{Answer, Daemon, scalar};

/// A request without the token that `Daemon::send` would add: a browser has none.
fn browser(method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");

async fn ask(daemon: &Daemon, request: Request<Body>) -> Answer {
    daemon.send_as_it_is(request).await
}

async fn new_code(daemon: &Daemon) -> Option<String> {
    let answer = daemon.call(Method::POST, "/api/studio/codes", None).await;
    if answer.status == StatusCode::SERVICE_UNAVAILABLE {
        // A build without Node; what is left to test needs a session all the same.
        return None;
    }
    let code: SignInCode = answer.ok("code");
    assert!(code.url.starts_with("http://127.0.0.1:1/studio/enter#code="), "{}", code.url);
    Some(code.url.rsplit_once('=').unwrap().1.to_owned())
}

/// Signs a browser in; its cookie.
async fn signed_in(daemon: &Daemon) -> Option<String> {
    let code = new_code(daemon).await?;
    let body = json!({ "code": code }).to_string();
    let answer = ask(
        daemon,
        browser(Method::POST, "/api/studio/session", &[SAME, ("user-agent", "Test")], &body),
    )
    .await;
    assert_eq!(answer.status, StatusCode::OK);
    let cookie = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    for part in ["lazuli_1=", "; Path=/", "; HttpOnly", "; SameSite=Strict"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    // Good for one use.
    let again = ask(daemon, browser(Method::POST, "/api/studio/session", &[SAME], &body))
        .await
        .refused(401);
    assert_eq!(again.message, "this code was used before, or is none");
    Some(cookie.split(';').next().unwrap().to_owned())
}

#[tokio::test]
async fn a_cookie_opens_the_api_to_pages_of_this_daemon_only() {
    let daemon = Daemon::start().await;
    let Some(cookie) = signed_in(&daemon).await else { return };
    let with = |method: Method, site: &[(&'static str, &'static str)]| {
        let mut headers: Vec<(&str, &str)> = vec![("cookie", &cookie)];
        headers.extend(site);
        let body = if method == Method::GET { "" } else { r#"{"name":"team"}"# };
        browser(method, "/api/workspaces", &headers, body)
    };
    let allowed: [(Method, &[(&str, &str)]); 5] = [
        (Method::GET, &[SAME]),
        (Method::POST, &[SAME]),
        (Method::GET, &[("sec-fetch-site", "none")]),
        (Method::POST, &[("origin", "http://127.0.0.1:4711")]),
        (Method::GET, &[]),
    ];
    for (method, site) in allowed {
        let answer = ask(&daemon, with(method.clone(), site)).await;
        assert_eq!(answer.status, StatusCode::OK, "{method} {site:?}");
    }
    let refused: [(Method, &[(&str, &str)]); 8] = [
        (Method::POST, &[("sec-fetch-site", "cross-site")]),
        // Another port of this host is the same site.
        (Method::POST, &[("sec-fetch-site", "same-site")]),
        (Method::GET, &[("sec-fetch-site", "same-site")]),
        (Method::POST, &[("sec-fetch-site", "none")]),
        (Method::POST, &[("origin", "http://127.0.0.1:4712")]),
        (Method::POST, &[("origin", "null")]),
        (Method::GET, &[("origin", "http://evil.example")]),
        (Method::POST, &[]),
    ];
    for (method, site) in refused {
        let error = ask(&daemon, with(method.clone(), site)).await.refused(403);
        assert_eq!(error.kind, ErrorKind::Unauthorized, "{method} {site:?}");
    }
    let workspaces: Vec<serde_json::Value> = daemon.get("/api/workspaces").await;
    assert_eq!(workspaces.len(), 2, "what was refused made nothing");
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let daemon = Daemon::start().await;
    let Some(first) = signed_in(&daemon).await else { return };
    let second = signed_in(&daemon).await.unwrap();
    let as_first = |method, path: &str| browser(method, path, &[("cookie", &first), SAME], "");
    let sessions: Vec<BrowserSession> =
        ask(&daemon, as_first(Method::GET, "/api/studio/sessions")).await.ok("sessions");
    assert_eq!(sessions.iter().map(|it| it.is_own).collect::<Vec<_>>(), [false, true]);
    assert_eq!(sessions[0].browser, "Test");

    let other = format!("/api/studio/sessions/{}", sessions[0].id);
    let ended = ask(&daemon, as_first(Method::DELETE, &other)).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    let request = browser(Method::GET, "/api/workspaces", &[("cookie", &second), SAME], "");
    ask(&daemon, request).await.refused(401);

    // A browser cannot make codes; the token can.
    let error = ask(&daemon, as_first(Method::POST, "/api/studio/codes")).await.refused(400);
    assert_eq!(error.message, "a browser that is signed in cannot sign others in");

    let left = ask(&daemon, as_first(Method::DELETE, "/api/studio/session")).await;
    assert!(left.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    ask(&daemon, as_first(Method::GET, "/api/workspaces")).await.refused(401);

    // Nothing that was kept signs anybody in.
    let kept = std::fs::read_to_string(daemon.home().join("studio-sessions.json")).unwrap();
    assert_eq!(kept, "[]");
}

#[tokio::test]
async fn a_code_comes_from_a_page_of_this_daemon() {
    let daemon = Daemon::start().await;
    let Some(code) = new_code(&daemon).await else { return };
    let body = json!({ "code": code }).to_string();
    for site in ["cross-site", "same-site", "none"] {
        let headers = [("sec-fetch-site", site)];
        ask(&daemon, browser(Method::POST, "/api/studio/session", &headers, &body))
            .await
            .refused(403);
    }
    let wrong = json!({ "code": "0".repeat(64) }).to_string();
    ask(&daemon, browser(Method::POST, "/api/studio/session", &[SAME], &wrong)).await.refused(401);
    // Nobody has used it up.
    let answer = ask(&daemon, browser(Method::POST, "/api/studio/session", &[SAME], &body)).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn pages_need_no_token_and_allow_no_inline_script() {
    let daemon = Daemon::start().await;
    if new_code(&daemon).await.is_none() {
        return;
    }
    for path in ["/studio/", "/studio/enter", "/studio/workspaces/default/runs/a_1"] {
        let answer = ask(&daemon, browser(Method::GET, path, &[], "")).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(!text.contains("<script>") && !text.contains("http://"), "{text}");
    }
    let missing = ask(&daemon, browser(Method::GET, "/studio/assets/x.js", &[], "")).await;
    assert_eq!(missing.refused(404).message, "file `assets/x.js` not found");
    let home = ask(&daemon, browser(Method::GET, "/", &[], "")).await;
    assert_eq!(home.headers["location"], "/studio/");
    // A strange host is served nothing, pages included.
    let strange = [("host", "evil.example")];
    ask(&daemon, browser(Method::GET, "/studio/", &strange, "")).await.refused(403);
}

#[tokio::test]
async fn a_filter_is_completed_with_the_names_that_runs_know() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    daemon.log(&run.run_id, &scalar("val loss", 0.5));
    daemon.log(&run.run_id, &scalar("accuracy", 0.9));
    let complete = async |filter: &str| -> (usize, Vec<String>) {
        let path = format!("/api/workspaces/default/completions?filter={filter}");
        let found: Completions = daemon.get(&path).await;
        (found.start, found.candidates.into_iter().map(|it| it.text).collect())
    };
    let (start, found) = complete("metrics.a").await;
    assert_eq!((start, found), (0, vec!["metrics.accuracy".to_owned()]));
    let (_, found) = complete("metrics.").await;
    assert!(found.contains(&"metrics.`val loss`".to_owned()), "{found:?}");
    // Counted as browsers count: `ü` is one unit there and two bytes here.
    let (start, found) = complete("name%20=%20'%C3%BC'%20a").await;
    assert_eq!((start, found), (11, vec!["and".to_owned()]));
}

#[tokio::test]
async fn a_run_is_exported_as_a_page_that_asks_nobody() {
    let daemon = Daemon::start().await;
    if new_code(&daemon).await.is_none() {
        return;
    }
    let evil = "</script><script>alert(1)</script>";
    let run = daemon.new_run_with(json!({"experiment": "churn", "name": evil})).await;
    daemon.log(&run.run_id, &scalar("loss", 0.5));
    let path = format!("/api/runs/{}/page", run.run_id);
    let answer = daemon.call(Method::GET, &path, None).await;
    assert_eq!(answer.status, StatusCode::OK);
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    // The state and the component; the name that closes a script is written in another way.
    assert_eq!(text.matches("<script").count(), 2);
    assert_eq!(text.matches("\\u003cscript").count(), 1);
    assert!(!text.contains(evil) && text.contains("&lt;/script&gt;"));
    assert!(text.contains("default-src 'none'; script-src 'sha256-"));
    assert!(!text.contains(daemon.app.token()));
    assert!(text.contains("\"loss\""));
    assert!(answer.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
}
