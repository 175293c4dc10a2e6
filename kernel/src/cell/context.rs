//! One cell while it runs: what it may put out, whom it may ask, and whether it was interrupted.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;

use crate::interpreter::{CellError, MimeBundle};
use crate::jupyter::iopub::{IoPub, Stream};
use crate::jupyter::kernel::Kernel;
use crate::jupyter::wire::Parent;

pub struct Cell {
    pub kernel: Arc<Kernel>,
    pub parent: Parent,
    pub execution_count: u32,
    silent: bool,
    interrupts: watch::Receiver<u64>,
    /// The cell's value as text, for the history.
    result_text: Option<String>,
    /// Set while the cell runs as a run: what it prints is kept for the run's log.
    transcript: Option<Transcript>,
}

/// What a cell prints, up to a limit.
#[derive(Default)]
struct Transcript {
    text: String,
    truncated: bool,
}

const TRANSCRIPT_BYTES: usize = 10 * 1000 * 1000;

impl Transcript {
    fn push(&mut self, text: &str) {
        let room = TRANSCRIPT_BYTES.saturating_sub(self.text.len());
        let taken = text.floor_char_boundary(room.min(text.len()));
        self.text.push_str(&text[..taken]);
        self.truncated |= taken < text.len();
    }
}

impl Cell {
    pub fn new(kernel: Arc<Kernel>, parent: Parent, execution_count: u32, silent: bool) -> Cell {
        let interrupts = kernel.interrupts();
        Cell {
            kernel,
            parent,
            execution_count,
            silent,
            interrupts,
            result_text: None,
            transcript: None,
        }
    }

    pub async fn print(&mut self, stream: Stream, text: String) {
        if let Some(transcript) = &mut self.transcript {
            transcript.push(&text);
        }
        if !self.silent {
            self.kernel.iopub.text(&self.parent, stream, text).await;
        }
    }

    pub async fn stdout(&mut self, text: impl Into<String>) {
        self.print(Stream::Stdout, text.into()).await;
    }

    pub async fn stderr(&mut self, text: impl Into<String>) {
        self.print(Stream::Stderr, text.into()).await;
    }

    pub async fn display(&mut self, data: MimeBundle) {
        self.transcribe(&data);
        if self.silent {
            return;
        }
        match crate::display::requested_run(&data) {
            Some(run_id) => self.show_run(&run_id).await,
            None => self.kernel.iopub.display(&self.parent, data).await,
        }
    }

    /// The value of the cell.
    pub async fn result(&mut self, data: MimeBundle) {
        self.transcribe(&data);
        self.result_text = data.get("text/plain").and_then(Value::as_str).map(str::to_owned);
        if self.silent {
            return;
        }
        match crate::display::requested_run(&data) {
            Some(run_id) => self.show_run(&run_id).await,
            None => self.kernel.iopub.result(&self.parent, self.execution_count, data).await,
        }
    }

    /// Shows RunDetails of the run and follows it until it ends.
    pub async fn show_run(&mut self, run_id: &str) {
        if self.silent {
            return;
        }
        if let Err(error) = crate::display::show(&self.kernel, &self.parent, run_id).await {
            self.stderr(format!("the details of run `{run_id}` cannot be shown: {error}\n")).await;
        }
    }

    /// Asks the person; none when the front end cannot, or when the cell is interrupted meanwhile.
    pub async fn ask(&mut self, prompt: &str, password: bool) -> Result<String, CellError> {
        if !self.parent.flag("allow_stdin", false) {
            return Err(CellError {
                name: "StdinNotAvailable".into(),
                value: "this front end does not let a cell ask for input".into(),
                traceback: Vec::new(),
            });
        }
        let (kernel, parent) = (self.kernel.clone(), self.parent.clone());
        match self.unless_interrupted(kernel.stdin.ask(&parent, prompt, password)).await? {
            Some(answer) => Ok(answer),
            None => Err(CellError {
                name: "StdinNotAvailable".into(),
                value: "the front end that runs this cell does not answer questions".into(),
                traceback: Vec::new(),
            }),
        }
    }

    pub fn is_interrupted(&self) -> bool {
        self.interrupts.has_changed().unwrap_or(false)
    }

    /// Returns when the cell is interrupted.
    pub async fn interrupted(&mut self) {
        if self.interrupts.changed().await.is_err() {
            // The kernel is gone, and this cell with it.
            std::future::pending::<()>().await;
        }
    }

    pub async fn unless_interrupted<T>(
        &mut self,
        work: impl Future<Output = T>,
    ) -> Result<T, CellError> {
        if self.is_interrupted() {
            return Err(interrupted());
        }
        tokio::select! {
            done = work => Ok(done),
            () = self.interrupted() => Err(interrupted()),
        }
    }

    pub fn iopub(&self) -> &IoPub {
        &self.kernel.iopub
    }

    pub fn is_silent(&self) -> bool {
        self.silent
    }

    pub fn take_result_text(&mut self) -> Option<String> {
        self.result_text.take()
    }

    pub fn start_transcript(&mut self) {
        self.transcript = Some(Transcript::default());
    }

    /// What was printed since; the reader is told when some of it was not kept.
    pub fn take_transcript(&mut self) -> String {
        let Transcript { mut text, truncated } = self.transcript.take().unwrap_or_default();
        if truncated {
            text.push_str("\n(the rest is not kept)\n");
        }
        text
    }

    /// What comes now has to be done although the cell was interrupted.
    pub fn forgive_interrupt(&mut self) {
        self.interrupts.mark_unchanged();
    }

    fn transcribe(&mut self, data: &MimeBundle) {
        let text = data.get("text/plain").and_then(Value::as_str);
        if let (Some(transcript), Some(text)) = (&mut self.transcript, text) {
            transcript.push(text);
            transcript.push("\n");
        }
    }
}

/// The error of a cell that somebody stopped.
pub fn interrupted() -> CellError {
    CellError {
        name: "Interrupted".into(),
        value: "the cell was interrupted".into(),
        traceback: vec!["\u{1b}[31mInterrupted\u{1b}[0m: the cell was interrupted".into()],
    }
}
