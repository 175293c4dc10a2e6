//! What things are in Lazuli: values and the rules they keep.
//!
//! Every face of the system (daemon, agent, SDK, kernel, shell) speaks in these types, and their
//! serde form is the JSON of the daemon's HTTP API. No I/O lives here and nothing asynchronous:
//! what touches a disk, a socket or a clock belongs to the crates that depend on this one.
//!
//! Times are milliseconds since the Unix epoch (UTC), named `…_ms`. Sizes are bytes.

mod access_token;
mod artifact;
mod compute;
mod daemon;
mod dataset;
mod datastore;
mod details;
mod environment;
mod error;
mod event;
mod experiment;
mod glob;
mod housekeeping;
mod job;
mod logged_model;
mod machine;
mod metric;
mod model;
mod name;
mod process;
pub mod readable;
mod run;
pub mod search;
mod secret;
mod snapshot;
mod spool;
mod sql;
mod status;
mod studio;
mod table;
mod upload;
mod verification;
mod workspace;

pub use access_token::{AccessToken, MAX_TOKEN_DAYS, MadeAccessToken, NewAccessToken};
pub use artifact::{Artifact, ArtifactPage, LogFile, artifact_path, download_path, stored_path};
pub use compute::{
    ComputeKind, ComputePatch, ComputeTarget, InstanceState, MAX_NODES, NewComputeTarget,
    NodeCounts, check_compute_name, check_nodes,
};
pub use daemon::{DaemonInfo, DaemonStatus, Health, VERSION, VERSION_HEADER};
pub use dataset::{
    ColumnType, DataDirection, DataPath, Dataset, DatasetDefinition, DatasetFile, DatasetKind,
    DatasetPatch, DatasetUse, FileDefinition, FileStep, HeaderMode, InvalidLines, NewDataset,
    NewDatasetUse, SplitPart, TableDefinition, TableFileOptions, TableSource, TableStep,
    UnregisteredDataset,
};
pub use datastore::{
    Credential, CredentialKind, Datastore, DatastorePatch, DatastorePlace, NewDatastore, StoredFile,
};
pub use details::{DisplayBundle, MIME_RUN, MIME_RUN_REQUEST, RunDetails};
pub use environment::{
    BuildFile, BuildReport, BuildStatus, BuiltEnvironment, CachedEnvironment, CondaDependency,
    CondaSpecification, CondaText, Environment, EnvironmentBuild, EnvironmentDefinition,
    EnvironmentPatch, EnvironmentState, JobEnvironment, NewBuild, NewEnvironment, PythonSection,
};
pub use error::{ApiError, ErrorKind};
pub use event::{Event, EventKind};
pub use experiment::{Experiment, ExperimentPatch, NewExperiment};
pub use glob::Glob;
pub use housekeeping::{GcReport, GcRequest, ImportReport, Line, Progress, RestoreReport};
pub use job::{
    Distributed, DistributedFramework, InputMode, JobEnd, JobFile, JobInput, JobInputSource,
    JobOutput, JobReport, JobSpec, JobStage, NewJob, OutputMode, OutputRegistration,
    PythonEnvironment,
};
pub use logged_model::{LoggedModel, LoggedModelStatus, ModelMetric};
pub use machine::{
    FromMachine, FromPython, KERNEL_SILENCE, KernelSockets, LinkState, Machine, MachineView,
    NewMachine, Resources, RunThere, ToMachine, ToPython, parse_address,
};
pub use metric::{Metric, MetricKind, MetricPoint, MetricSummary, MetricValue, Number};
pub use model::{
    Model, ModelDataset, ModelFile, ModelPatch, ModelSource, ModelUsage, NewModel, RegisteredModel,
    RegisteredModelPatch, ResourceConfiguration, check_alias, stage,
};
pub use name::{MAX_NAME, check_key, check_name, shown};
pub use process::ProcessIdentity;
pub use run::{NewRun, Run, RunError, RunKind, RunPatch};
pub use secret::{NewSecret, Secret};
pub use snapshot::{NewSnapshot, Snapshot, SnapshotCreated, SnapshotFile};
pub use spool::{SpoolRecord, parse_spool_line, spool_line};
pub use sql::{TableName, quote_tables, tables_of};
pub use status::RunStatus;
pub use studio::{BrowserSession, Completion, Completions, NewSession, SignInCode};
pub use table::{
    ColumnProfile, OpenDatastore, Plot, PlotKind, QueryJob, ResolvedTable, SqlAnswer, SqlRequest,
    TableAsk, TableColumn, TableInput, TablePreview, TableProfile, TableQuery, ValueCount,
    WriteFormat,
};
pub use upload::{NewUpload, Upload};
pub use verification::RunVerification;
pub use workspace::{DEFAULT_WORKSPACE, NewWorkspace, Workspace, WorkspacePatch};

/// String to string, ordered so that it prints the same every time.
pub type StringMap = std::collections::BTreeMap<String, String>;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Give this back as `cursor` to read on; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// How many there are on all pages together, when that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}
