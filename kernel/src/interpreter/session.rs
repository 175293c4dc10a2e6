//! The thread that owns evcxr, and the one that reads what the runtime says.

use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, mpsc};
use std::time::Duration;

use evcxr::{CommandContext, Error, EvalContext, EvalContextOutputs};
use serde_json::Value;
use tokio::sync::oneshot;

use super::build_progress;
use super::prelude_cache::{self, PreludeCache};
use super::runtime::{self, Death, Event, EventReader, Order};
use super::toolchain::{self, Toolchain};
use super::{
    CellError, Completions, InterpreterConfig, MimeBundle, Output, OutputSender, cell_helper,
    diagnostics,
};
use crate::session_folder::SessionFolder;

/// Where evcxr compiles its cells; the names of these folders begin so.
const CELLS: &str = "lazuli-cells-";

/// What the handle asks of the session.
pub enum Request {
    Execute {
        sequence: u32,
        code: String,
        count: u32,
        outputs: OutputSender,
        reply: oneshot::Sender<Result<(), CellError>>,
    },
    Complete {
        code: String,
        cursor: usize,
        reply: oneshot::Sender<Completions>,
    },
    Inspect {
        code: String,
        cursor: usize,
        reply: oneshot::Sender<Option<MimeBundle>>,
    },
    Stop {
        reply: oneshot::Sender<()>,
    },
}

/// What session, reader and handle share.
pub struct Shared {
    /// The runtime's socket for orders; present once the session is warm.
    orders: Mutex<Option<UnixStream>>,
    cell: Mutex<CellRecord>,
    fence: (Mutex<u32>, Condvar),
    /// The cell that is executing; 0: none.
    pub active: AtomicU32,
    /// The newest cell that somebody asked to interrupt.
    pub interrupted: AtomicU32,
    pub is_warm: AtomicBool,
    /// What fails from now on fails because the kernel ends.
    pub is_stopping: AtomicBool,
    background: Option<OutputSender>,
}

/// What the runtime said about the cell.
#[derive(Default)]
struct CellRecord {
    outputs: Option<OutputSender>,
    panics: Vec<(String, String)>,
    panicked: bool,
    returned_error: bool,
    load_failure: Option<String>,
    rolled_back: Option<(Death, u32)>,
    lost: Option<Death>,
    /// The end of what it printed to stderr.
    stderr: String,
    /// Bytes of a character that has not arrived whole.
    stdout_rest: Vec<u8>,
    stderr_rest: Vec<u8>,
}

const STDERR_KEPT: usize = 4000;

impl Shared {
    pub fn new(background: Option<OutputSender>) -> Shared {
        Shared {
            orders: Mutex::new(None),
            cell: Mutex::new(CellRecord::default()),
            fence: (Mutex::new(0), Condvar::new()),
            active: AtomicU32::new(0),
            interrupted: AtomicU32::new(0),
            is_warm: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
            background,
        }
    }

    pub fn order(&self, order: &Order) {
        if let Some(socket) = lock(&self.orders).as_ref()
            && let Err(error) = runtime::send_order(socket, order)
        {
            tracing::warn!(%error, "an order did not reach the runtime of the cells");
        }
    }

    /// Sends a fence and waits until it comes back.
    fn fence(&self, number: u32) {
        self.order(&Order::Fence(number));
        let mut reached = lock(&self.fence.0);
        while *reached != number {
            let (guard, timeout) = self
                .fence
                .1
                .wait_timeout(reached, Duration::from_secs(30))
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            reached = guard;
            if timeout.timed_out() {
                tracing::error!("the runtime of the cells does not answer");
                return;
            }
        }
    }

    /// Handles one event; runs on the reader's thread. Sending an output may wait for whoever
    /// reads it, so no lock is held meanwhile.
    fn handle(self: &Arc<Shared>, event: Event) {
        match event {
            Event::Stdout(bytes) => {
                let text = whole_characters(&mut lock(&self.cell).stdout_rest, bytes);
                self.send(Output::Stdout(text));
            }
            Event::Stderr(bytes) => {
                let text = {
                    let mut cell = lock(&self.cell);
                    let text = whole_characters(&mut cell.stderr_rest, bytes);
                    cell.stderr.push_str(&text);
                    if cell.stderr.len() > 2 * STDERR_KEPT {
                        let mut from = cell.stderr.len() - STDERR_KEPT;
                        while !cell.stderr.is_char_boundary(from) {
                            from += 1;
                        }
                        cell.stderr.drain(..from);
                    }
                    text
                };
                self.send(Output::Stderr(text));
            }
            Event::Display { is_result, contents } => {
                let bundle = contents.into_iter().map(content).collect();
                self.send(if is_result { Output::Result(bundle) } else { Output::Display(bundle) });
            }
            Event::PanicHook { location, message } => {
                lock(&self.cell).panics.push((location, message));
            }
            Event::Panicked => lock(&self.cell).panicked = true,
            Event::ErrorReturned => lock(&self.cell).returned_error = true,
            Event::LoadFailed(why) => lock(&self.cell).load_failure = Some(why),
            Event::RolledBack { death, threads } => {
                lock(&self.cell).rolled_back = Some((death, threads));
            }
            Event::Lost { death } => lock(&self.cell).lost = Some(death),
            Event::InputWanted(prompt) => self.ask_for_input(prompt),
            Event::Fence(number) => {
                *lock(&self.fence.0) = number;
                self.fence.1.notify_all();
            }
        }
    }

    fn send(&self, output: Output) {
        // Before the session is warm only evcxr's own trial cell runs.
        let is_empty =
            matches!(&output, Output::Stdout(text) | Output::Stderr(text) if text.is_empty());
        if is_empty || !self.is_warm.load(Ordering::SeqCst) {
            return;
        }
        let outputs = lock(&self.cell).outputs.clone().or_else(|| self.background.clone());
        if let Some(outputs) = outputs
            && outputs.blocking_send(output).is_err()
        {
            tracing::debug!("nobody reads the output of the cell");
        }
    }

    fn ask_for_input(self: &Arc<Shared>, prompt: String) {
        let (reply, answer) = oneshot::channel();
        self.send(Output::Input { prompt, reply });
        // A person answers when they like: the reader must go on meanwhile.
        let shared = Arc::clone(self);
        std::thread::spawn(move || shared.order(&Order::Input(answer.blocking_recv().ok())));
    }
}

/// Starts the two threads' owner; requests are answered once evcxr is warm.
pub fn start(
    config: InterpreterConfig,
    shared: Arc<Shared>,
    requests: mpsc::Receiver<Request>,
) -> std::io::Result<()> {
    std::thread::Builder::new()
        .name("interpreter".to_owned())
        // rust-analyzer recurses deeply.
        .stack_size(16 * 1024 * 1024)
        .spawn(move || serve(&config, &shared, &requests))
        .map(|_| ())
}

fn serve(config: &InterpreterConfig, shared: &Arc<Shared>, requests: &mpsc::Receiver<Request>) {
    let mut session = Session::start(config, shared);
    shared.is_warm.store(session.is_ok(), Ordering::SeqCst);
    while let Ok(request) = requests.recv() {
        // What was missing may have been installed since the last cell.
        if session.is_err() && matches!(request, Request::Execute { .. }) {
            session = Session::start(config, shared);
            shared.is_warm.store(session.is_ok(), Ordering::SeqCst);
        }
        match (request, &mut session) {
            (Request::Execute { reply, .. }, Err(error)) => {
                let _ = reply.send(Err(error.clone()));
            }
            (Request::Execute { sequence, code, count, outputs, reply }, Ok(session)) => {
                let result = session.execute(sequence, &code, count, outputs);
                let _ = reply.send(result);
            }
            (Request::Complete { code, cursor, reply }, Ok(session)) => {
                let _ = reply.send(session.complete(&code, cursor));
            }
            (Request::Inspect { code, cursor, reply }, Ok(session)) => {
                let _ = reply.send(session.inspect(&code, cursor));
            }
            (Request::Complete { reply, .. }, Err(_)) => {
                let _ = reply.send(Completions::default());
            }
            (Request::Inspect { reply, .. }, Err(_)) => {
                let _ = reply.send(None);
            }
            (Request::Stop { reply }, _) => {
                // Dropping evcxr closes the supervisor's input and waits until it is gone.
                drop(session);
                let _ = reply.send(());
                return;
            }
        }
    }
}

struct Session {
    context: CommandContext,
    shared: Arc<Shared>,
    /// Async cells keep a tokio runtime, whose threads a rollback loses.
    uses_tokio: bool,
    /// evcxr wraps cells so that `?` may stand in them.
    knows_question_mark: bool,
    fences: u32,
    /// Why cells cannot use the crate `lazuli`.
    lazuli_is_missing: Option<String>,
    /// Where evcxr compiles; evcxr is dropped before it.
    folder: SessionFolder,
    /// The runtime's own end, so that a new supervisor can inherit it.
    _runtime_end: std::os::fd::OwnedFd,
}

impl Session {
    fn start(config: &InterpreterConfig, shared: &Arc<Shared>) -> Result<Session, CellError> {
        let toolchain = Toolchain::find()
            .map_err(|missing| diagnostics::not_available(&missing.what, &missing.hint))?;
        let failed =
            |why: String| diagnostics::not_available(&why, "see the kernel's log for more");
        let helper = cell_helper::prepare(&toolchain).map_err(failed)?;
        let (socket, runtime_end) = runtime::socket_pair().map_err(|e| failed(e.to_string()))?;
        let reader = socket.try_clone().map_err(|error| failed(error.to_string()))?;
        *lock(&shared.orders) = Some(socket);
        let for_reader = Arc::clone(shared);
        std::thread::Builder::new()
            .name("cell events".to_owned())
            .spawn(move || {
                let mut events = EventReader(reader);
                while let Ok(event) = events.next() {
                    for_reader.handle(event);
                }
            })
            .map_err(|error| failed(error.to_string()))?;

        let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
        let mut command = Command::new(&program);
        command
            .env(runtime::HELPER_VARIABLE, &helper)
            .env(runtime::CHECKPOINT_LIMIT_VARIABLE, config.checkpoint_limit.to_string())
            .env_remove("RUST_SRC_PATH")
            .env_remove("EVCXR_TMPDIR")
            .envs(config.cell_environment.iter().map(|(name, value)| (name, value)));
        runtime::adopt_socket(&mut command, &runtime_end, runtime::KERNEL_SOCKET);
        // evcxr's constructor evaluates something, for which rust-analyzer reads the sources of
        // std, and it reads them again once the crate `lazuli` is a dependency: two seconds each.
        // The first time it gets next to nothing to read.
        let nothing = toolchain::empty_library().map_err(failed)?;
        read_library_sources_from(&nothing);
        let folder = SessionFolder::create(CELLS).map_err(|error| failed(error.to_string()))?;
        set_variable("EVCXR_TMPDIR", &folder.path().join("cells"));
        let (context, outputs) = EvalContext::with_subprocess_command(command)
            .map_err(|error| failed(format!("evcxr did not start: {error}")))?;
        read_library_sources_from(&toolchain.library_sources);
        forward_library_output(shared, outputs);
        let mut session = Session {
            context: CommandContext::with_eval_context(context),
            shared: Arc::clone(shared),
            uses_tokio: false,
            knows_question_mark: false,
            fences: 0,
            lazuli_is_missing: None,
            folder,
            _runtime_end: runtime_end,
        };
        session.prepare(&toolchain, &program);
        Ok(session)
    }

    /// What every session has before the first cell: the crate `lazuli` and our display trait.
    fn prepare(&mut self, toolchain: &Toolchain, program: &std::path::Path) {
        let cache = PreludeCache::find(toolchain).map_or_else(
            || {
                tracing::info!("compiling the crate `lazuli` for this toolchain");
                prelude_cache::install(toolchain, &mut |line| tracing::info!("{line}"))
            },
            Ok,
        );
        let added = cache.and_then(|cache| self.add_lazuli(&cache, program));
        if let Err(error) = added
            && !self.shared.is_stopping.load(Ordering::SeqCst)
        {
            tracing::error!(error, "the crate `lazuli` is not available in cells");
            self.lazuli_is_missing = Some(error);
        }
        if let Err(error) = self.context.execute(SHOW_TRAIT)
            && !self.shared.is_stopping.load(Ordering::SeqCst)
        {
            tracing::error!(%error, "the display trait does not compile");
        }
        self.settle();
    }

    fn add_lazuli(
        &mut self,
        cache: &PreludeCache,
        program: &std::path::Path,
    ) -> Result<(), String> {
        let shared = Arc::clone(&self.shared);
        let socket = self.folder.path().join("progress");
        build_progress::listen(&socket, move |line| shared.send(Output::Stderr(line)))
            .map_err(|error| format!("no socket for the progress of builds: {error}"))?;
        for (name, value) in [
            ("RUSTC_WRAPPER", program),
            (prelude_cache::WRAPPER_VARIABLE, cache.folder()),
            (build_progress::SOCKET_VARIABLE, &socket),
            // The wrapper tells the notebook; cargo would tell the kernel's log once more.
            ("CARGO_TERM_QUIET", std::path::Path::new("true")),
        ] {
            self.context
                .execute(&format!(":build_env {name}={}", value.display()))
                .map_err(|error| error.to_string())?;
        }
        self.context
            .execute(&format!(":dep lazuli = {{ path = {:?} }}", cache.facade()))
            .map(|_| ())
            .map_err(|error| error.to_string())
    }

    /// Waits until everything that happened so far was handled.
    fn settle(&mut self) {
        self.fences = self.fences.wrapping_add(1).max(1);
        self.shared.fence(self.fences);
    }

    fn execute(
        &mut self,
        sequence: u32,
        code: &str,
        count: u32,
        outputs: OutputSender,
    ) -> Result<(), CellError> {
        if self.is_interrupted(sequence) {
            return Err(diagnostics::death(Death::Interrupted, true, false));
        }
        let died_before = lock(&self.shared.cell).lost.take();
        *lock(&self.shared.cell) =
            CellRecord { outputs: Some(outputs.clone()), ..CellRecord::default() };
        self.shared.active.store(sequence, Ordering::SeqCst);
        let mut result = self.run(sequence, code);
        if let (Err(Error::SubprocessTerminated(_)), Some(death)) = (&result, died_before) {
            // The process ended between two cells; evcxr has started a new one, which runs this.
            let lost = diagnostics::death(death, false, false);
            self.shared.send(Output::Stderr(format!(
                "the process of the earlier cells is gone ({}); their variables are lost\n",
                lost.value
            )));
            lock(&self.shared.cell).lost = None;
            result = self.run(sequence, code);
        }
        self.shared.active.store(0, Ordering::SeqCst);
        let record = std::mem::take(&mut *lock(&self.shared.cell));
        let source = self.context.last_source().unwrap_or_default();
        self.uses_tokio |= result.is_ok() && source.contains("evcxr_tokio_runtime");
        if record.rolled_back.is_some() && self.uses_tokio {
            self.renew_tokio();
        }
        self.judge(result, record, sequence, code, count, &source, &outputs)
    }

    /// Runs the cell to its end, all events included.
    fn run(&mut self, sequence: u32, code: &str) -> Result<evcxr::EvalOutputs, Error> {
        self.shared.order(&Order::Begin(sequence));
        let context = &mut self.context;
        // evcxr learns of `?` by a cell that does not compile, and then shows the value of that
        // cell by its `Debug` form only. Let that be a cell of ours.
        if !self.knows_question_mark && code.contains('?') {
            self.knows_question_mark = context.execute(QUESTION_MARK).is_ok();
        }
        let result =
            catch_unwind(AssertUnwindSafe(|| context.execute(code))).unwrap_or_else(|_| {
                Err(Error::Message("evcxr failed on this cell; please report it".to_owned()))
            });
        self.settle();
        result
    }

    #[allow(clippy::too_many_arguments, reason = "one place decides what a cell's end means")]
    fn judge(
        &self,
        result: Result<evcxr::EvalOutputs, Error>,
        mut record: CellRecord,
        sequence: u32,
        code: &str,
        count: u32,
        source: &str,
        outputs: &OutputSender,
    ) -> Result<(), CellError> {
        let fatal = if record.panicked { record.panics.pop() } else { None };
        // Panics that the user caught are still worth a line, as without a kernel.
        for (location, message) in record.panics {
            let text = format!("thread 'main' panicked at {location}:\n{message}\n");
            let _ = outputs.blocking_send(Output::Stderr(text));
        }
        if let Some((death, threads)) = record.rolled_back {
            return Err(diagnostics::death(death, true, threads > 1));
        }
        if let Some(death) = record.lost {
            return Err(diagnostics::death(death, false, false));
        }
        if record.panicked {
            let (location, message) =
                fatal.unwrap_or_else(|| (String::new(), "the cell panicked".to_owned()));
            return Err(diagnostics::panic(&message, &location, source, code, count));
        }
        if record.returned_error {
            return Err(diagnostics::returned_error(&record.stderr));
        }
        if let Some(why) = record.load_failure {
            return Err(diagnostics::plain("LoadError", &why));
        }
        match result {
            Ok(evaluated) => {
                // Only commands such as `:vars` still answer by this way.
                if !evaluated.content_by_mime_type.is_empty() {
                    let bundle = evaluated.content_by_mime_type.into_iter().map(content).collect();
                    let _ = outputs.blocking_send(Output::Result(bundle));
                }
                Ok(())
            }
            Err(_) if self.is_interrupted(sequence) => {
                Err(diagnostics::death(Death::Interrupted, true, false))
            }
            Err(Error::CompilationErrors(errors)) => {
                let mut error = diagnostics::compile_error(&errors, code, count);
                if let Some(why) = &self.lazuli_is_missing
                    && code.contains("lazuli")
                {
                    error.traceback.push(format!(
                        "note: the crate `lazuli` could not be compiled: {why}\n\
                         hint: run `lazuli kernel install`, then restart the kernel"
                    ));
                }
                Err(error)
            }
            Err(error) => Err(diagnostics::plain("Error", &error.to_string())),
        }
    }

    fn is_interrupted(&self, sequence: u32) -> bool {
        self.shared.interrupted.load(Ordering::SeqCst) >= sequence
    }

    /// After a rollback the runtime's worker threads are gone and timers would wait for ever. The
    /// old runtime cannot be dropped either (that joins its threads), so it is forgotten.
    fn renew_tokio(&mut self) {
        if let Err(error) = self.context.execute(RENEW_TOKIO) {
            tracing::warn!(%error, "async cells may hang after the interrupt");
        }
        self.settle();
    }

    fn complete(&mut self, code: &str, cursor: usize) -> Completions {
        let context = &mut self.context;
        match catch_unwind(AssertUnwindSafe(|| context.completions(code, cursor))) {
            Ok(Ok(found)) => Completions {
                start: found.start_offset,
                end: found.end_offset,
                matches: found
                    .completions
                    .into_iter()
                    .filter(|completion| !completion.code.starts_with("LazuliShow"))
                    .map(|completion| (completion.code, completion.kind.to_owned()))
                    .collect(),
            },
            _ => Completions::default(),
        }
    }

    fn inspect(&mut self, code: &str, cursor: usize) -> Option<MimeBundle> {
        let context = &mut self.context;
        let (text, markdown) =
            catch_unwind(AssertUnwindSafe(|| context.hover_at(code, cursor))).ok()?.ok()?;
        (text != "No documentation found").then(|| {
            [("text/plain", text), ("text/markdown", markdown)]
                .into_iter()
                .map(|(mime, content)| (mime.to_owned(), Value::String(content)))
                .collect()
        })
    }
}

/// Shows the value of a cell's last expression. evcxr tries `evcxr_display()` first and compiles
/// again with `{:?}` when there is no such method; with this there always is one. A type's own
/// method comes before a trait's. The unit value is not worth a line.
const SHOW_TRAIT: &str = r#"
#[doc(hidden)] trait LazuliShow { fn evcxr_display(&self); }
impl<T: std::fmt::Debug + ?Sized> LazuliShow for T {
    fn evcxr_display(&self) {
        if std::any::type_name::<T>() == "()" { return; }
        println!("EVCXR_BEGIN_CONTENT lazuli-result:text/plain\n{:?}\nEVCXR_END_CONTENT", self);
    }
}
"#;

const QUESTION_MARK: &str = "Ok::<(), std::fmt::Error>(())?;";

const RENEW_TOKIO: &str = r#"
{
    let old = evcxr_variable_store.lazy_arc("evcxr_tokio_runtime", || std::sync::Mutex::new(tokio::runtime::Runtime::new().unwrap()));
    std::mem::forget(old.clone());
    evcxr_variable_store.put_variable("evcxr_tokio_runtime", std::sync::Arc::new(std::sync::Mutex::new(tokio::runtime::Runtime::new().unwrap())));
};
"#;

/// rust-analyzer looks here, and nowhere else, as long as the folder exists.
fn read_library_sources_from(folder: &std::path::Path) {
    set_variable("RUST_SRC_PATH", folder);
}

/// Some things evcxr takes from the environment only.
fn set_variable(name: &str, value: &std::path::Path) {
    // SAFETY: std guards its own readers; C code that reads the environment meanwhile (the time
    // zone, name look-ups) does not run in this process.
    unsafe { std::env::set_var(name, value) };
}

/// The library's own channels carry only its messages; the user's text comes by the socket.
fn forward_library_output(shared: &Arc<Shared>, outputs: EvalContextOutputs) {
    for channel in [outputs.stdout, outputs.stderr] {
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            for line in channel {
                shared.send(Output::Stderr(line + "\n"));
            }
        });
    }
}

fn content((mime, text): (String, String)) -> (String, Value) {
    let is_json = mime == "application/json" || mime.ends_with("+json");
    let value = match is_json {
        true => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        false => Value::String(text),
    };
    (mime, value)
}

/// Output arrives in blocks that may cut a character in two.
fn whole_characters(rest: &mut Vec<u8>, bytes: Vec<u8>) -> String {
    rest.extend(bytes);
    let cut = match std::str::from_utf8(rest) {
        Ok(_) => rest.len(),
        // Only an incomplete character at the very end is kept for later.
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(_) => rest.len(),
    };
    let whole: Vec<u8> = rest.drain(..cut).collect();
    String::from_utf8_lossy(&whole).into_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic of a thread that held the lock leaves plain data, which is still right.
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
