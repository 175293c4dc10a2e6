//! Who may ask: checked for every request, before any route.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lazuli_domain::{ApiError, ErrorKind, VERSION, VERSION_HEADER};

use super::error::Failure;
use crate::access::{self, Leave};
use crate::app::App;

/// Who asks: handlers find it among the request's extensions.
#[derive(Clone, Default)]
pub struct Caller {
    /// The browser's session; none: somebody with a token, or a route that is open to all.
    pub session: Option<String>,
    /// What an access token allows; none: somebody with the daemon's own token, or a browser.
    pub leave: Option<Leave>,
}

pub async fn guard(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = match check(&app, &request) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(failure) => super::answered_as_asked(&path, failure),
    };
    tracing::debug!(
        %method,
        path,
        status = response.status().as_u16(),
        milliseconds = begun.elapsed().as_millis() as u64,
        "answered"
    );
    response
}

fn check(app: &Arc<App>, request: &Request) -> Result<Caller, Failure> {
    check_host(app, request)?;
    let caller = match request.uri().path() {
        "/health" | "/" | "/studio" => Caller::default(),
        path if path.starts_with("/studio/") => Caller::default(),
        // The code is the permission, and it may only come from a page of this daemon.
        "/api/studio/session" if request.method() == Method::POST => {
            check_origin(request)?;
            Caller::default()
        }
        _ => match session(app, request.headers()) {
            Some(session) => {
                check_origin(request)?;
                Caller { session: Some(session), leave: None }
            }
            None => Caller { session: None, leave: check_token(app, request)? },
        },
    };
    check_version(request)?;
    Ok(caller)
}

/// Cookies know no ports: each home's daemon has its own name, or one would overwrite the other's.
pub fn cookie_name(app: &App) -> String {
    let port = app.url.rsplit_once(':').map_or("", |(_, port)| port);
    format!("lazuli_{port}")
}

/// The session of a browser's cookie. A header with a token goes before it.
fn session(app: &App, headers: &HeaderMap) -> Option<String> {
    if headers.contains_key(AUTHORIZATION) {
        return None;
    }
    let name = cookie_name(app);
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(given, _)| *given == name)
        .find_map(|(_, secret)| app.sign_in.session_of(secret))
}

/// Browsers send a cookie with every request to this host, whichever page makes it. `SameSite=Strict`
/// keeps other sites' pages out, but a page of another port is no other site: only pages of this
/// daemon may ask with a cookie. <https://www.w3.org/TR/fetch-metadata/>
fn check_origin(request: &Request) -> Result<(), Failure> {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let is_reading = [Method::GET, Method::HEAD].contains(request.method());
    let is_own = match (text("sec-fetch-site"), text(ORIGIN.as_str())) {
        (Some("same-origin"), _) => true,
        // Somebody typed the address, or opened a download.
        (Some("none"), _) => is_reading,
        (Some(_), _) => false,
        (None, Some(origin)) => {
            let host = text(HOST.as_str()).unwrap_or_default();
            origin == format!("http://{host}") || origin == format!("https://{host}")
        }
        // A browser that says neither of a request that changes nothing: other pages cannot read
        // the answer.
        (None, None) => is_reading,
    };
    match is_own {
        true => Ok(()),
        false => Err(Failure::wrong_origin()),
    }
}

/// A page in a browser can reach this port under a name of its own (DNS rebinding); it cannot choose
/// the Host header.
fn check_host(app: &App, request: &Request) -> Result<(), Failure> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = without_port(host);
    let is_served = ["localhost", "127.0.0.1", "[::1]"].contains(&name)
        || (!app.host.is_empty() && (name == app.host || name == format!("[{}]", app.host)));
    if is_served && hosts.next().is_none() {
        return Ok(());
    }
    Err(Failure::wrong_host(host))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// The daemon's own token, or one of the access tokens that people made.
fn check_token(app: &Arc<App>, request: &Request) -> Result<Option<Leave>, Failure> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = header.and_then(token_of).unwrap_or_default();
    let is = |wanted: &str| same_text(given.trim(), wanted);
    if is(&app.token) {
        return Ok(None);
    }
    if app.machines.accepts(is) {
        return match is_the_owners(request.uri().path()) {
            false => Ok(None),
            true => Err(ApiError::new(
                ErrorKind::Unauthorized,
                "the token of an attached machine does not open this",
            )
            .hint("do it on the machine of the daemon")
            .into()),
        };
    }
    let refusal = match given.trim() {
        "" => ApiError::new(ErrorKind::Unauthorized, "the request has no token"),
        token => match access::enter(app, token) {
            Ok(leave) => return Ok(Some(leave)),
            Err(refusal) => refusal,
        },
    };
    Err(match refusal.hint {
        Some(_) => refusal,
        None => refusal.hint(
            "send `Authorization: Bearer <token>`, or the token as the password of any user; it is in \
             the file `token` of LAZULI_HOME, `lazuli token create` makes one, and `lazuli mlflow-uri` \
             prints the address with it",
        ),
    }
    .into())
}

/// What nobody on an attached machine has business with: the daemon itself, who may reach it, and
/// other machines. Routes are matched as they are written, so no other spelling leads there.
fn is_the_owners(path: &str) -> bool {
    let is_of_daemon = ["/api/backup", "/api/restore", "/api/gc", "/api/shutdown"].contains(&path);
    let is_of_access = ["/api/tokens", "/api/studio/"].iter().any(|one| path.starts_with(one));
    is_of_daemon || is_of_access || path.ends_with("/machines")
}

/// The token that the header carries: as such, or as the password of any user. MLflow's clients send
/// the latter, because an address has room for a user and a password only.
fn token_of(header: &str) -> Option<String> {
    let (scheme, credentials) = header.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    decoded.split_once(':').map(|(_user, password)| password.to_owned())
}

/// Takes as long for every wrong text of the right length, so that nobody can find it bit by bit.
fn same_text(given: &str, wanted: &str) -> bool {
    given.len() == wanted.len()
        && given
            .bytes()
            .zip(wanted.bytes())
            .fold(0, |differing, (one, other)| differing | (one ^ other))
            == 0
}

fn check_version(request: &Request) -> Result<(), Failure> {
    let Some(version) = request.headers().get(VERSION_HEADER) else { return Ok(()) };
    if version.as_bytes() == VERSION.as_bytes() {
        return Ok(());
    }
    let client = String::from_utf8_lossy(version.as_bytes()).chars().take(40).collect::<String>();
    Err(ApiError::new(
        ErrorKind::VersionMismatch,
        format!("the daemon is version {VERSION}, this client is version {client}"),
    )
    .hint("run `lazuli stop`; the next command starts the right one")
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_comes_as_such_or_as_a_password() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        for header in ["Bearer t0k".to_owned(), basic("lazuli:t0k"), basic(":t0k")] {
            assert_eq!(token_of(&header).as_deref(), Some("t0k"), "{header}");
        }
        assert_eq!(token_of(&basic("user:a:b")).as_deref(), Some("a:b"));
        for header in ["t0k", "Digest t0k", "Basic t0k", &basic("t0k")] {
            assert_eq!(token_of(header), None, "{header}");
        }
    }

    #[test]
    fn a_port_is_no_part_of_the_name() {
        for (host, name) in [
            ("localhost", "localhost"),
            ("localhost:80", "localhost"),
            ("[::1]:8080", "[::1]"),
            ("[::1]", "[::1]"),
            ("evil.example:127", "evil.example"),
            ("127.0.0.1:x", "127.0.0.1:x"),
            ("", ""),
        ] {
            assert_eq!(without_port(host), name, "{host}");
        }
    }
}
