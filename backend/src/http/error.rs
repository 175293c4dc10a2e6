//! The one place that knows status codes.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use lazuli_domain::{ApiError, ErrorKind};

use crate::error::Error;

/// A refused or failed request, as it is answered.
#[derive(Debug)]
pub struct Failure {
    status: StatusCode,
    body: ApiError,
}

pub type Answer<T> = Result<T, Failure>;

impl Failure {
    /// The request does not name this daemon: it may come from a page whose host name was bound to
    /// this address (DNS rebinding).
    pub fn wrong_host(host: &str) -> Failure {
        let host = lazuli_domain::shown(host, 80);
        Failure {
            status: StatusCode::FORBIDDEN,
            body: ApiError::new(
                ErrorKind::Unauthorized,
                format!("the host `{host}` is not served here"),
            )
            .hint("use `localhost` or `127.0.0.1`, or start the daemon with `--host`"),
        }
    }

    /// A browser asks with its cookie, but for a page that is none of ours.
    pub fn wrong_origin() -> Failure {
        Failure {
            status: StatusCode::FORBIDDEN,
            body: ApiError::new(
                ErrorKind::Unauthorized,
                "a page of another origin asks with this browser's session",
            )
            .hint("only Studio's own pages may; programs send the token"),
        }
    }

    /// For who answers in another form than this one.
    pub fn into_parts(self) -> (StatusCode, ApiError) {
        (self.status, self.body)
    }

    pub fn wrong_method(method: &str, path: &str) -> Failure {
        Failure {
            status: StatusCode::METHOD_NOT_ALLOWED,
            body: ApiError::invalid(format!("`{path}` does not answer to {method}"))
                .hint("`/api/openapi.json` lists what there is"),
        }
    }

    pub fn wrong_range(size: u64) -> Failure {
        Failure {
            status: StatusCode::RANGE_NOT_SATISFIABLE,
            body: ApiError::invalid(format!("the range begins after the end, which is at {size}")),
        }
    }

    pub fn too_large(limit: usize) -> Failure {
        Failure {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            body: ApiError::invalid(format!("the body is larger than {limit} bytes"))
                .hint("send it in several requests"),
        }
    }
}

impl Failure {
    /// For an answer that has begun already.
    pub fn into_body(self) -> ApiError {
        self.body
    }
}

impl From<ApiError> for Failure {
    fn from(body: ApiError) -> Self {
        let status = match body.kind {
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::Invalid => StatusCode::BAD_REQUEST,
            ErrorKind::Unauthorized => StatusCode::UNAUTHORIZED,
            ErrorKind::VersionMismatch => StatusCode::UPGRADE_REQUIRED,
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Failure { status, body }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if error.is_disk_full() {
            tracing::warn!(error = &error as &dyn std::error::Error, "no space left");
            return Failure {
                status: StatusCode::INSUFFICIENT_STORAGE,
                body: ApiError::unavailable(format!("there is no disk space left: {error}"))
                    .hint("free some space and try again; nothing was changed"),
            };
        }
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::BrokenUpload(_) => ApiError::invalid(error.to_string())
                .hint("send it again; nothing of it was kept")
                .into(),
            Error::ShuttingDown => ApiError::unavailable(error.to_string())
                .hint("try again: the next request starts a new daemon")
                .into(),
            Error::Store(error) if error.is_lost() => {
                tracing::warn!(%error, "a request did not reach the database");
                ApiError::unavailable(error.to_string())
                    .hint("check that PostgreSQL runs and try again; the daemon connects by itself")
                    .into()
            }
            Error::Store(_) | Error::File { .. } | Error::Defect(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a request failed");
                let cause = std::error::Error::source(&error)
                    .map(|source| format!(": {source}"))
                    .unwrap_or_default();
                ApiError::new(ErrorKind::Internal, format!("{error}{cause}"))
                    .hint("the daemon's log says more (`daemon.log` in LAZULI_HOME)")
                    .into()
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}
