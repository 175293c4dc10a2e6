//! How the daemon is started: what the caller says, and what it reads from its environment.

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

/// Whether the environment opens a store for which no credential was registered; the names are those
/// that each store's own tools read.
pub(crate) fn has_aws_credentials() -> bool {
    has_any(&[
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ])
}

pub(crate) fn has_azure_credentials() -> bool {
    has_any(&[
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_ACCESS_KEY",
        "AZURE_STORAGE_SAS_KEY",
        "AZURE_STORAGE_SAS_TOKEN",
        "AZURE_STORAGE_CLIENT_SECRET",
        "AZURE_CLIENT_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
    ])
}

pub(crate) fn has_google_credentials() -> bool {
    has_any(&[
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_SERVICE_ACCOUNT",
        "GOOGLE_SERVICE_ACCOUNT_KEY",
    ])
}

fn has_any(names: &[&str]) -> bool {
    names.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}
