//! Jupyter's protocol, 5.4: <https://jupyter-client.readthedocs.io/en/latest/messaging.html>.
//!
//! ```text
//! shell ───► requests, answered at once   control ───► interrupt, shutdown
//!       └──► cells, one after the other   heartbeat ── a thread of its own
//!                        everything that is put out ──► iopub, one queue
//! ```

mod complete;
mod control;
mod execute;
mod heartbeat;
mod history;
mod inspect;
pub mod iopub;
pub mod kernel;
pub mod python;
mod shell;
pub mod stdin;
pub mod stdio;
mod survive;
pub mod text;
pub mod wire;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jupyter_protocol::ConnectionInfo;
use jupyter_zmq_client::{
    create_kernel_control_connection, create_kernel_shell_connection,
    create_kernel_stdin_connection,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::interpreter::{Interpreter, InterpreterConfig};
use crate::session::Session;
use iopub::IoPub;
use kernel::{Kernel, Language};
use python::Python;
use stdin::Stdin;

/// What is logged where nobody says otherwise. A Python process that has ended is told under the cell;
/// its sockets need not tell it too.
pub const LOGGED: &str = "warn,zeromq::reconnect=error";
/// How many outputs of background threads may wait.
const BACKGROUND_OUTPUTS: usize = 64;
const LOOK_AT_PARENT: Duration = Duration::from_secs(1);
/// How long the children and the active runs may take to end.
const LAST_WISHES: Duration = Duration::from_secs(5);

/// What a session is started with.
pub struct Start {
    pub language: Language,
    /// The Python for Python cells; one is looked for when none is named.
    pub python: Option<PathBuf>,
    /// The attached machine that runs Python cells.
    pub on: Option<String>,
    /// `PYTHONPATH` of this process.
    pub python_path: Option<OsString>,
    /// The session belongs to the process that started it.
    pub has_owner: bool,
}

/// Serves one notebook until it says that it is done.
pub fn run(connection_file: &Path, start: Start) -> anyhow::Result<()> {
    let parent = start.has_owner.then(std::os::unix::process::parent_id);
    let text = std::fs::read(connection_file).with_context(|| {
        format!("the connection file `{}` cannot be read", connection_file.display())
    })?;
    let connection: ConnectionInfo = serde_json::from_slice(&text).with_context(|| {
        format!("`{}` is no connection file of Jupyter", connection_file.display())
    })?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build()?;
    let outcome = runtime.block_on(serve(connection, start, parent));
    // A magic that still waits for the daemon must not hold up the end.
    runtime.shutdown_background();
    outcome
}

async fn serve(
    connection: ConnectionInfo,
    start: Start,
    parent: Option<u32>,
) -> anyhow::Result<()> {
    heartbeat::start(connection.clone()).context("the heartbeat cannot be served")?;
    let name = uuid::Uuid::new_v4().to_string();
    let framing = wire::Framing::of(&connection);
    let (shell_replies, shell_requests) =
        wire::split(create_kernel_shell_connection(&connection, &name).await?, &framing, "shell");
    let (control_replies, control_requests) = wire::split(
        create_kernel_control_connection(&connection, &name).await?,
        &framing,
        "control",
    );
    let (stdin_requests, stdin_replies) =
        wire::split(create_kernel_stdin_connection(&connection, &name).await?, &framing, "stdin");
    let iopub = IoPub::start(connection, name).await?;

    let session = Session::start()?;
    let (background_tx, background_rx) = mpsc::channel(BACKGROUND_OUTPUTS);
    let interpreter = match start.language {
        Language::Rust => Interpreter::start(InterpreterConfig {
            cell_environment: session.environment(),
            background: Some(background_tx),
            ..InterpreterConfig::default()
        })
        .context("the interpreter cannot be started")?,
        Language::Python => Interpreter::none(),
    };
    let python = Python::new(start.python, start.on, start.python_path);
    let stdin = Stdin::start(stdin_requests, stdin_replies);
    let kernel = Arc::new(Kernel::new(start.language, iopub, stdin, interpreter, python, session));
    kernel.iopub.status(None, "starting").await;

    match start.language {
        Language::Rust => {
            let (cells_tx, cells_rx) = mpsc::unbounded_channel();
            tokio::spawn(execute::publish_background(kernel.clone(), background_rx));
            tokio::spawn(execute::serve(kernel.clone(), shell_replies.clone(), cells_rx));
            tokio::spawn(shell::serve(kernel.clone(), shell_requests, shell_replies, cells_tx));
            tokio::spawn(control::serve(kernel.clone(), control_requests, control_replies));
        }
        Language::Python => {
            use python::notebook::{serve_control, serve_shell};
            tokio::spawn(serve_shell(kernel.clone(), shell_requests, shell_replies));
            tokio::spawn(serve_control(kernel.clone(), control_requests, control_replies));
        }
    }

    wait_for_the_end(&kernel, parent).await?;
    end(&kernel).await;
    Ok(())
}

/// SIGINT interrupts the running cell, as in a terminal; SIGTERM ends the session, and so does the
/// end of the front end that owns it.
async fn wait_for_the_end(kernel: &Kernel, parent: Option<u32>) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut look = tokio::time::interval(LOOK_AT_PARENT);
    loop {
        tokio::select! {
            () = kernel.ended() => return Ok(()),
            // An orphan is given another parent.
            _ = look.tick(), if parent.is_some() => {
                if parent != Some(std::os::unix::process::parent_id()) {
                    tracing::info!("the front end is gone");
                    return Ok(());
                }
            }
            Some(()) = interrupt.recv() => {
                kernel.interrupt();
                if kernel.language == Language::Python {
                    kernel.python.interrupt().await;
                }
            }
            Some(()) = terminate.recv() => return Ok(()),
        }
    }
}

/// Nothing that the session has started stays: no process, no run.
async fn end(kernel: &Arc<Kernel>) {
    kernel.interrupt();
    kernel.python.shut_down().await;
    kernel.session.end_programs();
    let completing = tokio::task::spawn_blocking({
        let kernel = kernel.clone();
        move || kernel.session.complete_runs()
    });
    let wishes = async {
        let ((), completed) = tokio::join!(kernel.interpreter.shutdown(), completing);
        match completed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the active run was not completed"),
            Err(error) => tracing::warn!(%error, "the active run was not completed"),
        }
    };
    if tokio::time::timeout(LAST_WISHES, wishes).await.is_err() {
        tracing::warn!("not everything could be ended in time");
    }
    kernel.iopub.close().await;
}
