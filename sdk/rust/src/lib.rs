//! Lazuli from Rust: workspaces, experiments, runs and models as ordinary values, in a notebook
//! cell or in any program.
//!
//! ```no_run
//! use lazuli::prelude::*;
//!
//! let workspace = Workspace::from_config()?;
//! let run = workspace.experiment("diabetes")?.start_logging()?;
//! run.log("accuracy", 0.93)?;
//! run.complete()?;
//! # Ok::<(), lazuli::Error>(())
//! ```
//!
//! Whole programs stand in `examples/`; the tests run them.
//!
//! Three things live here: [`client`], the typed client of the daemon's HTTP API, which starts the
//! daemon when none runs; the writer of a run's spool file; and the objects above, made of the two.
//! What each command of the shell or a magic does does not live here.
//!
//! A notebook's cell may be rolled back to a forked checkpoint, and this crate is compiled into
//! every cell. Hence there are no threads, no global state, no connection that outlives its request
//! and no counter in memory; the objects hold names and ids only; and the crates it needs are few.

pub mod client;
mod compute_target;
mod config;
mod data_reference;
mod dataset;
mod dataset_definition;
mod datastore;
mod display;
mod environment;
mod error;
mod experiment;
mod folder;
mod home;
mod keyvault;
mod list;
mod metric_value;
mod metrics;
mod model;
pub mod prelude;
pub mod process;
mod run;
mod run_details;
mod script_run;
mod sha256;
mod spool;
pub mod ssh;
mod table;
mod time;
mod transfer;
mod workspace;

pub use compute_target::ComputeTarget;
pub use config::{Config, Session};
pub use data_reference::DataReference;
pub use dataset::{Dataset, DatasetRegistration};
pub use dataset_definition::{FileDataset, IntoDataPath, TabularDataset};
pub use datastore::{Datastore, place_in_words};
pub use environment::Environment;
pub use error::{Error, Result};
pub use experiment::Experiment;
pub use home::Home;
pub use keyvault::Keyvault;
pub use lazuli_domain as domain;
pub use list::{List, Listed};
pub use metric_value::{IntoMetricValue, confusion_matrix};
pub use metrics::Metrics;
pub use model::{Model, ModelRegistration};
pub use run::Run;
pub use run_details::RunDetails;
pub use script_run::{Estimator, ScriptArgument, ScriptRun, ScriptRunConfig};
pub use table::Table;
pub use workspace::{Workspace, workspace_name};
