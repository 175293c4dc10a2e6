//! `lazuli kernel --stdio`: Jupyter's messages on standard input and output, for editors that have no
//! ZeroMQ. One line is one message:
//!
//! ```text
//! {"channel": "shell", "header": {…}, "parent_header": {…}, "metadata": {…}, "content": {…}, "buffers": ["base64"]}
//! ```
//!
//! `channel` is `shell`, `control`, `stdin` or `iopub`; `buffers` may be left out. The
//! kernel behind it is the one that Jupyter starts, over sockets in a folder that only this user may
//! enter. The end of standard input ends it.

use std::io::{BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jupyter_protocol::ConnectionInfo;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::process::Child;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::python::sockets::{Message, Receive, Sender, next};
use super::python::{bound, private_connection};
use super::wire::{self, Framing};
use crate::session_folder::SessionFolder;

/// Requests of our own begin so; nobody hears of their answers.
const PROBE: &str = "lazuli-stdio-";
const BETWEEN_PROBES: Duration = Duration::from_millis(100);
const START: Duration = Duration::from_secs(60);
const LAST_WORDS: Duration = Duration::from_millis(100);
/// A little longer than the kernel itself waits for its children.
const LAST_WISHES: Duration = Duration::from_secs(6);

#[derive(Serialize, Deserialize)]
struct Line {
    channel: String,
    header: Map<String, Value>,
    #[serde(default)]
    parent_header: Map<String, Value>,
    #[serde(default)]
    metadata: Map<String, Value>,
    content: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    buffers: Vec<String>,
}

pub fn run(language: &str, python: Option<PathBuf>, on: Option<String>) -> anyhow::Result<()> {
    // On this thread: Linux ends a child with the thread that started it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(serve(language, python, on));
    // The thread that reads standard input may wait for ever.
    runtime.shutdown_background();
    outcome
}

async fn serve(language: &str, python: Option<PathBuf>, on: Option<String>) -> anyhow::Result<()> {
    let mut lines = lines_of_input()?;
    let folder = SessionFolder::create("lazuli-stdio-")?;
    let connection = private_connection(folder.path())?;
    let file = folder.path().join("connection.json");
    std::fs::write(&file, serde_json::to_vec(&connection)?)?;
    let mut kernel = start(&file, language, python, on)?;

    let links = timeout(START, connect(&connection));
    let mut links = tokio::select! {
        links = links => links.context("the kernel did not answer")??,
        status = kernel.wait() => anyhow::bail!("the kernel ended: {}", status?),
    };
    let ended = loop {
        tokio::select! {
            line = lines.recv() => match line {
                Some(line) => links.pass_on(&line).await,
                None => break None,
            },
            Some((channel, message)) = links.told.recv() => {
                // Who does not listen any more wants nothing any more.
                if print(channel, &message).is_err() {
                    break None;
                }
            }
            status = kernel.wait() => break Some(status?),
        }
    };
    if let Some(status) = ended {
        // What it said last is still on its way.
        while let Ok(Some((channel, message))) = timeout(LAST_WORDS, links.told.recv()).await {
            print(channel, &message)?;
        }
        // Also after a `shutdown_request`: then it is what was wanted.
        return if status.success() {
            Ok(())
        } else {
            Err(anyhow::anyhow!("the kernel ended: {status}"))
        };
    }
    links.control.send(&wire::parts("shutdown_request", None, json!({"restart": false}))).await;
    if timeout(LAST_WISHES, kernel.wait()).await.is_err() {
        kernel.kill().await.context("the kernel does not end")?;
    }
    Ok(())
}

/// Each line of standard input, until its end.
fn lines_of_input() -> std::io::Result<mpsc::UnboundedReceiver<String>> {
    let (lines_tx, lines_rx) = mpsc::unbounded_channel();
    std::thread::Builder::new().name("standard input".into()).spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if lines_tx.send(line).is_err() {
                return;
            }
        }
    })?;
    Ok(lines_rx)
}

fn start(
    connection_file: &Path,
    language: &str,
    python: Option<PathBuf>,
    on: Option<String>,
) -> anyhow::Result<Child> {
    let own = std::env::current_exe().context("the own program cannot be found")?;
    let mut command = std::process::Command::new(own);
    command.arg("run").arg("--connection-file").arg(connection_file).args(["--language", language]);
    if let Some(python) = python {
        command.arg("--python").arg(python);
    }
    if let Some(machine) = on {
        command.arg("--on").arg(machine);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).process_group(0);
    // SAFETY: prctl() is async-signal-safe and touches no memory of ours.
    #[cfg(target_os = "linux")]
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true).spawn().context("the kernel cannot be started")
}

struct Links {
    shell: Sender,
    control: Sender,
    stdin: Sender,
    told: mpsc::UnboundedReceiver<(&'static str, Message)>,
}

/// Returns when the kernel answers and what it publishes arrives: a subscription takes a moment.
async fn connect(connection: &ConnectionInfo) -> anyhow::Result<Links> {
    let sockets = bound(connection).await;
    let (shell, shell_rx) = sockets.shell.split();
    let (control, control_rx) = sockets.control.split();
    let (stdin, stdin_rx) = sockets.stdin.split();
    let (told_tx, mut told) = mpsc::unbounded_channel();
    tokio::spawn(listen(shell_rx, "shell", told_tx.clone()));
    tokio::spawn(listen(control_rx, "control", told_tx.clone()));
    tokio::spawn(listen(stdin_rx, "stdin", told_tx.clone()));
    tokio::spawn(listen(sockets.iopub, "iopub", told_tx));
    let framing = Framing::of(connection);
    let shell = Sender::new(shell, framing.clone());
    let control = Sender::new(control, framing.clone());
    let stdin = Sender::new(stdin, framing);
    for probe in 0_u32.. {
        let id = format!("{PROBE}{probe}");
        shell.send(&wire::parts_with_id("kernel_info_request", &id, json!({}))).await;
        let deadline = sleep(BETWEEN_PROBES);
        tokio::pin!(deadline);
        let is_heard = loop {
            tokio::select! {
                message = told.recv() => match message {
                    Some(("iopub", _)) => break true,
                    Some(_) => {}
                    None => anyhow::bail!("the kernel was lost"),
                },
                () = &mut deadline => break false,
            }
        };
        if is_heard {
            break;
        }
    }
    Ok(Links { shell, control, stdin, told })
}

async fn listen(
    mut socket: impl Receive,
    channel: &'static str,
    told: mpsc::UnboundedSender<(&'static str, Message)>,
) {
    while let Some(message) = next(&mut socket, channel, std::future::pending()).await {
        if told.send((channel, message)).is_err() {
            return;
        }
    }
}

impl Links {
    /// Hands a line to the kernel; one that is no message is told on standard error and left out.
    async fn pass_on(&self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        let line: Line = match serde_json::from_str(line) {
            Ok(line) => line,
            Err(error) => return eprintln!("error: this line is no message: {error}"),
        };
        let sender = match line.channel.as_str() {
            "shell" => &self.shell,
            "control" => &self.control,
            "stdin" => &self.stdin,
            other => return eprintln!("error: there is no channel `{other}`"),
        };
        let mut parts: Vec<Bytes> = [line.header, line.parent_header, line.metadata, line.content]
            .into_iter()
            .map(|part| Bytes::from(Value::Object(part).to_string()))
            .collect();
        for buffer in line.buffers {
            match STANDARD.decode(buffer) {
                Ok(bytes) => parts.push(bytes.into()),
                Err(error) => return eprintln!("error: a buffer is no base64: {error}"),
            }
        }
        sender.send(&parts).await;
    }
}

fn print(channel: &'static str, message: &Message) -> std::io::Result<()> {
    if message.parent_id.starts_with(PROBE) {
        return Ok(());
    }
    let [header, parent_header, metadata, content, buffers @ ..] = message.parts.as_slice() else {
        // `next` refuses a message with fewer parts.
        return Ok(());
    };
    let told = Line {
        channel: channel.to_owned(),
        header: serde_json::from_slice(header)?,
        parent_header: serde_json::from_slice(parent_header)?,
        metadata: serde_json::from_slice(metadata)?,
        content: serde_json::from_slice(content)?,
        buffers: buffers.iter().map(|buffer| STANDARD.encode(buffer)).collect(),
    };
    let mut line = serde_json::to_vec(&told)?;
    line.push(b'\n');
    let mut output = std::io::stdout().lock();
    output.write_all(&line)?;
    output.flush()
}
