//! The one thread that writes.

use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use lazuli_domain::{Event, EventKind};
use tokio::sync::{mpsc, oneshot};

use super::{Connection, Place, Recent, StoreError, events};
use crate::clock::now_ms;
use crate::error::{Error, Result};

/// Writes that may wait; more senders wait with theirs.
const QUEUE: usize = 1024;
/// So many writes share a transaction at most, so that none waits long for the others.
const LARGEST_GROUP: usize = 256;

/// What a write sees: the connection inside the transaction, and a place for events.
pub struct Write<'a> {
    connection: &'a Connection,
    events: Vec<Event>,
    after_commit: Vec<Box<dyn FnOnce() + Send>>,
}

/// What an event belongs to.
#[derive(Clone, Debug)]
pub struct EventScope {
    pub workspace: String,
    pub experiment: Option<String>,
    pub run_id: Option<String>,
}

impl Deref for Write<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl Write<'_> {
    /// Records an event with the transaction; listeners hear of it after the commit.
    pub fn event(&mut self, scope: &EventScope, kind: EventKind) -> Result<()> {
        let mut event = Event {
            sequence: 0,
            time_ms: now_ms(),
            workspace: scope.workspace.clone(),
            experiment: scope.experiment.clone(),
            run_id: scope.run_id.clone(),
            kind,
        };
        event.sequence = events::insert(self.connection, &event)?;
        self.events.push(event);
        Ok(())
    }

    /// Runs when everything is on disk, before the caller hears of it.
    pub fn after_commit(&mut self, action: impl FnOnce() + Send + 'static) {
        self.after_commit.push(Box::new(action));
    }
}

pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Box<dyn QueuedWrite>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(
        place: Place,
        connection: Connection,
        recent: Arc<Recent>,
    ) -> Result<Writer> {
        let (queue, receiver) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || write_groups(&place, connection, receiver, &recent))
            .map_err(|source| Error::File { action: "starting the writer".into(), source })?;
        Ok(Writer { queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)) })
    }

    pub(super) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        F: FnOnce(&mut Write<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let queue = queue.ok_or(Error::ShuttingDown)?;
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { work: Some(work), result: None, answer };
        queue.send(Box::new(waiting)).await.map_err(|_closed| Error::ShuttingDown)?;
        drop(queue);
        answered.await.map_err(|_dropped| Error::ShuttingDown)?
    }

    pub(super) async fn close(&self) -> Result<()> {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return Ok(()) };
        tokio::task::spawn_blocking(move || thread.join())
            .await
            .map_err(|error| Error::Defect(format!("closing the store broke down: {error}")))?
            .map_err(|_panic| Error::Defect("the writer broke down".into()))
    }
}

fn write_groups(
    place: &Place,
    mut connection: Connection,
    mut queue: mpsc::Receiver<Box<dyn QueuedWrite>>,
    recent: &Recent,
) {
    let mut group = Vec::new();
    while queue.blocking_recv_many(&mut group, LARGEST_GROUP) > 0 {
        let (outcome, after_commit, events) = match begin(place, &mut connection) {
            Ok(()) => commit_group(&connection, &mut group),
            Err(error) => (Err(error), Vec::new(), Vec::new()),
        };
        if let Err(error) = &outcome {
            tracing::error!(%error, writes = group.len(), "a group of writes was not committed");
        }
        for action in after_commit {
            action();
        }
        // Listeners wake after the commit: who reads on receipt finds the row.
        recent.publish(events);
        for write in group.drain(..) {
            write.answer(outcome.as_ref().map(|_committed| ()));
        }
    }
    if let Err(error) = connection.close() {
        tracing::warn!(%error, "closing the database failed");
    }
}

/// Begins a transaction. When the server was restarted since the last one, that is noticed here,
/// where nothing was done yet and a new connection does as well.
fn begin(place: &Place, connection: &mut Connection) -> Result<(), StoreError> {
    match connection.begin() {
        Err(error) if error.is_lost() => {
            tracing::warn!(%error, "the connection to the database was lost; connecting again");
            match place.open_in_place_of(Some(connection)) {
                Ok(opened) => *connection = opened,
                Err(Error::Store(error)) => return Err(error),
                Err(error) => return Err(StoreError::Lost { message: error.to_string() }),
            }
            tracing::info!("connected to the database again");
            connection.begin()
        }
        begun => begun,
    }
}

type AfterCommit = Vec<Box<dyn FnOnce() + Send>>;

fn commit_group(
    connection: &Connection,
    group: &mut [Box<dyn QueuedWrite>],
) -> (Result<(), StoreError>, AfterCommit, Vec<Event>) {
    let mut after_commit = Vec::new();
    let mut events = Vec::new();
    let is_alone = group.len() == 1;
    let outcome = (|| {
        for write in group {
            // Each write stands in a savepoint: one that is refused leaves the others alone.
            if !is_alone {
                connection.batch("SAVEPOINT one_write")?;
            }
            let mut view = Write { connection, events: Vec::new(), after_commit: Vec::new() };
            let keep = write.apply(&mut view);
            if connection.is_closed() {
                let message = "the connection to the database was lost, nothing was kept";
                return Err(StoreError::Lost { message: message.into() });
            }
            if !connection.is_in_transaction() {
                return Err(StoreError::Commit {
                    message: "the database rolled the transaction back".into(),
                    disk_full: true,
                });
            }
            if keep {
                events.append(&mut view.events);
                after_commit.append(&mut view.after_commit);
                if !is_alone {
                    connection.batch("RELEASE one_write")?;
                }
            } else if is_alone {
                return connection.batch("ROLLBACK");
            } else {
                connection.batch("ROLLBACK TO one_write; RELEASE one_write")?;
            }
        }
        connection.batch("COMMIT").map_err(|error| match error.is_lost() {
            true => StoreError::Lost {
                message: "the connection to the database was lost during the commit; look whether \
                          it was kept"
                    .into(),
            },
            false => error,
        })
    })();
    if outcome.is_err() {
        if connection.is_in_transaction()
            && let Err(error) = connection.batch("ROLLBACK")
        {
            tracing::error!(%error, "rolling back failed");
        }
        return (outcome, Vec::new(), Vec::new());
    }
    (outcome, after_commit, events)
}

/// A write in the queue, whatever its type.
trait QueuedWrite: Send {
    /// Does the work; false: undo it.
    fn apply(&mut self, write: &mut Write<'_>) -> bool;
    fn answer(self: Box<Self>, committed: Result<(), &StoreError>);
}

struct Waiting<T, F> {
    work: Option<F>,
    result: Option<Result<T>>,
    answer: oneshot::Sender<Result<T>>,
}

impl<T, F> QueuedWrite for Waiting<T, F>
where
    F: FnOnce(&mut Write<'_>) -> Result<T> + Send,
    T: Send,
{
    fn apply(&mut self, write: &mut Write<'_>) -> bool {
        let Some(work) = self.work.take() else { return false };
        // A defect in one write must not end the thread that serves all.
        let result = std::panic::catch_unwind(AssertUnwindSafe(|| work(write)))
            .unwrap_or_else(|_panic| Err(Error::Defect("a write broke down".into())));
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn answer(self: Box<Self>, committed: Result<(), &StoreError>) {
        let result = match (self.result, committed) {
            // What it refused, it refuses whether or not the others were committed.
            (Some(Err(error)), _) => Err(error),
            (_, Err(error)) if error.is_lost() => {
                Err(StoreError::Lost { message: error.to_string() }.into())
            }
            (_, Err(error)) => Err(StoreError::Commit {
                message: error.to_string(),
                disk_full: error.is_disk_full(),
            }
            .into()),
            (Some(result), Ok(())) => result,
            (None, Ok(())) => Err(Error::Defect("a write was skipped".into())),
        };
        // A caller that no longer waits has lost nothing: the commit stands.
        let _unheard = self.answer.send(result);
    }
}
