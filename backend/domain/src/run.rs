use serde::{Deserialize, Serialize};

use crate::{MetricSummary, ProcessIdentity, RunStatus, StringMap};

/// What started the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RunKind {
    /// `experiment.start_logging()`: ends when its process says so, or ends.
    Interactive,
    /// A submitted script: a job on a compute target.
    Script,
    /// A notebook cell under `%%track`.
    Cell,
}

/// One run of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Run {
    /// `<experiment>_<seconds>_<8 hex digits>`, unique in a home.
    pub run_id: String,
    pub workspace: String,
    pub experiment: String,
    /// What people call it; the id when nobody named it.
    pub name: String,
    pub kind: RunKind,
    pub status: RunStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_run_id: Option<String>,
    pub user: String,
    /// Name of the compute target; `local` for interactive runs.
    pub compute: String,
    pub created_at_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at_ms: Option<i64>,
    /// Mutable.
    #[serde(default)]
    pub tags: StringMap,
    /// Each key is written once and never changes.
    #[serde(default)]
    pub properties: StringMap,
    /// What the run was started with (`lr`, `epochs` …); each key is written once.
    #[serde(default)]
    pub parameters: StringMap,
    /// One entry per metric name, in order of first appearance.
    #[serde(default)]
    pub metrics: Vec<MetricSummary>,
    /// What it waits for, before its script starts: `builds the environment `training:2``.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<String>,
    /// Its source folder as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    /// Records of the spool that could not be kept (torn line, a metric that changed its kind).
    #[serde(default)]
    pub rejected_records: u64,
    /// The last such record and why, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_reason: Option<String>,
    /// When it was deleted; it comes back by restoring it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at_ms: Option<i64>,
}

/// Why a run failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunError {
    /// One sentence, for a script the last line of its traceback.
    pub message: String,
    /// The last lines of the traceback or log.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub details: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
}

/// Body of `POST /api/workspaces/{workspace}/runs`: an interactive run, running at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewRun {
    /// Made when it does not exist yet.
    pub experiment: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default = "interactive")]
    pub kind: RunKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_run_id: Option<String>,
    #[serde(default)]
    pub user: String,
    #[serde(default)]
    pub tags: StringMap,
    #[serde(default)]
    pub properties: StringMap,
    /// Of the folder that the run's code stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<String>,
    /// The process the run lives in. When it is gone and the run has not ended, the daemon ends it
    /// as failed. Absent: nobody watches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<ProcessIdentity>,
}

fn interactive() -> RunKind {
    RunKind::Interactive
}

/// Body of `PATCH /api/runs/{run_id}`; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunPatch {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "StringMap::is_empty")]
    pub set_tags: StringMap,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove_tags: Vec<String>,
    /// A key that exists with another value is a conflict.
    #[serde(default, skip_serializing_if = "StringMap::is_empty")]
    pub add_properties: StringMap,
    #[serde(default, skip_serializing_if = "StringMap::is_empty")]
    pub add_parameters: StringMap,
}
