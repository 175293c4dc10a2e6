use lazuli::{Config, Result};
use lazuli_domain::DEFAULT_WORKSPACE;
use serde_json::{Value, json};

/// What a notebook has active. A kernel keeps one for its life; a shell makes one per command from
/// flags and environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub workspace: String,
    pub experiment: Option<String>,
    /// The active run: the one `%log` logs to.
    pub run_id: Option<String>,
    /// The run that was started, submitted or looked at last.
    pub last_run_id: Option<String>,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            workspace: DEFAULT_WORKSPACE.to_owned(),
            experiment: None,
            run_id: None,
            last_run_id: None,
        }
    }
}

impl Session {
    /// What the environment says: a job's or a cell's variables, else the folder's config.json,
    /// else the default workspace.
    pub fn from_environment(config: &Config) -> Result<Session> {
        let workspace = lazuli::workspace_name(config)?;
        Ok(Session {
            workspace,
            experiment: config.experiment.clone().or(config.session.experiment.clone()),
            run_id: config.run_id.clone().or(config.session.run_id.clone()),
            last_run_id: None,
        })
    }

    /// What the file that `LAZULI_SESSION` names holds.
    pub fn to_json(&self) -> Value {
        json!({
            "workspace": self.workspace,
            "experiment": self.experiment,
            "run_id": self.run_id,
        })
    }
}
