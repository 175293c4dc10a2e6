use serde::{Deserialize, Serialize};

use crate::RunStatus;

/// Something that happened and is committed: who hears of it finds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// Grows by one with every event of a home; the `id` of the SSE message.
    pub sequence: u64,
    pub time_ms: i64,
    pub workspace: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    #[serde(flatten)]
    pub kind: EventKind,
}

/// The `event` name of the SSE message is the `type`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum EventKind {
    RunCreated,
    RunStatus {
        status: RunStatus,
    },
    /// Name, tags, properties or parameters changed.
    RunUpdated,
    /// The run is hidden; it may come back.
    RunDeleted,
    RunRestored,
    /// The experiment is hidden with its runs.
    ExperimentDeleted,
    ExperimentRestored,
    /// Points were committed; one event per commit and run.
    MetricsLogged {
        names: Vec<String>,
        points: u64,
    },
    /// The log has grown to `size` bytes.
    LogAppended {
        path: String,
        size: u64,
    },
    ArtifactAdded {
        path: String,
    },
    ModelRegistered {
        name: String,
        version: u64,
    },
    /// One of its versions is hidden; without one, all of them are.
    ModelDeleted {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<u64>,
    },
    DatasetRegistered {
        name: String,
        version: u64,
    },
    /// All its versions are hidden.
    DatasetDeleted {
        name: String,
    },
}

impl EventKind {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::RunCreated => "run_created",
            Self::RunStatus { .. } => "run_status",
            Self::RunUpdated => "run_updated",
            Self::RunDeleted => "run_deleted",
            Self::RunRestored => "run_restored",
            Self::ExperimentDeleted => "experiment_deleted",
            Self::ExperimentRestored => "experiment_restored",
            Self::MetricsLogged { .. } => "metrics_logged",
            Self::LogAppended { .. } => "log_appended",
            Self::ArtifactAdded { .. } => "artifact_added",
            Self::ModelRegistered { .. } => "model_registered",
            Self::ModelDeleted { .. } => "model_deleted",
            Self::DatasetRegistered { .. } => "dataset_registered",
            Self::DatasetDeleted { .. } => "dataset_deleted",
        }
    }
}
