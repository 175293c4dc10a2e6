//! The kernel "Lazuli (Python)": what front ends ask goes to the Python process. Answered here are
//! magics that are being typed, interrupts and the end of the session.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::passing::{self, Asked};
use crate::jupyter::kernel::Kernel;
use crate::jupyter::shell::error_reply;
use crate::jupyter::survive::survive;
use crate::jupyter::wire::{Incoming, Parent, Replies};
use crate::jupyter::{complete, inspect};

pub async fn serve_shell(kernel: Arc<Kernel>, mut incoming: Incoming, replies: Replies) {
    while let Some(request) = incoming.next().await {
        match request.kind() {
            "shutdown_request" => kernel.shut_down(&request, &replies).await,
            "complete_request" | "inspect_request" if is_in_magic(&kernel, &request) => {
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
            _ => pass_on(&kernel, request, &replies, Channel::Shell).await,
        }
    }
}

pub async fn serve_control(kernel: Arc<Kernel>, mut incoming: Incoming, replies: Replies) {
    while let Some(request) = incoming.next().await {
        match request.kind() {
            "interrupt_request" => {
                kernel.begin_request(&request).await;
                kernel.interrupt();
                kernel.python.interrupt().await;
                replies.send(&request, "interrupt_reply", json!({ "status": "ok" })).await;
                kernel.end_request(&request).await;
            }
            "shutdown_request" => kernel.shut_down(&request, &replies).await,
            _ => pass_on(&kernel, request, &replies, Channel::Control).await,
        }
    }
}

#[derive(Clone, Copy)]
enum Channel {
    Shell,
    Control,
}

async fn pass_on(kernel: &Arc<Kernel>, request: Parent, replies: &Replies, channel: Channel) {
    // Another machine may first have to make its Python; the notebook opens meanwhile.
    if request.kind() == "kernel_info_request" && kernel.python.is_to_be_started_elsewhere().await {
        kernel.begin_request(&request).await;
        replies.send(&request, "kernel_info_reply", info(Map::new())).await;
        return kernel.end_request(&request).await;
    }
    let living = match kernel.python.living(kernel, &request).await {
        Ok(living) => living,
        // The notebook opens, and a cell says what is missing.
        Err(_) if request.kind() == "kernel_info_request" => {
            kernel.begin_request(&request).await;
            replies.send(&request, "kernel_info_reply", info(Map::new())).await;
            return kernel.end_request(&request).await;
        }
        Err(error) => return passing::fail(kernel, &request, replies, false, &error).await,
    };
    let id = request.header.msg_id.clone();
    let parts = request.parts.clone();
    kernel.python.asked().insert(id, Asked::of_client(request, replies.clone()));
    match channel {
        Channel::Shell => living.shell.send(&parts).await,
        Channel::Control => living.control.send(&parts).await,
    }
}

/// ipykernel's words about itself, in the name of this kernel.
pub fn info(of_child: Map<String, Value>) -> Value {
    let mut info = of_child;
    let own = json!({
        "status": "ok",
        "implementation": "lazuli",
        "implementation_version": lazuli_domain::VERSION,
        "banner": format!(
            "Lazuli {}: Python cells, and magics (%help lists them)",
            lazuli_domain::VERSION
        ),
    });
    if !info.contains_key("language_info") {
        info.insert("protocol_version".into(), crate::jupyter::wire::PROTOCOL_VERSION.into());
        info.insert(
            "language_info".into(),
            json!({
                "name": "python",
                "version": "3",
                "mimetype": "text/x-python",
                "file_extension": ".py",
                "pygments_lexer": "ipython3",
                "codemirror_mode": { "name": "ipython", "version": 3 },
                "nbconvert_exporter": "python",
            }),
        );
    }
    if let Value::Object(own) = own {
        info.extend(own);
    }
    // `iopub_welcome` is promised by 5.5 and cannot be sent; see `wire`.
    if let Some(Value::Array(features)) = info.get_mut("supported_features") {
        features.retain(|feature| feature != "kernel subshells");
    }
    Value::Object(info)
}

/// Whether the cursor stands in a magic of ours. IPython knows the others.
fn is_in_magic(kernel: &Kernel, request: &Parent) -> bool {
    let code = request.text("code");
    kernel.python_magic(code, complete::cursor(request, code)).is_some()
}
