use serde::{Deserialize, Serialize};

use crate::{ProcessIdentity, RunError, StringMap};

/// What to run and where: the body of a script run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobSpec {
    pub snapshot_id: String,
    /// Python script inside the snapshot; run with the environment's interpreter.
    pub script: String,
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Name of the compute target.
    #[serde(default = "local")]
    pub compute: String,
    #[serde(default)]
    pub python: PythonEnvironment,
    #[serde(default)]
    pub environment_variables: StringMap,
}

fn local() -> String {
    "local".to_owned()
}

/// Which Python runs the script.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PythonEnvironment {
    /// The interpreter present at the caller, as an absolute path; none: `python3` of the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
    /// pip requirements (`scikit-learn==1.7`). None: the interpreter is used as it is. Else `uv`
    /// makes a cached environment with exactly these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
}

/// Body of `POST /api/workspaces/{workspace}/jobs`; the answer is the queued run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewJob {
    pub experiment: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_run_id: Option<String>,
    #[serde(default)]
    pub user: String,
    #[serde(default)]
    pub tags: StringMap,
    pub job: JobSpec,
}

/// `runs/<run_id>/job.json`: all that an agent is told. The daemon writes it before it starts one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFile {
    pub run_id: String,
    pub workspace: String,
    pub experiment: String,
    pub spec: JobSpec,
}

/// How far an agent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum JobStage {
    Preparing,
    Running,
    Finalizing,
    Ended,
}

/// Body of `POST /api/runs/{run_id}/job/report`, sent by the agent. Reports may be repeated after
/// a lost answer: one that changes nothing is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobReport {
    pub stage: JobStage,
    pub agent: ProcessIdentity,
    /// With stage `ended`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<JobEnd>,
}

/// How a job's command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum JobEnd {
    Completed,
    Failed(RunError),
    Canceled,
}
