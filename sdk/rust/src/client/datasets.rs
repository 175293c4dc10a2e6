use lazuli_domain::{
    Dataset, DatasetDefinition, DatasetFile, DatasetPatch, DatasetUse, DisplayBundle, NewDataset,
    NewDatasetUse, Page, UnregisteredDataset,
};

use super::transport::Body;
use super::{Client, encode, ignore_body, query, run_target, workspace_target};
use crate::Result;

/// As many as one request gives.
const PAGE: &str = "10000";

impl Client {
    /// The newest version of every dataset whose name begins with `prefix`, by name.
    pub fn datasets(&self, workspace: &str, prefix: &str) -> Result<Vec<Dataset>> {
        let prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
        self.pages(|cursor| {
            let query = query(&[("name", prefix), ("limit", Some(PAGE)), ("cursor", cursor)]);
            workspace_target(workspace, &format!("/datasets{query}"))
        })
    }

    /// The newest version when none is given.
    pub fn dataset(&self, workspace: &str, name: &str, version: Option<u64>) -> Result<Dataset> {
        match version {
            Some(version) => self.get(&version_target(workspace, name, version, "")),
            None => self.get(&name_target(workspace, name, "")),
        }
    }

    /// All versions, the newest first.
    pub fn dataset_versions(&self, workspace: &str, name: &str) -> Result<Vec<Dataset>> {
        self.pages(|cursor| {
            let query = query(&[("limit", Some(PAGE)), ("cursor", cursor)]);
            name_target(workspace, name, &format!("/versions{query}"))
        })
    }

    pub fn dataset_by_id(&self, workspace: &str, id: &str) -> Result<Dataset> {
        self.get(&workspace_target(workspace, &format!("/dataset-ids/{}", encode(id))))
    }

    /// Registers the next version of a dataset.
    pub fn register_dataset(&self, workspace: &str, new: &NewDataset) -> Result<Dataset> {
        self.post(&workspace_target(workspace, "/datasets"), new)
    }

    pub fn patch_dataset(
        &self,
        workspace: &str,
        name: &str,
        version: u64,
        patch: &DatasetPatch,
    ) -> Result<Dataset> {
        self.send_json("PATCH", &version_target(workspace, name, version, ""), patch)
    }

    /// Unregisters all versions; the files stay where they are.
    pub fn delete_dataset(&self, workspace: &str, name: &str) -> Result<()> {
        ignore_body(self.send("DELETE", &name_target(workspace, name, ""), Body::Empty)?)
    }

    /// Brings back what was unregistered.
    pub fn restore_dataset(&self, workspace: &str, name: &str) -> Result<Dataset> {
        self.call("POST", &name_target(workspace, name, "/restore"))
    }

    /// The files of a version, in the order in which they are read.
    pub fn dataset_files(
        &self,
        workspace: &str,
        name: &str,
        version: u64,
    ) -> Result<Vec<DatasetFile>> {
        self.pages(|cursor| {
            let query = query(&[("limit", Some(PAGE)), ("cursor", cursor)]);
            version_target(workspace, name, version, &format!("/files{query}"))
        })
    }

    /// The files that a definition finds now.
    pub fn resolve_dataset(
        &self,
        workspace: &str,
        definition: &DatasetDefinition,
    ) -> Result<Vec<DatasetFile>> {
        let asked = UnregisteredDataset { definition: definition.clone() };
        self.post(&workspace_target(workspace, "/dataset-files"), &asked)
    }

    /// Which runs read the version, or made it.
    pub fn dataset_uses(
        &self,
        workspace: &str,
        name: &str,
        version: u64,
    ) -> Result<Vec<DatasetUse>> {
        self.get(&version_target(workspace, name, version, "/uses"))
    }

    /// What the run read and made.
    pub fn run_datasets(&self, run_id: &str) -> Result<Vec<DatasetUse>> {
        self.get(&run_target(run_id, "/datasets"))
    }

    /// Keeps that the run reads or made a version.
    pub fn add_run_dataset(&self, run_id: &str, new: &NewDatasetUse) -> Result<Vec<DatasetUse>> {
        self.post(&run_target(run_id, "/datasets"), new)
    }

    /// The version as a notebook shows it: first rows, types, what is missing, how it is spread.
    pub fn display_dataset(
        &self,
        workspace: &str,
        name: &str,
        version: u64,
    ) -> Result<DisplayBundle> {
        self.get(&version_target(workspace, name, version, "/display"))
    }

    /// All pages of a list; `target` is told where the page before ended.
    fn pages<T: serde::de::DeserializeOwned>(
        &self,
        target: impl Fn(Option<&str>) -> String,
    ) -> Result<Vec<T>> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page: Page<T> = self.get(&target(cursor.as_deref()))?;
            items.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(items);
            }
        }
    }
}

fn name_target(workspace: &str, name: &str, rest: &str) -> String {
    workspace_target(workspace, &format!("/datasets/{}{rest}", encode(name)))
}

fn version_target(workspace: &str, name: &str, version: u64, rest: &str) -> String {
    name_target(workspace, name, &format!("/{version}{rest}"))
}
