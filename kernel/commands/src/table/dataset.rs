use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

use crate::KeyValue;

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum DatasetCommand {
    /// List the datasets with their newest versions
    #[command(after_help = "Examples:\n  $dataset list\n  $dataset list diab")]
    List {
        /// Only those whose names begin so
        #[arg(value_name = "DATASET")]
        prefix: Option<String>,
    },
    /// Show a dataset: first rows, types, what is missing, how each column is spread
    #[command(after_help = "Examples:\n  $dataset show diabetes\n  $dataset show diabetes@2")]
    Show(OneDataset),
    /// Show the first rows of a table
    #[command(after_help = "Examples:\n  $dataset preview diabetes --rows 5")]
    Preview {
        #[command(flatten)]
        dataset: OneDataset,
        /// How many
        #[arg(long, value_name = "COUNT", default_value_t = 20)]
        rows: u64,
    },
    /// Show each column of a table in figures
    Profile(OneDataset),
    Register(RegisterDataset),
    /// List the files of a dataset, in the order in which they are read
    Files(OneDataset),
    /// List the versions of a dataset
    Versions {
        /// Its name
        #[arg(value_name = "DATASET")]
        name: String,
    },
    /// Unregister a dataset with all its versions; its files stay where they are
    #[command(alias = "unregister")]
    Remove {
        /// Its name
        #[arg(value_name = "DATASET")]
        name: String,
    },
    /// Bring back a dataset that was unregistered
    Restore {
        /// Its name
        #[arg(value_name = "DATASET")]
        name: String,
    },
}

/// A version of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct OneDataset {
    /// Its name; `name@2` is version 2
    #[arg(value_name = "DATASET")]
    pub name: String,
    /// Which version, the newest when absent
    #[arg(long, value_name = "VERSION")]
    pub version: Option<u64>,
}

/// Register files as a dataset: a table, or the files themselves
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(
    after_help = "`*` and `?` in a path stand for parts of a name, `**` for folders; a folder means every file below it.\n\nExamples:\n  $dataset register diabetes data/diabetes.csv\n  $dataset register diabetes 'data/*.csv' --datastore workspaceblobstore --new-version\n  $dataset register pictures 'pictures/**' --datastore workspaceblobstore --format file"
)]
pub struct RegisterDataset {
    /// What to call it
    #[arg(value_name = "DATASET")]
    pub name: String,
    /// Files, folders, patterns or web addresses
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<String>,
    /// The datastore that the paths are in; without one they are local files or web addresses
    #[arg(long, value_name = "DATASTORE")]
    pub datastore: Option<String>,
    /// How the files are read; the ends of their names say it when absent
    #[arg(long, value_name = "FORMAT", value_parser = PossibleValuesParser::new(["delimited", "json_lines", "parquet", "file"]))]
    pub format: Option<String>,
    /// What stands between two values of a delimited file
    #[arg(long, value_name = "TEXT")]
    pub separator: Option<String>,
    /// Which delimited files begin with the names of the columns
    #[arg(long, value_name = "HEADER", value_parser = PossibleValuesParser::new(["same", "combine", "first", "none"]), default_value = "same")]
    pub header: String,
    /// `utf8`, `latin1`, `utf16`, `windows1252` and the like
    #[arg(long, value_name = "ENCODING", default_value = "utf8")]
    pub encoding: String,
    /// What it is
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// A tag; may be given several times
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = KeyValue::parse)]
    pub tags: Vec<KeyValue>,
    /// The name may be taken: this becomes its next version
    #[arg(long)]
    pub new_version: bool,
}
