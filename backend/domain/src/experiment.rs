use serde::{Deserialize, Serialize};

use crate::StringMap;

/// A named series of runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Experiment {
    /// Counted per home; MLflow's experiment id.
    pub id: i64,
    pub name: String,
    pub workspace: String,
    pub created_at_ms: i64,
    #[serde(default)]
    pub tags: StringMap,
    /// Without those that are deleted.
    pub runs: u64,
    /// Creation time of the newest run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run_at_ms: Option<i64>,
    /// Last change of its name, tags or deletion.
    pub updated_at_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at_ms: Option<i64>,
    /// Where MLflow clients keep the files of its runs; absent: in Lazuli.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_location: Option<String>,
}

/// Body of `POST /api/workspaces/{workspace}/experiments`; an existing one is returned as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewExperiment {
    pub name: String,
    #[serde(default)]
    pub tags: StringMap,
}

/// Body of `PATCH /api/workspaces/{workspace}/experiments/{experiment}`; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExperimentPatch {
    #[serde(default, skip_serializing_if = "StringMap::is_empty")]
    pub set_tags: StringMap,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove_tags: Vec<String>,
}
