//! The process: ipykernel, or the `ssh` that leads to it, started by a thread that waits for its end.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use lazuli_domain::{FromPython, KERNEL_SILENCE, ToPython};
use tokio::sync::{oneshot, watch};

use crate::processes::ProcessGroup;

/// So many of the last lines on its standard error tell why it ended.
const LAST_LINES: usize = 12;
/// How long what was published before a crash may still be on its way.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// A Python on another machine: what goes to its agent there, and what it answers.
pub struct Elsewhere {
    pub orders: mpsc::Receiver<ToPython>,
    pub answers: tokio::sync::mpsc::UnboundedSender<FromPython>,
}

pub struct Process {
    group: ProcessGroup,
    /// To the agent on the other machine.
    orders: Option<mpsc::Sender<ToPython>>,
    /// How it ended, once it has.
    pub ended: watch::Receiver<Option<String>>,
}

impl Process {
    pub async fn start(
        command: Command,
        orders: Option<mpsc::Sender<ToPython>>,
        elsewhere: Option<Elsewhere>,
    ) -> std::io::Result<Process> {
        let (started_tx, started_rx) = oneshot::channel();
        // The thread lives as long as the process: Linux ends a child with the *thread* that
        // started it.
        std::thread::Builder::new().name("python".into()).spawn(move || {
            let (mut child, group) = match spawn(command, elsewhere) {
                Ok(started) => started,
                Err(error) => return drop(started_tx.send(Err(error))),
            };
            let (ended_tx, ended) = watch::channel(None);
            let lines = read_errors(&mut child);
            if started_tx.send(Ok(Process { group, orders, ended })).is_err() {
                group.signal(libc::SIGKILL);
            }
            let status = child.wait();
            ended_tx.send_replace(Some(how_it_ended(status, &lines)));
        })?;
        started_rx.await.map_err(|_| std::io::Error::other("it was lost at once"))?
    }

    /// The process, or the `ssh` that leads to it.
    pub fn group(&self) -> ProcessGroup {
        self.group
    }

    pub fn interrupt(&self) {
        match &self.orders {
            // It has ended, and whoever waits is told.
            Some(orders) => drop(orders.send(ToPython::Signal(libc::SIGINT))),
            None => self.group.signal(libc::SIGINT),
        }
    }

    /// Also ends a Python elsewhere: its agent sees that nobody is there any more.
    pub fn kill(&self) {
        self.group.signal(libc::SIGKILL);
    }

    /// Returns when the process has ended, with how.
    pub async fn wait(&self) -> String {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(how) => how.clone().unwrap_or_default(),
            Err(_) => "the Python process was lost".into(),
        }
    }

    /// Returns when it has ended and what it said before has arrived.
    pub async fn fell_silent(&self) {
        self.wait().await;
        tokio::time::sleep(LAST_WORDS).await;
    }
}

fn spawn(
    mut command: Command,
    elsewhere: Option<Elsewhere>,
) -> std::io::Result<(Child, ProcessGroup)> {
    let pipe = || if elsewhere.is_some() { Stdio::piped() } else { Stdio::null() };
    command.stdin(pipe()).stdout(pipe()).stderr(Stdio::piped()).process_group(0);
    // SAFETY: prctl() is async-signal-safe and touches no memory of ours.
    #[cfg(target_os = "linux")]
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
    let mut child = command.spawn()?;
    let group = ProcessGroup::of_id(child.id());
    if let (Some(Elsewhere { orders, answers }), Some(stdin), Some(stdout)) =
        (elsewhere, child.stdin.take(), child.stdout.take())
    {
        std::thread::Builder::new().name("orders".into()).spawn(|| tell(orders, stdin))?;
        std::thread::Builder::new().name("answers".into()).spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                match serde_json::from_str(&line) {
                    Ok(answer) => drop(answers.send(answer)),
                    // What the login shell there prints by itself.
                    Err(_) => tracing::debug!(line, "not an answer of the agent"),
                }
            }
        })?;
    }
    Ok((child, group))
}

/// Writes the orders, and now and then that somebody is still here.
fn tell(orders: mpsc::Receiver<ToPython>, mut stdin: ChildStdin) {
    loop {
        let order = match orders.recv_timeout(KERNEL_SILENCE / 6) {
            Ok(order) => order,
            Err(mpsc::RecvTimeoutError::Timeout) => ToPython::StillHere,
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        };
        let Ok(line) = serde_json::to_string(&order) else { return };
        // The process has ended, and its end is told elsewhere.
        if writeln!(stdin, "{line}").and_then(|()| stdin.flush()).is_err() {
            return;
        }
    }
}

type Lines = Arc<Mutex<VecDeque<String>>>;

/// Passes on what it says on its standard error, and keeps the end of it.
fn read_errors(child: &mut Child) -> (Lines, Option<std::thread::JoinHandle<()>>) {
    let lines = Lines::default();
    let kept = lines.clone();
    let Some(stderr) = child.stderr.take() else { return (lines, None) };
    let thread = std::thread::Builder::new().name("python errors".into()).spawn(move || {
        let mut reader = BufReader::new(stderr);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            eprintln!("{text}");
            let mut kept = kept.lock().unwrap_or_else(|lock| lock.into_inner());
            if kept.len() == LAST_LINES {
                kept.pop_front();
            }
            kept.push_back(text);
        }
    });
    (lines, thread.ok())
}

fn how_it_ended(
    status: std::io::Result<ExitStatus>,
    (lines, reader): &(Lines, Option<std::thread::JoinHandle<()>>),
) -> String {
    let how = match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("the Python process ended with exit code {code}"),
            (None, Some(signal)) => format!("the Python process was ended by {}", name(signal)),
            (None, None) => "the Python process ended".into(),
        },
        Err(error) => format!("the Python process was lost: {error}"),
    };
    // A grandchild may hold the pipe open; what was said until now is there in a moment.
    let deadline = std::time::Instant::now() + Duration::from_millis(200);
    while reader.as_ref().is_some_and(|reader| !reader.is_finished())
        && std::time::Instant::now() < deadline
    {
        std::thread::sleep(Duration::from_millis(5));
    }
    let lines = lines.lock().unwrap_or_else(|lock| lock.into_inner());
    let said: Vec<&str> =
        lines.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
    if said.is_empty() { how } else { format!("{how}\n{}", said.join("\n")) }
}

fn name(signal: i32) -> String {
    match signal {
        libc::SIGSEGV => "a segmentation fault (SIGSEGV)".into(),
        libc::SIGABRT => "an abort (SIGABRT)".into(),
        libc::SIGKILL => "SIGKILL (perhaps the machine was out of memory)".into(),
        signal => format!("signal {signal}"),
    }
}

/// `ipc` addresses are names of sockets, and those are short.
pub fn fits_a_socket(folder: &Path) -> bool {
    folder.as_os_str().len() < 90
}
