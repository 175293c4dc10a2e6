use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum EnvironmentState {
    Building,
    Ready,
}

/// A cached Python environment, as `environments/<hash>/environment.json` describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Environment {
    /// Content hash of interpreter version and requirements.
    pub hash: String,
    pub state: EnvironmentState,
    /// Version of the interpreter, `3.11.7`.
    pub python: String,
    /// As asked for, sorted.
    pub packages: Vec<String>,
    pub created_at_ms: i64,
    /// Bytes on disk.
    pub size: u64,
}
