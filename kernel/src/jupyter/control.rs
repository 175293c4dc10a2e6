//! The control channel: served on its own, so that it answers while a cell runs.

use std::sync::Arc;

use serde_json::json;

use super::kernel::Kernel;
use super::wire::{Incoming, Replies};

pub async fn serve(kernel: Arc<Kernel>, mut incoming: Incoming, replies: Replies) {
    while let Some(request) = incoming.next().await {
        match request.kind() {
            "interrupt_request" => {
                kernel.begin_request(&request).await;
                kernel.interrupt();
                replies.send(&request, "interrupt_reply", json!({ "status": "ok" })).await;
                kernel.end_request(&request).await;
            }
            "shutdown_request" => kernel.shut_down(&request, &replies).await,
            "kernel_info_request" => {
                kernel.begin_request(&request).await;
                replies.send(&request, "kernel_info_reply", Kernel::info()).await;
                kernel.end_request(&request).await;
            }
            // Subshells and the debugger are not offered; the protocol wants no reply then.
            kind => tracing::warn!(kind, "unknown message on control"),
        }
    }
}
