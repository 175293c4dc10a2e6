use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Artifact, DatasetUse, Metric, Run, StringMap};

/// MIME type of a run's state ([`RunDetails`] as JSON).
pub const MIME_RUN: &str = "application/vnd.lazuli.run+json";

/// MIME type with which a cell asks its kernel to show a run and follow it: `{"run_id": ".."}`.
/// It never reaches a front end.
pub const MIME_RUN_REQUEST: &str = "application/vnd.lazuli.run-request+json";

/// Everything RunDetails shows of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunDetails {
    pub run: Run,
    /// Histories thinned to what a chart can show.
    pub metrics: Vec<Metric>,
    pub children: Vec<Run>,
    pub artifacts: Vec<Artifact>,
    /// Datasets that the run read or made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub datasets: Vec<DatasetUse>,
    /// Last lines of the log, oldest first.
    pub log_tail: Vec<String>,
    /// Small images among the artifacts, by path, as `data:` URIs: what the static picture can show.
    #[serde(default, skip_serializing_if = "StringMap::is_empty")]
    pub images: StringMap,
    /// Sequence number of the newest event contained.
    pub sequence: u64,
    /// When this was read: the elapsed time of a run that has not ended counts to here.
    pub observed_at_ms: i64,
}

/// Answer to `GET /api/runs/{run_id}/display`: what a Jupyter `display_data` message carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DisplayBundle {
    /// MIME type to content: [`MIME_RUN`] (JSON), `text/html` and `text/plain`.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub data: Map<String, Value>,
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub metadata: Map<String, Value>,
    /// True when the run has ended: this picture is the last.
    pub is_final: bool,
    pub sequence: u64,
}
