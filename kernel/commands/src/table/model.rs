use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use lazuli_domain::Model;

use crate::KeyValue;

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ModelCommand {
    /// List the models, newest version first
    #[command(after_help = "Examples:\n  $model list\n  $model list churn")]
    List {
        /// Only the versions of this model
        #[arg(value_name = "MODEL")]
        name: Option<String>,
        /// Those that are deleted, instead of those that are not
        #[arg(long)]
        deleted: bool,
    },
    /// Show a model, its latest version when none is named
    Show {
        /// Its name
        #[arg(value_name = "MODEL")]
        name: String,
        /// Which version
        #[arg(long, value_name = "VERSION")]
        version: Option<u64>,
    },
    Register(RegisterModel),
    /// Download the files of a model
    #[command(after_help = "Examples:\n  $model download churn --version 2 --to models")]
    Download {
        /// Its name
        #[arg(value_name = "MODEL")]
        name: String,
        /// Which version, the latest when absent
        #[arg(long, value_name = "VERSION")]
        version: Option<u64>,
        /// Where to put them
        #[arg(long, value_name = "FOLDER", default_value = ".")]
        to: String,
        /// Replace files that exist
        #[arg(long)]
        force: bool,
    },
    /// Move a version to a stage: None, Staging, Production or Archived
    #[command(
        after_help = "Examples:\n  $model stage churn Production\n  $model stage churn Production --version 3 --archive-others"
    )]
    Stage {
        /// Its name
        #[arg(value_name = "MODEL")]
        name: String,
        /// The stage
        #[arg(value_name = "STAGE", value_parser = PossibleValuesParser::new(Model::STAGES), ignore_case = true)]
        stage: String,
        /// Which version, the latest when absent
        #[arg(long, value_name = "VERSION")]
        version: Option<u64>,
        /// Move versions that are in this stage to Archived, in the same moment
        #[arg(long)]
        archive_others: bool,
    },
    /// Let a word such as `champion` point to a version
    #[command(
        after_help = "Examples:\n  $model alias churn champion --version 3\n  $model alias churn champion --remove"
    )]
    Alias {
        /// Its name
        #[arg(value_name = "MODEL")]
        name: String,
        /// The word
        #[arg(value_name = "ALIAS")]
        alias: String,
        /// Which version, the latest when absent
        #[arg(long, value_name = "VERSION")]
        version: Option<u64>,
        /// Take the alias away
        #[arg(long, conflicts_with = "version")]
        remove: bool,
    },
    /// Set or remove tags of a version
    #[command(
        after_help = "Examples:\n  $model tag churn checked=yes\n  $model tag churn --version 2 --remove draft"
    )]
    Tag {
        /// Its name
        #[arg(value_name = "MODEL")]
        name: String,
        /// Tags to set
        #[arg(value_name = "KEY=VALUE", value_parser = KeyValue::parse, required_unless_present = "remove")]
        tags: Vec<KeyValue>,
        /// A tag to remove; may be given several times
        #[arg(long, value_name = "KEY")]
        remove: Vec<String>,
        /// Which version, the latest when absent
        #[arg(long, value_name = "VERSION")]
        version: Option<u64>,
    },
    /// Hide a model with all its versions, or one version; `restore` brings it back
    #[command(after_help = "Examples:\n  $model delete churn --version 2\n  $model delete churn")]
    Delete {
        /// Its name
        #[arg(value_name = "MODEL")]
        name: String,
        /// Only this version
        #[arg(long, value_name = "VERSION")]
        version: Option<u64>,
    },
    /// Bring back a model with the versions that were deleted with it, or one version
    #[command(
        after_help = "Examples:\n  $model list --deleted\n  $model restore churn --version 2"
    )]
    Restore {
        /// Its name
        #[arg(value_name = "MODEL")]
        name: String,
        /// Only this version
        #[arg(long, value_name = "VERSION")]
        version: Option<u64>,
    },
}

/// Register a file or folder as the next version of a model
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(
    after_help = "The path is a file or folder here, or with `--run` one that the run kept. Without `--run`, a path that\ndoes not exist here is looked for in the active or last run.\n\nExamples:\n  $register_model churn model.pkl\n  $register_model churn outputs/model.pkl --run churn_1764 --framework ScikitLearn"
)]
pub struct RegisterModel {
    /// The model's name
    #[arg(value_name = "MODEL")]
    pub name: String,
    /// The file or folder
    #[arg(value_name = "FILE")]
    pub path: String,
    /// The run that kept it
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// What it is, in a sentence
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// A tag; may be given several times
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = KeyValue::parse)]
    pub tags: Vec<KeyValue>,
    /// A property, which never changes; may be given several times
    #[arg(long = "property", value_name = "KEY=VALUE", value_parser = KeyValue::parse)]
    pub properties: Vec<KeyValue>,
    /// `ScikitLearn`, `Onnx`, `TensorFlow`, `Custom` …
    #[arg(long, value_name = "FRAMEWORK")]
    pub framework: Option<String>,
    /// Its version
    #[arg(long, value_name = "VERSION")]
    pub framework_version: Option<String>,
}
