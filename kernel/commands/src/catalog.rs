use crate::NameKind;

/// The names that a workspace knows, as the caller fetched them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    pub workspaces: Vec<Candidate>,
    pub experiments: Vec<Candidate>,
    /// Newest first.
    pub runs: Vec<Candidate>,
    pub metrics: Vec<Candidate>,
    pub models: Vec<Candidate>,
    pub datasets: Vec<Candidate>,
    pub datastores: Vec<Candidate>,
    pub compute: Vec<Candidate>,
    pub environments: Vec<Candidate>,
    pub secrets: Vec<Candidate>,
    /// Paths as they would be typed; a folder ends with `/`.
    pub files: Vec<Candidate>,
    pub artifacts: Vec<Candidate>,
}

/// A name and what is worth knowing about it (`Completed, 3 min ago`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    pub name: String,
    pub detail: String,
}

impl Candidate {
    pub fn new(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), detail: detail.into() }
    }
}

impl<S: Into<String>> From<S> for Candidate {
    fn from(name: S) -> Self {
        Self::new(name, "")
    }
}

impl Catalog {
    pub fn names(&self, kind: NameKind) -> &[Candidate] {
        match kind {
            NameKind::Workspace => &self.workspaces,
            NameKind::Experiment => &self.experiments,
            NameKind::Run => &self.runs,
            NameKind::Metric => &self.metrics,
            NameKind::Model => &self.models,
            NameKind::Dataset => &self.datasets,
            NameKind::Datastore => &self.datastores,
            NameKind::Compute => &self.compute,
            NameKind::Environment => &self.environments,
            NameKind::Secret => &self.secrets,
            NameKind::File => &self.files,
            NameKind::Artifact => &self.artifacts,
            NameKind::Command => &[],
        }
    }
}
