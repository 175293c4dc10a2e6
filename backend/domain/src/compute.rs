use serde::{Deserialize, Serialize};

/// Where jobs run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ComputeTarget {
    pub name: String,
    /// `local`; further engines come later.
    pub kind: String,
    pub cores: u32,
    /// Bytes of memory.
    pub memory: u64,
    /// Runs on it that have not ended.
    pub running: u64,
}
