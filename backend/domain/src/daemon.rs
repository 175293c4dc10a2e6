use serde::{Deserialize, Serialize};

use crate::ProcessIdentity;

/// The version of this build; client and daemon must agree on it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Request header in which a client says its version. The daemon answers another version with
/// `version_mismatch` (426); a request without it (a browser, curl) is served.
pub const VERSION_HEADER: &str = "x-lazuli-version";

/// `$LAZULI_HOME/daemon.json`, written when the daemon listens, removed when it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonInfo {
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub url: String,
    pub version: String,
    pub process: ProcessIdentity,
    /// The `lazuli` program that serves.
    pub executable: String,
    /// True in the folder that a daemon has on another machine: it is reached over a link, which may
    /// be cut and comes back; no client there starts a daemon.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_remote: bool,
}

/// Answer to `GET /health`, the one route without a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// Always `ok`.
    pub status: String,
    pub version: String,
    pub pid: u32,
}

/// Answer to `GET /api/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DaemonStatus {
    pub version: String,
    pub pid: u32,
    pub url: String,
    pub home: String,
    pub started_at_ms: i64,
    /// Resident memory in bytes.
    pub memory: u64,
    pub workspaces: u64,
    pub runs: u64,
    /// Runs that have not ended.
    pub active_runs: u64,
    pub models: u64,
    /// Sequence number of the newest event.
    pub last_event: u64,
    /// Which database keeps the rows: `SQLite 3.54.1`, or where PostgreSQL is.
    pub database: String,
}
