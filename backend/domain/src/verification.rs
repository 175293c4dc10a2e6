use serde::{Deserialize, Serialize};

use crate::RunStatus;

/// How far has come what was logged to a run, each number counted in a place of its own.
///
/// A record is a line of the run's spool: a point, a tag, a parameter. A client that sends points in
/// a request, as MLflow's do, has its answer after they are committed; they have no record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunVerification {
    pub run_id: String,
    pub status: RunStatus,
    /// Records that the run's processes have written: counted in the spool file while the run goes
    /// on, and what was counted in it when the run ended.
    pub logged: u64,
    /// Of these, read by the daemon.
    pub shipped: u64,
    /// Of these, committed.
    pub committed: u64,
    /// Of those shipped, what could not be kept.
    pub rejected: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_reason: Option<String>,
    /// Bytes at the end of the spool that are no whole record yet: it is being written, or its
    /// writer was killed in the middle of it.
    pub unfinished_bytes: u64,
    /// Points committed from records.
    pub points_from_records: u64,
    /// Points committed from requests.
    pub points_from_requests: u64,
    /// Points found in the histories now.
    pub points_stored: u64,
    /// False: something is missing or doubled, and `problems` says what.
    pub agrees: bool,
    pub problems: Vec<String>,
}
