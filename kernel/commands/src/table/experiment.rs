use clap::Subcommand;

use crate::KeyValue;

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ExperimentCommand {
    /// List the experiments
    #[command(after_help = "Examples:\n  $experiment list --json")]
    List,
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
    /// Make an experiment the one that runs of this notebook belong to; it is created when it does not exist
    #[command(after_help = "Examples:\n  $experiment use diabetes")]
    Use {
        /// Its name
        #[arg(value_name = "EXPERIMENT")]
        name: String,
    },
}
