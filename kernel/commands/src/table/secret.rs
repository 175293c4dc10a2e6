use clap::Subcommand;

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum SecretCommand {
    /// List the names of the secrets
    List,
    /// Print the value of a secret
    Show {
        /// Its name
        #[arg(value_name = "SECRET")]
        name: String,
    },
    /// Keep a secret; its value is asked for when it is not given
    #[command(after_help = "Examples:\n  $secret set database-password")]
    Set {
        /// Its name
        #[arg(value_name = "SECRET")]
        name: String,
        /// The value; better not given, as a notebook or a shell's history keeps it
        #[arg(value_name = "VALUE", allow_hyphen_values = true)]
        value: Option<String>,
    },
    /// Delete a secret
    Delete {
        /// Its name
        #[arg(value_name = "SECRET")]
        name: String,
    },
}
