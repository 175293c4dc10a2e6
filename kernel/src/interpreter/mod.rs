//! Rust cells: evcxr behind one struct, with a child runtime of ours below it.
//!
//! Nothing outside this folder knows evcxr. The handle is cheap to clone; the evcxr context lives
//! on a thread of its own and warms up in the background, so making one returns at once.

mod build_progress;
mod cell_helper;
mod completeness;
mod diagnostics;
pub mod prelude_cache;
mod runtime;
mod session;
pub mod toolchain;

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::{Notify, oneshot};

pub use completeness::completeness;
use session::{Request, Shared};

/// MIME type to content, as Jupyter's `data` field has it.
pub type MimeBundle = Map<String, Value>;

/// What a cell puts out, in the order in which it happens.
#[derive(Debug)]
pub enum Output {
    Stdout(String),
    Stderr(String),
    /// A `display_data` in the middle of the cell.
    Display(MimeBundle),
    /// The value of the cell's last expression: `execute_result`.
    Result(MimeBundle),
    /// The cell reads its standard input. Dropping `reply` means end of file.
    Input {
        prompt: String,
        reply: oneshot::Sender<String>,
    },
}

/// Why a cell failed, ready for an error reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellError {
    /// `CompileError`, `Panic`, `Error`, `Interrupted`, `ProcessExit`, `Signal`, `LoadError`,
    /// `NotAvailable`.
    pub name: String,
    /// One sentence.
    pub value: String,
    /// Lines with ANSI colours, pointing into the cell.
    pub traceback: Vec<String>,
}

/// Completions for a place in a cell; offsets in bytes of the cell's text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions {
    pub start: usize,
    pub end: usize,
    /// Text to insert and its kind (`function`, `struct`, `keyword` …).
    pub matches: Vec<(String, String)>,
}

/// What `is_complete_request` asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    Complete,
    Incomplete,
    Invalid,
}

/// Outputs of one cell; bounded, so that a cell that prints faster than anybody reads waits.
pub type OutputSender = tokio::sync::mpsc::Sender<Output>;

pub struct InterpreterConfig {
    /// Added to the environment of the cells' process.
    pub cell_environment: Vec<(String, String)>,
    /// Resident bytes of the cells' process above which no checkpoint is made before a cell: the
    /// fork and the copies it causes would cost more than a second.
    pub checkpoint_limit: u64,
    /// Gets what background threads put out between two cells.
    pub background: Option<OutputSender>,
}

impl Default for InterpreterConfig {
    fn default() -> Self {
        Self { cell_environment: Vec::new(), checkpoint_limit: 512 << 20, background: None }
    }
}

/// Handle to the session that executes Rust cells.
#[derive(Clone)]
pub struct Interpreter {
    requests: mpsc::Sender<Request>,
    shared: Arc<Shared>,
    next_sequence: Arc<std::sync::atomic::AtomicU32>,
    interrupted_early: Arc<Notify>,
}

impl Interpreter {
    /// Returns at once; cells wait until evcxr is warm.
    pub fn start(config: InterpreterConfig) -> std::io::Result<Interpreter> {
        let (requests, receiver) = mpsc::channel();
        let shared = Arc::new(Shared::new(config.background.clone()));
        session::start(config, Arc::clone(&shared), receiver)?;
        Ok(Interpreter {
            requests,
            shared,
            next_sequence: Arc::new(std::sync::atomic::AtomicU32::new(1)),
            interrupted_early: Arc::new(Notify::new()),
        })
    }

    /// None at all, for notebooks that hold no Rust.
    pub fn none() -> Interpreter {
        let (requests, _) = mpsc::channel();
        Interpreter {
            requests,
            shared: Arc::new(Shared::new(None)),
            next_sequence: Arc::new(std::sync::atomic::AtomicU32::new(1)),
            interrupted_early: Arc::new(Notify::new()),
        }
    }

    /// Runs a cell. All its outputs were sent when this returns.
    pub async fn execute(
        &self,
        code: &str,
        execution_count: u32,
        outputs: OutputSender,
    ) -> Result<(), CellError> {
        let (reply, result) = oneshot::channel();
        let sequence = self.next_sequence.fetch_add(1, Ordering::SeqCst);
        let request = Request::Execute {
            sequence,
            code: code.to_owned(),
            count: execution_count,
            outputs,
            reply,
        };
        let interrupted_early = self.interrupted_early.notified();
        let gone = || diagnostics::plain("Error", "the interpreter has been shut down");
        self.requests.send(request).map_err(|_| gone())?;
        tokio::select! {
            result = result => result.unwrap_or_else(|_| Err(gone())),
            () = interrupted_early => {
                Err(diagnostics::plain("Interrupted", "the cell was interrupted while the interpreter was starting"))
            }
        }
    }

    /// Stops the cell that runs or compiles now, and those that wait. Never blocks.
    pub fn interrupt(&self) {
        let newest = self.next_sequence.load(Ordering::SeqCst).saturating_sub(1);
        self.shared.interrupted.store(newest, Ordering::SeqCst);
        if !self.shared.is_warm.load(Ordering::SeqCst) {
            self.interrupted_early.notify_waiters();
            return;
        }
        let active = self.shared.active.load(Ordering::SeqCst);
        if active == 0 {
            return;
        }
        // One signal is not enough: it may come between the compiler and the cell, when there is
        // nothing to stop yet, and cargo may be about to start the next rustc.
        let shared = Arc::clone(&self.shared);
        std::thread::spawn(move || {
            while shared.active.load(Ordering::SeqCst) == active {
                shared.order(&runtime::Order::Interrupt(active));
                runtime::kill_compilers();
                std::thread::sleep(Duration::from_millis(10));
            }
        });
    }

    /// Nothing while a cell runs: completion must not wait for it.
    pub async fn complete(&self, code: &str, cursor: usize) -> Completions {
        let (reply, result) = oneshot::channel();
        let request = Request::Complete { code: code.to_owned(), cursor, reply };
        match self.ask_when_idle(request) {
            true => result.await.unwrap_or_default(),
            false => Completions::default(),
        }
    }

    pub async fn inspect(&self, code: &str, cursor: usize) -> Option<MimeBundle> {
        let (reply, result) = oneshot::channel();
        let request = Request::Inspect { code: code.to_owned(), cursor, reply };
        match self.ask_when_idle(request) {
            true => result.await.ok().flatten(),
            false => None,
        }
    }

    fn ask_when_idle(&self, request: Request) -> bool {
        self.shared.is_warm.load(Ordering::SeqCst)
            && self.shared.active.load(Ordering::SeqCst) == 0
            && self.requests.send(request).is_ok()
    }

    /// Ends the session; the cells' processes are gone when this returns.
    pub async fn shutdown(&self) {
        self.shared.is_stopping.store(true, Ordering::SeqCst);
        self.interrupt();
        let (reply, stopped) = oneshot::channel();
        if self.requests.send(Request::Stop { reply }).is_ok() {
            // An error means that the session is gone already.
            let _ = stopped.await;
        }
    }
}

/// The other roles of this binary: the cells' runtime and the rustc wrapper. Must be the first
/// call in `main`, before any thread; returns only when this process has neither role.
pub fn hook() {
    if std::env::var_os("EVCXR_IS_RUNTIME").is_some() {
        runtime::supervise();
    }
    if let Some(cache) = std::env::var_os(prelude_cache::WRAPPER_VARIABLE) {
        prelude_cache::wrap_rustc(&cache);
    }
    // `:cache` makes evcxr start this binary as its own rustc wrapper.
    evcxr::runtime_hook();
}
