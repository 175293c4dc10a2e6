use clap::Subcommand;

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum TokenCommand {
    /// List the access tokens: names and times, never the tokens themselves
    #[command(after_help = "Examples:\n  $token list")]
    List,
    /// Make an access token and print it, once
    #[command(
        after_help = "Programs send it as `Authorization: Bearer TOKEN`; MLflow's clients take it as MLFLOW_TRACKING_TOKEN. Whoever has it may do everything that this daemon can.\n\nExamples:\n  $token create nightly-training\n  $token create build-server --expires-in 30"
    )]
    Create {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// It opens nothing after so many days; without this it lasts until it is revoked
        #[arg(long, value_name = "DAYS")]
        expires_in: Option<u32>,
    },
    /// Revoke an access token: whoever has it is refused from then on
    #[command(after_help = "Examples:\n  $token revoke build-server")]
    Revoke {
        /// Its name
        #[arg(value_name = "TOKEN")]
        name: String,
    },
}
