//! What the shell can do too: `lazuli-actions` performs it on a thread of its own, because the
//! client of the daemon blocks, while the cell stays interruptible.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lazuli::client::Client;
use lazuli_actions::{Caller, Context, Outcome, Session, Talk, byte_size, perform};
use lazuli_commands::Options;
use lazuli_commands::table::Command;
use serde_json::Map;
use tokio::sync::mpsc;

use super::{failed, failure};
use crate::cell::{Cell, interrupted};
use crate::interpreter::CellError;
use crate::jupyter::iopub::{Picture, Stream};

/// How long an interrupted command may take to notice.
const GRACE: Duration = Duration::from_millis(300);
/// A transfer that takes longer says how far it is, and so often.
const TRANSFER_TOLD: Duration = Duration::from_secs(1);
const BETWEEN_LINES: Duration = Duration::from_millis(330);
const SAID: usize = 64;

pub async fn run(cell: &mut Cell, options: Options, command: Command) -> Result<(), CellError> {
    let as_json = options.json;
    let outcome = in_session(cell, move |context, session, talk| {
        perform(&command, &options, context, session, talk)
    })
    .await?;
    show(cell, outcome, as_json).await
}

/// Puts out what a command answers.
pub async fn show(cell: &mut Cell, outcome: Outcome, as_json: bool) -> Result<(), CellError> {
    if as_json {
        let text = serde_json::to_string_pretty(&outcome.json)
            .map_err(|error| failure("InternalError", error.to_string(), None))?;
        cell.stdout(text + "\n").await;
        return Ok(());
    }
    match (outcome.follow, outcome.html) {
        (Some(run_id), _) => cell.show_run(&run_id).await,
        (None, Some(html)) => {
            let data = Map::from_iter([
                ("text/plain".to_owned(), outcome.text.into()),
                ("text/html".to_owned(), html.into()),
            ]);
            cell.display(data).await;
        }
        (None, None) if outcome.text.is_empty() => {}
        (None, None) => cell.stdout(outcome.text + "\n").await,
    }
    Ok(())
}

/// Does `work` with the daemon, which is started when none runs, and with the notebook's session.
/// The session changes when the work succeeds.
pub async fn in_session<T: Send + 'static>(
    cell: &mut Cell,
    work: impl FnOnce(&Context, &mut Session, &mut dyn Talk) -> lazuli::Result<T> + Send + 'static,
) -> Result<T, CellError> {
    if cell.is_interrupted() {
        return Err(interrupted());
    }
    let kernel = cell.kernel.clone();
    let (said_tx, mut said_rx) = mpsc::channel(SAID);
    let stop = Arc::new(AtomicBool::new(false));
    let mut listener = Listener { said_tx, stop: stop.clone(), transfer_since: None };
    let mut progress = Progress::default();
    let mut thread = tokio::task::spawn_blocking(move || {
        let mut session = kernel.session.active();
        let context = context(Client::connect()?)?;
        let done = work(&context, &mut session, &mut listener)?;
        // An interrupted command that ends after all does not change the notebook behind the
        // back of the cell that runs by then.
        if !listener.interrupted() {
            kernel.session.activate(session)?;
        }
        Ok(done)
    });
    let mut give_up = None;
    let done = loop {
        tokio::select! {
            biased;
            () = cell.interrupted() => {
                stop.store(true, Ordering::SeqCst);
                give_up = Some(tokio::time::Instant::now() + GRACE);
            }
            () = until(give_up) => return Err(interrupted()),
            // What was said comes before how it ended.
            Some(said) = said_rx.recv() => match said {
                Said::Text(stream, text) => cell.print(stream, text).await,
                Said::Transfer(text) => progress.show(cell, text).await,
            },
            done = &mut thread => break done,
        }
    };
    if stop.load(Ordering::SeqCst) {
        return Err(interrupted());
    }
    match done {
        Ok(done) => done.map_err(|error: lazuli::Error| failed(&error)),
        Err(error) => Err(failure("InternalError", error.to_string(), None)),
    }
}

/// A context that belongs to this notebook.
pub fn context(client: Client) -> lazuli::Result<Context> {
    let mut context = Context::new(client, Caller::Cell, lazuli::Config::from_environment()?)?;
    context.owner = Some(lazuli::process::own_identity()?);
    Ok(context)
}

async fn until(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

enum Said {
    Text(Stream, String),
    /// How far a transfer is.
    Transfer(String),
}

/// One line under the cell that changes while something large is sent or fetched.
#[derive(Default)]
struct Progress {
    display_id: Option<String>,
}

impl Progress {
    async fn show(&mut self, cell: &mut Cell, text: String) {
        if cell.is_silent() {
            return;
        }
        let data = Map::from_iter([("text/plain".to_owned(), text.into())]);
        let picture = Picture { data, metadata: Map::new() };
        match &self.display_id {
            Some(id) => cell.iopub().update_display(&cell.parent, picture, id).await,
            None => {
                let id = uuid::Uuid::new_v4().to_string();
                cell.iopub().display_with_id(&cell.parent, picture, &id).await;
                self.display_id = Some(id);
            }
        }
    }
}

/// Hands what a command says to the cell.
struct Listener {
    said_tx: mpsc::Sender<Said>,
    stop: Arc<AtomicBool>,
    /// When the present transfer, and when its last line was said.
    transfer_since: Option<(Instant, Instant)>,
}

impl Listener {
    fn say(&self, said: Said) {
        if self.said_tx.blocking_send(said).is_err() {
            tracing::debug!("a command goes on after its cell was interrupted");
        }
    }
}

impl Talk for Listener {
    fn note(&mut self, sentence: &str) {
        self.say(Said::Text(Stream::Stderr, format!("{sentence}\n")));
    }

    fn print(&mut self, text: &str) {
        self.say(Said::Text(Stream::Stdout, text.to_owned()));
    }

    fn transfer(&mut self, what: &str, done: u64, total: u64) {
        let now = Instant::now();
        let (began, said) = *self.transfer_since.get_or_insert((now, now));
        let ends = done >= total;
        // What is over in a moment needs no line.
        let is_told = now - began > TRANSFER_TOLD && (ends || now - said > BETWEEN_LINES);
        self.transfer_since = (!ends).then_some((began, if is_told { now } else { said }));
        if is_told {
            let (done, total) = (byte_size(done), byte_size(total));
            self.say(Said::Transfer(format!("{what}: {done} of {total}")));
        }
    }

    fn interrupted(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}
