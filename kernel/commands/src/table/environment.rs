use clap::Subcommand;

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum EnvironmentCommand {
    /// List the cached environments
    #[command(after_help = "Examples:\n  $environment list")]
    List,
    /// Show a cached environment
    Show {
        /// Its hash, or the first characters of it
        #[arg(value_name = "ENVIRONMENT")]
        hash: String,
    },
}
