//! The one road out: every stream, result, display and status goes through this queue.
//!
//! A PUB socket, not XPUB: XPUB waits for each subscriber in turn, so one that never reads freezes
//! everybody. PUB in turn drops the newest message when 100,000 wait, which would lose `idle`; so
//! text is coalesced here and bursts of other messages are paced. The queue is bounded: who prints
//! faster than this can send waits.
//!
//! The socket has a thread of its own with a runtime of that one thread. zeromq's PUB hands messages
//! to a task that looks whether its queue is empty without a fence; on another thread it may miss
//! the last message until the next one comes, and a cell would stay busy.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use jupyter_protocol::ConnectionInfo;
use jupyter_zmq_client::{KernelIoPubConnection, create_kernel_iopub_connection};
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use zeromq::SocketSend;

use super::wire::{self, Framing, Parent};
use crate::interpreter::{CellError, MimeBundle};

const QUEUE: usize = 256;
const COALESCE_TIME: Duration = Duration::from_millis(20);
const COALESCE_BYTES: usize = 64 * 1024;
/// More text of one cell than this makes a notebook nobody can open.
const TEXT_OF_A_CELL: usize = 10 * 1000 * 1000;
/// So many messages may go out without a pause; see the module's first paragraph.
const BURST: u32 = 1000;
const BURST_PAUSE: Duration = Duration::from_millis(2);
/// zeromq sends in the background, cannot be asked whether it is done, and forgets what waits when
/// the socket is dropped. The last messages are small and the clients local; they are away long
/// before.
const LINGER: Duration = Duration::from_millis(300);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

enum Outgoing {
    Text {
        parent: Parent,
        stream: Stream,
        text: String,
    },
    Message {
        parent: Option<Parent>,
        msg_type: &'static str,
        content: Value,
    },
    /// A message of the Python process, as it came.
    Forward {
        msg_type: String,
        parts: Vec<Bytes>,
    },
    Close(oneshot::Sender<()>),
}

/// The entrance of the queue.
#[derive(Clone)]
pub struct IoPub {
    outgoing_tx: mpsc::Sender<Outgoing>,
}

impl IoPub {
    /// Starts the thread that owns the socket; back when the socket is bound.
    pub async fn start(connection: ConnectionInfo, session: String) -> anyhow::Result<IoPub> {
        let (outgoing_tx, outgoing_rx) = mpsc::channel(QUEUE);
        let (bound_tx, bound_rx) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("iopub".to_owned()).spawn(move || {
            runtime.block_on(async {
                let socket = match create_kernel_iopub_connection(&connection, &session).await {
                    Ok(socket) => socket,
                    Err(error) => return drop(bound_tx.send(Err(error))),
                };
                if bound_tx.send(Ok(())).is_err() {
                    return;
                }
                let publisher = Publisher {
                    socket,
                    framing: Framing::of(&connection),
                    pending: None,
                    text_by_cell: VecDeque::new(),
                    burst: 0,
                };
                publisher.run(outgoing_rx).await;
            });
        })?;
        bound_rx.await.context("the thread of iopub ended")??;
        Ok(IoPub { outgoing_tx })
    }

    pub async fn text(&self, parent: &Parent, stream: Stream, text: String) {
        if !text.is_empty() {
            self.put(Outgoing::Text { parent: parent.clone(), stream, text }).await;
        }
    }

    pub async fn status(&self, parent: Option<&Parent>, state: &str) {
        self.message(parent, "status", json!({ "execution_state": state })).await;
    }

    pub async fn error(&self, parent: &Parent, error: &CellError) {
        self.message(Some(parent), "error", Value::Object(wire::error_fields(error))).await;
    }

    pub async fn result(&self, parent: &Parent, execution_count: u32, data: MimeBundle) {
        let content = json!({ "execution_count": execution_count, "data": data, "metadata": {} });
        self.message(Some(parent), "execute_result", content).await;
    }

    pub async fn display(&self, parent: &Parent, data: MimeBundle) {
        let content = json!({ "data": data, "metadata": {}, "transient": {} });
        self.message(Some(parent), "display_data", content).await;
    }

    /// A display that [`IoPub::update_display`] may change later.
    pub async fn display_with_id(&self, parent: &Parent, bundle: Picture, display_id: &str) {
        self.message(Some(parent), "display_data", bundle.content(display_id)).await;
    }

    pub async fn update_display(&self, parent: &Parent, bundle: Picture, display_id: &str) {
        self.message(Some(parent), "update_display_data", bundle.content(display_id)).await;
    }

    pub async fn message(&self, parent: Option<&Parent>, msg_type: &'static str, content: Value) {
        self.put(Outgoing::Message { parent: parent.cloned(), msg_type, content }).await;
    }

    /// Passes on what the Python process has published.
    pub async fn forward(&self, msg_type: &str, parts: Vec<Bytes>) {
        self.put(Outgoing::Forward { msg_type: msg_type.to_owned(), parts }).await;
    }

    /// Sends what is queued, gives it the time to leave, and closes the socket.
    pub async fn close(&self) {
        let (closed_tx, closed_rx) = oneshot::channel();
        self.put(Outgoing::Close(closed_tx)).await;
        if closed_rx.await.is_err() {
            tracing::warn!("the outgoing queue ended before it was closed");
        }
    }

    async fn put(&self, outgoing: Outgoing) {
        if self.outgoing_tx.send(outgoing).await.is_err() {
            tracing::debug!("output after the end of the session");
        }
    }
}

/// Data and metadata of a display.
pub struct Picture {
    pub data: MimeBundle,
    pub metadata: Map<String, Value>,
}

impl Picture {
    fn content(self, display_id: &str) -> Value {
        json!({
            "data": self.data,
            "metadata": self.metadata,
            "transient": { "display_id": display_id },
        })
    }
}

/// Text on its way to become one `stream` message.
struct PendingText {
    parent: Parent,
    stream: Stream,
    text: String,
    deadline: Instant,
}

struct Publisher {
    socket: KernelIoPubConnection,
    framing: Framing,
    pending: Option<PendingText>,
    /// How much text the latest cells have sent, by message id of their request.
    text_by_cell: VecDeque<(String, usize)>,
    burst: u32,
}

impl Publisher {
    async fn run(mut self, mut outgoing_rx: mpsc::Receiver<Outgoing>) {
        loop {
            let next = match &self.pending {
                None => outgoing_rx.recv().await,
                Some(pending) => match timeout_at(pending.deadline, outgoing_rx.recv()).await {
                    Ok(next) => next,
                    Err(_) => {
                        self.flush().await;
                        continue;
                    }
                },
            };
            match next {
                Some(Outgoing::Text { parent, stream, text }) => {
                    self.append(parent, stream, text).await;
                }
                Some(Outgoing::Message { parent, msg_type, content }) => {
                    self.flush().await;
                    self.send(parent.as_ref(), msg_type, content).await;
                }
                Some(Outgoing::Forward { msg_type, parts }) => {
                    self.flush().await;
                    let topic = Bytes::from(format!("kernel.{msg_type}"));
                    let message = self.framing.frame(&[topic], &parts);
                    if let Err(error) = self.socket.socket.send(message).await {
                        tracing::warn!(msg_type, %error, "could not pass on");
                    }
                    self.pace().await;
                }
                Some(Outgoing::Close(closed)) => {
                    self.flush().await;
                    tokio::time::sleep(LINGER).await;
                    drop(self.socket);
                    if closed.send(()).is_err() {
                        tracing::debug!("nobody waits for the outgoing queue to close");
                    }
                    return;
                }
                None => {
                    self.flush().await;
                    return;
                }
            }
        }
    }

    async fn append(&mut self, parent: Parent, stream: Stream, text: String) {
        let (text, notice) = self.within_limit(&parent, text);
        self.append_text(&parent, stream, text).await;
        if let Some(notice) = notice {
            self.append_text(&parent, Stream::Stderr, notice).await;
        }
    }

    async fn append_text(&mut self, parent: &Parent, stream: Stream, text: String) {
        if text.is_empty() {
            return;
        }
        let goes_on = self.pending.as_ref().is_some_and(|pending| {
            pending.stream == stream && pending.parent.header.msg_id == parent.header.msg_id
        });
        if !goes_on {
            self.flush().await;
        }
        let pending = self.pending.get_or_insert_with(|| PendingText {
            parent: parent.clone(),
            stream,
            text: String::new(),
            deadline: Instant::now() + COALESCE_TIME,
        });
        pending.text.push_str(&text);
        if pending.text.len() >= COALESCE_BYTES || pending.deadline <= Instant::now() {
            self.flush().await;
        }
    }

    /// What of the text its cell may still send, and the notice when this ends it.
    fn within_limit(&mut self, parent: &Parent, mut text: String) -> (String, Option<String>) {
        let cell = &parent.header.msg_id;
        let place = match self.text_by_cell.iter().position(|(id, _)| id == cell) {
            Some(place) => place,
            None => {
                // Few cells print at the same time: the running one, and threads of earlier ones.
                if self.text_by_cell.len() == 32 {
                    self.text_by_cell.pop_front();
                }
                self.text_by_cell.push_back((cell.clone(), 0));
                self.text_by_cell.len() - 1
            }
        };
        let sent = &mut self.text_by_cell[place].1;
        if *sent >= TEXT_OF_A_CELL {
            return (String::new(), None);
        }
        let room = TEXT_OF_A_CELL - *sent;
        *sent += text.len();
        if text.len() <= room {
            return (text, None);
        }
        *sent = TEXT_OF_A_CELL;
        text.truncate(text.floor_char_boundary(room));
        let notice = format!(
            "\nthis cell has printed {} MB; the rest is not shown\nhint: write long output to a file\n",
            TEXT_OF_A_CELL / 1_000_000
        );
        (text, Some(notice))
    }

    async fn flush(&mut self) {
        if let Some(PendingText { parent, stream, text, .. }) = self.pending.take() {
            let content = json!({ "name": stream.name(), "text": text });
            self.send(Some(&parent), "stream", content).await;
        }
    }

    async fn send(&mut self, parent: Option<&Parent>, msg_type: &str, content: Value) {
        let message = wire::broadcast(msg_type, parent.map(|parent| &parent.header), content);
        if let Err(error) = self.socket.send(message).await {
            tracing::warn!(msg_type, %error, "could not publish");
        }
        self.pace().await;
    }

    async fn pace(&mut self) {
        self.burst += 1;
        if self.burst == BURST {
            self.burst = 0;
            tokio::time::sleep(BURST_PAUSE).await;
        }
    }
}
