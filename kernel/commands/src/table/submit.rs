use clap::Args;

use crate::KeyValue;

/// Submit a Python script as a run
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(
    after_help = "Examples:\n  $submit train.py\n  $submit train.py --experiment churn --wait -- --epochs 10\n  $submit train.py --source src --pip scikit-learn==1.7.2 --pip pandas\n  $submit train.py --environment training --compute cpu-cluster"
)]
pub struct Submit {
    /// The script, in the source folder
    #[arg(value_name = "SCRIPT")]
    pub script: String,
    #[command(flatten)]
    pub options: SubmitOptions,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct SubmitOptions {
    /// Folder the run gets a copy of; the current folder when absent. `.amlignore` or `.gitignore` say what to leave out
    #[arg(long, value_name = "FOLDER")]
    pub source: Option<String>,
    /// A pip requirement; with any, the script runs in an environment made of exactly these
    #[arg(long = "pip", value_name = "PACKAGE")]
    pub packages: Vec<String>,
    /// The environment to run in, `NAME` or `NAME:VERSION`
    #[arg(long, value_name = "ENVIRONMENT", conflicts_with = "packages")]
    pub environment: Option<String>,
    /// The interpreter to use
    #[arg(long, value_name = "PROGRAM")]
    pub python: Option<String>,
    /// Where to run
    #[arg(long, value_name = "COMPUTE", default_value = "local")]
    pub compute: String,
    /// The experiment it belongs to
    #[arg(long, short = 'e', value_name = "EXPERIMENT")]
    pub experiment: Option<String>,
    /// What to call the run
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// A tag; may be given several times
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = KeyValue::parse)]
    pub tags: Vec<KeyValue>,
    /// An environment variable for the script; may be given several times
    #[arg(long = "variable", value_name = "KEY=VALUE", value_parser = KeyValue::parse)]
    pub variables: Vec<KeyValue>,
    /// End the script, and let its run fail, after so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub max_seconds: Option<u64>,
    /// Show the log until the run has ended; fail when the run fails
    #[arg(long)]
    pub wait: bool,
    /// An argument for the script; may be given several times, before those after `--`
    #[arg(long = "argument", value_name = "ARGUMENT", allow_hyphen_values = true)]
    pub leading_arguments: Vec<String>,
    /// Arguments for the script, after `--`
    #[arg(value_name = "ARGUMENTS", last = true)]
    pub trailing_arguments: Vec<String>,
}

impl SubmitOptions {
    /// All arguments for the script, in their order.
    pub fn arguments(&self) -> Vec<String> {
        self.leading_arguments.iter().chain(&self.trailing_arguments).cloned().collect()
    }
}
