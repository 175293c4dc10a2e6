use serde::{Deserialize, Serialize};

use crate::{Artifact, StoredFile};

/// Body of `POST /api/runs/{run_id}/uploads` and of
/// `POST /api/workspaces/{workspace}/datastores/{name}/uploads`: a file that comes in pieces.
///
/// The same place, path, size and digest again is the same upload: it goes on where it stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewUpload {
    /// The artifact, or the file of the datastore, that it becomes.
    pub path: String,
    pub size: u64,
    /// Lower-case hex SHA-256 of the content, where it is known; the content is checked against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Replace a file of the datastore; else one that is there is a conflict. Artifacts are always
    /// replaced.
    #[serde(default)]
    pub overwrite: bool,
}

/// How far an upload is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Upload {
    pub upload_id: String,
    /// Whose artifact it becomes; absent when it goes to a datastore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datastore: Option<String>,
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
    /// What it has become in a datastore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<StoredFile>,
}
