use serde::{Deserialize, Serialize};

/// The source folder of a script run, by content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Snapshot {
    /// SHA-256 over the files' `mode sha256 path` lines, sorted by path: the same files give the
    /// same snapshot.
    pub snapshot_id: String,
    pub files: Vec<SnapshotFile>,
    pub size: u64,
    pub created_at_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SnapshotFile {
    /// Relative to the source folder, checked by [`crate::artifact_path`].
    pub path: String,
    pub size: u64,
    pub sha256: String,
    #[serde(default)]
    pub executable: bool,
}

/// Body of `POST /api/snapshots`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewSnapshot {
    pub files: Vec<SnapshotFile>,
}

/// Answer to `POST /api/snapshots`. When `missing` is empty the snapshot exists. Else upload these
/// digests with `PUT /api/blobs/{sha256}` and post the same files again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SnapshotCreated {
    pub snapshot_id: String,
    pub missing: Vec<String>,
}
