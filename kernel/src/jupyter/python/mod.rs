//! Python cells: `ipykernel` as a child of this kernel.
//!
//! Messages pass through as they are, signed anew. Headers stay untouched, so everything that the
//! child puts out has the front end's request as its parent, and comms, their buffers, widgets and
//! plots need nothing from us. The child starts with the first request that needs it, and again
//! after a crash. It speaks over sockets in the session's folder; no port is open.
//!
//! ```text
//! front end ◄──► shell, control ◄──► [`notebook`] (Python kernel) or `%%python` (Rust kernel)
//!                     iopub, replies ◄── [`passing`] ◄── ipykernel
//! ```

mod elsewhere;
mod find;
pub mod notebook;
mod passing;
mod process;
pub(super) mod sockets;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex as Lock};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use jupyter_protocol::{ConnectionInfo, Transport};
use serde_json::{Map, Value, json};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::{sleep, timeout};

use super::kernel::Kernel;
use super::wire::{self, Framing, Parent, Replies};
use crate::interpreter::CellError;
use crate::magic::failure;
use passing::Asked;
use process::Process;
use sockets::Sender;

/// What the process finds in its environment besides what a cell finds.
pub const IN_KERNEL: &str = "LAZULI_KERNEL";
/// Requests of our own begin so; nobody else hears of their answers.
const PROBE: &str = "lazuli-probe-";
/// A machine that compiles beside it is slow.
const START: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(5);
const BETWEEN_PROBES: Duration = Duration::from_millis(100);
const LAST_WISHES: Duration = Duration::from_secs(3);

/// The Python of a session, whether it runs or not.
pub struct Python {
    /// `--python`.
    named: Option<PathBuf>,
    /// `--on`: the machine that it runs on, when it is not this one.
    on: Option<String>,
    /// `PYTHONPATH` of this process.
    path: Option<std::ffi::OsString>,
    started: AtomicU32,
    living: Mutex<Option<Arc<Living>>>,
    asked: Lock<HashMap<String, Asked>>,
}

/// A process that answers.
pub struct Living {
    process: Process,
    shell: Sender,
    control: Sender,
    stdin: Sender,
    /// Its answer to `kernel_info_request`.
    info: watch::Sender<Option<Map<String, Value>>>,
    /// What it publishes arrives here.
    is_heard: watch::Sender<bool>,
}

impl Python {
    pub fn new(
        named: Option<PathBuf>,
        on: Option<String>,
        path: Option<std::ffi::OsString>,
    ) -> Python {
        Python {
            named,
            on,
            path,
            started: AtomicU32::new(0),
            living: Mutex::default(),
            asked: Lock::default(),
        }
    }

    /// The process, which is started when there is none.
    async fn living(
        &self,
        kernel: &Arc<Kernel>,
        request: &Parent,
    ) -> Result<Arc<Living>, CellError> {
        let mut living = self.living.lock().await;
        if let Some(living) = living.as_ref().filter(|living| living.is_alive()) {
            return Ok(living.clone());
        }
        let started = match &self.on {
            None => self.start(kernel).await?,
            Some(machine) => elsewhere::start(self, kernel, machine, request).await?,
        };
        *living = Some(started.clone());
        Ok(started)
    }

    pub async fn is_to_be_started_elsewhere(&self) -> bool {
        self.on.is_some() && self.running().await.is_none()
    }

    /// The process, if one runs.
    async fn running(&self) -> Option<Arc<Living>> {
        let living = self.living.lock().await;
        living.as_ref().filter(|living| living.is_alive()).cloned()
    }

    /// Hands a message to the process; false when none runs.
    pub async fn pass_on_if_running(&self, request: &Parent, replies: &Replies) -> bool {
        let Some(living) = self.running().await else { return false };
        let id = request.header.msg_id.clone();
        self.asked().insert(id, Asked::of_client(request.clone(), replies.clone()));
        living.shell.send(&request.parts).await;
        true
    }

    pub async fn interrupt(&self) {
        if let Some(living) = self.running().await {
            living.process.interrupt();
        }
    }

    /// Nothing that was started stays.
    pub async fn shut_down(&self) {
        let Some(living) = self.living.lock().await.take() else { return };
        if living.is_alive() {
            let content = json!({ "restart": false });
            living.control.send(&wire::parts("shutdown_request", None, content)).await;
            if timeout(LAST_WISHES, living.process.wait()).await.is_err() {
                tracing::info!("the Python process does not end by itself");
            }
        }
        living.process.kill();
    }

    async fn start(&self, kernel: &Arc<Kernel>) -> Result<Arc<Living>, CellError> {
        let named = self.named.clone();
        let path = self.path.clone();
        let session = self.next_folder(kernel);
        let environment = kernel.session.environment();
        let prepared = tokio::task::spawn_blocking(move || {
            let config =
                lazuli::Config::from_environment().map_err(|error| crate::magic::failed(&error))?;
            let program = find::find(named.as_deref(), &config)?;
            let prepare = || prepare(&config, &session, environment, path, &program);
            prepare().map_err(|error| not_started(&format!("{error:#}")))
        });
        let (connection, command) = match prepared.await {
            Ok(prepared) => prepared?,
            Err(error) => return Err(not_started(&error.to_string())),
        };
        let process = Process::start(command, None, None)
            .await
            .map_err(|error| not_started(&error.to_string()))?;
        self.connect_in_time(kernel, process, &connection).await
    }

    /// Where the process that is started next has its sockets.
    fn next_folder(&self, kernel: &Kernel) -> PathBuf {
        let number = self.started.fetch_add(1, Ordering::SeqCst);
        kernel.session.folder().join(format!("python-{number}"))
    }

    async fn connect_in_time(
        &self,
        kernel: &Arc<Kernel>,
        process: Process,
        connection: &ConnectionInfo,
    ) -> Result<Arc<Living>, CellError> {
        let group = process.group();
        kernel.session.remember(group);
        match timeout(START, self.connect(kernel, process, connection)).await {
            Ok(Ok(living)) => Ok(living),
            Ok(Err(error)) => {
                group.signal(libc::SIGKILL);
                Err(error)
            }
            Err(_) => {
                group.signal(libc::SIGKILL);
                Err(not_started(&format!("it did not answer within {} s", START.as_secs())))
            }
        }
    }

    async fn connect(
        &self,
        kernel: &Arc<Kernel>,
        process: Process,
        connection: &ConnectionInfo,
    ) -> Result<Arc<Living>, CellError> {
        let sockets = tokio::select! {
            how = process.wait() => return Err(not_started(&how)),
            sockets = bound(connection) => sockets,
        };
        let (shell, shell_rx) = sockets.shell.split();
        let (control, control_rx) = sockets.control.split();
        let (stdin, stdin_rx) = sockets.stdin.split();
        let framing = Framing::of(connection);
        let living = Arc::new(Living {
            process,
            shell: Sender::new(shell, framing.clone()),
            control: Sender::new(control, framing.clone()),
            stdin: Sender::new(stdin, framing),
            info: watch::Sender::new(None),
            is_heard: watch::Sender::new(false),
        });
        tokio::spawn(passing::iopub(kernel.clone(), living.clone(), sockets.iopub));
        tokio::spawn(passing::replies(kernel.clone(), living.clone(), shell_rx, "shell"));
        tokio::spawn(passing::replies(kernel.clone(), living.clone(), control_rx, "control"));
        tokio::spawn(passing::questions(kernel.clone(), living.clone(), stdin_rx));
        tokio::select! {
            how = living.process.wait() => return Err(not_started(&how)),
            () = living.greet() => {}
        }
        tokio::spawn(mourn(kernel.clone(), living.clone()));
        Ok(living)
    }

    fn asked(&self) -> std::sync::MutexGuard<'_, HashMap<String, Asked>> {
        self.asked.lock().unwrap_or_else(|lock| lock.into_inner())
    }

    /// Runs code for a cell of the Rust kernel; what it puts out appears under that cell.
    pub async fn run(&self, cell: &mut crate::cell::Cell, code: &str) -> Result<(), CellError> {
        let kernel = cell.kernel.clone();
        let parent = cell.parent.clone();
        let living = cell.unless_interrupted(self.living(&kernel, &parent)).await??;
        let (answers_tx, mut answers) = mpsc::unbounded_channel();
        let id = parent.header.msg_id.clone();
        self.asked().insert(id, Asked::of_cell(parent.clone(), answers_tx));
        let content = json!({
            "code": code,
            "silent": cell.is_silent(),
            "store_history": !cell.is_silent(),
            "user_expressions": {},
            "allow_stdin": parent.flag("allow_stdin", false),
            "stop_on_error": false,
        });
        let mut parts = parent.parts.clone();
        parts.truncate(4);
        parts[3] = Bytes::from(content.to_string());
        living.shell.send(&parts).await;
        let mut was_interrupted = false;
        loop {
            tokio::select! {
                answer = answers.recv() => return match answer {
                    Some(Ok(reply)) if reply["status"] == "ok" => Ok(()),
                    Some(Ok(_)) if was_interrupted => Err(crate::cell::interrupted()),
                    Some(Ok(reply)) => Err(error_of(&reply)),
                    Some(Err(error)) => Err(error),
                    None => Err(ended("the Python process was lost")),
                },
                () = cell.interrupted() => {
                    was_interrupted = true;
                    living.process.interrupt();
                }
            }
        }
    }
}

impl Living {
    fn is_alive(&self) -> bool {
        self.process.ended.borrow().is_none()
    }

    /// Returns when it answers and what it publishes arrives: a subscription takes a moment.
    async fn greet(&self) {
        let mut is_heard = self.is_heard.subscribe();
        let mut info = self.info.subscribe();
        let both = async {
            let _ = is_heard.wait_for(|is_heard| *is_heard).await;
            let _ = info.wait_for(Option::is_some).await;
        };
        tokio::pin!(both);
        loop {
            let id = format!("{PROBE}{}", uuid::Uuid::new_v4());
            self.shell.send(&wire::parts_with_id("kernel_info_request", &id, json!({}))).await;
            tokio::select! {
                () = &mut both => return,
                () = sleep(BETWEEN_PROBES) => {}
            }
        }
    }
}

/// Writes what the process needs to be started.
fn prepare(
    config: &lazuli::Config,
    folder: &Path,
    environment: Vec<(String, String)>,
    python_path: Option<std::ffi::OsString>,
    program: &Path,
) -> anyhow::Result<(ConnectionInfo, Command)> {
    let home = config.home()?;
    let sdk = lazuli_python::unpack(home.path()).with_context(|| {
        format!("the Python SDK cannot be unpacked into `{}`", home.path().display())
    })?;
    let connection = private_connection(folder)?;
    std::fs::create_dir(folder)?;
    let connection_file = folder.join("connection.json");
    std::fs::write(&connection_file, serde_json::to_vec(&connection)?)?;
    let mut command =
        lazuli_python::kernel(program, &sdk, &connection_file, python_path.as_deref())?;
    command.envs(environment).env(IN_KERNEL, "1");
    if let Ok(lazuli) = config.lazuli_program(&home) {
        command.env("LAZULI_BIN", lazuli);
    }
    Ok((connection, command))
}

/// Sockets in a folder that nobody but this user can enter.
pub(super) fn private_connection(folder: &std::path::Path) -> anyhow::Result<ConnectionInfo> {
    if !process::fits_a_socket(folder) {
        anyhow::bail!("the path `{}` is too long for a socket; set `TMPDIR`", folder.display());
    }
    Ok(ConnectionInfo {
        ip: folder.join("k").to_string_lossy().into_owned(),
        transport: Transport::IPC,
        shell_port: 1,
        iopub_port: 2,
        stdin_port: 3,
        control_port: 4,
        hb_port: 5,
        key: String::new(),
        signature_scheme: "hmac-sha256".into(),
        kernel_name: None,
    })
}

/// Connects as soon as all sockets are bound.
pub(super) async fn bound(connection: &ConnectionInfo) -> sockets::Sockets {
    let ports = [
        connection.shell_port,
        connection.iopub_port,
        connection.stdin_port,
        connection.control_port,
    ];
    let session = uuid::Uuid::new_v4().to_string();
    loop {
        let is_there =
            |port: &u16| std::path::Path::new(&format!("{}-{port}", connection.ip)).exists();
        if ports.iter().all(is_there) {
            // Bound is not yet listening; then it is tried again.
            match timeout(Duration::from_secs(1), sockets::connect(connection, &session)).await {
                Ok(Ok(sockets)) => return sockets,
                Ok(Err(error)) => tracing::debug!(%error, "not yet connected to Python"),
                Err(_) => tracing::debug!("not yet connected to Python"),
            }
        }
        sleep(LOOK).await;
    }
}

/// Tells everybody who waits when the process ends.
async fn mourn(kernel: Arc<Kernel>, living: Arc<Living>) {
    let how = living.process.wait().await;
    // What it has started in its group has no notebook any more.
    living.process.kill();
    living.process.fell_silent().await;
    passing::fail_all(&kernel, &ended(&how)).await;
}

fn not_started(how: &str) -> CellError {
    failure(
        "PythonNotStarted",
        format!("the Python process could not be started: {how}"),
        Some("run the cell again when that is mended".into()),
    )
}

fn ended(how: &str) -> CellError {
    failure(
        "PythonEnded",
        format!("{how}\nits variables are lost"),
        Some("the next cell starts it again; run the cells that it needs before".into()),
    )
}

fn error_of(reply: &Value) -> CellError {
    let text = |field: &str| reply[field].as_str().unwrap_or_default().to_owned();
    let lines = reply["traceback"].as_array();
    let lines = lines.into_iter().flatten().filter_map(Value::as_str);
    CellError {
        name: match text("ename") {
            name if name.is_empty() => text("status"),
            name => name,
        },
        value: text("evalue"),
        traceback: lines.map(str::to_owned).collect(),
    }
}

/// The parent of what belongs to a request that is answered already.
fn parent_of(message: &sockets::Message) -> Option<Parent> {
    wire::Request::known_by(message.parent_header()).ok().map(Arc::new)
}
