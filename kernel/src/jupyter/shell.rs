//! The shell channel: cells go to a queue of their own, everything else is answered beside them.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::kernel::Kernel;
use super::survive::survive;
use super::wire::{Incoming, Parent, Replies, error_fields};
use super::{complete, inspect};
use crate::cell;
use crate::interpreter::{CellError, Completeness};

pub async fn serve(
    kernel: Arc<Kernel>,
    mut incoming: Incoming,
    replies: Replies,
    cells_tx: mpsc::UnboundedSender<Parent>,
) {
    while let Some(request) = incoming.next().await {
        match request.kind() {
            "execute_request" => {
                if cells_tx.send(request).is_err() {
                    return;
                }
            }
            // Deprecated on this channel since 5.4, and still sent.
            "shutdown_request" => kernel.shut_down(&request, &replies).await,
            // These two may take a while; what follows them must not wait.
            "complete_request" | "inspect_request" => {
                let (kernel, replies) = (kernel.clone(), replies.clone());
                tokio::spawn(async move {
                    kernel.begin_request(&request).await;
                    let (reply, content) = match request.kind() {
                        "complete_request" => {
                            ("complete_reply", survive(complete::reply(&kernel, &request)).await)
                        }
                        _ => ("inspect_reply", survive(inspect::reply(&kernel, &request)).await),
                    };
                    replies.send(&request, reply, content.unwrap_or_else(error_reply)).await;
                    kernel.end_request(&request).await;
                });
            }
            // Widgets of `%%python` cells.
            "comm_open" | "comm_msg" | "comm_close" | "comm_info_request"
                if kernel.python.pass_on_if_running(&request, &replies).await => {}
            _ => {
                kernel.begin_request(&request).await;
                match survive(at_once(&kernel, &request)).await {
                    Ok(Some((reply, content))) => replies.send(&request, reply, content).await,
                    Ok(None) => {
                        tracing::debug!(kind = request.kind(), "no reply to this kind of message");
                    }
                    Err(error) => {
                        let reply = request.kind().replace("_request", "_reply");
                        replies.send(&request, &reply, error_reply(error)).await;
                    }
                }
                kernel.end_request(&request).await;
            }
        }
    }
}

pub fn error_reply(error: CellError) -> Value {
    let mut reply = error_fields(&error);
    reply.insert("status".into(), "error".into());
    Value::Object(reply)
}

/// What needs no waiting.
async fn at_once(kernel: &Kernel, request: &Parent) -> Option<(&'static str, Value)> {
    Some(match request.kind() {
        "kernel_info_request" => ("kernel_info_reply", Kernel::info()),
        "is_complete_request" => ("is_complete_reply", is_complete(request.text("code"))),
        "history_request" => {
            let history = kernel.history.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            ("history_reply", history.reply(request))
        }
        // No comm target lives here: RunDetails is a display that is updated.
        "comm_info_request" => ("comm_info_reply", json!({ "status": "ok", "comms": {} })),
        "comm_open" => {
            let comm_id = request.text("comm_id");
            tracing::info!(target_name = request.text("target_name"), "unknown comm target");
            let content = json!({ "comm_id": comm_id, "data": {} });
            kernel.iopub.message(Some(request), "comm_close", content).await;
            return None;
        }
        "comm_msg" | "comm_close" => return None,
        kind => {
            tracing::warn!(kind, "unknown message on shell");
            return None;
        }
    })
}

fn is_complete(code: &str) -> Value {
    match cell::completeness(code) {
        Completeness::Complete => json!({ "status": "complete" }),
        Completeness::Incomplete => json!({ "status": "incomplete", "indent": "    " }),
        Completeness::Invalid => json!({ "status": "invalid" }),
    }
}
