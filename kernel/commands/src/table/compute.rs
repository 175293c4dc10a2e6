use clap::Subcommand;

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ComputeCommand {
    /// List the compute targets
    #[command(after_help = "Examples:\n  $compute list")]
    List,
    /// Show a compute target
    Show {
        /// Its name
        #[arg(value_name = "COMPUTE")]
        name: String,
    },
}
