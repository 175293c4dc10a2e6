use clap::{Args, Subcommand};

use crate::KeyValue;

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ModelCommand {
    /// List the models, newest version first
    #[command(after_help = "Examples:\n  $model list\n  $model list churn")]
    List {
        /// Only the versions of this model
        #[arg(value_name = "MODEL")]
        name: Option<String>,
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
