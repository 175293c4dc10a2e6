//! How the daemon is started: what the caller says, and the one environment variable it reads.

use std::path::PathBuf;

use crate::storage::Storage;

/// How to serve.
#[derive(Clone)]
pub struct ServeOptions {
    /// `$LAZULI_HOME`.
    pub home: PathBuf,
    /// Address to listen on; `127.0.0.1` is the one that no other machine reaches.
    pub host: String,
    /// 0: one that is free.
    pub port: u16,
    /// Started by a client that needs a daemon: leaves the client's session, writes its log as JSON
    /// lines, and says nothing when another daemon was quicker.
    pub on_demand: bool,
    /// Another place for rows or files than the home; what is absent is as it was said before.
    pub storage: Storage,
}

/// What is logged: `LAZULI_LOG`, in the syntax of `tracing-subscriber` (`debug`,
/// `lazuli_backend::http=debug`).
pub(crate) fn log_filter() -> String {
    std::env::var("LAZULI_LOG").unwrap_or_else(|_unset| "info".to_owned())
}
