//! Finds the daemon of a home, and starts it when there is none.

use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lazuli_domain::{ApiError, DaemonInfo, ErrorKind, Health, VERSION};

use super::transport::{self, Body, Request};
use super::{authority_of, parse};
use crate::{Config, Error, Home, Result};

const PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
const MAX_LOG: u64 = 10 << 20;

/// The daemon that serves `home` now. It need not be of this client's version.
pub(super) fn find_daemon(home: &Home) -> Result<Option<DaemonInfo>> {
    let Some(info) = home.daemon_info()? else {
        return Ok(None);
    };
    // After a crash the file is still there, and its port may be somebody else's by now: nobody
    // is sent the token before it is clear who listens.
    Ok(answers(&info).then_some(info))
}

/// The same, of this version; starts it when there is none.
pub(super) fn running_daemon(home: &Home) -> Result<DaemonInfo> {
    match find_daemon(home)? {
        Some(info) => same_version(info),
        None if home.daemon_info()?.is_some_and(|info| info.is_remote) => {
            Err(ApiError::unavailable("the link to the daemon of this machine is cut")
                .hint("it comes back by itself; try again then")
                .into())
        }
        None => start(home),
    }
}

fn same_version(info: DaemonInfo) -> Result<DaemonInfo> {
    if info.version == VERSION {
        return Ok(info);
    }
    let message =
        format!("the daemon is version {}, this client is version {VERSION}", info.version);
    Err(ApiError::new(ErrorKind::VersionMismatch, message)
        .hint("run `lazuli stop`; the next command starts the right one")
        .into())
}

fn answers(info: &DaemonInfo) -> bool {
    let request = Request { method: "GET", target: "/health", headers: &[] };
    transport::send(authority_of(&info.url), &request, Body::Empty)
        .ok()
        .filter(|response| response.status == 200)
        .and_then(|response| parse::<Health>(response).ok())
        .is_some_and(|health| health.pid == info.process.pid)
}

fn start(home: &Home) -> Result<DaemonInfo> {
    let program = Config::from_environment()?.lazuli_program(home)?;
    home.create()?;
    let started = Instant::now();
    let mut attempt: Option<Attempt> = None;
    while started.elapsed() < PATIENCE {
        if let Some(info) = find_daemon(home)? {
            return same_version(info);
        }
        attempt = match attempt.take() {
            None => Some(Attempt::new(&program, home)?),
            Some(running) => running.look(home)?,
        };
        std::thread::sleep(BETWEEN_LOOKS);
    }
    Err(ApiError::unavailable(format!(
        "the daemon of `{}` does not answer after {} s",
        home.path().display(),
        PATIENCE.as_secs()
    ))
    .hint(format!("see `{}`", home.daemon_log().display()))
    .into())
}

/// One `lazuli serve` that was started.
struct Attempt {
    child: Child,
    /// Where its part of the log begins.
    log_start: u64,
    started: Instant,
}

impl Attempt {
    fn new(program: &Path, home: &Home) -> Result<Attempt> {
        let path = home.daemon_log();
        let log_failed = |error| Error::io(format!("cannot write `{}`", path.display()), error);
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(log_failed)?;
        let mut log_start = log.metadata().map_err(log_failed)?.len();
        if log_start > MAX_LOG {
            log.set_len(0).map_err(log_failed)?;
            log_start = 0;
        }
        let child = Command::new(program)
            .args(["serve", "--on-demand"])
            .env("LAZULI_HOME", home.path())
            // A daemon must not keep the caller's folder busy, nor be told what only a job or a
            // cell is told.
            .current_dir(home.path())
            .env_remove("LAZULI_RUN_ID")
            .env_remove("LAZULI_SESSION")
            .env_remove("LAZULI_OWNER")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            // What ends the caller's group (an interrupt at the terminal) leaves the daemon alone.
            .process_group(0)
            .spawn()
            .map_err(|error| Error::io(format!("cannot start `{}`", program.display()), error))?;
        Ok(Attempt { child, log_start, started: Instant::now() })
    }

    /// `None` when it gave way to another daemon: that one may be starting, or ending.
    fn look(mut self, home: &Home) -> Result<Option<Attempt>> {
        let status = self.child.try_wait().map_err(|error| {
            Error::io("cannot see what became of the daemon that was started", error)
        })?;
        match status {
            None => Ok(Some(self)),
            Some(status) if status.success() => {
                let soon = self.started.elapsed() < Duration::from_millis(200);
                Ok(soon.then_some(self))
            }
            Some(status) => Err(self.explain(home, status)),
        }
    }

    fn explain(&self, home: &Home, status: std::process::ExitStatus) -> Error {
        let mut text = String::new();
        if let Ok(mut log) = std::fs::File::open(home.daemon_log())
            && log.seek(SeekFrom::Start(self.log_start)).is_ok()
        {
            let mut bytes = Vec::new();
            let read = log.take(1 << 20).read_to_end(&mut bytes);
            text = read.map_or_else(|_| text, |_| String::from_utf8_lossy(&bytes).into_owned());
        }
        let (reason, hint) = last_words(&text);
        let reason = reason.unwrap_or_else(|| status.to_string());
        ApiError::unavailable(format!("the daemon could not be started: {reason}"))
            .hint(hint.unwrap_or_else(|| format!("see `{}`", home.daemon_log().display())))
            .into()
    }
}

/// The last sentence a program said, and the hint it gave.
pub(crate) fn last_words(text: &str) -> (Option<String>, Option<String>) {
    let mut hint = None;
    for line in text.lines().rev() {
        let line = line.trim();
        if let Some(said) = line.strip_prefix("hint: ") {
            hint = Some(said.to_owned());
        } else if !line.is_empty() {
            let said = line.strip_prefix("error: ").or_else(|| line.strip_prefix("Error: "));
            return (Some(said.unwrap_or(line).to_owned()), hint);
        }
    }
    (None, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_failed_is_quoted() {
        let said = "{\"level\":\"INFO\"}\nerror: the port 80 is taken\nhint: choose another\n\n";
        let words = (Some("the port 80 is taken".into()), Some("choose another".into()));
        assert_eq!(last_words(said), words);
        assert_eq!(last_words("\n"), (None, None));
    }
}
