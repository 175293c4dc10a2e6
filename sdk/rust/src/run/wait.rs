use std::io::Write;

use lazuli_domain::{ApiError, ErrorKind, EventKind, RunError, RunStatus};

use super::Run;
use crate::client::{Client, EventQuery};
use crate::{Error, Result};

/// What a script prints, as it stands among the run's logs.
const SCRIPT_LOG: &str = "user_logs/std_log.txt";

impl Run {
    /// Waits until the run has ended. With `show_output` the script's log is printed as it grows. A
    /// run that failed or was canceled is an error that says why.
    pub fn wait_for_completion(&self, show_output: bool) -> Result<Run> {
        let client = self.client()?;
        // First the events, then the state: what changes between the two is not missed.
        let query = EventQuery { run: Some(self.run_id.clone()), ..EventQuery::default() };
        let mut events = client.events(&query)?;
        let mut shown = 0;
        let mut found = client.run(&self.run_id)?;
        if show_output {
            shown = self.print_log(shown)?;
        }
        while !found.status.is_final() {
            let Some(event) = events.next() else { break };
            match event?.kind {
                EventKind::LogAppended { path, .. } if show_output && path == SCRIPT_LOG => {
                    shown = self.print_log(shown)?;
                }
                EventKind::RunStatus { .. } => found = self.details()?,
                _ => {}
            }
        }
        if show_output {
            self.print_log(shown)?;
        }
        match found.status {
            RunStatus::Completed => Ok(Run::of(&self.home, found)),
            _ => Err(ended_badly(&found)),
        }
    }

    /// Prints the script's log from there on; returns where it ends now.
    fn print_log(&self, offset: u64) -> Result<u64> {
        let chunk = match Client::connect_to(&self.home)?.read_log(&self.run_id, SCRIPT_LOG, offset)
        {
            Ok(chunk) => chunk,
            // Nothing has been printed yet.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(offset),
            Err(error) => return Err(error),
        };
        let mut stdout = std::io::stdout().lock();
        stdout
            .write_all(&chunk.bytes)
            .and_then(|()| stdout.flush())
            .map_err(|error| Error::io("cannot print the log", error))?;
        Ok(offset + chunk.bytes.len() as u64)
    }
}

fn ended_badly(found: &lazuli_domain::Run) -> Error {
    let id = &found.run_id;
    let hint = format!("`lazuli run logs {id}` shows its log");
    match &found.error {
        Some(error) => {
            let message = format!("run `{id}` ended as {}: {}", found.status, error.message);
            Error::caused_by(ApiError::conflict(message).hint(hint), RunFailure(error.clone()))
        }
        None => {
            ApiError::conflict(format!("run `{id}` ended as {}", found.status)).hint(hint).into()
        }
    }
}

/// The run's own error as a cause: with the last lines of its traceback.
#[derive(Debug)]
struct RunFailure(RunError);

impl std::fmt::Display for RunFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.details.is_empty() { &self.0.message } else { &self.0.details })
    }
}

impl std::error::Error for RunFailure {}
