//! `%%bash`: the cell is a script; what it prints appears while it runs.

use std::io::{ErrorKind, PipeReader};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use lazuli_commands::table::Bash;
use tokio::net::unix::pipe::Receiver;

use super::failure;
use crate::cell::{Cell, interrupted};
use crate::interpreter::CellError;
use crate::jupyter::iopub::{IoPub, Stream};
use crate::jupyter::wire::Parent;
use crate::processes::ProcessGroup;

/// How long a script may take to end after an interrupt, before it is killed.
const GRACE: Duration = Duration::from_millis(300);

pub async fn run(cell: &mut Cell, command: &Bash, body: &str) -> Result<(), CellError> {
    if cell.is_interrupted() {
        return Err(interrupted());
    }
    let (mut script, stdout, stderr) = start(cell, command, body).map_err(|error| {
        failure(
            "BashNotStarted",
            format!("bash could not be started: {error}"),
            Some("install bash, for instance with `apt-get install bash`".into()),
        )
    })?;
    let mut stdout = Output::new(stdout, Stream::Stdout);
    let mut stderr = Output::new(stderr, Stream::Stderr);
    let group = script.group;
    let mut was_interrupted = false;
    let status = loop {
        tokio::select! {
            status = script.child.wait() => break status,
            Some(text) = stdout.next() => cell.print(Stream::Stdout, text).await,
            Some(text) = stderr.next() => cell.print(Stream::Stderr, text).await,
            () = cell.interrupted() => {
                was_interrupted = true;
                group.signal(libc::SIGINT);
                tokio::spawn(async move {
                    tokio::time::sleep(GRACE).await;
                    group.signal(libc::SIGKILL);
                });
            }
        }
    };
    // What bash wrote before it ended lies in the pipes. A background job that it left keeps them
    // open; what that one prints later still appears under this cell.
    for output in [&mut stdout, &mut stderr] {
        while let Some(text) = output.at_hand() {
            cell.print(output.stream, text).await;
        }
    }
    if was_interrupted {
        group.signal(libc::SIGKILL);
        return Err(interrupted());
    }
    for output in [stdout, stderr] {
        if !output.ended && !cell.is_silent() {
            tokio::spawn(output.follow(cell.iopub().clone(), cell.parent.clone()));
        }
    }
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failure("BashFailed", ended_badly(status), None)),
        Err(error) => Err(failure("BashFailed", format!("bash was lost: {error}"), None)),
    }
}

fn ended_badly(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("the script ended with exit code {code}"),
        (None, Some(signal)) => format!("the script was ended by signal {signal}"),
        (None, None) => "the script did not end well".into(),
    }
}

struct Script {
    child: tokio::process::Child,
    group: ProcessGroup,
}

fn start(
    cell: &Cell,
    command: &Bash,
    body: &str,
) -> std::io::Result<(Script, PipeReader, PipeReader)> {
    let (stdout, stdout_end) = std::io::pipe()?;
    let (stderr, stderr_end) = std::io::pipe()?;
    let mut bash = std::process::Command::new("bash");
    bash.arg("-c")
        .arg(body)
        .arg("bash")
        .args(&command.arguments)
        .envs(cell.kernel.session.environment())
        .stdin(Stdio::null())
        .stdout(stdout_end)
        .stderr(stderr_end)
        .process_group(0);
    let child = tokio::process::Command::from(bash).spawn()?;
    let group = ProcessGroup::of(&child)?;
    cell.kernel.session.remember(group);
    Ok((Script { child, group }, stdout, stderr))
}

/// One of the two pipes, read as text.
struct Output {
    pipe: Option<Receiver>,
    stream: Stream,
    /// The beginning of a character whose end has not come yet.
    cut: Vec<u8>,
    ended: bool,
}

impl Output {
    fn new(pipe: PipeReader, stream: Stream) -> Output {
        let pipe = match Receiver::from_owned_fd(OwnedFd::from(pipe)) {
            Ok(pipe) => Some(pipe),
            Err(error) => {
                tracing::error!(%error, "the output of the script cannot be read");
                None
            }
        };
        Output { ended: pipe.is_none(), pipe, stream, cut: Vec::new() }
    }

    /// Waits for text; none when the pipe has ended.
    async fn next(&mut self) -> Option<String> {
        loop {
            if self.ended {
                return None;
            }
            let readable = self.pipe.as_ref()?.readable().await;
            if let Err(error) = readable {
                tracing::error!(%error, "the output of the script cannot be read");
                self.ended = true;
                return None;
            }
            if let Some(text) = self.at_hand() {
                return Some(text);
            }
        }
    }

    /// Text that is there without waiting.
    fn at_hand(&mut self) -> Option<String> {
        if self.ended {
            return None;
        }
        let mut bytes = std::mem::take(&mut self.cut);
        let kept = bytes.len();
        bytes.resize(kept + 64 * 1024, 0);
        match self.pipe.as_ref()?.try_read(&mut bytes[kept..]) {
            Ok(0) => {
                self.ended = true;
                bytes.truncate(kept);
                (kept > 0).then(|| String::from_utf8_lossy(&bytes).into_owned())
            }
            Ok(read) => {
                bytes.truncate(kept + read);
                self.cut = bytes.split_off(whole_characters(&bytes));
                Some(String::from_utf8_lossy(&bytes).into_owned())
            }
            Err(error) => {
                bytes.truncate(kept);
                self.cut = bytes;
                if error.kind() != ErrorKind::WouldBlock {
                    tracing::error!(%error, "the output of the script cannot be read");
                    self.ended = true;
                }
                None
            }
        }
    }

    /// Shows what a background job prints after its cell has ended.
    async fn follow(mut self, iopub: IoPub, parent: Parent) {
        while let Some(text) = self.next().await {
            iopub.text(&parent, self.stream, text).await;
        }
    }
}

/// How many of the bytes are before a character that is cut off at the end.
fn whole_characters(bytes: &[u8]) -> usize {
    let is_cut = |start: usize| {
        // The last character alone: invalid bytes before it have nothing to do with it.
        bytes[start] >= 0xc0
            && std::str::from_utf8(&bytes[start..]).is_err_and(|error| error.error_len().is_none())
    };
    let length = bytes.len();
    (length.saturating_sub(3)..length).find(|&start| is_cut(start)).unwrap_or(length)
}

#[cfg(test)]
mod tests {
    use super::whole_characters;

    #[test]
    fn a_character_is_not_cut_in_two() {
        assert_eq!(whole_characters(b"abc"), 3);
        assert_eq!(whole_characters("aé".as_bytes()), 3);
        assert_eq!(whole_characters(&"aé".as_bytes()[..2]), 1);
        assert_eq!(whole_characters(&"a🦀".as_bytes()[..4]), 1);
        assert_eq!(whole_characters(b"\xff\xffab\xf0\x9f"), 4);
        assert_eq!(whole_characters(b"\xff"), 1);
    }
}
