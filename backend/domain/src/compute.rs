use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ApiError, MachineView, StringMap, shown};

/// What a compute target is called to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ComputeKind {
    /// This machine as it is.
    Local,
    /// A named cluster: its nodes are slots for jobs on this machine.
    AmlCompute,
    /// A named workstation: a cluster of one node that is started and stopped by hand.
    ComputeInstance,
    /// Another machine, reached by SSH.
    Remote,
}

impl ComputeKind {
    pub const ALL: [ComputeKind; 4] =
        [Self::Local, Self::AmlCompute, Self::ComputeInstance, Self::Remote];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::AmlCompute => "aml_compute",
            Self::ComputeInstance => "compute_instance",
            Self::Remote => "remote",
        }
    }

    pub fn parse(text: &str) -> Option<ComputeKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Local => "this machine",
            Self::AmlCompute => "cluster",
            Self::ComputeInstance => "instance",
            Self::Remote => "machine",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum InstanceState {
    Running,
    Stopped,
}

/// Where jobs run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ComputeTarget {
    pub name: String,
    pub kind: ComputeKind,
    /// `Succeeded`: it is there as soon as it is named.
    pub state: String,
    /// Of an instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_state: Option<InstanceState>,
    pub min_nodes: u32,
    /// So many jobs run at once.
    pub max_nodes: u32,
    /// A node that had nothing to do for so long is given back.
    pub idle_seconds: u64,
    /// What it was made with and has no meaning on one machine: virtual machine, network, place …
    #[serde(default)]
    pub settings: Value,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub tags: StringMap,
    /// `Steady`, or `Resizing` while jobs wait for nodes that may still come.
    pub allocation_state: String,
    pub nodes: NodeCounts,
    pub current_nodes: u32,
    pub target_nodes: u32,
    pub cores: u32,
    /// Bytes of memory.
    pub memory: u64,
    /// Runs on it that have begun and not ended.
    pub running: u64,
    /// Runs that wait for it.
    #[serde(default)]
    pub queued: u64,
    /// Of a machine that is reached by SSH.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<MachineView>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_at_ms: Option<i64>,
}

/// What the nodes do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NodeCounts {
    pub running: u32,
    pub idle: u32,
    pub preparing: u32,
    pub leaving: u32,
    pub preempted: u32,
    pub unusable: u32,
}

/// Body of `POST /api/workspaces/{workspace}/compute`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewComputeTarget {
    pub name: String,
    pub kind: ComputeKind,
    #[serde(default)]
    pub min_nodes: u32,
    #[serde(default = "one")]
    pub max_nodes: u32,
    #[serde(default = "half_an_hour")]
    pub idle_seconds: u64,
    #[serde(default)]
    pub settings: Value,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub tags: StringMap,
}

fn one() -> u32 {
    1
}

fn half_an_hour() -> u64 {
    1800
}

/// Body of `PATCH /api/workspaces/{workspace}/compute/{name}`; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ComputePatch {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_nodes: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_nodes: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "StringMap::is_empty")]
    pub set_tags: StringMap,
    /// Starts or stops an instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_state: Option<InstanceState>,
}

/// Most nodes of one compute target: each is a process of this machine.
pub const MAX_NODES: u32 = 1000;

/// Checks the name of a compute target that is to be made.
pub fn check_compute_name(name: &str) -> Result<(), ApiError> {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || character == '-';
    let begins_well = name.starts_with(|first: char| first.is_ascii_alphabetic());
    if (2..=32).contains(&name.len()) && begins_well && name.chars().all(is_plain) {
        return Ok(());
    }
    let name = shown(name, 40);
    Err(ApiError::invalid(format!("`{name}` cannot be the name of a compute target"))
        .hint("use 2 to 32 letters, digits and `-`, a letter first"))
}

/// Checks how many nodes a compute target may have.
pub fn check_nodes(min_nodes: u32, max_nodes: u32) -> Result<(), ApiError> {
    if max_nodes == 0 || max_nodes > MAX_NODES {
        return Err(ApiError::invalid(format!("a compute target cannot have {max_nodes} nodes"))
            .hint(format!("give it 1 to {MAX_NODES}: so many jobs run at once")));
    }
    if min_nodes > max_nodes {
        return Err(ApiError::invalid(format!(
            "at least {min_nodes} nodes are more than at most {max_nodes}"
        ))
        .hint("let `min_nodes` be at most `max_nodes`"));
    }
    Ok(())
}
