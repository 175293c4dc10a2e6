//! The table. A shared command is a variant of [`Command`]; what only a cell or only a shell may
//! say is in [`cell`] and [`shell`]. `$` in an example stands for `%` in a cell and for `lazuli `
//! in a shell.

pub mod cell;
pub mod compute;
pub mod dataset;
pub mod datastore;
pub mod environment;
pub mod experiment;
pub mod housekeeping;
pub mod log;
pub mod model;
pub mod run;
pub mod secret;
pub mod shell;
pub mod sql;
pub mod submit;
pub mod token;
pub mod workspace;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use cell::{Bash, BodyCommand, LineCommand, SubmitBody, Track, Writefile};
pub use compute::{AttachMachine, CalledKind, ComputeCommand, CreateCompute};
pub use dataset::{DatasetCommand, OneDataset, RegisterDataset};
pub use datastore::{AddDatastore, DatastoreCommand};
pub use environment::{CreateEnvironment, EnvironmentCommand};
pub use experiment::ExperimentCommand;
pub use housekeeping::{Backup, Gc, Restore};
pub use log::{Log, LogImage, LogRow, Upload};
pub use model::{ModelCommand, RegisterModel};
pub use run::{RunCommand, RunDetails};
pub use secret::SecretCommand;
pub use shell::{CompletionShell, Kernel, Lsp, Serve, ShellCommand, SnapshotCommand, Ssh};
pub use sql::{Sql, SqlBody, SqlOptions};
pub use submit::{Submit, SubmitOptions};
pub use token::TokenCommand;
pub use workspace::WorkspaceCommand;

/// What both a cell and a shell may say.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Workspaces: what holds experiments, runs and models
    #[command(subcommand)]
    Workspace(WorkspaceCommand),
    /// Experiments: named series of runs
    #[command(subcommand)]
    Experiment(ExperimentCommand),
    /// Runs: start, watch, compare and end them
    #[command(subcommand)]
    Run(RunCommand),
    /// Registered models and their versions
    #[command(subcommand)]
    Model(ModelCommand),
    /// Datastores: places where data lies
    #[command(subcommand)]
    Datastore(DatastoreCommand),
    /// Datasets: data by name and version
    #[command(subcommand)]
    Dataset(DatasetCommand),
    Sql(Sql),
    /// Compute targets: where submitted scripts run
    #[command(subcommand)]
    Compute(ComputeCommand),
    /// Environments: the Python and the packages that scripts run in
    #[command(subcommand)]
    Environment(EnvironmentCommand),
    /// Secrets of the workspace
    #[command(subcommand)]
    Secret(SecretCommand),
    Gc(Gc),
    Backup(Backup),
    Restore(Restore),
}

/// [`Command`] and the short names for what is said most.
#[derive(Clone, Debug, Subcommand)]
enum Spoken {
    #[command(flatten)]
    Whole(Command),
    Log(Log),
    #[command(name = "log_row", alias = "log-row")]
    LogRow(LogRow),
    #[command(name = "log_image", alias = "log-image")]
    LogImage(LogImage),
    Upload(Upload),
    Submit(Submit),
    #[command(name = "rundetails")]
    RunDetails(RunDetails),
    #[command(name = "register_model", alias = "register-model")]
    RegisterModel(RegisterModel),
}

/// Short name and what it stands for.
pub const SHORT_NAMES: [(&str, &str); 7] = [
    ("log", "run log"),
    ("log_row", "run log_row"),
    ("log_image", "run log_image"),
    ("upload", "run upload"),
    ("submit", "run submit"),
    ("rundetails", "run details"),
    ("register_model", "model register"),
];

impl From<Spoken> for Command {
    fn from(spoken: Spoken) -> Command {
        match spoken {
            Spoken::Whole(command) => command,
            Spoken::Log(log) => Command::Run(RunCommand::Log(log)),
            Spoken::LogRow(row) => Command::Run(RunCommand::LogRow(row)),
            Spoken::LogImage(image) => Command::Run(RunCommand::LogImage(image)),
            Spoken::Upload(upload) => Command::Run(RunCommand::Upload(upload)),
            Spoken::Submit(submit) => Command::Run(RunCommand::Submit(submit)),
            Spoken::RunDetails(details) => Command::Run(RunCommand::Details(details)),
            Spoken::RegisterModel(model) => Command::Model(ModelCommand::Register(model)),
        }
    }
}

/// What may be said with every command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Options {
    /// Answer in JSON
    #[arg(long, global = true, display_order = 900)]
    pub json: bool,
    /// Work in this workspace instead of the current one
    #[arg(long, short = 'w', global = true, value_name = "WORKSPACE", display_order = 901)]
    pub workspace: Option<String>,
}

#[derive(Parser)]
#[command(name = "%", disable_help_subcommand = true, subcommand_required = true)]
struct CellLine {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: SpokenInCell,
}

#[derive(Subcommand)]
enum SpokenInCell {
    #[command(flatten)]
    Shared(Spoken),
    /// List the magics
    Lsmagic,
    /// Explain a magic, or list them all
    #[command(after_help = "Examples:\n  $help\n  $help run submit")]
    Help {
        /// A magic, and a command of it
        #[arg(value_name = "TOPIC")]
        topic: Vec<String>,
    },
}

#[derive(Parser)]
#[command(name = "%%", disable_help_subcommand = true, subcommand_required = true)]
struct CellBody {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: BodyCommand,
}

/// An Azure-ML-style workspace that you own: tracks runs, runs scripts, keeps models
#[derive(Parser)]
#[command(name = "lazuli", version, subcommand_required = true)]
struct ShellLine {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: SpokenInShell,
}

#[derive(Subcommand)]
enum SpokenInShell {
    #[command(flatten)]
    Shared(Spoken),
    #[command(flatten)]
    Own(shell::OwnCommand),
}

/// Where the table is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    /// `%name`
    Line,
    /// `%%name`
    Body,
    /// `lazuli name`
    Shell,
}

impl Face {
    /// What stands before a command.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Line => "%",
            Self::Body => "%%",
            Self::Shell => "lazuli ",
        }
    }

    pub(crate) fn table(self) -> clap::Command {
        let table = match self {
            Self::Line => CellLine::command(),
            Self::Body => CellBody::command(),
            Self::Shell => ShellLine::command(),
        };
        with_prefix(table, self.prefix())
    }
}

/// The line magics (`%name`) as a clap table.
pub fn cell_table() -> clap::Command {
    Face::Line.table()
}

/// Everything that `lazuli` understands, as a clap table.
pub fn shell_table() -> clap::Command {
    Face::Shell.table()
}

pub(crate) fn line_command(
    matches: &clap::ArgMatches,
) -> Result<(Options, LineCommand), clap::Error> {
    let line = CellLine::from_arg_matches(matches)?;
    let command = match line.command {
        SpokenInCell::Shared(spoken) => LineCommand::Shared(spoken.into()),
        SpokenInCell::Lsmagic => LineCommand::Lsmagic,
        SpokenInCell::Help { topic } => LineCommand::Help { topic: topic.join(" ") },
    };
    Ok((line.options, command))
}

pub(crate) fn body_command(
    matches: &clap::ArgMatches,
) -> Result<(Options, BodyCommand), clap::Error> {
    let body = CellBody::from_arg_matches(matches)?;
    Ok((body.options, body.command))
}

pub(crate) fn shell_command(
    matches: &clap::ArgMatches,
) -> Result<(Options, ShellCommand), clap::Error> {
    let line = ShellLine::from_arg_matches(matches)?;
    let command = match line.command {
        SpokenInShell::Shared(spoken) => ShellCommand::Shared(spoken.into()),
        SpokenInShell::Own(own) => own.into(),
    };
    Ok((line.options, command))
}

fn with_prefix(command: clap::Command, prefix: &str) -> clap::Command {
    let examples = command.get_after_help().map(|text| {
        let text = text.to_string();
        // A shell evaluates no Rust.
        let lines = text.lines().filter(|line| prefix.starts_with('%') || !line.contains("={"));
        lines.collect::<Vec<_>>().join("\n").replace('$', prefix)
    });
    let command = match examples {
        Some(examples) => command.after_help(examples),
        None => command,
    };
    command.mut_subcommands(|subcommand| with_prefix(subcommand, prefix))
}
