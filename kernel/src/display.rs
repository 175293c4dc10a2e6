//! RunDetails in a cell: the daemon renders the picture, the kernel shows it and follows the run
//! with `update_display_data` until the run has ended.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as Lock};
use std::time::{Duration, Instant};

use lazuli::client::{Client, EventQuery, EventStream};
use lazuli_domain::{DisplayBundle, ErrorKind, EventKind, MIME_RUN_REQUEST};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use crate::interpreter::MimeBundle;
use crate::jupyter::iopub::Picture;
use crate::jupyter::kernel::Kernel;
use crate::jupyter::wire::Parent;

/// At most about three pictures a second: a front end has to draw each of them.
const BETWEEN_UPDATES: Duration = Duration::from_millis(330);
/// How long the last cell's `idle` waits for the last pictures of runs that have ended.
const CATCH_UP: Duration = Duration::from_secs(3);
/// Without news, a picture is drawn anew after this time, which grows with the time that passed.
const FIRST_REDRAW: Duration = Duration::from_secs(2);
const LAST_REDRAW: Duration = Duration::from_secs(60);
const FIRST_RETRY: Duration = Duration::from_millis(200);
const LAST_RETRY: Duration = Duration::from_secs(5);

/// The displays whose runs have not ended.
#[derive(Default)]
pub struct Displays {
    following: Lock<Vec<Arc<RunDisplay>>>,
}

struct RunDisplay {
    run_id: String,
    display_id: String,
    origin: Parent,
    /// Held while a picture is fetched and sent, so that none comes after the last one.
    drawing: Mutex<()>,
    finished: AtomicBool,
}

/// The run that a display asks for, if it asks for one.
pub fn requested_run(data: &MimeBundle) -> Option<String> {
    let request = data.get(MIME_RUN_REQUEST)?;
    // evcxr's way of displaying carries text only.
    let request = match request {
        Value::String(text) => serde_json::from_str(text).ok()?,
        request => request.clone(),
    };
    request.get("run_id").and_then(Value::as_str).map(str::to_owned)
}

/// Shows the run under the cell and, unless it has ended, starts to follow it.
pub async fn show(kernel: &Arc<Kernel>, origin: &Parent, run_id: &str) -> lazuli::Result<()> {
    let asked = run_id.to_owned();
    let bundle = blocking(Client::connect, move |client| client.display(&asked)).await?;
    let shown = Arc::new(RunDisplay {
        run_id: run_id.to_owned(),
        display_id: uuid::Uuid::new_v4().to_string(),
        origin: origin.clone(),
        drawing: Mutex::default(),
        finished: AtomicBool::new(bundle.is_final),
    });
    let (is_final, sequence) = (bundle.is_final, bundle.sequence);
    kernel.iopub.display_with_id(origin, picture(bundle), &shown.display_id).await;
    if !is_final {
        kernel.displays.lock().push(shown.clone());
        let (kernel, runtime) = (kernel.clone(), Handle::current());
        std::thread::Builder::new()
            .name("run details".into())
            .spawn(move || follow(&kernel, &shown, sequence, &runtime))
            .map_err(|error| {
                lazuli_domain::ApiError::unavailable(format!("the run cannot be followed: {error}"))
            })?;
    }
    Ok(())
}

impl Displays {
    /// Sends the last picture of every followed run that has ended by now.
    pub async fn catch_up(&self, kernel: &Arc<Kernel>) {
        let following: Vec<_> = self.lock().clone();
        if following.is_empty() {
            return;
        }
        let all = async {
            for shown in following {
                let run_id = shown.run_id.clone();
                let ended = blocking(existing_daemon, move |client| client.run(&run_id)).await;
                match ended {
                    Ok(run) if run.status.is_final() => {
                        if let Err(error) = shown.draw(kernel).await {
                            tracing::warn!(%error, run_id = shown.run_id, "no last picture");
                        }
                    }
                    Ok(_) => {}
                    Err(error) => tracing::info!(%error, run_id = shown.run_id, "not asked"),
                }
            }
        };
        if tokio::time::timeout(CATCH_UP, all).await.is_err() {
            tracing::warn!("the daemon did not answer in time for the last pictures");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<RunDisplay>>> {
        self.following.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn forget_finished(&self) {
        self.lock().retain(|shown| !shown.is_finished());
    }
}

impl RunDisplay {
    fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }

    /// Sends the present picture; returns the number of the newest event in it.
    async fn draw(&self, kernel: &Kernel) -> lazuli::Result<u64> {
        let _drawing = self.drawing.lock().await;
        if self.is_finished() {
            return Ok(0);
        }
        let bundle = fetch(self.run_id.clone()).await?;
        let (is_final, sequence) = (bundle.is_final, bundle.sequence);
        kernel.update_display(&self.origin, picture(bundle), &self.display_id).await;
        if is_final {
            self.finished.store(true, Ordering::Release);
            kernel.displays.forget_finished();
        }
        Ok(sequence)
    }
}

/// Draws the run anew whenever something has happened to it. A thread of its own, because the
/// event stream of `lazuli` blocks.
fn follow(kernel: &Kernel, shown: &RunDisplay, mut seen: u64, runtime: &Handle) {
    let mut retry = FIRST_RETRY;
    while !shown.is_finished() {
        match follow_stream(kernel, shown, &mut seen, runtime) {
            Ok(()) => return,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                tracing::warn!(%error, run_id = shown.run_id, "the run is followed no longer");
                shown.finished.store(true, Ordering::Release);
                kernel.displays.forget_finished();
                return;
            }
            // The daemon is away; the run's agent, or the next command, starts it again.
            Err(error) => {
                tracing::info!(%error, run_id = shown.run_id, "tries to follow the run again");
                std::thread::sleep(retry);
                retry = (retry * 2).min(LAST_RETRY);
            }
        }
    }
}

fn follow_stream(
    kernel: &Kernel,
    shown: &RunDisplay,
    seen: &mut u64,
    runtime: &Handle,
) -> lazuli::Result<()> {
    let client = existing_daemon()?;
    let filter =
        EventQuery { after: Some(*seen), run: Some(shown.run_id.clone()), ..EventQuery::default() };
    let mut events = client.events(&filter)?;
    let started = Instant::now();
    let mut last_picture: Option<Instant> = None;
    while !shown.is_finished() {
        // The picture also tells for how long the run has been going on.
        let patience = (started.elapsed() / 20).clamp(FIRST_REDRAW, LAST_REDRAW);
        let event = events.next_within(patience)?;
        let mut ended = event.is_some_and(|event| is_end(&event.kind));
        if let Some(last) = last_picture {
            ended |= let_pass(&mut events, last + BETWEEN_UPDATES, ended)?;
        }
        tracing::debug!(run_id = shown.run_id, ended, "draws the run");
        let drawn = runtime.block_on(shown.draw(kernel))?;
        *seen = drawn.max(events.position());
        last_picture = Some(Instant::now());
    }
    Ok(())
}

/// Lets events go by until `time`, or until one tells the end of the run.
fn let_pass(events: &mut EventStream, time: Instant, mut ended: bool) -> lazuli::Result<bool> {
    while !ended {
        let left = time.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match events.next_within(left)? {
            Some(event) => ended = is_end(&event.kind),
            None => break,
        }
    }
    Ok(ended)
}

fn is_end(event: &EventKind) -> bool {
    matches!(event, EventKind::RunStatus { status } if status.is_final())
}

async fn fetch(run_id: String) -> lazuli::Result<DisplayBundle> {
    blocking(existing_daemon, move |client| client.display(&run_id)).await
}

/// Asks the daemon; `lazuli` blocks, so this does not happen on a worker of the runtime.
async fn blocking<T: Send + 'static>(
    connect: fn() -> lazuli::Result<Client>,
    ask: impl FnOnce(Client) -> lazuli::Result<T> + Send + 'static,
) -> lazuli::Result<T> {
    let asked = tokio::task::spawn_blocking(move || ask(connect()?)).await;
    asked.unwrap_or_else(|error| {
        Err(lazuli_domain::ApiError::new(ErrorKind::Internal, error.to_string()).into())
    })
}

/// To follow a run starts no daemon: who stopped it, meant it.
fn existing_daemon() -> lazuli::Result<Client> {
    Client::connect_existing()?
        .ok_or_else(|| lazuli_domain::ApiError::unavailable("no daemon runs").into())
}

fn picture(bundle: DisplayBundle) -> Picture {
    Picture { data: bundle.data, metadata: bundle.metadata }
}
