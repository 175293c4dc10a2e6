//! Long work on a home as a whole. Its answers come line by line.

use std::io::{BufRead, BufReader};

use lazuli_domain::{ApiError, ErrorKind, GcReport, GcRequest, Line, Progress};
use serde::de::DeserializeOwned;

use super::Client;
use super::transport::{Body, Response};
use crate::{Error, Result};

impl Client {
    /// Removes for good what was deleted long ago, and what nothing refers to.
    pub fn gc(&self, asked: &GcRequest, progress: &mut dyn FnMut(&Progress)) -> Result<GcReport> {
        let body = serde_json::to_vec(asked).map_err(|error| {
            let message = "the request cannot be written as JSON";
            Error::caused_by(ApiError::new(ErrorKind::Internal, message), error)
        })?;
        last_line(self.send("POST", "/api/gc", Body::Json(&body))?, progress)
    }
}

/// Tells each step and returns what the work came to.
fn last_line<T: DeserializeOwned>(
    response: Response,
    progress: &mut dyn FnMut(&Progress),
) -> Result<T> {
    for line in BufReader::new(response.body).lines() {
        let line = line.map_err(|error| Error::io("the answer broke off", error))?;
        let line = serde_json::from_str(&line).map_err(|error| {
            let message = format!("the daemon's answer is not understood: {error}");
            Error::caused_by(ApiError::new(ErrorKind::Internal, message), error)
        })?;
        match line {
            Line::Progress(step) => progress(&step),
            Line::Done(result) => return Ok(result),
            Line::Failed(error) => return Err(error.into()),
        }
    }
    Err(ApiError::unavailable("the daemon ended before its work was done")
        .hint("see `lazuli status`, and try again")
        .into())
}
