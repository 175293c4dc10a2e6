use clap::Subcommand;

use crate::KeyValue;

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum WorkspaceCommand {
    /// List the workspaces
    #[command(after_help = "Examples:\n  $workspace list --json")]
    List,
    /// Show a workspace, the current one when none is named
    Show {
        /// Its name
        #[arg(value_name = "WORKSPACE")]
        name: Option<String>,
    },
    /// Create a workspace
    #[command(after_help = "Examples:\n  $workspace create churn --tag team=marketing")]
    Create {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// A tag; may be given several times
        #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = KeyValue::parse)]
        tags: Vec<KeyValue>,
    },
    /// Make a workspace the current one: of this notebook in a cell, of this folder in a shell
    #[command(after_help = "Examples:\n  $workspace use churn")]
    Use {
        /// Its name
        #[arg(value_name = "WORKSPACE")]
        name: String,
    },
}
