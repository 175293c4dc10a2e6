use lazuli_domain::{DEFAULT_WORKSPACE, DaemonStatus, Health};

use super::transport::{Body, encode};
use super::{Client, ignore_body};
use crate::Result;

impl Client {
    pub fn health(&self) -> Result<Health> {
        self.get("/health")
    }

    pub fn status(&self) -> Result<DaemonStatus> {
        self.get("/api/status")
    }

    /// The OpenAPI document of the daemon.
    pub fn openapi(&self) -> Result<serde_json::Value> {
        self.get("/api/openapi.json")
    }

    /// `MLFLOW_TRACKING_URI` for MLflow's clients, which read the workspace and the token out of it.
    /// It is a secret.
    pub fn mlflow_uri(&self, workspace: &str) -> String {
        let (scheme, place) =
            self.daemon().url.split_once("://").unwrap_or(("http", &self.daemon().url));
        let path = match workspace == DEFAULT_WORKSPACE {
            true => String::new(),
            false => format!("/workspaces/{}", encode(workspace)),
        };
        format!("{scheme}://lazuli:{}@{place}{path}", self.token)
    }

    /// Asks the daemon to end. It finishes what it has accepted; it is gone when
    /// [`crate::process::is_alive`] says so of `self.daemon().process`.
    pub fn shutdown(&self) -> Result<()> {
        ignore_body(self.send("POST", "/api/shutdown", Body::Empty)?)
    }
}
