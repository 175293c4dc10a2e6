//! What the Python process says, on its way to the front ends.

use std::sync::Arc;

use lazuli_domain::MIME_RUN_REQUEST;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::sockets::{Message, Receive, next};
use super::{Living, PROBE, parent_of};
use crate::interpreter::CellError;
use crate::jupyter::iopub::Stream;
use crate::jupyter::kernel::Kernel;
use crate::jupyter::wire::{self, Parent, Replies, error_fields};

/// A request that the process has not dealt with yet.
pub struct Asked {
    parent: Parent,
    answer: Answer,
    reply: Option<Value>,
    is_replied: bool,
    is_idle: bool,
}

enum Answer {
    /// Goes to the client that asked.
    Client(Box<Replies>),
    /// Goes to a cell of the Rust kernel, which says itself that it is busy and how it ended.
    Cell(mpsc::UnboundedSender<Result<Value, CellError>>),
}

impl Asked {
    pub fn of_client(parent: Parent, replies: Replies) -> Asked {
        // Messages of comms have no reply.
        let is_replied = !parent.kind().ends_with("_request");
        let answer = Answer::Client(Box::new(replies));
        Asked { parent, answer, reply: None, is_replied, is_idle: false }
    }

    pub fn of_cell(
        parent: Parent,
        answers_tx: mpsc::UnboundedSender<Result<Value, CellError>>,
    ) -> Asked {
        let answer = Answer::Cell(answers_tx);
        Asked { parent, answer, reply: None, is_replied: false, is_idle: false }
    }

    fn is_cell(&self) -> bool {
        self.parent.kind() == "execute_request"
    }
}

/// Passes on what is published, in its order.
pub async fn iopub(kernel: Arc<Kernel>, living: Arc<Living>, mut socket: impl Receive) {
    while let Some(message) = next(&mut socket, "iopub", living.process.fell_silent()).await {
        if message.parent_id.starts_with(PROBE) {
            living.is_heard.send_replace(true);
            continue;
        }
        match message.kind.as_str() {
            "iopub_welcome" => {}
            "status" => status(&kernel, message).await,
            "display_data" | "execute_result" | "update_display_data" if asks_for_run(&message) => {
                show_run(&kernel, &message).await;
            }
            "execute_input" | "error" if is_of_rust_cell(&kernel, &message) => {}
            _ => kernel.iopub.forward(&message.kind, message.parts).await,
        }
    }
}

fn is_of_rust_cell(kernel: &Kernel, message: &Message) -> bool {
    let asked = kernel.python.asked();
    asked.get(&message.parent_id).is_some_and(|asked| matches!(asked.answer, Answer::Cell(_)))
}

async fn status(kernel: &Arc<Kernel>, message: Message) {
    let (parent, is_of_rust_cell) = match kernel.python.asked().get(&message.parent_id) {
        Some(asked) => (Some(asked.parent.clone()), matches!(asked.answer, Answer::Cell(_))),
        None => (None, false),
    };
    // Its own `starting` is of nobody's interest.
    let Some(parent) = parent else {
        if !message.parent_id.is_empty() {
            kernel.iopub.forward(&message.kind, message.parts).await;
        }
        return;
    };
    let content = message.content();
    let state = content.get("execution_state").and_then(Value::as_str).unwrap_or_default();
    let is_cell = parent.kind() == "execute_request";
    match state {
        "busy" if is_of_rust_cell => {}
        "idle" => {
            if is_cell && !is_of_rust_cell {
                kernel.displays.catch_up(kernel).await;
                kernel.end_cell(&parent).await;
            } else if !is_of_rust_cell {
                kernel.iopub.forward(&message.kind, message.parts).await;
            }
            progress(kernel, &message.parent_id, |asked| asked.is_idle = true);
        }
        "busy" if is_cell => kernel.begin_cell(&parent).await,
        _ => kernel.iopub.forward(&message.kind, message.parts).await,
    }
}

/// Notes what has happened to a request, and forgets it when everything has.
fn progress(kernel: &Kernel, id: &str, change: impl FnOnce(&mut Asked)) {
    let mut all = kernel.python.asked();
    let Some(asked) = all.get_mut(id) else { return };
    change(asked);
    if asked.is_idle
        && asked.is_replied
        && let Some(Asked { answer: Answer::Cell(answers), reply: Some(reply), .. }) =
            all.remove(id)
        && answers.send(Ok(reply)).is_err()
    {
        tracing::debug!("the cell does not wait for Python any more");
    }
}

fn asks_for_run(message: &Message) -> bool {
    std::str::from_utf8(&message.parts[3]).is_ok_and(|text| text.contains(MIME_RUN_REQUEST))
        && requested_run(message).is_some()
}

fn requested_run(message: &Message) -> Option<String> {
    let content = message.content();
    crate::display::requested_run(content.get("data")?.as_object()?)
}

/// RunDetails is drawn and followed by this kernel, as under a Rust cell.
async fn show_run(kernel: &Arc<Kernel>, message: &Message) {
    let Some((run_id, parent)) = requested_run(message).zip(parent_of(message)) else { return };
    if let Err(error) = crate::display::show(kernel, &parent, &run_id).await {
        let text = format!("the details of run `{run_id}` cannot be shown: {error}\n");
        kernel.iopub.text(&parent, Stream::Stderr, text).await;
    }
}

/// Passes replies on to who asked.
pub async fn replies(
    kernel: Arc<Kernel>,
    living: Arc<Living>,
    mut socket: impl Receive,
    channel: &'static str,
) {
    while let Some(message) = next(&mut socket, channel, living.process.fell_silent()).await {
        if message.parent_id.starts_with(PROBE) {
            living.info.send_replace(Some(message.content()));
            continue;
        }
        let asked = match kernel.python.asked().get_mut(&message.parent_id) {
            Some(Asked { answer: Answer::Cell(_), reply, .. }) => {
                *reply = Some(Value::Object(message.content()));
                None
            }
            Some(Asked { answer: Answer::Client(replies), parent, .. }) => {
                Some((replies.clone(), parent.clone()))
            }
            None => {
                tracing::debug!(kind = message.kind, "a reply that nobody waits for");
                continue;
            }
        };
        if let Some((replies, parent)) = asked {
            match message.kind.as_str() {
                "kernel_info_reply" => {
                    let info = super::notebook::info(message.content());
                    replies.send(&parent, "kernel_info_reply", info).await;
                }
                _ => replies.forward(&parent, &message.parts).await,
            }
        }
        progress(&kernel, &message.parent_id, |asked| asked.is_replied = true);
    }
}

/// `input()`: asks the person, and hands the answer back.
pub async fn questions(kernel: Arc<Kernel>, living: Arc<Living>, mut socket: impl Receive) {
    while let Some(message) = next(&mut socket, "stdin", living.process.fell_silent()).await {
        let asker = kernel.python.asked().get(&message.parent_id).map(|asked| asked.parent.clone());
        let Some(asker) = asker.filter(|_| message.kind == "input_request") else { continue };
        let (kernel, living) = (kernel.clone(), living.clone());
        tokio::spawn(async move {
            let content = message.content();
            let prompt = content.get("prompt").and_then(Value::as_str).unwrap_or_default();
            let password = content.get("password").and_then(Value::as_bool).unwrap_or(false);
            let mut interrupts = kernel.interrupts();
            let answer = tokio::select! {
                answer = kernel.stdin.ask(&asker, prompt, password) => answer,
                // The process hears of it by itself and waits no longer.
                _ = interrupts.changed() => return,
                _ = living.process.wait() => return,
            };
            // ipykernel reads this character as the end of the input.
            let value = answer.unwrap_or_else(|| "\u{4}".into());
            let reply = wire::parts("input_reply", Some(&asker.header), json!({ "value": value }));
            living.stdin.send(&reply).await;
        });
    }
}

/// Nobody answers any more: everybody who waits is told.
pub async fn fail_all(kernel: &Arc<Kernel>, error: &CellError) {
    let all: Vec<Asked> = kernel.python.asked().drain().map(|(_, asked)| asked).collect();
    // A running cell first: what waited behind it fails because of it.
    let (running, waiting): (Vec<_>, Vec<_>) = {
        let mut sorted = all;
        sorted.sort_by_key(|asked| asked.parent.header.date);
        sorted.into_iter().partition(|asked| asked.is_cell())
    };
    for asked in running.into_iter().chain(waiting) {
        match asked.answer {
            Answer::Cell(answers) => {
                if answers.send(Err(error.clone())).is_err() {
                    tracing::debug!("the cell does not wait for Python any more");
                }
            }
            Answer::Client(replies) => {
                fail(kernel, &asked.parent, &replies, asked.is_replied, error).await;
            }
        }
    }
}

/// Answers a request with an error.
pub async fn fail(
    kernel: &Arc<Kernel>,
    request: &Parent,
    replies: &Replies,
    is_replied: bool,
    error: &CellError,
) {
    let is_cell = request.kind() == "execute_request";
    kernel.begin_request(request).await;
    if is_cell && !is_replied && !request.flag("silent", false) {
        kernel.iopub.error(request, error).await;
    }
    if !is_replied && let Some(asked) = request.kind().strip_suffix("_request") {
        let mut reply: Map<String, Value> = error_fields(error);
        reply.insert("status".into(), "error".into());
        if is_cell {
            reply.insert("execution_count".into(), Value::Null);
            reply.insert("payload".into(), json!([]));
            reply.insert("user_expressions".into(), json!({}));
        }
        replies.send(request, &format!("{asked}_reply"), Value::Object(reply)).await;
    }
    match is_cell {
        true => kernel.end_cell(request).await,
        false => kernel.end_request(request).await,
    }
}
