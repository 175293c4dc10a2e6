use clap::Args;

use crate::Assignment;

/// Log metrics of the active run; without one, a run is started
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(
    after_help = "In a cell a value may be a Rust expression in braces.\n\nExamples:\n  $log accuracy=0.93 loss=0.21\n  $log loss=0.2 --step 3\n  $log accuracy={correct as f64 / total as f64}"
)]
pub struct Log {
    /// What to log, `accuracy=0.93`
    #[arg(value_name = "NAME=VALUE", required = true, value_parser = Assignment::parse, allow_negative_numbers = true)]
    pub values: Vec<Assignment>,
    /// The step these values belong to, counted per metric when absent
    #[arg(long, value_name = "STEP", allow_negative_numbers = true)]
    pub step: Option<i64>,
    /// Log to this run instead of the active one
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
}

/// Log one row of a table
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = "Examples:\n  $log_row epochs epoch=1 loss=0.31 accuracy=0.88")]
pub struct LogRow {
    /// Name of the metric
    #[arg(value_name = "METRIC")]
    pub name: String,
    /// The row's cells, `epoch=1`
    #[arg(value_name = "COLUMN=VALUE", required = true, value_parser = Assignment::parse)]
    pub values: Vec<Assignment>,
    /// Log to this run instead of the active one
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
}

/// Log a picture
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = "Examples:\n  $log_image roc outputs/roc.png")]
pub struct LogImage {
    /// Name of the metric
    #[arg(value_name = "METRIC")]
    pub name: String,
    /// The picture's file
    #[arg(value_name = "FILE")]
    pub file: String,
    /// Log to this run instead of the active one
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
}

/// Keep files with the active run
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(
    after_help = "Examples:\n  $upload outputs/model.pkl\n  $upload model.pkl --name outputs/model.pkl"
)]
pub struct Upload {
    /// Files or folders
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<String>,
    /// The artifact's name; for a folder or several files, the folder to put them in
    #[arg(long, value_name = "ARTIFACT")]
    pub name: Option<String>,
    /// Keep them with this run instead of the active one
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
}
