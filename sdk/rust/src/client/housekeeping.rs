//! Long work on a home as a whole. Its answers come line by line.

use std::io::{BufRead, BufReader};
use std::path::Path;

use lazuli_domain::{
    ApiError, ErrorKind, GcReport, GcRequest, ImportReport, Line, Progress as Step, RestoreReport,
};
use serde::de::DeserializeOwned;

use super::artifacts::{Counted, open_file};
use super::transport::{Body, Response};
use super::workspaces::experiment_target;
use super::{Client, Progress, archive, query, workspace_target};
use crate::{Error, Result};

impl Client {
    /// Removes for good what was deleted long ago, and what nothing refers to.
    pub fn gc(&self, asked: &GcRequest, progress: &mut dyn FnMut(&Step)) -> Result<GcReport> {
        let body = serde_json::to_vec(asked).map_err(|error| {
            let message = "the request cannot be written as JSON";
            Error::caused_by(ApiError::new(ErrorKind::Internal, message), error)
        })?;
        last_line(self.send("POST", "/api/gc", Body::Json(&body))?, progress)
    }
}

/// Everything a home keeps in one file, and single experiments in files of their own.
impl Client {
    /// Writes a backup to `file`, which is there whole and checked or not at all; its size.
    pub fn backup(&self, file: &Path, progress: Progress<'_>) -> Result<u64> {
        let response = self.send("GET", "/api/backup", Body::Empty)?;
        archive::save(response.body, file, progress).map_err(|error| not_written(file, error))
    }

    /// Brings back what a backup holds; with `force` also in the place of what is here.
    pub fn restore(
        &self,
        file: &Path,
        force: bool,
        progress: &mut dyn FnMut(&Step),
    ) -> Result<RestoreReport> {
        let target = if force { "/api/restore?force=true" } else { "/api/restore" };
        self.send_archive(target, file, progress)
    }

    /// Writes the experiment to `file`; how many runs are in it, and how many go on and are not.
    pub fn export_experiment(
        &self,
        workspace: &str,
        name: &str,
        file: &Path,
        progress: Progress<'_>,
    ) -> Result<(u64, u64)> {
        let target = experiment_target(workspace, name, "/archive");
        let response = self.send("GET", &target, Body::Empty)?;
        let number = |header| response.header(header).and_then(|text| text.parse().ok());
        let counts = (
            number("x-lazuli-runs").unwrap_or_default(),
            number("x-lazuli-left-out").unwrap_or_default(),
        );
        archive::save(response.body, file, progress).map_err(|error| not_written(file, error))?;
        Ok(counts)
    }

    /// Brings an exported experiment in, under another name when one is given.
    pub fn import_experiment(
        &self,
        workspace: &str,
        file: &Path,
        name: Option<&str>,
        progress: &mut dyn FnMut(&Step),
    ) -> Result<ImportReport> {
        let target = workspace_target(workspace, &format!("/archives{}", query(&[("name", name)])));
        self.send_archive(&target, file, progress)
    }

    fn send_archive<T: DeserializeOwned>(
        &self,
        target: &str,
        file: &Path,
        progress: &mut dyn FnMut(&Step),
    ) -> Result<T> {
        let (mut content, length) = open_file(file)?;
        let mut sent = |done| {
            progress(&Step { doing: "sending".to_owned(), done, total: length });
        };
        let mut reader = Counted { inner: &mut content, count: 0, progress: Some(&mut sent) };
        let body = Body::Stream { reader: &mut reader, length };
        last_line(self.send("POST", target, body)?, progress)
    }
}

fn not_written(file: &Path, error: std::io::Error) -> Error {
    Error::io(format!("`{}` cannot be written", file.display()), error)
        .with_hint("nothing was kept; see that there is space, and `daemon.log` in the home")
}

/// Tells each step and returns what the work came to.
fn last_line<T: DeserializeOwned>(
    response: Response,
    progress: &mut dyn FnMut(&Step),
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
