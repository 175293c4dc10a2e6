use lazuli_domain::{DEFAULT_WORKSPACE, DaemonStatus, Health, SignInCode};

use super::transport::{Body, encode};
use super::{Client, ignore_body, parse};
use crate::Result;

impl Client {
    pub fn health(&self) -> Result<Health> {
        self.get("/health")
    }

    pub fn status(&self) -> Result<DaemonStatus> {
        self.get("/api/status")
    }

    /// An address that signs a browser in to Studio, once.
    pub fn studio_code(&self) -> Result<SignInCode> {
        parse(self.send("POST", "/api/studio/codes", Body::Empty)?)
    }

    /// The OpenAPI document of the daemon.
    pub fn openapi(&self) -> Result<serde_json::Value> {
        self.get("/api/openapi.json")
    }

    /// `MLFLOW_TRACKING_URI` for MLflow's clients, which read the workspace and the token out of it.
    /// It is a secret.
    pub fn mlflow_uri(&self, workspace: &str) -> String {
        let (scheme, place) = self.mlflow_place(workspace);
        format!("{scheme}://lazuli:{}@{place}", self.token)
    }

    /// The same as environment variables of a process, the token in one of its own: MLflow's clients
    /// print the address that they were given.
    pub fn mlflow_environment(&self, workspace: &str) -> [(&'static str, String); 2] {
        let (scheme, place) = self.mlflow_place(workspace);
        [
            ("MLFLOW_TRACKING_URI", format!("{scheme}://{place}")),
            ("MLFLOW_TRACKING_TOKEN", self.token.clone()),
        ]
    }

    /// Scheme, and host with path.
    fn mlflow_place(&self, workspace: &str) -> (&str, String) {
        let url = &self.daemon().url;
        let (scheme, host) = url.split_once("://").unwrap_or(("http", url));
        match workspace == DEFAULT_WORKSPACE {
            true => (scheme, host.to_owned()),
            false => (scheme, format!("{host}/workspaces/{}", encode(workspace))),
        }
    }

    /// Asks the daemon to end. It finishes what it has accepted; it is gone when
    /// [`crate::process::is_alive`] says so of `self.daemon().process`.
    pub fn shutdown(&self) -> Result<()> {
        ignore_body(self.send("POST", "/api/shutdown", Body::Empty)?)
    }
}
