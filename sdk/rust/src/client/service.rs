use lazuli_domain::{DaemonStatus, Health};

use super::transport::Body;
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

    /// Asks the daemon to end. It finishes what it has accepted; it is gone when
    /// [`crate::process::is_alive`] says so of `self.daemon().process`.
    pub fn shutdown(&self) -> Result<()> {
        ignore_body(self.send("POST", "/api/shutdown", Body::Empty)?)
    }
}
