//! `execute_request`: one cell after the other, in the order in which they came.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, timeout_at};

use super::iopub::Stream;
use super::kernel::Kernel;
use super::survive::survive;
use super::wire::{Parent, Replies, error_fields};
use crate::cell::{self, Cell};
use crate::interpreter::{CellError, Output};

/// "Run all" sends cell after cell without waiting; when the first fails at once, the others may
/// not all have been read from the socket yet.
const STILL_ARRIVING: Duration = Duration::from_millis(20);

pub async fn serve(
    kernel: Arc<Kernel>,
    replies: Replies,
    mut cells_rx: mpsc::UnboundedReceiver<Parent>,
) {
    // The number of the next cell that is kept in the history.
    let mut next_count: u32 = 1;
    while let Some(request) = cells_rx.recv().await {
        let code = request.text("code");
        let silent = request.flag("silent", false);
        let store_history = !silent && request.flag("store_history", true);

        kernel.begin_cell(&request).await;
        let execution_count = next_count;
        if store_history && !code.trim().is_empty() {
            next_count += 1;
        }
        if !silent {
            let input = json!({ "code": code, "execution_count": execution_count });
            kernel.iopub.message(Some(&request), "execute_input", input).await;
        }
        let mut cell = Cell::new(kernel.clone(), request.clone(), execution_count, silent);
        let outcome = survive(cell::run(&mut cell, code)).await.and_then(|outcome| outcome);
        if store_history && !code.trim().is_empty() {
            let mut history = kernel.history.lock().unwrap_or_else(|lock| lock.into_inner());
            history.add(execution_count, code, cell.take_result_text());
        }
        kernel.displays.catch_up(&kernel).await;

        let reply = match &outcome {
            Ok(()) => {
                let expressions = user_expressions(&mut cell, &request).await;
                json!({
                    "status": "ok",
                    "execution_count": execution_count,
                    "payload": [],
                    "user_expressions": expressions,
                })
            }
            Err(error) => {
                if !silent {
                    kernel.iopub.error(&request, error).await;
                }
                error_reply(error, execution_count)
            }
        };
        // Only what came before the reply is aborted: a client that has seen it may go on.
        let mut waiting = Vec::new();
        if outcome.is_err() && request.flag("stop_on_error", true) {
            let deadline = Instant::now() + STILL_ARRIVING;
            while let Ok(Some(request)) = timeout_at(deadline, cells_rx.recv()).await {
                waiting.push(request);
            }
        }
        replies.send(&request, "execute_reply", reply).await;
        kernel.end_cell(&request).await;
        for request in waiting {
            kernel.begin_cell(&request).await;
            let aborted = CellError {
                name: "Aborted".into(),
                value: "not run, because an earlier cell failed".into(),
                traceback: Vec::new(),
            };
            replies.send(&request, "execute_reply", error_reply(&aborted, next_count)).await;
            kernel.end_cell(&request).await;
        }
    }
}

/// What threads put out after their cell has ended.
pub async fn publish_background(kernel: Arc<Kernel>, mut outputs_rx: mpsc::Receiver<Output>) {
    while let Some(output) = outputs_rx.recv().await {
        let Some(parent) = kernel.last_cell() else { continue };
        match output {
            Output::Stdout(text) => kernel.iopub.text(&parent, Stream::Stdout, text).await,
            Output::Stderr(text) => kernel.iopub.text(&parent, Stream::Stderr, text).await,
            Output::Display(data) | Output::Result(data) => {
                match crate::display::requested_run(&data) {
                    Some(run_id) => {
                        if let Err(error) = crate::display::show(&kernel, &parent, &run_id).await {
                            tracing::warn!(%error, run_id, "the run cannot be shown");
                        }
                    }
                    None => kernel.iopub.display(&parent, data).await,
                }
            }
            // Nobody may be asked when no cell runs: dropping the reply ends the input.
            Output::Input { reply, .. } => drop(reply),
        }
    }
}

fn error_reply(error: &CellError, execution_count: u32) -> Value {
    let mut reply = error_fields(error);
    reply.insert("status".into(), "error".into());
    reply.insert("execution_count".into(), execution_count.into());
    reply.insert("payload".into(), json!([]));
    reply.insert("user_expressions".into(), json!({}));
    Value::Object(reply)
}

async fn user_expressions(cell: &mut Cell, request: &Parent) -> Map<String, Value> {
    let mut results = Map::new();
    let Some(Value::Object(expressions)) = request.content.get("user_expressions") else {
        return results;
    };
    for (name, expression) in expressions {
        let expression = expression.as_str().unwrap_or_default();
        let result = match cell::rust::evaluate(cell, expression).await {
            Ok(data) => json!({ "status": "ok", "data": data, "metadata": {} }),
            Err(error) => {
                let mut fields = error_fields(&error);
                fields.insert("status".into(), "error".into());
                Value::Object(fields)
            }
        };
        results.insert(name.clone(), result);
    }
    results
}
