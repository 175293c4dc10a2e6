use lazuli_domain::{NewSecret, Secret};

use super::transport::Body;
use super::{Client, encode, ignore_body, workspace_target};
use crate::Result;

impl Client {
    pub fn secrets(&self, workspace: &str) -> Result<Vec<Secret>> {
        self.get(&workspace_target(workspace, "/secrets"))
    }

    pub fn secret(&self, workspace: &str, name: &str) -> Result<NewSecret> {
        self.get(&secret_target(workspace, name))
    }

    pub fn set_secret(&self, workspace: &str, name: &str, secret: &NewSecret) -> Result<()> {
        let json = serde_json::json!({ "value": secret.value }).to_string();
        let target = secret_target(workspace, name);
        ignore_body(self.send("PUT", &target, Body::Json(json.as_bytes()))?)
    }

    pub fn delete_secret(&self, workspace: &str, name: &str) -> Result<()> {
        ignore_body(self.send("DELETE", &secret_target(workspace, name), Body::Empty)?)
    }
}

fn secret_target(workspace: &str, name: &str) -> String {
    workspace_target(workspace, &format!("/secrets/{}", encode(name)))
}
