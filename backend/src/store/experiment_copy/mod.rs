//! The rows of one experiment out, and in somewhere else: with other keys, in another workspace,
//! perhaps in another database.

mod datasets;
mod into;
mod out;

pub use into::{CopyIn, announce};
pub use out::{Copied, copy_out};

/// What MLflow keeps of an experiment beside its runs, by the column `experiment`.
const OF_EXPERIMENT: [&str; 2] = ["datasets", "logged_models"];
/// What belongs to a run, by the column `run`.
const OF_RUN: [&str; 9] = [
    "run_tags",
    "run_properties",
    "run_parameters",
    "metrics",
    "artifacts",
    "jobs",
    "run_datasets",
    "run_models",
    "dataset_uses",
];
/// What belongs to a metric, by the column `metric`.
const OF_METRIC: [&str; 2] = ["metric_points", "metric_stretches"];
/// What belongs to a logged model, by the column `model`.
const OF_MODEL: [&str; 2] = ["logged_model_metrics", "proxied_artifacts"];
