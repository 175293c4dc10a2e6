use clap::{Args, Subcommand};

use crate::KeyValue;

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum EnvironmentCommand {
    /// List the registered environments
    #[command(
        after_help = "Examples:\n  $environment list\n  $environment list --all\n  $environment list --cached"
    )]
    List {
        /// Those that come with Lazuli too (`AzureML-…`)
        #[arg(long, conflicts_with = "cached")]
        all: bool,
        /// What was made of environments on this machine, instead
        #[arg(long)]
        cached: bool,
    },
    /// Show an environment, or one that was made on this machine
    #[command(
        after_help = "Examples:\n  $environment show training\n  $environment show training:2\n  $environment show 3f9ad0c1"
    )]
    Show {
        /// `NAME` or `NAME:VERSION`; of one that was made here, its hash or the first characters of it
        #[arg(value_name = "ENVIRONMENT")]
        name: String,
    },
    Create(Box<CreateEnvironment>),
    /// Make an environment on this machine, so that the first run in it does not wait
    #[command(after_help = "Examples:\n  $environment build training")]
    Build {
        /// `NAME` or `NAME:VERSION`
        #[arg(value_name = "ENVIRONMENT")]
        name: String,
        /// The interpreter to use where the environment names no version
        #[arg(long, value_name = "PROGRAM")]
        python: Option<String>,
    },
    /// Forget all versions of an environment; runs keep what they ran in
    Delete {
        /// Its name
        #[arg(value_name = "ENVIRONMENT")]
        name: String,
    },
}

/// Register an environment, or the next version of one
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(
    after_help = "What is defined as the newest version already is that version.\n\nExamples:\n  $environment create training --pip scikit-learn==1.7.2 --pip pandas\n  $environment create training --conda-file conda.yml\n  $environment create old --python-version 3.8 --conda numpy=1.23 --pip joblib"
)]
pub struct CreateEnvironment {
    /// Its name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// A conda file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["requirements", "packages", "conda_packages", "python_version", "interpreter"])]
    pub conda_file: Option<String>,
    /// A requirements file of pip
    #[arg(long, value_name = "FILE")]
    pub requirements: Option<String>,
    /// A pip requirement; may be given several times
    #[arg(long = "pip", value_name = "PACKAGE")]
    pub packages: Vec<String>,
    /// A package as conda writes it (`numpy=1.23`); may be given several times
    #[arg(long = "conda", value_name = "PACKAGE")]
    pub conda_packages: Vec<String>,
    /// The version of Python; the nearest that is installed
    #[arg(long, value_name = "VERSION")]
    pub python_version: Option<String>,
    /// An interpreter to use as it is, without packages of the environment's own
    #[arg(long, value_name = "PROGRAM", conflicts_with_all = ["requirements", "packages", "conda_packages", "python_version"])]
    pub interpreter: Option<String>,
    /// An environment variable for scripts; may be given several times
    #[arg(long = "variable", value_name = "KEY=VALUE", value_parser = KeyValue::parse)]
    pub variables: Vec<KeyValue>,
    /// What to call the version; the next number when absent
    #[arg(long, value_name = "VERSION")]
    pub version: Option<String>,
}
