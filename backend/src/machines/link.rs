//! The link to one machine: an `ssh` that runs our agent there, carries lines of JSON to and from
//! it, and lets it reach this daemon by a port of its own. It is made again whenever it breaks.
//!
//! Jobs do not depend on it. Their agents are detached there, keep what they have to tell, and tell
//! it when the daemon can be reached again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use lazuli_domain::{
    ApiError, DaemonInfo, FromMachine, JobFile, LinkState, ProcessIdentity, Resources, ToMachine,
    VERSION,
};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr};
use tokio::sync::{Notify, mpsc, watch};

use super::ssh::{Ssh, in_plain_shell, not_started};
use crate::app::App;
use crate::clock::now_ms;
use crate::error::{Error, FileContext, Result};

/// For the agent to answer after ssh was started.
const GREETING: Duration = Duration::from_secs(30);
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// So many of the last lines of ssh tell why it ended.
const LAST_LINES: usize = 8;

pub struct Link {
    pub ssh: Ssh,
    /// What clients on the machine prove themselves with.
    pub token: String,
    state: watch::Sender<State>,
    resources: Mutex<Option<Resources>>,
    folder_there: Mutex<Option<String>>,
    agent_there: Mutex<Option<String>>,
    closing: Notify,
    is_closed: watch::Sender<bool>,
}

#[derive(Clone)]
pub struct State {
    pub link: LinkState,
    pub problem: Option<ApiError>,
    pub since_ms: i64,
    session: Option<Arc<Session>>,
}

/// The time in which a link holds.
pub struct Session {
    to_machine: mpsc::UnboundedSender<ToMachine>,
    runs: Mutex<HashMap<String, There>>,
}

/// What is known of a run on the machine.
#[derive(Clone, Debug, PartialEq)]
pub enum There {
    /// An agent was asked for.
    Asked,
    Alive(ProcessIdentity),
    /// Its agent is gone; another one tells what was left to tell.
    Collecting,
    /// That one is gone, too.
    Lost,
    Refused(String),
}

impl Session {
    /// `None`: no files of the run are there.
    pub fn there(&self, run_id: &str) -> Option<There> {
        self.runs().get(run_id).cloned()
    }

    pub fn start(&self, job: JobFile) {
        self.runs().insert(job.run_id.clone(), There::Asked);
        self.say(ToMachine::Start { job: Box::new(job) });
    }

    pub fn cancel(&self, run_id: &str, by_force: bool) {
        self.say(ToMachine::Cancel { run_id: run_id.to_owned(), by_force });
    }

    pub fn forget(&self, run_id: &str) {
        self.runs().remove(run_id);
    }

    fn gone(&self, run_id: String) {
        let before = self.runs().get(&run_id).cloned();
        if before == Some(There::Collecting) {
            self.runs().insert(run_id, There::Lost);
            return;
        }
        self.runs().insert(run_id.clone(), There::Collecting);
        self.say(ToMachine::Collect { run_id });
    }

    fn say(&self, message: ToMachine) {
        // Without a receiver the link is cut, and what is to be done is asked for anew.
        let _ = self.to_machine.send(message);
    }

    fn runs(&self) -> std::sync::MutexGuard<'_, HashMap<String, There>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link {
    /// Begins to connect, and goes on until it is closed or the daemon ends.
    pub fn open(app: &Arc<App>, ssh: Ssh, token: String) -> Arc<Link> {
        let link = Arc::new(Link {
            ssh,
            token,
            state: watch::Sender::new(State {
                link: LinkState::Connecting,
                problem: None,
                since_ms: now_ms(),
                session: None,
            }),
            resources: Mutex::default(),
            folder_there: Mutex::default(),
            agent_there: Mutex::default(),
            closing: Notify::new(),
            is_closed: watch::Sender::new(false),
        });
        tokio::spawn(Arc::clone(&link).keep(Arc::clone(app)));
        link
    }

    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    pub fn session(&self) -> Option<Arc<Session>> {
        self.state.borrow().session.clone()
    }

    pub fn resources(&self) -> Option<Resources> {
        self.resources.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn folder_there(&self) -> Option<String> {
        self.folder_there.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn agent_there(&self) -> Option<String> {
        self.agent_there.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns when it holds, or has failed once.
    pub async fn settled(&self) -> State {
        let mut state = self.state.subscribe();
        match state.wait_for(|state| state.link != LinkState::Connecting).await {
            Ok(state) => state.clone(),
            Err(_) => self.state(),
        }
    }

    /// Ends it; returns when ssh has ended.
    pub async fn close(&self) {
        self.closing.notify_one();
        let mut closed = self.is_closed.subscribe();
        let _ = closed.wait_for(|closed| *closed).await;
    }

    async fn keep(self: Arc<Self>, app: Arc<App>) {
        let mut pause = SHORTEST_PAUSE;
        loop {
            let connected = tokio::select! {
                connected = self.connect_and_serve(&app) => connected,
                () = self.closing.notified() => break,
                () = app.until_shutdown() => break,
            };
            let error = match connected {
                Ok(held) => {
                    if held.lasted {
                        pause = SHORTEST_PAUSE;
                    }
                    held.end
                }
                Err(Error::Refused(error)) => error,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "a link failed");
                    ApiError::unavailable(format!("the link failed: {error}"))
                }
            };
            let machine = self.ssh.machine.address();
            tracing::warn!(machine, problem = error.message, "a link is cut; it is tried again");
            self.change(&app, LinkState::Cut, Some(error), None);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.closing.notified() => break,
                () = app.until_shutdown() => break,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.is_closed.send_replace(true);
    }

    fn change(
        &self,
        app: &App,
        link: LinkState,
        problem: Option<ApiError>,
        session: Option<Arc<Session>>,
    ) {
        self.state.send_modify(|state| {
            if state.link != link {
                state.since_ms = now_ms();
            }
            *state = State { link, problem, session, since_ms: state.since_ms };
        });
        app.job_changes.notify_one();
    }

    async fn connect_and_serve(&self, app: &Arc<App>) -> Result<Held> {
        self.ssh.prepare()?;
        let program = self.send_agent().await?;
        *self.agent_there.lock().unwrap_or_else(PoisonError::into_inner) = Some(program.clone());
        // The port of before, so that addresses that scripts were given stay right.
        let mut ssh = match self.last_port() {
            Some(port) => match self.start(app, &program, port).await {
                Err(_) => self.start(app, &program, 0).await?,
                started => started?,
            },
            None => self.start(app, &program, 0).await?,
        };
        self.serve(app, &mut ssh).await
    }

    /// Puts our agent there, unless it is; gives its path below the user's home.
    async fn send_agent(&self) -> Result<String> {
        let agent = crate::jobs::agent_program();
        let digest = tokio::task::spawn_blocking(move || digest_of_agent(&agent))
            .await
            .map_err(|panic| Error::Defect(format!("reading the agent broke down: {panic}")))??;
        let folder = format!(".lazuli-remote/bin/{digest}");
        let program = format!("{folder}/lazuli-agent");
        let look = format!(
            "uname -sm; if [ -x \"$HOME/{program}\" ]; then echo there; else echo missing; fi"
        );
        let found = self.ssh.run(&look, None).await?;
        // What the login shell prints by itself stands before it.
        let mut lines = found.lines().rev();
        let (is_there, kind) = (lines.next() == Some("there"), lines.next().unwrap_or_default());
        let own = own_kind();
        if kind != own {
            return Err(ApiError::unavailable(format!(
                "`{}` is another kind of machine ({kind}) than this one ({own})",
                self.ssh.machine.address()
            ))
            .hint("the agent that runs there is this machine's own; attach one of the same kind")
            .into());
        }
        if !is_there {
            tracing::info!(machine = self.ssh.machine.address(), "sending the agent");
            // Other versions go: what runs of them runs on.
            let put = format!(
                "umask 077; d=\"$HOME/{folder}\"; rm -rf \"$HOME/.lazuli-remote/bin\"; mkdir -p \"$d\" \
                 && cat > \"$d/part\" && chmod 700 \"$d/part\" && mv \"$d/part\" \"$d/lazuli-agent\""
            );
            self.ssh.run(&put, Some(&crate::jobs::agent_program())).await?;
        }
        Ok(program)
    }

    async fn start(&self, app: &App, program: &str, port: u16) -> Result<Started> {
        let own_port = app.url.rsplit_once(':').map_or("", |(_, port)| port);
        let forward = format!("127.0.0.1:{port}:127.0.0.1:{own_port}");
        let more = ["-o", "ExitOnForwardFailure=yes", "-o", "LogLevel=INFO", "-R", &forward];
        let folder = self.ssh.machine.folder();
        let script = format!(
            "umask 077; mkdir -p \"$HOME/{folder}\" && exec \"$HOME/{program}\" --home \"$HOME/{folder}\" --link"
        );
        let mut command = self.ssh.command(&more);
        command.arg(in_plain_shell(&script)).stdin(Stdio::piped());
        let mut child = command.spawn().map_err(|error| not_started(&error))?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Error::Defect("ssh was started without pipes".into()));
        };
        let said = Arc::new(Said::default());
        let (port_tx, port_rx) = watch::channel((port != 0).then_some(port));
        tokio::spawn(listen(stderr, Arc::clone(&said), port_tx));
        let mut started =
            Started { child, stdin, lines: BufReader::new(stdout).lines(), said, first: None };
        let greeted = async {
            let mut port_rx = port_rx;
            let port = match port_rx.wait_for(Option::is_some).await {
                Ok(port) => port.unwrap_or_default(),
                Err(_) => return Ok(None),
            };
            let daemon = DaemonInfo {
                url: format!("http://127.0.0.1:{port}"),
                version: VERSION.to_owned(),
                process: crate::process::identity_of(std::process::id())
                    .ok_or_else(|| Error::Defect("this process has no identity".into()))?,
                executable: String::new(),
                is_remote: true,
            };
            self.keep_port(port)?;
            started
                .say(&ToMachine::Hello { daemon: Box::new(daemon), token: self.token.clone() })
                .await;
            started.hear().await
        };
        let first = match tokio::time::timeout(GREETING, greeted).await {
            Ok(first) => first?,
            Err(_) => return Err(self.ssh.silent().into()),
        };
        match first {
            Some(first) => {
                started.first = Some(first);
                Ok(started)
            }
            None => Err(self.ssh.explain(&started.last_words().await).into()),
        }
    }

    async fn serve(&self, app: &Arc<App>, ssh: &mut Started) -> Result<Held> {
        let Some(FromMachine::Ready { folder, runs, resources }) = ssh.first.take() else {
            return Err(Error::Defect("an agent began with something else than `ready`".into()));
        };
        let (to_machine, mut orders) = mpsc::unbounded_channel();
        let session = Arc::new(Session { to_machine, runs: Mutex::default() });
        *self.resources.lock().unwrap_or_else(PoisonError::into_inner) = Some(resources);
        *self.folder_there.lock().unwrap_or_else(PoisonError::into_inner) = Some(folder);
        for run in runs {
            match run.agent {
                Some(agent) => {
                    session.runs().insert(run.run_id, There::Alive(agent));
                }
                None => session.gone(run.run_id),
            }
        }
        tracing::info!(machine = self.ssh.machine.address(), "a link holds");
        self.change(app, LinkState::Connected, None, Some(Arc::clone(&session)));
        let began = tokio::time::Instant::now();
        loop {
            tokio::select! {
                heard = ssh.hear() => match heard? {
                    Some(message) => self.take(app, &session, message),
                    None => break,
                },
                Some(order) = orders.recv() => ssh.say(&order).await,
            }
        }
        let end = self.ssh.explain(&ssh.last_words().await);
        Ok(Held { end, lasted: began.elapsed() > LONGEST_PAUSE })
    }

    fn take(&self, app: &App, session: &Session, message: FromMachine) {
        match message {
            FromMachine::Ready { .. } => {}
            FromMachine::Resources(resources) => {
                *self.resources.lock().unwrap_or_else(PoisonError::into_inner) = Some(resources);
                return;
            }
            FromMachine::Started { run_id, agent } => {
                let mut runs = session.runs();
                // Who collects what another one left speaks in its name.
                if runs.get(&run_id) != Some(&There::Collecting) {
                    runs.insert(run_id, There::Alive(agent));
                }
            }
            FromMachine::Refused { run_id, reason } => {
                session.runs().insert(run_id, There::Refused(reason));
            }
            FromMachine::Gone { run_id } => session.gone(run_id),
        }
        app.job_changes.notify_one();
    }

    fn last_port(&self) -> Option<u16> {
        std::fs::read_to_string(self.ssh.folder.join("port")).ok()?.trim().parse().ok()
    }

    fn keep_port(&self, port: u16) -> Result<()> {
        let file = self.ssh.folder.join("port");
        std::fs::write(&file, port.to_string())
            .while_trying(|| format!("writing `{}`", file.display()))
    }
}

/// How a link that held has ended.
struct Held {
    end: ApiError,
    lasted: bool,
}

struct Started {
    child: Child,
    stdin: tokio::process::ChildStdin,
    lines: Lines<BufReader<tokio::process::ChildStdout>>,
    said: Arc<Said>,
    first: Option<FromMachine>,
}

impl Started {
    async fn say(&mut self, message: &ToMachine) {
        let Ok(mut line) = serde_json::to_string(message) else { return };
        line.push('\n');
        // A link that is cut is noticed where it is read.
        if self.stdin.write_all(line.as_bytes()).await.is_ok() {
            let _ = self.stdin.flush().await;
        }
    }

    /// The next message; none when the link is cut. What is no message comes from the login shell.
    async fn hear(&mut self) -> Result<Option<FromMachine>> {
        loop {
            match self.lines.next_line().await {
                Ok(Some(line)) => match serde_json::from_str(&line) {
                    Ok(message) => return Ok(Some(message)),
                    Err(_) => tracing::debug!(line, "not a message of the agent"),
                },
                Ok(None) | Err(_) => return Ok(None),
            }
        }
    }

    async fn last_words(&mut self) -> String {
        let ended = tokio::time::timeout(Duration::from_secs(5), self.child.wait()).await;
        if ended.is_err() {
            let _ = self.child.kill().await;
        }
        self.said.text()
    }
}

/// The last lines of ssh's and the agent's standard error.
#[derive(Default)]
struct Said(Mutex<Vec<String>>);

impl Said {
    fn keep(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LAST_LINES {
            lines.remove(0);
        }
        lines.push(line);
    }

    fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }
}

/// Reads to the end; ssh says there which port it was given.
async fn listen(stderr: ChildStderr, said: Arc<Said>, port_tx: watch::Sender<Option<u16>>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(port) = line.strip_prefix("Allocated port ") {
            let port = port.split_whitespace().next().and_then(|port| port.parse().ok());
            port_tx.send_replace(port);
            continue;
        }
        tracing::debug!(line, "ssh");
        said.keep(line);
    }
}

/// As `uname -sm` says it.
fn own_kind() -> String {
    let system = match std::env::consts::OS {
        "macos" => "Darwin",
        _ => "Linux",
    };
    format!("{system} {}", std::env::consts::ARCH)
}

/// Of the agent's program: it is sent again when it has changed.
fn digest_of_agent(program: &Path) -> Result<String> {
    static KNOWN: OnceLock<(PathBuf, std::time::SystemTime, String)> = OnceLock::new();
    let action = || format!("reading `{}`", program.display());
    let changed =
        std::fs::metadata(program).and_then(|file| file.modified()).while_trying(action)?;
    if let Some((path, at, digest)) = KNOWN.get()
        && path == program
        && *at == changed
    {
        return Ok(digest.clone());
    }
    let bytes = std::fs::read(program).while_trying(action)?;
    let digest = format!("{:x}", Sha256::digest(&bytes))[..16].to_owned();
    // Another version that came meanwhile is read each time, until the daemon is started again.
    let _ = KNOWN.set((program.to_owned(), changed, digest.clone()));
    Ok(digest)
}
