use serde::{Deserialize, Serialize};

use crate::StringMap;

/// The workspace that serves when none is named; it exists from the first start.
pub const DEFAULT_WORKSPACE: &str = "default";

/// What holds experiments, models and everything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Workspace {
    pub name: String,
    pub created_at_ms: i64,
    #[serde(default)]
    pub tags: StringMap,
    pub experiments: u64,
    pub runs: u64,
    pub models: u64,
}

/// Body of `POST /api/workspaces`; an existing workspace of that name is returned as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewWorkspace {
    pub name: String,
    #[serde(default)]
    pub tags: StringMap,
}
