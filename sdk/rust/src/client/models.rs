use lazuli_domain::{Model, ModelPatch, NewModel, RegisteredModel, RegisteredModelPatch};

use super::transport::Body;
use super::{Client, Download, encode, encode_path, ignore_body, query, workspace_target};
use crate::Result;

impl Client {
    /// The newest version first per name; of one name when it is given.
    pub fn models(&self, workspace: &str, name: Option<&str>) -> Result<Vec<Model>> {
        self.get(&workspace_target(workspace, &format!("/models{}", query(&[("name", name)]))))
    }

    /// Versions that are deleted.
    pub fn deleted_models(&self, workspace: &str, name: Option<&str>) -> Result<Vec<Model>> {
        let query = query(&[("name", name), ("deleted", Some("true"))]);
        self.get(&workspace_target(workspace, &format!("/models{query}")))
    }

    /// Registers the next version of a model.
    pub fn create_model(&self, workspace: &str, model: &NewModel) -> Result<Model> {
        self.post(&workspace_target(workspace, "/models"), model)
    }

    /// The latest version when none is given.
    pub fn model(&self, workspace: &str, name: &str, version: Option<u64>) -> Result<Model> {
        let version = version.map(|version| version.to_string());
        let query = query(&[("version", version.as_deref())]);
        self.get(&workspace_target(workspace, &format!("/models/{}{query}", encode(name))))
    }

    /// What belongs to the name: tags, aliases, the newest version of each stage.
    pub fn registered_model(&self, workspace: &str, name: &str) -> Result<RegisteredModel> {
        self.get(&name_target(workspace, name, "/registered"))
    }

    pub fn patch_registered_model(
        &self,
        workspace: &str,
        name: &str,
        patch: &RegisteredModelPatch,
    ) -> Result<RegisteredModel> {
        self.send_json("PATCH", &name_target(workspace, name, ""), patch)
    }

    /// Hides the model and all its versions.
    pub fn delete_registered_model(&self, workspace: &str, name: &str) -> Result<()> {
        ignore_body(self.send("DELETE", &name_target(workspace, name, ""), Body::Empty)?)
    }

    /// Brings the model back, with the versions that were deleted with it.
    pub fn restore_registered_model(&self, workspace: &str, name: &str) -> Result<RegisteredModel> {
        self.call("POST", &name_target(workspace, name, "/restore"))
    }

    pub fn patch_model(
        &self,
        workspace: &str,
        name: &str,
        version: u64,
        patch: &ModelPatch,
    ) -> Result<Model> {
        self.send_json("PATCH", &name_target(workspace, name, &format!("/{version}")), patch)
    }

    /// Hides a version.
    pub fn delete_model(&self, workspace: &str, name: &str, version: u64) -> Result<()> {
        let target = name_target(workspace, name, &format!("/{version}"));
        ignore_body(self.send("DELETE", &target, Body::Empty)?)
    }

    pub fn restore_model(&self, workspace: &str, name: &str, version: u64) -> Result<Model> {
        self.call("POST", &name_target(workspace, name, &format!("/{version}/restore")))
    }

    pub fn get_model_file(
        &self,
        workspace: &str,
        name: &str,
        version: u64,
        path: &str,
    ) -> Result<Download> {
        let rest = format!("/models/{}/{version}/files/{}", encode(name), encode_path(path));
        Ok(Download::new(self.send("GET", &workspace_target(workspace, &rest), Body::Empty)?))
    }
}

fn name_target(workspace: &str, name: &str, rest: &str) -> String {
    workspace_target(workspace, &format!("/models/{}{rest}", encode(name)))
}
