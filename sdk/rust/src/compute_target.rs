use lazuli_domain::{ComputeKind, NewComputeTarget, StringMap};

use crate::display::Table;
use crate::{Home, List, Listed, Result, Workspace};

/// Where submitted scripts run: this machine, or a name for some slots of it. What was known of it
/// when it was asked for are its fields: `compute.name`, `compute.nodes`, `compute.queued` …
///
/// ```no_run
/// use lazuli::prelude::*;
///
/// let workspace = Workspace::from_config()?;
/// ComputeTarget::create(&workspace, "cpu-cluster", 2)?;
/// let config = ScriptRunConfig::new("code", "train.py").compute("cpu-cluster");
/// # Ok::<(), lazuli::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ComputeTarget {
    home: Home,
    workspace: String,
    found: lazuli_domain::ComputeTarget,
}

impl ComputeTarget {
    /// A cluster on which at most so many scripts run at once; one of that name is changed to this.
    pub fn create(workspace: &Workspace, name: &str, max_nodes: u32) -> Result<ComputeTarget> {
        let new = NewComputeTarget {
            name: name.to_owned(),
            kind: ComputeKind::AmlCompute,
            min_nodes: 0,
            max_nodes,
            idle_seconds: 1800,
            settings: serde_json::Value::Null,
            description: String::new(),
            tags: StringMap::new(),
        };
        Ok(Self::of(workspace, workspace.client()?.create_compute(workspace.name(), &new)?))
    }

    pub fn get(workspace: &Workspace, name: &str) -> Result<ComputeTarget> {
        Ok(Self::of(workspace, workspace.client()?.compute_target(workspace.name(), name)?))
    }

    pub fn list(workspace: &Workspace) -> Result<List<ComputeTarget>> {
        let found = workspace.client()?.compute_targets(workspace.name())?;
        Ok(List::new(found.into_iter().map(|found| Self::of(workspace, found)).collect()))
    }

    fn of(workspace: &Workspace, found: lazuli_domain::ComputeTarget) -> ComputeTarget {
        ComputeTarget {
            home: workspace.home.clone(),
            workspace: workspace.name().to_owned(),
            found,
        }
    }

    /// The same as it is now.
    pub fn refreshed(&self) -> Result<ComputeTarget> {
        Self::get(&self.known_workspace(), &self.found.name)
    }

    /// Forgets it; refused while runs run on it or wait for it.
    pub fn delete(self) -> Result<()> {
        let client = self.known_workspace().client()?;
        client.delete_compute(&self.workspace, &self.found.name)
    }

    fn known_workspace(&self) -> Workspace {
        Workspace::known(self.home.clone(), self.workspace.clone())
    }

    /// Shows the compute target in a notebook.
    pub fn evcxr_display(&self) {
        let row = |name: &str, value: String| vec![name.to_owned(), value];
        let found = &self.found;
        Table {
            title: format!("Compute target {}", found.name),
            headings: &[],
            rows: vec![
                row("Kind", found.kind.title().to_owned()),
                row("Nodes", format!("{} of {}", found.current_nodes, found.max_nodes)),
                row("Running", found.running.to_string()),
                row("Waiting", found.queued.to_string()),
            ],
            empty: "",
        }
        .show_in_notebook();
    }
}

impl std::ops::Deref for ComputeTarget {
    type Target = lazuli_domain::ComputeTarget;

    fn deref(&self) -> &lazuli_domain::ComputeTarget {
        &self.found
    }
}

impl Listed for ComputeTarget {
    fn headings() -> &'static [&'static str] {
        &["Compute target", "Kind", "Nodes", "Running", "Waiting"]
    }

    fn noun() -> &'static str {
        "compute target"
    }

    fn cells(&self) -> Vec<String> {
        let found = &self.found;
        vec![
            found.name.clone(),
            found.kind.title().to_owned(),
            format!("{} of {}", found.current_nodes, found.max_nodes),
            found.running.to_string(),
            found.queued.to_string(),
        ]
    }
}
