//! What only a cell may say.

use clap::{Args, Subcommand};

use super::{Command, SqlBody, SubmitOptions};

/// What a line magic (`%name`) says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineCommand {
    Shared(Command),
    Lsmagic,
    /// Empty: everything.
    Help {
        topic: String,
    },
}

/// What a cell magic (`%%name`, the rest of the cell is its body) says.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum BodyCommand {
    Submit(SubmitBody),
    Sql(SqlBody),
    Track(Track),
    Writefile(Writefile),
    Bash(Bash),
    /// Run the cell in Python; its variables stay for the next `%%python`
    #[command(alias = "python3", after_help = "Examples:\n  $python")]
    Python,
}

/// Submit the cell as a Python script
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(
    after_help = "Examples:\n  $submit --experiment churn\n  $submit train.py --source src --wait -- --epochs 10"
)]
pub struct SubmitBody {
    /// What to call the script in the run's folder
    #[arg(value_name = "SCRIPT", default_value = "cell.py")]
    pub script: String,
    #[command(flatten)]
    pub options: SubmitOptions,
}

/// Run the cell as a run: its duration, output and source are kept
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(after_help = "Examples:\n  $track --experiment churn --name \"feature check\"")]
pub struct Track {
    /// The experiment it belongs to
    #[arg(long, short = 'e', value_name = "EXPERIMENT")]
    pub experiment: Option<String>,
    /// What to call the run
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// Write the cell to a file
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = "Examples:\n  $writefile train.py\n  $writefile --append notes.txt")]
pub struct Writefile {
    /// The file; folders on the way are made
    #[arg(value_name = "FILE")]
    pub file: String,
    /// Add to the file instead of replacing it
    #[arg(long, short = 'a')]
    pub append: bool,
}

/// Run the cell in bash
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(after_help = "Examples:\n  $bash\n  $bash first second")]
pub struct Bash {
    /// `$1`, `$2` … of the script
    #[arg(value_name = "ARGUMENTS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<String>,
}
