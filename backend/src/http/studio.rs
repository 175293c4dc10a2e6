//! Studio: its pages, and the browsers that are signed in.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use lazuli_domain::{ApiError, BrowserSession, NewSession, SignInCode};

use super::error::Answer;
use super::extract::{Json, Path};
use super::guard::{Caller, cookie_name};
use crate::app::App;
use crate::studio::SESSION_LIFE_MS;

/// Scripts come from here and from nowhere else, and none stands in a page; styles may stand in one,
/// because reports that runs have kept are shown in a frame that has this policy, too.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Where who types only host and port wants to go.
pub async fn home() -> Redirect {
    Redirect::to("/studio/")
}

pub async fn start() -> Answer<Response> {
    page(Path(String::new())).await
}

/// A file of Studio; every other path is one of its pages. Nothing here is secret: what the pages
/// show, they ask for.
pub async fn page(Path(path): Path<String>) -> Answer<Response> {
    if let Some(bytes) = lazuli_studio::file(&format!("studio/{path}"))
        && !path.is_empty()
    {
        // Assets are named by their content.
        let cache = match path.starts_with("assets/") {
            true => "public, max-age=31536000, immutable",
            false => "no-cache",
        };
        return Ok(content(bytes, media_type(&path), cache));
    }
    if path.starts_with("assets/") {
        return Err(ApiError::not_found("file", &path)
            .hint("load the page anew: this daemon is of another version")
            .into());
    }
    match lazuli_studio::file("studio/index.html") {
        Some(bytes) => Ok(content(bytes, "text/html; charset=utf-8", "no-cache")),
        None => Err(ApiError::unavailable("this build of Lazuli has no Studio")
            .hint(lazuli_studio::HOW_TO_BUILD)
            .into()),
    }
}

fn content(bytes: &'static [u8], media_type: &'static str, cache: &'static str) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("html") => "text/html; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// A code that signs a browser in, once and within two minutes. Only who has the token gets one.
#[utoipa::path(post, path = "/api/studio/codes", tag = "studio", responses((status = 200, body = SignInCode)))]
pub async fn give_code(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<SignInCode>> {
    if caller.session.is_some() {
        return Err(ApiError::invalid("a browser that is signed in cannot sign others in")
            .hint("run `lazuli studio`")
            .into());
    }
    if lazuli_studio::file("studio/index.html").is_none() {
        return Err(ApiError::unavailable("this build of Lazuli has no Studio")
            .hint(lazuli_studio::HOW_TO_BUILD)
            .into());
    }
    Ok(Json(app.sign_in.give_code(&app.url)?))
}

/// Signs a browser in: the code becomes a cookie that no script can read.
#[utoipa::path(post, path = "/api/studio/session", tag = "studio", security(()), responses((status = 200, body = BrowserSession)))]
pub async fn enter(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Json(NewSession { code }): Json<NewSession>,
) -> Answer<Response> {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let (secret, session) = app.sign_in.enter(&code, agent.unwrap_or_default())?;
    let cookie = set_cookie(&app, &secret, SESSION_LIFE_MS / 1000);
    Ok(([(header::SET_COOKIE, cookie)], Json(session)).into_response())
}

/// Signs the browser that asks out.
#[utoipa::path(delete, path = "/api/studio/session", tag = "studio", responses((status = 204)))]
pub async fn leave(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Response> {
    if let Some(id) = caller.session {
        app.sign_in.end(&id)?;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, set_cookie(&app, "", 0))]).into_response())
}

/// Browsers that are signed in, the newest first.
#[utoipa::path(get, path = "/api/studio/sessions", tag = "studio", responses((status = 200, body = [BrowserSession])))]
pub async fn sessions(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
) -> Json<Vec<BrowserSession>> {
    Json(app.sign_in.sessions(caller.session.as_deref()))
}

/// Signs a browser out.
#[utoipa::path(delete, path = "/api/studio/sessions/{session_id}", tag = "studio", responses((status = 204)))]
pub async fn end(
    State(app): State<Arc<App>>,
    Path(session_id): Path<String>,
) -> Answer<StatusCode> {
    app.sign_in.end(&session_id)?;
    Ok(StatusCode::NO_CONTENT)
}

fn set_cookie(app: &App, secret: &str, seconds: i64) -> String {
    let name = cookie_name(app);
    format!("{name}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}")
}
