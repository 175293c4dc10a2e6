use lazuli_domain::{Model, NewModel};

use super::transport::Body;
use super::{Client, Download, encode, encode_path, query, workspace_target};
use crate::Result;

impl Client {
    /// The newest version first per name; of one name when it is given.
    pub fn models(&self, workspace: &str, name: Option<&str>) -> Result<Vec<Model>> {
        self.get(&workspace_target(workspace, &format!("/models{}", query(&[("name", name)]))))
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
