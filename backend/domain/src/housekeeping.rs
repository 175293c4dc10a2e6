use serde::{Deserialize, Serialize};

use crate::ApiError;

/// A line of an answer that takes its time: some of `progress`, then `done` or `failed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Line<T> {
    Progress(Progress),
    Done(T),
    Failed(ApiError),
}

/// How far long work is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Progress {
    /// What is being done, `removing blobs`.
    pub doing: String,
    pub done: u64,
    pub total: u64,
}

/// Body of `POST /api/gc`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GcRequest {
    /// What was deleted longer ago goes for good; 30 days unless told.
    #[serde(default = "thirty_days")]
    pub older_than_seconds: u64,
    /// Says what would go, and removes nothing.
    #[serde(default)]
    pub dry_run: bool,
}

fn thirty_days() -> u64 {
    30 * 24 * 3600
}

/// What was removed, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GcReport {
    pub dry_run: bool,
    pub runs: u64,
    pub experiments: u64,
    /// Model versions.
    pub models: u64,
    /// Versions of datasets.
    #[serde(default)]
    pub datasets: u64,
    pub snapshots: u64,
    pub uploads: u64,
    pub environments: u64,
    pub blobs: u64,
    /// Of uploads, environments and blobs.
    pub bytes: u64,
}

/// What was brought back from a backup, or brought in with an experiment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RestoreReport {
    pub runs: u64,
    pub experiments: u64,
    pub models: u64,
    /// Versions of datasets.
    #[serde(default)]
    pub datasets: u64,
    pub secrets: u64,
    pub blobs: u64,
    /// Of the blobs.
    pub bytes: u64,
    /// Digests of files that were lost before the archive was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// What came in with an archive of an experiment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportReport {
    pub experiment: String,
    /// Runs that are new here.
    pub runs: u64,
    /// Runs that were here already, from an earlier import, and were left as they are.
    pub present: u64,
    pub blobs: u64,
    pub bytes: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}
