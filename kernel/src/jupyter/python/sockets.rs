//! The side of a client: what this kernel is to the Python process below it.

use anyhow::Context;
use bytes::Bytes;
use jupyter_protocol::ConnectionInfo;
use jupyter_zmq_client::{
    RawMessage, create_client_control_connection, create_client_iopub_connection,
    create_client_shell_connection_with_identity, create_client_stdin_connection_with_identity,
    peer_identity_for_session,
};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use zeromq::{DealerRecvHalf, DealerSendHalf, DealerSocket, SocketRecv, SocketSend, SubSocket};

use crate::jupyter::wire::Framing;

/// A message of the Python process.
pub struct Message {
    pub kind: String,
    /// The message id of the request that it belongs to; empty when it belongs to none.
    pub parent_id: String,
    /// Header, parent, metadata, content, and buffers if there are any.
    pub parts: Vec<Bytes>,
}

impl Message {
    pub fn content(&self) -> Map<String, Value> {
        serde_json::from_slice(&self.parts[3]).unwrap_or_default()
    }

    pub fn parent_header(&self) -> &[u8] {
        &self.parts[1]
    }

    fn from_multipart(multipart: zeromq::ZmqMessage) -> anyhow::Result<Message> {
        // No signature: the sockets lie in a folder that only this user may enter.
        let parts = RawMessage::from_multipart(multipart, &None)?.jparts;
        let field = |part: &Bytes, name: &str| -> anyhow::Result<String> {
            let header: Map<String, Value> = serde_json::from_slice(part)?;
            Ok(header.get(name).and_then(Value::as_str).unwrap_or_default().to_owned())
        };
        let (kind, parent_id) = (field(&parts[0], "msg_type")?, field(&parts[1], "msg_id")?);
        Ok(Message { kind, parent_id, parts })
    }
}

pub struct Sockets {
    pub shell: DealerSocket,
    pub control: DealerSocket,
    pub stdin: DealerSocket,
    pub iopub: SubSocket,
}

/// Connects to a process whose sockets are bound.
pub async fn connect(connection: &ConnectionInfo, session: &str) -> anyhow::Result<Sockets> {
    let identity = peer_identity_for_session(session)?;
    let shell = create_client_shell_connection_with_identity(connection, session, identity.clone());
    let shell = shell.await.context("shell")?.socket;
    let stdin = create_client_stdin_connection_with_identity(connection, session, identity);
    let stdin = stdin.await.context("stdin")?.socket;
    let control = create_client_control_connection(connection, session).await.context("control")?;
    let iopub = create_client_iopub_connection(connection, "", session).await.context("iopub")?;
    Ok(Sockets { shell, control: control.socket, stdin, iopub: iopub.socket })
}

/// Where messages to the Python process go.
pub struct Sender {
    socket: Mutex<DealerSendHalf>,
    framing: Framing,
}

impl Sender {
    pub fn new(socket: DealerSendHalf, framing: Framing) -> Sender {
        Sender { socket: Mutex::new(socket), framing }
    }

    pub async fn send(&self, parts: &[Bytes]) {
        let message = self.framing.frame(&[], parts);
        if let Err(error) = self.socket.lock().await.send(message).await {
            // Its end is noticed elsewhere, and what waits for an answer is told.
            tracing::warn!(%error, "the Python process was not reached");
        }
    }
}

/// Something that messages of the Python process come from.
pub trait Receive: Send + 'static {
    fn receive(&mut self) -> impl Future<Output = zeromq::ZmqResult<zeromq::ZmqMessage>> + Send;
}

impl Receive for DealerRecvHalf {
    async fn receive(&mut self) -> zeromq::ZmqResult<zeromq::ZmqMessage> {
        self.recv().await
    }
}

impl Receive for SubSocket {
    async fn receive(&mut self) -> zeromq::ZmqResult<zeromq::ZmqMessage> {
        self.recv().await
    }
}

/// The next message that can be understood; none when there will be no more. The socket does not
/// tell that, it looks for a process that is gone again and again: `gone` does.
pub async fn next(
    socket: &mut impl Receive,
    channel: &'static str,
    gone: impl Future<Output = ()>,
) -> Option<Message> {
    tokio::pin!(gone);
    loop {
        let received = tokio::select! {
            biased;
            received = socket.receive() => received,
            () = &mut gone => return None,
        };
        match received {
            Ok(multipart) => match Message::from_multipart(multipart) {
                Ok(message) => return Some(message),
                Err(error) => tracing::warn!(channel, %error, "message of Python not understood"),
            },
            Err(error) => {
                tracing::debug!(channel, %error, "the Python process sends no more");
                return None;
            }
        }
    }
}
