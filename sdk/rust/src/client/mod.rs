//! The daemon's HTTP API, typed: one method per route, in the files named after the resources.
//!
//! A [`Client`] is plain data, an address and a token. Every call makes a connection of its own and
//! closes it. When the daemon has gone since the client was made, a call finds the present one, or
//! starts one, and goes on, unless the old one may already have acted on the request.

mod archive;
mod artifacts;
mod blobs;
mod compute;
mod datasets;
mod datastores;
mod environments;
mod events;
mod housekeeping;
mod jobs;
mod logs;
mod models;
mod queries;
mod records;
mod runs;
mod secrets;
mod service;
mod start;
mod tokens;
mod transport;
mod uploads;
mod workspaces;

use std::io::Read;

use lazuli_domain::{ApiError, DaemonInfo, ErrorKind, VERSION, VERSION_HEADER};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Home, Result};
pub(crate) use start::last_words;
use transport::{Body, Failure, Request, Response, encode, encode_path};

pub use artifacts::{ArtifactQuery, Download};
pub use datastores::{StoreName, StoredFileQuery, Transferred};
pub use events::{EventQuery, EventStream};
pub use jobs::Job;
pub use logs::LogChunk;
pub use queries::ArrowStream;
pub use runs::RunQuery;

/// Called with the number of bytes sent or received so far.
pub type Progress<'a> = &'a mut dyn FnMut(u64);

/// A client of the daemon that serves one home.
#[derive(Clone)]
pub struct Client {
    home: Home,
    daemon: DaemonInfo,
    token: String,
    /// A client that only looks at what is there neither starts a daemon nor minds its version.
    starts_daemon: bool,
}

impl Client {
    /// A client for the home of this process (`$LAZULI_HOME`, else `~/.lazuli`). Starts the
    /// daemon when none runs and waits until it answers.
    pub fn connect() -> Result<Client> {
        Self::connect_to(&Home::from_environment()?)
    }

    /// The same for a given home.
    pub fn connect_to(home: &Home) -> Result<Client> {
        let daemon = start::running_daemon(home)?;
        Ok(Client { token: home.token()?, home: home.clone(), daemon, starts_daemon: true })
    }

    /// A client for the daemon that runs now; `None` when none does. The daemon may be of another
    /// version: look at [`Client::daemon`].
    pub fn connect_existing() -> Result<Option<Client>> {
        Self::connect_existing_to(&Home::from_environment()?)
    }

    /// The same for a given home.
    pub fn connect_existing_to(home: &Home) -> Result<Option<Client>> {
        match start::find_daemon(home)? {
            Some(daemon) => Ok(Some(Client {
                token: home.token()?,
                home: home.clone(),
                daemon,
                starts_daemon: false,
            })),
            None => Ok(None),
        }
    }

    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The daemon this client has found.
    pub fn daemon(&self) -> &DaemonInfo {
        &self.daemon
    }

    /// For requests this crate has no method for (a proxy, say): the value of the `Authorization`
    /// header.
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.token)
    }

    fn get<T: DeserializeOwned>(&self, target: &str) -> Result<T> {
        parse(self.send("GET", target, Body::Empty)?)
    }

    fn post<T: DeserializeOwned>(&self, target: &str, body: &impl Serialize) -> Result<T> {
        self.send_json("POST", target, body)
    }

    /// A request without a body.
    fn call<T: DeserializeOwned>(&self, method: &'static str, target: &str) -> Result<T> {
        parse(self.send(method, target, Body::Empty)?)
    }

    fn send_json<T: DeserializeOwned>(
        &self,
        method: &'static str,
        target: &str,
        body: &impl Serialize,
    ) -> Result<T> {
        let json = serde_json::to_vec(body).map_err(|error| {
            Error::caused_by(
                ApiError::new(ErrorKind::Internal, "the request cannot be written as JSON"),
                error,
            )
        })?;
        parse(self.send(method, target, Body::Json(&json))?)
    }

    /// Sends a request and checks the status of the answer. A request that the daemon cannot have
    /// seen is sent once more, to the daemon that runs then.
    fn send(&self, method: &'static str, target: &str, mut body: Body<'_>) -> Result<Response> {
        let failure = match self.attempt(method, target, reborrow(&mut body)) {
            Ok(response) => return checked(response),
            Err(failure) => failure,
        };
        match failure {
            Failure::NotSent(_) if self.starts_daemon => {}
            // Asking twice does no harm.
            Failure::Lost(ref error)
                if self.starts_daemon
                    && matches!(method, "GET" | "HEAD")
                    && !transport::is_timeout(error) => {}
            failure => return Err(self.explain(failure)),
        }
        let again = Client::connect_to(&self.home)?;
        again
            .attempt(method, target, body)
            .map_err(|failure| again.explain(failure))
            .and_then(checked)
    }

    fn attempt(
        &self,
        method: &'static str,
        target: &str,
        body: Body<'_>,
    ) -> Result<Response, Failure> {
        self.attempt_with(method, target, &[], body)
    }

    fn attempt_with(
        &self,
        method: &'static str,
        target: &str,
        more: &[(&str, &str)],
        body: Body<'_>,
    ) -> Result<Response, Failure> {
        let authorization = self.authorization();
        let mut headers = vec![("authorization", authorization.as_str())];
        if self.starts_daemon {
            headers.push((VERSION_HEADER, VERSION));
        }
        headers.extend_from_slice(more);
        transport::send(self.authority(), &Request { method, target, headers: &headers }, body)
    }

    fn authority(&self) -> &str {
        authority_of(&self.daemon.url)
    }

    fn explain(&self, failure: Failure) -> Error {
        let url = &self.daemon.url;
        let (message, hint, cause) = match failure {
            Failure::NotSent(cause) => (
                format!("the daemon at {url} cannot be reached: {cause}"),
                "look at it with `lazuli status`",
                cause,
            ),
            Failure::Lost(cause) if transport::is_timeout(&cause) => (
                format!("the daemon at {url} does not answer"),
                "look at it with `lazuli status`; `lazuli stop` ends it",
                cause,
            ),
            Failure::Lost(cause) => (
                format!("the connection to the daemon at {url} broke off: {cause}"),
                "see what became of the request before you repeat it",
                cause,
            ),
            Failure::Source(cause) => {
                (format!("the content to send cannot be read: {cause}"), "try again", cause)
            }
        };
        Error::caused_by(ApiError::unavailable(message).hint(hint), cause)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("home", &self.home.path())
            .field("url", &self.daemon.url)
            .finish_non_exhaustive()
    }
}

fn reborrow<'b>(body: &'b mut Body<'_>) -> Body<'b> {
    match body {
        Body::Empty => Body::Empty,
        Body::Json(bytes) => Body::Json(bytes),
        Body::Bytes(bytes) => Body::Bytes(bytes),
        Body::Stream { reader, length } => Body::Stream { reader: *reader, length: *length },
    }
}

fn authority_of(url: &str) -> &str {
    url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/')
}

/// Turns every status that is no success into the error the daemon sent with it.
fn checked(response: Response) -> Result<Response> {
    if (200..300).contains(&response.status) {
        return Ok(response);
    }
    let status = response.status;
    let mut text = Vec::new();
    let read = response.body.take(1 << 20).read_to_end(&mut text);
    match serde_json::from_slice::<ApiError>(&text) {
        Ok(error) => Err(error.into()),
        Err(_) => {
            let text = String::from_utf8_lossy(&text);
            let text = match read {
                Ok(_) if !text.trim().is_empty() => format!(": {}", text.trim()),
                _ => String::new(),
            };
            let kind = if status == 404 { ErrorKind::NotFound } else { ErrorKind::Internal };
            Err(ApiError::new(kind, format!("the daemon answered with status {status}{text}"))
                .hint("see `daemon.log` in the home folder")
                .into())
        }
    }
}

fn parse<T: DeserializeOwned>(response: Response) -> Result<T> {
    let mut text = Vec::new();
    let mut body = response.body;
    body.read_to_end(&mut text).map_err(|error| Error::io("the answer broke off", error))?;
    serde_json::from_slice(&text).map_err(|error| {
        let message = format!("the daemon's answer is not understood: {error}");
        Error::caused_by(ApiError::new(ErrorKind::Internal, message), error)
    })
}

fn ignore_body(response: Response) -> Result<()> {
    let mut body = response.body;
    std::io::copy(&mut body, &mut std::io::sink())
        .map(drop)
        .map_err(|error| Error::io("the answer broke off", error))
}

/// `?a=1&b=2` out of the parameters that have a value.
fn query(parameters: &[(&str, Option<&str>)]) -> String {
    let mut query = String::new();
    for (name, value) in parameters {
        if let Some(value) = value {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str(&format!("{name}={}", encode(value)));
        }
    }
    query
}

/// `/api/runs/{run_id}` and what follows it.
fn run_target(run_id: &str, rest: &str) -> String {
    format!("/api/runs/{}{rest}", encode(run_id))
}

fn workspace_target(workspace: &str, rest: &str) -> String {
    format!("/api/workspaces/{}{rest}", encode(workspace))
}
