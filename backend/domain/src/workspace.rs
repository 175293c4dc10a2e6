use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    /// What else was said of it and has no meaning here (place, kind of service …): kept.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub settings: Value,
    pub experiments: u64,
    pub runs: u64,
    pub models: u64,
}

/// Body of `POST /api/workspaces`; an existing workspace of that name is returned as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewWorkspace {
    pub name: String,
    #[serde(default)]
    pub tags: StringMap,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub settings: Value,
}

/// Body of `PATCH /api/workspaces/{workspace}`; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkspacePatch {
    #[serde(default, skip_serializing_if = "StringMap::is_empty")]
    pub set_tags: StringMap,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove_tags: Vec<String>,
    /// Takes the place of what was kept, as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Value>,
}
