use serde::{Deserialize, Serialize};

use crate::{
    DatasetDefinition, JobEnvironment, ProcessIdentity, RunError, StringMap, TableDefinition,
};

/// What to run and where: the body of a script run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobSpec {
    pub snapshot_id: String,
    /// Python script inside the snapshot; run with the environment's interpreter. Empty where there
    /// is a command.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub script: String,
    /// A program with its arguments, run in the folder instead of a script; `python` is the
    /// environment's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Name of the compute target.
    #[serde(default = "local")]
    pub compute: String,
    #[serde(default)]
    pub python: PythonEnvironment,
    /// None: `python` says it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<JobEnvironment>,
    #[serde(default)]
    pub environment_variables: StringMap,
    /// Several processes of the script instead of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distributed: Option<Distributed>,
    /// A script that runs longer is ended, and its run fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_seconds: Option<u64>,
    /// What else the submitter's configuration says and has no meaning on one machine: kept.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub settings: serde_json::Value,
    /// Data that is there before the script starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<JobInput>,
    /// Data that is taken from the script after it, also when it failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<JobOutput>,
}

/// The processes of a distributed job; all on one machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Distributed {
    pub framework: DistributedFramework,
    /// Workers.
    pub processes: u32,
    /// Of TensorFlow.
    #[serde(default)]
    pub parameter_servers: u32,
}

/// By which means the processes find each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DistributedFramework {
    /// `mpirun` starts them.
    Mpi,
    /// `MASTER_ADDR`, `MASTER_PORT`, `RANK`, `LOCAL_RANK`, `WORLD_SIZE` …
    Pytorch,
    /// `TF_CONFIG`
    Tensorflow,
}

/// Data for a script. Where an argument or an environment variable holds
/// `$AZUREML_DATAREFERENCE_<name>`, the agent puts the real path (with `direct`, the dataset's id);
/// the script finds the same in the environment variable `AZUREML_DATAREFERENCE_<name>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobInput {
    /// Letters, digits and `_`; unique among inputs and outputs.
    pub name: String,
    pub source: JobInputSource,
    pub mode: InputMode,
    /// Where it is put: absolute, or relative to the working folder. None: a folder of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_on_compute: Option<String>,
    /// Replace files that are there.
    #[serde(default)]
    pub overwrite: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum JobInputSource {
    /// A registered version; that the run reads it is kept.
    Dataset { dataset_id: String },
    /// One that is not registered: files, wherever they are, or with `direct` a table, which the
    /// SDK finds here.
    Definition { definition: DatasetDefinition },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum InputMode {
    /// Nothing is put anywhere: the script reads it by the SDK.
    Direct,
    Download,
    /// A path that shows the files: a link where the datastore is a folder of this machine, else a
    /// read-only copy that is kept and shared between runs.
    Mount,
}

/// Data from a script, into `path` of a datastore; named in arguments as a [`JobInput`] is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobOutput {
    pub name: String,
    pub datastore: String,
    /// A folder; `{run-id}` and `{output-name}` are filled in.
    pub path: String,
    pub mode: OutputMode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_on_compute: Option<String>,
    #[serde(default)]
    pub overwrite: bool,
    /// Which files, below the folder; none: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_globs: Vec<String>,
    /// Registered when the run completes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<OutputRegistration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum OutputMode {
    /// When the script has ended.
    Upload,
    /// Written where the datastore is, if that is a folder of this machine; else as `upload`.
    Mount,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OutputRegistration {
    pub name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub tags: StringMap,
    /// None: a file dataset. Else how its files are read and what is done to the rows; its paths are
    /// globs below the output's folder, given as `{"datastore": "", "path": "*.csv"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<TableDefinition>,
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "StringMap::is_empty")]
    pub properties: StringMap,
    pub job: JobSpec,
}

/// `runs/<run_id>/job.json`: all that an agent is told. The daemon writes it before it starts one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// What it is busy with, while it prepares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<String>,
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
