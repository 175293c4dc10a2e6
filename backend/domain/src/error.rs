use serde::{Deserialize, Serialize};

use crate::{MAX_NAME, shown};

/// What kind of failure it was; code branches on this, people read [`ApiError::message`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ErrorKind {
    /// The named thing does not exist.
    NotFound,
    /// It exists already, or its state forbids the request (a finished run).
    Conflict,
    /// The request itself is wrong.
    Invalid,
    /// No token, or a wrong one.
    Unauthorized,
    /// Client and daemon are of different versions.
    VersionMismatch,
    /// Something needed is missing or unreachable: the daemon, a program, disk space.
    Unavailable,
    /// A defect of Lazuli.
    Internal,
}

/// The body of every failed request: one sentence and, where there is one, the next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiError {
    pub kind: ErrorKind,
    /// One sentence without a full stop: what is wrong, and where.
    pub message: String,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl ApiError {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub fn not_found(what: &str, name: &str) -> Self {
        let name = shown(name, MAX_NAME);
        Self::new(ErrorKind::NotFound, format!("{what} `{name}` not found"))
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ApiError {}
