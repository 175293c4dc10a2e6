use clap::{Args, Subcommand};

use crate::KeyValue;

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum DatastoreCommand {
    /// List the datastores
    List,
    /// Show a datastore, the default one when none is named
    Show {
        /// Its name
        #[arg(value_name = "DATASTORE")]
        name: Option<String>,
    },
    Add(Box<AddDatastore>),
    /// Make a datastore the default one
    #[command(after_help = "Examples:\n  $datastore default lake")]
    Default {
        /// Its name
        #[arg(value_name = "DATASTORE")]
        name: String,
    },
    /// Upload files or the files of a folder
    #[command(
        after_help = "What is there already stays, unless it is to be replaced.\n\nExamples:\n  $datastore upload data --target diabetes\n  $datastore upload train.csv test.csv --datastore lake --overwrite"
    )]
    Upload {
        /// Files and folders; of a folder, everything below it
        #[arg(value_name = "FILE", required = true)]
        files: Vec<String>,
        /// Which datastore, the default one when absent
        #[arg(long, short = 'd', value_name = "DATASTORE")]
        datastore: Option<String>,
        /// The folder there
        #[arg(long, value_name = "PATH", default_value = "")]
        target: String,
        /// Replace files that are there
        #[arg(long)]
        overwrite: bool,
    },
    /// Download a file, a folder or what a pattern finds
    #[command(
        after_help = "In a pattern `*` and `?` stand within a name, `**` for folders. Each file keeps its whole path.\n\nExamples:\n  $datastore download diabetes --to data\n  $datastore download 'logs/**/*.csv' --datastore lake"
    )]
    Download {
        /// Path or pattern in the datastore; all when absent
        #[arg(value_name = "PATH", default_value = "")]
        path: String,
        /// Which datastore, the default one when absent
        #[arg(long, short = 'd', value_name = "DATASTORE")]
        datastore: Option<String>,
        /// Where to put them
        #[arg(long, value_name = "FOLDER", default_value = ".")]
        to: String,
        /// Replace files that exist
        #[arg(long)]
        overwrite: bool,
    },
    /// List the files of a datastore
    #[command(
        after_help = "Examples:\n  $datastore files\n  $datastore files lake 'diabetes/*.csv'"
    )]
    Files {
        /// Which datastore, the default one when absent
        #[arg(value_name = "DATASTORE")]
        datastore: Option<String>,
        /// A folder or a pattern; all when absent
        #[arg(value_name = "PATH", default_value = "")]
        path: String,
        /// At most so many
        #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
        limit: u32,
    },
    /// Forget a datastore, or with `--file` remove one file from it; what a forgotten one holds stays
    #[command(
        after_help = "Examples:\n  $datastore remove lake\n  $datastore remove lake --file diabetes/old.csv"
    )]
    Remove {
        /// Its name
        #[arg(value_name = "DATASTORE")]
        name: String,
        /// Remove this file from it, and do not forget it
        #[arg(long = "file", value_name = "PATH")]
        files: Vec<String>,
    },
}

/// Register a place where data lies
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(
    after_help = "Its key is never typed here: it comes from the workspace's secrets, from an environment variable, or is\nasked for (from a pipe, it is read).\n\nExamples:\n  $datastore add shared --folder /mnt/shared\n  $datastore add lake --azure-blob account/container --key-secret lake-key\n  $datastore add raw --s3 bucket --region eu-central-1 --access-key-id AKIA… --key-env AWS_SECRET_ACCESS_KEY"
)]
pub struct AddDatastore {
    /// Its name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// A folder of this machine, or a mounted share
    #[arg(long, value_name = "FOLDER", group = "place")]
    pub folder: Option<String>,
    /// A container of Azure Blob Storage
    #[arg(long, value_name = "ACCOUNT/CONTAINER", group = "place")]
    pub azure_blob: Option<String>,
    /// A file share of Azure
    #[arg(long, value_name = "ACCOUNT/SHARE", group = "place")]
    pub azure_file: Option<String>,
    /// A file system of Azure Data Lake Storage Gen2
    #[arg(long, value_name = "ACCOUNT/FILESYSTEM", group = "place")]
    pub adls: Option<String>,
    /// A bucket of S3 or of what speaks like it
    #[arg(long, value_name = "BUCKET", group = "place")]
    pub s3: Option<String>,
    /// A bucket of Google Cloud Storage
    #[arg(long, value_name = "BUCKET", group = "place")]
    pub gcs: Option<String>,
    /// A SQLite database, for tables
    #[arg(long, value_name = "FILE", group = "place")]
    pub sqlite: Option<String>,
    /// A PostgreSQL database, for tables
    #[arg(long, value_name = "USER@HOST[:PORT]/DATABASE", group = "place")]
    pub postgresql: Option<String>,
    /// The service's address, when it is not the cloud's own
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// The bucket's region
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// The key is the value of this secret
    #[arg(long, value_name = "SECRET", group = "key")]
    pub key_secret: Option<String>,
    /// The key is the value of this environment variable
    #[arg(long, value_name = "VARIABLE", group = "key")]
    pub key_env: Option<String>,
    /// Ask for the key, or read it from a pipe
    #[arg(long, group = "key")]
    pub ask_key: bool,
    /// The key is a SAS token
    #[arg(long, group = "form", requires = "key")]
    pub sas: bool,
    /// The key is a connection string
    #[arg(long, group = "form", requires = "key")]
    pub connection_string: bool,
    /// The id that belongs to an S3 key
    #[arg(long, value_name = "ID", requires = "key")]
    pub access_key_id: Option<String>,
    /// What it is, in a sentence
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub description: String,
    /// A tag; may be given several times
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = KeyValue::parse)]
    pub tags: Vec<KeyValue>,
    /// Take the place of a datastore of that name
    #[arg(long)]
    pub overwrite: bool,
    /// Make the container, bucket or folder when it is missing
    #[arg(long)]
    pub create: bool,
    /// Register it without asking the place whether it answers
    #[arg(long)]
    pub skip_validation: bool,
    /// Make it the default one
    #[arg(long)]
    pub default: bool,
}
