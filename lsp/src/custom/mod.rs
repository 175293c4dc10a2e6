//! Requests and notifications beyond LSP: the explorer, actions, pictures of runs, logs, events.
//! `docs/language-server.md` describes each.

pub mod command;
pub mod content;
pub mod display;
pub mod log;
pub mod notifications;
pub mod status;
pub mod tree;

use std::borrow::Cow;

use lazuli::client::Client;
use lazuli_domain::ErrorKind;
use serde_json::json;
use tower_lsp_server::jsonrpc::{Error, ErrorCode, Result};

/// The daemon is not there.
const UNAVAILABLE: i64 = -32001;
/// It was there, and said no.
const REFUSED: i64 = -32002;

/// Asks the daemon that runs, beside the loop: the client blocks. Looking at something starts none.
pub async fn ask<T: Send + 'static>(
    work: impl FnOnce(&Client) -> lazuli::Result<T> + Send + 'static,
) -> Result<T> {
    blocking(move || {
        let client = Client::connect_existing()?.ok_or_else(|| {
            lazuli_domain::ApiError::unavailable("no daemon runs").hint("`lazuli/start` starts one")
        })?;
        work(&client)
    })
    .await
}

pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> lazuli::Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| refusal(&error)),
        Err(error) => {
            tracing::error!(%error, "a defect of the language server");
            Err(Error::internal_error())
        }
    }
}

/// An error as the editor gets it: one sentence, its kind, and what to do next.
pub fn refusal(error: &lazuli::Error) -> Error {
    let code = match error.kind() {
        ErrorKind::Unavailable | ErrorKind::VersionMismatch => UNAVAILABLE,
        _ => REFUSED,
    };
    Error {
        code: ErrorCode::ServerError(code),
        message: Cow::Owned(error.message().to_owned()),
        data: Some(json!({ "kind": error.kind(), "hint": error.hint() })),
    }
}

pub fn invalid(message: impl Into<String>) -> Error {
    Error { code: ErrorCode::InvalidParams, message: Cow::Owned(message.into()), data: None }
}
