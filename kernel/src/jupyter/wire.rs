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
use jupyter_protocol::{ConnectionInfo, Header, JupyterMessage, UnknownMessage};
use jupyter_zmq_client::{Connection, RawMessage, RouterRecvConnection, RouterSendConnection};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use zeromq::{SocketRecv, SocketSend, ZmqMessage};

/// The version spoken here; 5.5 would promise `iopub_welcome`, which a PUB socket cannot send.
pub const PROTOCOL_VERSION: &str = "5.4";

/// One message of a client.
#[derive(Debug)]
pub struct Request {
    identities: Vec<Bytes>,
    pub header: Header,
    pub content: Map<String, Value>,
    /// The message as it came: header, parent, metadata, content, and buffers if there are any.
    pub parts: Vec<Bytes>,
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

    /// What is known of a request when only a message that it caused is at hand.
    pub fn known_by(header: &[u8]) -> Result<Request, serde_json::Error> {
        Ok(Request {
            identities: Vec::new(),
            header: serde_json::from_value(Value::Object(whole_header(header)?))?,
            content: Map::new(),
            parts: Vec::new(),
        })
    }

    fn from_raw(raw: RawMessage) -> Result<Request, serde_json::Error> {
        let [header, _parent, _metadata, content, ..] = raw.jparts.as_slice() else {
            // `RawMessage::from_multipart` refuses a message with fewer than four parts.
            return Err(serde::de::Error::custom("a message has four parts"));
        };
        let header = serde_json::from_value(Value::Object(whole_header(header)?))?;
        let content = match serde_json::from_slice(content)? {
            Value::Object(content) => content,
            _ => Map::new(),
        };
        Ok(Request { identities: raw.zmq_identities, header, content, parts: raw.jparts })
    }
}

/// A header with every field that a typed one must have.
fn whole_header(header: &[u8]) -> Result<Map<String, Value>, serde_json::Error> {
    let mut header: Map<String, Value> = serde_json::from_slice(header)?;
    for (field, default) in [("msg_id", ""), ("username", ""), ("session", ""), ("version", "5.0")]
    {
        if !header.get(field).is_some_and(Value::is_string) {
            header.insert(field.into(), default.into());
        }
    }
    Ok(header)
}

/// Frames messages that are passed on as they came; they are only signed anew.
#[derive(Clone)]
pub struct Framing {
    key: Arc<[u8]>,
}

impl Framing {
    pub fn of(connection: &ConnectionInfo) -> Framing {
        Framing { key: connection.key.as_bytes().into() }
    }

    pub fn frame(&self, identities: &[Bytes], parts: &[Bytes]) -> ZmqMessage {
        let mut frames = identities.to_vec();
        frames.push(Bytes::from_static(b"<IDS|MSG>"));
        frames.push(Bytes::from(self.signature(parts)));
        frames.extend_from_slice(parts);
        // It fails only without any frame.
        ZmqMessage::try_from(frames).unwrap_or_else(|_| ZmqMessage::from(Vec::<u8>::new()))
    }

    /// HMAC-SHA256 of the four parts that are JSON, in hexadecimal digits; nothing without a key.
    fn signature(&self, parts: &[Bytes]) -> String {
        if self.key.is_empty() {
            return String::new();
        }
        let mut key = [0u8; 64];
        if self.key.len() > key.len() {
            key[..32].copy_from_slice(&Sha256::digest(&self.key));
        } else {
            key[..self.key.len()].copy_from_slice(&self.key);
        }
        let mut inner = Sha256::new_with_prefix(key.map(|byte| byte ^ 0x36));
        for part in parts.iter().take(4) {
            inner.update(part);
        }
        let outer = Sha256::new_with_prefix(key.map(|byte| byte ^ 0x5c));
        format!("{:x}", outer.chain_update(inner.finalize()).finalize())
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
    framing: Framing,
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
            framing: self.framing.clone(),
            channel: self.channel,
        }
    }
}

impl Replies {
    /// Passes a message on to the client that sent `to`.
    pub async fn forward(&self, to: &Parent, parts: &[Bytes]) {
        let message = self.framing.frame(&to.identities, parts);
        if let Err(error) = self.clone().connection.socket.send(message).await {
            tracing::warn!(channel = self.channel, %error, "could not pass on");
        }
    }

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
    framing: &Framing,
    channel: &'static str,
) -> (Replies, Incoming) {
    let (send, receive) = connection.split();
    let replies = Replies { connection: send, framing: framing.clone(), channel };
    (replies, Incoming { connection: receive, channel })
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

/// The parts of a message of our own, for somebody who passes parts on.
pub fn parts(msg_type: &str, parent: Option<&Header>, content: Value) -> Vec<Bytes> {
    parts_of(message(msg_type, parent, content))
}

/// The same with a message id by which its answers are known.
pub fn parts_with_id(msg_type: &str, id: &str, content: Value) -> Vec<Bytes> {
    let mut message = message(msg_type, None, content);
    message.header.msg_id = id.to_owned();
    parts_of(message)
}

fn parts_of(message: JupyterMessage) -> Vec<Bytes> {
    let json = |value: serde_json::Result<Value>| {
        Bytes::from(value.unwrap_or_else(|_| json!({})).to_string())
    };
    let content = match message.content {
        jupyter_protocol::JupyterMessageContent::UnknownMessage(unknown) => unknown.content,
        _ => json!({}),
    };
    vec![
        json(serde_json::to_value(message.header)),
        message
            .parent_header
            .map_or(Bytes::from("{}"), |header| json(serde_json::to_value(header))),
        Bytes::from("{}"),
        Bytes::from(content.to_string()),
    ]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_passed_on_is_signed_as_the_crate_signs() {
        let parts: Vec<Bytes> =
            ["{}", "{}", "{}", "{\"a\":1}", "buffer"].into_iter().map(Bytes::from).collect();
        for key in ["secret", &"long".repeat(40)] {
            let framing = Framing { key: key.as_bytes().into() };
            let framed = framing.frame(&[Bytes::from("client")], &parts);
            let mac = Connection::new(zeromq_socket(), key, "").mac;
            let read = RawMessage::from_multipart(framed, &mac).expect("the signature is right");
            assert_eq!(
                (read.zmq_identities, read.jparts),
                (vec![Bytes::from("client")], parts.clone())
            );
        }
    }

    fn zeromq_socket() -> zeromq::DealerSocket {
        zeromq::Socket::new()
    }
}
