use std::io::Read;

use lazuli_domain::{
    CachedEnvironment, CondaSpecification, CondaText, Environment, EnvironmentBuild, NewBuild,
    NewEnvironment,
};

use super::transport::Body;
use super::{Client, encode, ignore_body, query, workspace_target};
use crate::{Error, Result};

impl Client {
    /// The newest version of each registered environment, by name; with `curated` also those that
    /// come with Lazuli.
    pub fn environments(&self, workspace: &str, curated: bool) -> Result<Vec<Environment>> {
        let rest = if curated { "/environments" } else { "/environments?curated=false" };
        self.get(&workspace_target(workspace, rest))
    }

    /// That version, or the newest.
    pub fn environment(
        &self,
        workspace: &str,
        name: &str,
        version: Option<&str>,
    ) -> Result<Environment> {
        let parameters = query(&[("version", version)]);
        self.get(&environment_target(workspace, name, &parameters))
    }

    /// Newest first.
    pub fn environment_versions(&self, workspace: &str, name: &str) -> Result<Vec<Environment>> {
        self.get(&environment_target(workspace, name, "/versions"))
    }

    /// The next version; the newest, where that is defined so already.
    pub fn register_environment(
        &self,
        workspace: &str,
        new: &NewEnvironment,
    ) -> Result<Environment> {
        self.post(&workspace_target(workspace, "/environments"), new)
    }

    /// Forgets every version of the name.
    pub fn delete_environment(&self, workspace: &str, name: &str) -> Result<()> {
        ignore_body(self.send("DELETE", &environment_target(workspace, name, ""), Body::Empty)?)
    }

    /// Starts to make that version on this machine.
    pub fn build_environment(
        &self,
        workspace: &str,
        name: &str,
        version: &str,
        build: &NewBuild,
    ) -> Result<EnvironmentBuild> {
        let rest = format!("/{}/builds", encode(version));
        self.post(&environment_target(workspace, name, &rest), build)
    }

    pub fn environment_build(&self, build_id: &str) -> Result<EnvironmentBuild> {
        self.get(&build_target(build_id, ""))
    }

    /// What a build has said, from that byte on.
    pub fn environment_build_log(&self, build_id: &str, offset: u64) -> Result<Vec<u8>> {
        let target = build_target(build_id, &format!("/log?offset={offset}"));
        let mut body = self.send("GET", &target, Body::Empty)?.body;
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes).map_err(|error| Error::io("the answer broke off", error))?;
        Ok(bytes)
    }

    /// The Python environments that were made on this machine.
    pub fn cached_environments(&self) -> Result<Vec<CachedEnvironment>> {
        self.get("/api/cached-environments")
    }

    /// Reads and checks a conda file.
    pub fn read_conda(&self, text: &CondaText) -> Result<CondaSpecification> {
        self.post("/api/conda-specifications", text)
    }
}

fn environment_target(workspace: &str, name: &str, rest: &str) -> String {
    workspace_target(workspace, &format!("/environments/{}{rest}", encode(name)))
}

fn build_target(build_id: &str, rest: &str) -> String {
    format!("/api/environment-builds/{}{rest}", encode(build_id))
}
