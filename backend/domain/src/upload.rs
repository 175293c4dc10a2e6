use serde::{Deserialize, Serialize};

use crate::Artifact;

/// Body of `POST /api/runs/{run_id}/uploads`: a file that comes in pieces.
///
/// The same run, path, size and digest again is the same upload: it goes on where it stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewUpload {
    /// The artifact it becomes.
    pub path: String,
    pub size: u64,
    /// Lower-case hex SHA-256 of the content, where it is known; the content is checked against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// How far an upload is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Upload {
    pub upload_id: String,
    pub run_id: String,
    pub path: String,
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The next byte to send; at `size`, complete it.
    pub offset: u64,
    /// Then it is given up, unless more of it comes.
    pub expires_at_ms: i64,
    /// What it has become.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
}
