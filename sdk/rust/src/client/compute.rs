use lazuli_domain::{ComputePatch, ComputeTarget, NewComputeTarget, NewMachine};

use super::transport::Body;
use super::{Client, encode, ignore_body, workspace_target};
use crate::Result;

impl Client {
    /// `local` first.
    pub fn compute_targets(&self, workspace: &str) -> Result<Vec<ComputeTarget>> {
        self.get(&workspace_target(workspace, "/compute"))
    }

    pub fn compute_target(&self, workspace: &str, name: &str) -> Result<ComputeTarget> {
        self.get(&compute_target(workspace, name))
    }

    /// Makes a compute target, or changes the one of that name and kind.
    pub fn create_compute(&self, workspace: &str, new: &NewComputeTarget) -> Result<ComputeTarget> {
        self.post(&workspace_target(workspace, "/compute"), new)
    }

    /// Attaches a machine by SSH; returns when its agent answers.
    pub fn attach_machine(&self, workspace: &str, new: &NewMachine) -> Result<ComputeTarget> {
        self.post(&workspace_target(workspace, "/machines"), new)
    }

    pub fn change_compute(
        &self,
        workspace: &str,
        name: &str,
        patch: &ComputePatch,
    ) -> Result<ComputeTarget> {
        self.send_json("PATCH", &compute_target(workspace, name), patch)
    }

    pub fn delete_compute(&self, workspace: &str, name: &str) -> Result<()> {
        ignore_body(self.send("DELETE", &compute_target(workspace, name), Body::Empty)?)
    }
}

fn compute_target(workspace: &str, name: &str) -> String {
    workspace_target(workspace, &format!("/compute/{}", encode(name)))
}
