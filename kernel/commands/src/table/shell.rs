//! What only a shell may say.

use clap::{Args, Subcommand, ValueEnum};

use super::{Command, TokenCommand};

/// What the command line of `lazuli` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShellCommand {
    Shared(Command),
    Serve(Serve),
    Status,
    Stop,
    Studio { print: bool },
    MlflowUri,
    Token(TokenCommand),
    Ssh(Ssh),
    Kernel(Kernel),
    Lsp(Lsp),
    Snapshot(SnapshotCommand),
    Completions { shell: CompletionShell },
    Reference,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum OwnCommand {
    Serve(Serve),
    /// Show whether a daemon runs, and what it keeps
    #[command(after_help = "Ends with code 3 when none runs.\n\nExamples:\n  $status --json")]
    Status,
    /// Stop the daemon and wait until it is gone; submitted scripts go on
    Stop,
    /// Open Studio, the web pages, in the browser, signed in
    #[command(
        after_help = "The address that it opens signs one browser in, once and within two minutes.\n\nExamples:\n  $studio\n  $studio --print"
    )]
    Studio {
        /// Print the address instead of opening it
        #[arg(long)]
        print: bool,
    },
    /// Print what MLFLOW_TRACKING_URI is to be for MLflow's clients; it holds the token
    #[command(after_help = "Examples:\n  $mlflow-uri\n  $mlflow-uri --workspace team")]
    MlflowUri,
    /// Access tokens: what opens the daemon for programs
    #[command(subcommand)]
    Token(TokenCommand),
    Ssh(Ssh),
    Kernel(Kernel),
    Lsp(Lsp),
    /// Snapshots of source folders
    #[command(subcommand, hide = true)]
    Snapshot(SnapshotCommand),
    /// Print a completion script for a shell
    #[command(
        after_help = "Examples:\n  $completions bash > ~/.local/share/bash-completion/completions/lazuli"
    )]
    Completions {
        /// The shell
        shell: CompletionShell,
    },
    /// Print the reference of all commands as Markdown
    #[command(hide = true)]
    Reference,
}

impl From<OwnCommand> for ShellCommand {
    fn from(own: OwnCommand) -> ShellCommand {
        match own {
            OwnCommand::Serve(serve) => ShellCommand::Serve(serve),
            OwnCommand::Status => ShellCommand::Status,
            OwnCommand::Stop => ShellCommand::Stop,
            OwnCommand::Studio { print } => ShellCommand::Studio { print },
            OwnCommand::MlflowUri => ShellCommand::MlflowUri,
            OwnCommand::Token(command) => ShellCommand::Token(command),
            OwnCommand::Ssh(ssh) => ShellCommand::Ssh(ssh),
            OwnCommand::Kernel(kernel) => ShellCommand::Kernel(kernel),
            OwnCommand::Lsp(lsp) => ShellCommand::Lsp(lsp),
            OwnCommand::Snapshot(snapshot) => ShellCommand::Snapshot(snapshot),
            OwnCommand::Completions { shell } => ShellCommand::Completions { shell },
            OwnCommand::Reference => ShellCommand::Reference,
        }
    }
}

/// Open a terminal on a machine that is attached, or run a command there
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(
    after_help = "It uses the key with which the machine was attached, and accepts the host key that it had then.\n\nExamples:\n  $ssh gpu-box\n  $ssh gpu-box -- nvidia-smi"
)]
pub struct Ssh {
    /// Name of the compute target
    #[arg(value_name = "COMPUTE")]
    pub name: String,
    /// What to run there instead of a shell
    #[arg(value_name = "WORD", last = true)]
    pub words: Vec<String>,
}

/// Run the daemon in the foreground; commands start one themselves when they need it
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(
    after_help = "Examples:\n  $serve --port 8787\n  $serve --database postgres://lazuli@db:5432/lazuli --blobs s3://team/lazuli"
)]
pub struct Serve {
    /// Port to listen on, any free one when absent
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: String,
    /// Keep rows in PostgreSQL instead of the home's SQLite file; remembered for this home, `local`
    /// takes it back
    #[arg(long, value_name = "POSTGRES-URL", env = "LAZULI_DATABASE", hide_env_values = true)]
    pub database: Option<String>,
    /// Keep files in an object store (`s3://`, `az://`, `gs://`) or another folder; remembered for
    /// this home, `local` takes it back
    #[arg(long, value_name = "URL", env = "LAZULI_BLOBS", hide_env_values = true)]
    pub blobs: Option<String>,
    /// Started by a client that needs a daemon: give way silently when one runs
    #[arg(long, hide = true)]
    pub on_demand: bool,
}

/// The Jupyter kernel: `lazuli kernel install` and more
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(disable_help_flag = true, after_help = "Examples:\n  $kernel install --user")]
pub struct Kernel {
    /// What `lazuli-kernel` is told
    #[arg(value_name = "ARGUMENTS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<String>,
}

/// The language server; editors start it and speak with it on standard input and output
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Lsp {
    /// Speak on standard input and output, which it always does
    #[arg(long, hide = true)]
    pub stdio: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum SnapshotCommand {
    /// Keep a folder as a run would get it and print the snapshot's id
    Create {
        /// The folder
        #[arg(value_name = "FOLDER")]
        folder: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CompletionShell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}
