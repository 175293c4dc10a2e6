//! What the channels share.

use std::sync::Mutex as Lock;

use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};

use super::history::History;
use super::iopub::{IoPub, Picture};
use super::python::Python;
use super::stdin::Stdin;
use super::wire::{Parent, Replies};
use crate::display::Displays;
use crate::interpreter::Interpreter;
use crate::session::Session;

/// What the cells of the notebook are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Rust,
    Python,
}

pub struct Kernel {
    pub iopub: IoPub,
    pub stdin: Stdin,
    pub language: Language,
    pub interpreter: Interpreter,
    pub python: Python,
    pub session: Session,
    pub displays: Displays,
    pub history: Lock<History>,
    /// The cell that runs. Whoever publishes with regard to it holds the lock meanwhile, so that
    /// nothing comes after its `idle`.
    executing: Mutex<Option<Parent>>,
    /// The cell that ran last: threads it has left print under it.
    last_cell: Lock<Option<Parent>>,
    /// Counts the interrupts; a cell listens from its start.
    interrupts: watch::Sender<u64>,
    /// Becomes true when the session is to end.
    ending: watch::Sender<bool>,
}

impl Kernel {
    pub fn new(
        language: Language,
        iopub: IoPub,
        stdin: Stdin,
        interpreter: Interpreter,
        python: Python,
        session: Session,
    ) -> Kernel {
        Kernel {
            language,
            iopub,
            stdin,
            interpreter,
            python,
            session,
            displays: Displays::default(),
            history: Lock::default(),
            executing: Mutex::default(),
            last_cell: Lock::default(),
            interrupts: watch::Sender::new(0),
            ending: watch::Sender::new(false),
        }
    }

    /// Interrupts the running cell; nothing happens when none runs.
    pub fn interrupt(&self) {
        self.interrupts.send_modify(|count| *count += 1);
    }

    /// Sees the interrupts from now on.
    pub fn interrupts(&self) -> watch::Receiver<u64> {
        self.interrupts.subscribe()
    }

    pub fn end(&self) {
        self.ending.send_replace(true);
    }

    pub async fn ended(&self) {
        // The sender lives as long as `self`.
        let _ = self.ending.subscribe().wait_for(|ending| *ending).await;
    }

    /// In a Python cell, the line of our magic in which the cursor stands.
    pub fn python_magic(&self, code: &str, cursor: usize) -> Option<lazuli_commands::Span> {
        match self.language {
            Language::Rust => None,
            Language::Python => lazuli_commands::python::magic_at(code, cursor),
        }
    }

    pub async fn is_executing(&self) -> bool {
        self.executing.lock().await.is_some()
    }

    /// A cell begins.
    pub async fn begin_cell(&self, cell: &Parent) {
        let mut executing = self.executing.lock().await;
        *executing = Some(cell.clone());
        *self.last_cell.lock().unwrap_or_else(|lock| lock.into_inner()) = Some(cell.clone());
        self.iopub.status(Some(cell), "busy").await;
    }

    /// A cell has ended and was replied to.
    pub async fn end_cell(&self, cell: &Parent) {
        let mut executing = self.executing.lock().await;
        *executing = None;
        self.iopub.status(Some(cell), "idle").await;
    }

    pub fn last_cell(&self) -> Option<Parent> {
        self.last_cell.lock().unwrap_or_else(|lock| lock.into_inner()).clone()
    }

    pub async fn begin_request(&self, request: &Parent) {
        self.iopub.status(Some(request), "busy").await;
    }

    /// Front ends show the state that came last. While a cell runs, the `idle` of a request that
    /// was answered beside it is followed by the cell's `busy`.
    pub async fn end_request(&self, request: &Parent) {
        let executing = self.executing.lock().await;
        self.iopub.status(Some(request), "idle").await;
        if let Some(cell) = executing.as_ref() {
            self.iopub.status(Some(cell), "busy").await;
        }
    }

    /// Changes a display. nbclient takes updates of the running cell only, so that cell is the
    /// parent when there is one, else the cell that showed the display.
    pub async fn update_display(&self, origin: &Parent, picture: Picture, display_id: &str) {
        let executing = self.executing.lock().await;
        let parent = executing.as_ref().unwrap_or(origin);
        self.iopub.update_display(parent, picture, display_id).await;
    }

    /// Replies to a `shutdown_request` and ends the session.
    pub async fn shut_down(&self, request: &Parent, replies: &Replies) {
        let content = json!({ "status": "ok", "restart": request.flag("restart", false) });
        self.begin_request(request).await;
        replies.send(request, "shutdown_reply", content.clone()).await;
        self.iopub.message(Some(request), "shutdown_reply", content).await;
        self.end_request(request).await;
        self.end();
    }

    /// The content of `kernel_info_reply`; nothing here waits for the interpreter.
    pub fn info() -> Value {
        json!({
            "status": "ok",
            "protocol_version": super::wire::PROTOCOL_VERSION,
            "implementation": "lazuli",
            "implementation_version": lazuli_domain::VERSION,
            "language_info": {
                "name": "rust",
                "version": env!("CARGO_PKG_RUST_VERSION"),
                "mimetype": "text/rust",
                "file_extension": ".rs",
                "pygments_lexer": "rust",
                "codemirror_mode": "rust",
                "nbconvert_exporter": "script",
            },
            "banner": format!(
                "Lazuli {}: Rust cells, and magics (%lsmagic lists them)",
                lazuli_domain::VERSION
            ),
            "debugger": false,
            "help_links": [
                { "text": "The Rust book", "url": "https://doc.rust-lang.org/book/" },
                { "text": "Rust's standard library", "url": "https://doc.rust-lang.org/std/" },
            ],
            "supported_features": [],
        })
    }
}
