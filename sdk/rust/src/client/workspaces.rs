use lazuli_domain::{Experiment, NewExperiment, NewWorkspace, Workspace};

use super::{Client, encode, workspace_target};
use crate::Result;

impl Client {
    pub fn workspaces(&self) -> Result<Vec<Workspace>> {
        self.get("/api/workspaces")
    }

    /// An existing workspace of that name is returned as it is.
    pub fn create_workspace(&self, workspace: &NewWorkspace) -> Result<Workspace> {
        self.post("/api/workspaces", workspace)
    }

    pub fn workspace(&self, name: &str) -> Result<Workspace> {
        self.get(&workspace_target(name, ""))
    }

    pub fn experiments(&self, workspace: &str) -> Result<Vec<Experiment>> {
        self.get(&workspace_target(workspace, "/experiments"))
    }

    pub fn deleted_experiments(&self, workspace: &str) -> Result<Vec<Experiment>> {
        self.get(&workspace_target(workspace, "/experiments?view=deleted"))
    }

    /// An existing experiment of that name is returned as it is.
    pub fn create_experiment(
        &self,
        workspace: &str,
        experiment: &NewExperiment,
    ) -> Result<Experiment> {
        self.post(&workspace_target(workspace, "/experiments"), experiment)
    }

    pub fn experiment(&self, workspace: &str, name: &str) -> Result<Experiment> {
        self.get(&experiment_target(workspace, name, ""))
    }

    /// Hides the experiment and its runs; all of them must have ended.
    pub fn delete_experiment(&self, workspace: &str, name: &str) -> Result<Experiment> {
        self.call("DELETE", &experiment_target(workspace, name, ""))
    }

    /// Brings the experiment back, with the runs that were deleted with it.
    pub fn restore_experiment(&self, workspace: &str, name: &str) -> Result<Experiment> {
        self.call("POST", &experiment_target(workspace, name, "/restore"))
    }
}

pub(super) fn experiment_target(workspace: &str, name: &str, rest: &str) -> String {
    workspace_target(workspace, &format!("/experiments/{}{rest}", encode(name)))
}
