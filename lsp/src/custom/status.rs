use lazuli::client::Client;
use serde::{Deserialize, Serialize};
use tower_lsp_server::jsonrpc::Result;

use super::blocking;
use crate::main_loop::Snapshot;
use crate::watcher::Daemon;

#[derive(Debug, Serialize, Deserialize)]
pub struct Status {
    /// `running` or `absent`.
    pub daemon: String,
    pub workspace: String,
    pub version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Status {
    pub fn of(snapshot: &Snapshot) -> Status {
        let (daemon, message) = match &snapshot.daemon {
            Daemon::Running => ("running", None),
            Daemon::Absent { message } => ("absent", message.clone()),
        };
        Status {
            daemon: daemon.into(),
            workspace: snapshot.workspace.clone(),
            version: lazuli_domain::VERSION.into(),
            message,
        }
    }
}

/// Starts a daemon when none runs.
pub async fn start(snapshot: &Snapshot) -> Result<Status> {
    blocking(|| Client::connect().map(drop)).await?;
    Ok(Status { daemon: "running".into(), message: None, ..Status::of(snapshot) })
}
