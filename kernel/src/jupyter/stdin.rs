//! Asking the person in front of the notebook.

use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};

use super::wire::{Incoming, Parent, Replies};

/// The stdin channel; one question at a time.
pub struct Stdin {
    requests: Replies,
    answers: Mutex<mpsc::Receiver<Parent>>,
}

impl Stdin {
    pub fn start(requests: Replies, mut incoming: Incoming) -> Stdin {
        let (answers_tx, answers_rx) = mpsc::channel(16);
        tokio::spawn(async move {
            while let Some(message) = incoming.next().await {
                if message.kind() != "input_reply" {
                    tracing::warn!(kind = message.kind(), "unknown message on stdin");
                } else if answers_tx.send(message).await.is_err() {
                    return;
                }
            }
        });
        Stdin { requests, answers: Mutex::new(answers_rx) }
    }

    /// Sends the question to the client that sent `asker` (its stdin and shell sockets have the
    /// same identity) and waits for the answer. Cancelling the future withdraws the question.
    pub async fn ask(&self, asker: &Parent, prompt: &str, password: bool) -> Option<String> {
        let mut answers = self.answers.lock().await;
        // An answer that came after its cell was interrupted belongs to no question of today;
        // clients do not say which question they answer.
        while answers.try_recv().is_ok() {}
        let question = json!({ "prompt": prompt, "password": password });
        if let Err(error) = self.requests.try_send(asker, "input_request", question).await {
            tracing::warn!(%error, "the client that runs the cell has no stdin channel");
            return None;
        }
        let answer = answers.recv().await?;
        Some(answer.content.get("value").and_then(Value::as_str).unwrap_or_default().to_owned())
    }
}
