//! Messages as they travel: <https://jupyter-client.readthedocs.io/en/latest/messaging.html>.
//!
//! jupyter-zmq-client binds the sockets, checks and makes signatures and frames messages. Two
//! things are done by hand. Requests are read as loose JSON, because the typed parser refuses a
//! request that lacks a field ipykernel has a default for (`silent`, `detail_level`, a header
//! without `username`). Replies are written as JSON objects, because the typed ones cannot say
//! every field (`supported_features` of kernel_info, an output of `null` in history) and write
//! `null` where clients expect an object (`user_expressions`).

use std::sync::Arc;

use bytes::Bytes;
use jupyter_protocol::{Header, JupyterMessage, UnknownMessage};
use jupyter_zmq_client::{Connection, RawMessage, RouterRecvConnection, RouterSendConnection};
use serde_json::{Map, Value, json};
use zeromq::SocketRecv;

/// The version spoken here; 5.5 would promise `iopub_welcome`, which a PUB socket cannot send.
pub const PROTOCOL_VERSION: &str = "5.4";

/// One message of a client.
#[derive(Debug)]
pub struct Request {
    identities: Vec<Bytes>,
    pub header: Header,
    pub content: Map<String, Value>,
}

/// A request is the parent of everything that happens because of it.
pub type Parent = Arc<Request>;

impl Request {
    pub fn kind(&self) -> &str {
        &self.header.msg_type
    }

    pub fn text(&self, field: &str) -> &str {
        self.content.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn flag(&self, field: &str, default: bool) -> bool {
        self.content.get(field).and_then(Value::as_bool).unwrap_or(default)
    }

    pub fn number(&self, field: &str) -> Option<i64> {
        self.content.get(field).and_then(Value::as_i64)
    }

    fn from_raw(raw: RawMessage) -> Result<Request, serde_json::Error> {
        let [header, _parent, _metadata, content, ..] = raw.jparts.as_slice() else {
            // `RawMessage::from_multipart` refuses a message with fewer than four parts.
            return Err(serde::de::Error::custom("a message has four parts"));
        };
        let mut header: Map<String, Value> = serde_json::from_slice(header)?;
        for (field, default) in
            [("msg_id", ""), ("username", ""), ("session", ""), ("version", "5.0")]
        {
            if !header.get(field).is_some_and(Value::is_string) {
                header.insert(field.into(), default.into());
            }
        }
        let header = serde_json::from_value(Value::Object(header))?;
        let content = match serde_json::from_slice(content)? {
            Value::Object(content) => content,
            _ => Map::new(),
        };
        Ok(Request { identities: raw.zmq_identities, header, content })
    }
}

/// The side of a ROUTER socket that requests come from.
pub struct Incoming {
    connection: RouterRecvConnection,
    channel: &'static str,
}

impl Incoming {
    /// The next well-formed request; `None` when the socket is closed. What is badly signed or no
    /// message at all is logged and skipped: it must not end the kernel.
    pub async fn next(&mut self) -> Option<Parent> {
        loop {
            let multipart = match self.connection.socket.recv().await {
                Ok(multipart) => multipart,
                Err(zeromq::ZmqError::NoMessage) => return None,
                Err(error) => {
                    tracing::warn!(channel = self.channel, %error, "could not receive");
                    continue;
                }
            };
            let raw = match RawMessage::from_multipart(multipart, &self.connection.mac) {
                Ok(raw) => raw,
                Err(error) => {
                    tracing::warn!(channel = self.channel, %error, "message refused");
                    continue;
                }
            };
            match Request::from_raw(raw) {
                Ok(request) => {
                    tracing::debug!(channel = self.channel, kind = request.kind(), "received");
                    return Some(Arc::new(request));
                }
                Err(error) => {
                    tracing::warn!(channel = self.channel, %error, "message not understood");
                }
            }
        }
    }
}

/// The side of a ROUTER socket that replies go to.
pub struct Replies {
    connection: RouterSendConnection,
    channel: &'static str,
}

impl Clone for Replies {
    fn clone(&self) -> Self {
        Self {
            connection: Connection {
                socket: self.connection.socket.clone(),
                mac: self.connection.mac.clone(),
                session_id: self.connection.session_id.clone(),
            },
            channel: self.channel,
        }
    }
}

impl Replies {
    pub async fn send(&self, to: &Parent, msg_type: &str, content: Value) {
        if let Err(error) = self.try_send(to, msg_type, content).await {
            // The client may be gone by now; that is no reason to stop.
            tracing::warn!(channel = self.channel, msg_type, %error, "could not send");
        }
    }

    pub async fn try_send(
        &self,
        to: &Parent,
        msg_type: &str,
        content: Value,
    ) -> Result<(), jupyter_zmq_client::RuntimeError> {
        let mut connection = self.clone().connection;
        let message = message(msg_type, Some(&to.header), content);
        connection.send(message.with_zmq_identities(to.identities.clone())).await
    }
}

/// Splits a bound ROUTER socket into its two sides.
pub fn split(
    connection: Connection<zeromq::RouterSocket>,
    channel: &'static str,
) -> (Replies, Incoming) {
    let (send, receive) = connection.split();
    (Replies { connection: send, channel }, Incoming { connection: receive, channel })
}

/// A message for everybody; its first frame is the topic, as ipykernel has it.
pub fn broadcast(msg_type: &str, parent: Option<&Header>, content: Value) -> JupyterMessage {
    let topic = Bytes::from(format!("kernel.{msg_type}"));
    message(msg_type, parent, content).with_zmq_identities(vec![topic])
}

fn message(msg_type: &str, parent: Option<&Header>, content: Value) -> JupyterMessage {
    let content = UnknownMessage { msg_type: msg_type.to_owned(), content };
    let mut message = JupyterMessage::new(content, None);
    message.header.username = "kernel".to_owned();
    message.header.version = PROTOCOL_VERSION.to_owned();
    message.parent_header = parent.cloned();
    message
}

/// The fields of an error reply and of an `error` broadcast.
pub fn error_fields(error: &crate::interpreter::CellError) -> Map<String, Value> {
    let fields = json!({
        "ename": error.name,
        "evalue": error.value,
        "traceback": error.traceback,
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
