use clap::Subcommand;

use crate::KeyValue;

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ExperimentCommand {
    /// List the experiments
    #[command(after_help = "Examples:\n  $experiment list --json")]
    List {
        /// Those that are deleted, instead of those that are not
        #[arg(long)]
        deleted: bool,
    },
    /// Show an experiment, the current one when none is named
    Show {
        /// Its name
        #[arg(value_name = "EXPERIMENT")]
        name: Option<String>,
    },
    /// Create an experiment
    #[command(after_help = "Examples:\n  $experiment create diabetes")]
    Create {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// A tag; may be given several times
        #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = KeyValue::parse)]
        tags: Vec<KeyValue>,
    },
    /// Hide an experiment and its runs until it is restored or `gc` removes it for good
    #[command(after_help = "Examples:\n  $experiment delete diabetes")]
    Delete {
        /// Its name
        #[arg(value_name = "EXPERIMENT")]
        name: String,
    },
    /// Bring a deleted experiment back, with the runs that were deleted with it
    #[command(after_help = "Examples:\n  $experiment restore diabetes")]
    Restore {
        /// Its name; `experiment list --deleted` shows them
        #[arg(value_name = "EXPERIMENT")]
        name: String,
    },
    /// Write an experiment to a file: its ended runs with metrics, files and all
    #[command(after_help = "Examples:\n  $experiment export diabetes diabetes.tar")]
    Export {
        /// Its name
        #[arg(value_name = "EXPERIMENT")]
        name: String,
        /// The file to write
        #[arg(value_name = "FILE")]
        file: String,
        /// Replace a file that exists
        #[arg(long)]
        force: bool,
    },
    /// Bring an exported experiment in; runs that are here already stay as they are
    #[command(
        after_help = "Examples:\n  $experiment import diabetes.tar\n  $experiment import diabetes.tar --name diabetes-2025"
    )]
    Import {
        /// A file that `experiment export` wrote
        #[arg(value_name = "FILE")]
        file: String,
        /// What to call it here
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    /// Make an experiment the one that runs of this notebook belong to; it is created when it does not exist
    #[command(after_help = "Examples:\n  $experiment use diabetes")]
    Use {
        /// Its name
        #[arg(value_name = "EXPERIMENT")]
        name: String,
    },
}
