//! The heartbeat, on a thread of its own: it answers while everything else is busy.

use jupyter_protocol::ConnectionInfo;
use zeromq::{SocketRecv, SocketSend};

/// Binds the socket and answers every message with its own bytes until the process ends.
pub fn start(connection: ConnectionInfo) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("heartbeat".into()).spawn(move || {
        runtime.block_on(async {
            // The crate's own `single_heartbeat` answers "pong" whatever came; the protocol wants
            // an echo.
            match jupyter_zmq_client::create_kernel_heartbeat_connection(&connection).await {
                Ok(mut heartbeat) => loop {
                    match heartbeat.socket.recv().await {
                        Ok(message) => {
                            if let Err(error) = heartbeat.socket.send(message).await {
                                tracing::debug!(%error, "heartbeat not answered");
                            }
                        }
                        // Nobody can connect any more.
                        Err(zeromq::ZmqError::NoMessage) => return,
                        // A client that went away; the others still want their answers.
                        Err(error) => tracing::debug!(%error, "heartbeat not received"),
                    }
                },
                Err(error) => tracing::error!(%error, "the heartbeat socket could not be bound"),
            }
        });
    })?;
    Ok(())
}
