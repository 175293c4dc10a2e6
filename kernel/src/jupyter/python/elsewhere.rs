//! Python cells on a machine that is reached by SSH (`--on NAME`): one `ssh` starts the agent there,
//! which is the parent of ipykernel, and forwards its sockets. All else stays here: the front end's
//! side, RunDetails, and the magics, whose program the Python there reaches through a socket that
//! leads back.
//!
//! ```text
//! this kernel ── python-N/k-1…4 ──ssh -L──► kernels/NAME/k-1…4 ── ipykernel
//! lazuli kernel magics ◄── python-N/magics ◄──ssh -R── kernels/NAME.magics ──┘
//! ```

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use jupyter_protocol::ConnectionInfo;
use lazuli::client::Client;
use lazuli_domain::{
    ApiError, ComputeTarget, FromPython, KernelSockets, LinkState, SpoolRecord, StringMap, ToPython,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};

use super::process::{Elsewhere, Process};
use super::{IN_KERNEL, Living, Python, not_started, private_connection};
use crate::interpreter::CellError;
use crate::jupyter::iopub::Stream;
use crate::jupyter::kernel::Kernel;
use crate::jupyter::wire::Parent;
use crate::magic::{failed, failure};

/// Starts the Python there, and tells under the cell that waits for it what takes long.
pub async fn start(
    python: &Python,
    kernel: &Arc<Kernel>,
    machine: &str,
    request: &Parent,
) -> Result<Arc<Living>, CellError> {
    let mut interrupts = kernel.interrupts();
    let workspace = kernel.session.active().workspace;
    let (name, folder) = (machine.to_owned(), python.next_folder(kernel));
    let prepared = tokio::task::spawn_blocking(move || {
        prepare(&workspace, &name, &folder).map_err(|error| failed(&error))
    });
    let (connection, command, magics) = match prepared.await {
        Ok(prepared) => prepared?,
        Err(error) => return Err(not_started(&error.to_string())),
    };
    let magics = UnixListener::bind(&magics)
        .map_err(|error| not_started(&format!("`{}`: {error}", magics.display())))?;

    let (orders, heard) = std::sync::mpsc::channel();
    let (answers_tx, mut answers) = mpsc::unbounded_channel();
    let elsewhere = Elsewhere { orders: heard, answers: answers_tx };
    let process = Process::start(command, Some(orders.clone()), Some(elsewhere))
        .await
        .map_err(|error| failed(&lazuli::ssh::not_started(&error).into()))?;
    let group = process.group();
    kernel.session.remember(group);
    let of_cells = kernel.session.environment();
    let owner = of_cells.iter().filter(|(name, _)| name == "LAZULI_OWNER").cloned();
    let variables: StringMap = owner.chain([(IN_KERNEL.to_owned(), "1".to_owned())]).collect();
    let named = python.named.as_ref().map(|python| python.display().to_string());
    // A process that is gone is heard of below.
    let _ = orders.send(ToPython::Start { variables, python: named });
    let ready = async {
        loop {
            match answers.recv().await {
                Some(FromPython::Preparing(what)) => {
                    let text = format!("{machine}: {what}\n");
                    kernel.iopub.text(request, Stream::Stderr, text).await;
                }
                Some(FromPython::Ready) => return Ok(()),
                Some(FromPython::Failed(error)) => {
                    let hint = error.details.strip_prefix("hint: ").map(str::to_owned);
                    let said = match hint.is_some() || error.details.is_empty() {
                        true => error.message,
                        false => format!("{}\n{}", error.message, error.details),
                    };
                    let message = format!("the Python on `{machine}` could not be started: {said}");
                    return Err(failure("PythonNotStarted", message, hint));
                }
                None => return Err(not_started(&process.wait().await)),
            }
        }
    };
    let ready = tokio::select! {
        ready = ready => ready,
        _ = interrupts.changed() => Err(crate::cell::interrupted()),
    };
    if let Err(error) = ready {
        process.kill();
        return Err(error);
    }
    // It asks for its magics before it answers anything.
    tokio::spawn(serve_links(kernel.clone(), process.ended.clone(), magics));
    python.connect_in_time(kernel, process, &connection).await
}

fn prepare(
    workspace: &str,
    name: &str,
    folder: &Path,
) -> lazuli::Result<(ConnectionInfo, Command, PathBuf)> {
    let config = lazuli::Config::from_environment()?;
    let target = Client::connect()?.compute_target(workspace, name)?;
    let (there, agent) = place(&target)?;
    let internal = |error: String| lazuli::Error::from(ApiError::unavailable(error));
    let connection = private_connection(folder).map_err(|error| internal(format!("{error:#}")))?;
    std::fs::create_dir(folder)
        .map_err(|error| internal(format!("`{}` cannot be made: {error}", folder.display())))?;
    let kernel = uuid::Uuid::new_v4().simple().to_string()[..8].to_owned();
    let sockets = KernelSockets::of(&there, &kernel);
    let magics = folder.join("magics");
    let mut options: Vec<String> =
        ["-T", "-o", "ExitOnForwardFailure=yes", "-o", "StreamLocalBindMask=0177"]
            .map(str::to_owned)
            .to_vec();
    for channel in 1..=4 {
        let forward = format!("{}-{channel}:{}-{channel}", connection.ip, sockets.channels);
        options.extend(["-L".to_owned(), forward]);
    }
    options.extend(["-R".to_owned(), format!("{}:{}", sockets.magics, magics.display())]);
    let mut command = lazuli::ssh::command(&config, &target, &options)?;
    // The person's own shell there may be any.
    command
        .arg(format!("exec sh -c 'exec \"$HOME/{agent}\" --home \"{there}\" --kernel {kernel}'"));
    Ok((connection, command, magics))
}

/// The daemon's folder on the machine, and the agent's program.
fn place(target: &ComputeTarget) -> lazuli::Result<(String, String)> {
    let (name, machine) = (&target.name, target.machine.as_ref());
    let Some(machine) = machine else {
        let message = format!("compute target `{name}` is on this machine");
        return Err(ApiError::invalid(message)
            .hint("a kernel without `--on` runs here; `lazuli compute attach` attaches a machine")
            .into());
    };
    let there = machine.folder.clone().zip(machine.agent.clone());
    match there.filter(|_| machine.link == LinkState::Connected) {
        Some(there) => Ok(there),
        None => {
            let why = machine.problem.clone();
            let why = why.unwrap_or_else(|| format!("the link is {}", machine.link.as_str()));
            Err(ApiError::unavailable(format!("`{name}` cannot be reached: {why}"))
                .hint(format!("`lazuli compute status {name}` shows when it can"))
                .into())
        }
    }
}

/// Serves each Python there that asks.
async fn serve_links(
    kernel: Arc<Kernel>,
    mut ended: watch::Receiver<Option<String>>,
    listener: UnixListener,
) {
    let accept = async {
        while let Ok((stream, _)) = listener.accept().await {
            let kernel = kernel.clone();
            tokio::spawn(async move {
                if let Err(error) = serve_link(&kernel, stream).await {
                    tracing::warn!(%error, "a link of a Python elsewhere ended");
                }
            });
        }
    };
    tokio::select! {
        () = accept => {}
        _ = ended.wait_for(Option::is_some) => {}
    }
}

/// The first line says what it is for.
async fn serve_link(kernel: &Kernel, stream: UnixStream) -> std::io::Result<()> {
    let (from_python, to_python) = stream.into_split();
    let mut lines = BufReader::new(from_python).lines();
    let Some(first) = lines.next_line().await? else { return Ok(()) };
    let first: Value = serde_json::from_str(&first)?;
    match first["open"].as_str() {
        Some("magics") => perform_magics(kernel, lines, to_python).await,
        Some("records") => take_records(lines, to_python).await,
        _ => Err(std::io::Error::other(format!("not understood: {first}"))),
    }
}

/// What a Python there logs goes to the run's file here, and is acknowledged when it lies there.
async fn take_records(mut lines: Requests, mut to_python: OwnedWriteHalf) -> std::io::Result<()> {
    #[derive(Deserialize)]
    struct Logged {
        run: String,
        record: Option<SpoolRecord>,
    }
    let home = lazuli::Config::from_environment().and_then(|config| config.home());
    let home = home.map_err(std::io::Error::other)?;
    while let Some(line) = lines.next_line().await? {
        let answer = match serde_json::from_str::<Logged>(&line) {
            Ok(Logged { run, record }) => match home.take_record(&run, record.as_ref()) {
                Ok(appended) => json!({ "appended": appended }),
                Err(error) => json!({ "error": error.message() }),
            },
            Err(error) => json!({ "error": format!("the record is not understood: {error}") }),
        };
        to_python.write_all(format!("{answer}\n").as_bytes()).await?;
    }
    Ok(())
}

type Requests = Lines<BufReader<OwnedReadHalf>>;

/// Between a Python there and `lazuli kernel magics` here. The two share no files: what is one
/// there or here is replaced by its content.
async fn perform_magics(
    kernel: &Kernel,
    mut lines: Requests,
    mut to_python: OwnedWriteHalf,
) -> std::io::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("magics").envs(kernel.session.environment()).env(IN_KERNEL, "1");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let mut program = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
    let (Some(mut to_program), Some(from_program)) = (program.stdin.take(), program.stdout.take())
    else {
        return Err(std::io::Error::other("it was started without pipes"));
    };
    let here = std::env::current_dir()?;
    let requests = async {
        while let Some(line) = lines.next_line().await? {
            let line = match serde_json::from_str::<Value>(&line) {
                Ok(mut request) if request["magic"].is_string() => {
                    request["folder"] = here.display().to_string().into();
                    request.to_string()
                }
                _ => line,
            };
            to_program.write_all(format!("{line}\n").as_bytes()).await?;
        }
        // The Python is gone; the end of its input ends the program.
        drop(to_program);
        std::io::Result::Ok(())
    };
    let events = async {
        let mut lines = BufReader::new(from_program).lines();
        while let Some(line) = lines.next_line().await? {
            let line = match serde_json::from_str::<Value>(&line) {
                Ok(event) => with_content(kernel, event).await.to_string(),
                Err(_) => line,
            };
            to_python.write_all(format!("{line}\n").as_bytes()).await?;
        }
        std::io::Result::Ok(())
    };
    let (requested, told) = tokio::join!(requests, events);
    program.wait().await?;
    requested.and(told)
}

async fn with_content(kernel: &Kernel, mut event: Value) -> Value {
    let read = async |file: &str| -> Value {
        let text = tokio::fs::read(file).await.unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    };
    if let Some(file) = event["bind"]["file"].as_str() {
        event["bind"]["table"] = read(file).await;
    }
    // What is active may have changed, and the SDK there goes by it.
    if ["ready", "done", "error"].iter().any(|end| event.get(end).is_some()) {
        let environment = kernel.session.environment();
        let file = environment.iter().find(|(name, _)| name == "LAZULI_SESSION");
        if let Some((_, file)) = file {
            event["session"] = read(file).await;
        }
    }
    event
}
