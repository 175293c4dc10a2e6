//! Failures as MLflow's clients read them: `{"error_code": …, "message": …}`.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use lazuli_domain::search::SearchError;
use lazuli_domain::{ApiError, ErrorKind};
use serde_json::json;

use crate::error::Error;
use crate::http::error::Failure as ApiFailure;

/// A refused or failed request of an MLflow client.
#[derive(Debug)]
pub struct Failure {
    code: &'static str,
    status: StatusCode,
    message: String,
}

pub type Answer<T> = Result<T, Failure>;

impl Failure {
    /// The request itself is wrong.
    pub fn invalid(message: impl Into<String>) -> Failure {
        ApiError::invalid(message).into()
    }

    /// What is named does not exist.
    pub fn missing(message: impl Into<String>) -> Failure {
        ApiError::new(ErrorKind::NotFound, message).into()
    }

    /// It is there already.
    pub fn exists(message: impl Into<String>) -> Failure {
        ApiError::conflict(message).into()
    }

    /// MLflow has the route or may have it in a later version; Lazuli has it not. Clients that see
    /// this code do without, or try an older route.
    pub fn no_such_route(method: &str, path: &str) -> Failure {
        Failure {
            code: "ENDPOINT_NOT_FOUND",
            status: StatusCode::NOT_FOUND,
            message: format!("Lazuli does not serve {method} `{path}` of MLflow's API"),
        }
    }
}

/// MLflow's code for a kind of failure. The status is the one that the kind has everywhere, but for
/// conflicts: MLflow answers them with 400.
fn code(kind: ErrorKind, status: StatusCode) -> (&'static str, StatusCode) {
    match kind {
        ErrorKind::NotFound => ("RESOURCE_DOES_NOT_EXIST", status),
        ErrorKind::Conflict => ("RESOURCE_ALREADY_EXISTS", StatusCode::BAD_REQUEST),
        ErrorKind::Invalid => ("INVALID_PARAMETER_VALUE", status),
        ErrorKind::Unauthorized if status == StatusCode::FORBIDDEN => ("PERMISSION_DENIED", status),
        ErrorKind::Unauthorized => ("UNAUTHENTICATED", status),
        ErrorKind::VersionMismatch => ("BAD_REQUEST", status),
        ErrorKind::Unavailable => ("TEMPORARILY_UNAVAILABLE", status),
        ErrorKind::Internal => ("INTERNAL_ERROR", status),
    }
}

impl From<ApiFailure> for Failure {
    fn from(failure: ApiFailure) -> Self {
        let (status, body) = failure.into_parts();
        let (code, status) = code(body.kind, status);
        let message = match body.hint {
            Some(hint) => format!("{}; {hint}", body.message),
            None => body.message,
        };
        Failure { code, status, message }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        ApiFailure::from(error).into()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        ApiFailure::from(error).into()
    }
}

impl From<SearchError> for Failure {
    fn from(error: SearchError) -> Self {
        ApiError::from(error).into()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = json!({"error_code": self.code, "message": self.message});
        (self.status, axum::Json(body)).into_response()
    }
}
