//! The Jupyter kernel: cells in, outputs out.
//!
//! [`jupyter`] speaks the protocol, [`cell`] and [`magic`] say what a cell means, [`interpreter`]
//! runs Rust, [`display`] shows runs and follows them, and [`install`] makes Jupyter know the
//! kernel. The daemon is reached through the `lazuli` client only, as from any notebook.

mod cell;
mod config;
mod display;
mod install;
mod interpreter;
mod jupyter;
mod magic;
mod processes;
mod python_magics;
mod session;
mod session_file;
mod session_folder;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use config::Config;

/// The Jupyter kernel of Lazuli
#[derive(Parser)]
#[command(
    name = "lazuli kernel",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    arg_required_else_help = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    editor: Editor,
}

/// A kernel for an editor, which speaks on standard input and output.
#[derive(Args)]
struct Editor {
    /// Serve one notebook on standard input and output: Jupyter's messages, one JSON object on a line
    #[arg(long, required = true)]
    stdio: bool,
    /// What the cells are written in
    #[arg(long, value_enum, default_value = "rust")]
    language: Language,
    /// The Python for Python cells
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
    /// The attached machine that runs Python cells, instead of this one
    #[arg(long, value_name = "NAME")]
    on: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Make Jupyter know the kernels
    Install {
        #[command(flatten)]
        place: Place,
        /// The Python for Python cells; without it that of `--prefix DIR`, else the active
        /// environment's, else the first `python3` that has ipykernel
        #[arg(long, value_name = "PROGRAM")]
        python: Option<PathBuf>,
        /// Only the kernel whose Python cells run on this attached machine
        #[arg(long, value_name = "NAME")]
        on: Option<String>,
    },
    /// Make Jupyter forget the kernels
    Uninstall(Place),
    /// Serve one notebook; Jupyter calls this
    Run {
        /// Says which sockets to use
        #[arg(long, short = 'f', value_name = "FILE")]
        connection_file: PathBuf,
        /// What the cells are written in
        #[arg(long, value_enum, default_value = "rust")]
        language: Language,
        /// The Python for Python cells
        #[arg(long, value_name = "PROGRAM")]
        python: Option<PathBuf>,
        /// The attached machine that runs Python cells, instead of this one
        #[arg(long, value_name = "NAME")]
        on: Option<String>,
    },
    /// Perform magics of a Python process; `%load_ext lazuli` calls this
    #[command(hide = true)]
    Magics,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Language {
    Rust,
    Python,
}

impl Language {
    fn name(self) -> &'static str {
        match self {
            Language::Rust => "rust",
            Language::Python => "python",
        }
    }
}

/// Where kernels are kept; the user's own folder when nothing is said.
#[derive(Args)]
#[group(multiple = false)]
struct Place {
    /// For the user (`~/.local/share/jupyter`)
    #[arg(long)]
    user: bool,
    /// Below this folder (`DIR/share/jupyter`)
    #[arg(long, value_name = "DIR")]
    prefix: Option<PathBuf>,
    /// For the active Python environment
    #[arg(long)]
    sys_prefix: bool,
}

impl Place {
    fn resolve(self) -> install::Place {
        match self {
            Place { prefix: Some(prefix), .. } => install::Place::Prefix(prefix),
            Place { sys_prefix: true, .. } => install::Place::PythonEnvironment,
            Place { .. } => install::Place::User,
        }
    }
}

fn main() -> ExitCode {
    // This program is also the child runtime that cells run in and a wrapper of rustc; in those
    // roles the next line does not return.
    interpreter::hook();

    let arguments = Arguments::parse();
    let config = Config::from_environment();
    let Some(command) = arguments.command else {
        log(&config);
        let Editor { language, python, on, .. } = arguments.editor;
        return ended(
            on_machine(language, on.as_deref())
                .and_then(|()| jupyter::stdio::run(language.name(), python, on)),
        );
    };
    let outcome = match command {
        Command::Install { place, python, on: None } => {
            install::install(&config, place.resolve(), python)
        }
        Command::Install { place, python, on: Some(machine) } => {
            install::install_on(&config, &place.resolve(), machine, python.as_deref())
        }
        Command::Uninstall(place) => install::uninstall(&config, place.resolve()),
        Command::Run { connection_file, language, python, on } => {
            log(&config);
            let allowed = on_machine(language, on.as_deref());
            let start = jupyter::Start {
                on,
                language: match language {
                    Language::Rust => jupyter::kernel::Language::Rust,
                    Language::Python => jupyter::kernel::Language::Python,
                },
                python,
                python_path: config.python_path,
                has_owner: config.has_owner,
            };
            allowed.and_then(|()| jupyter::run(&connection_file, start))
        }
        Command::Magics => {
            log(&config);
            python_magics::serve()
        }
    };
    ended(outcome)
}

/// A Rust notebook needs the toolchain, which is here.
fn on_machine(language: Language, machine: Option<&str>) -> anyhow::Result<()> {
    match (language, machine) {
        (Language::Rust, Some(machine)) => anyhow::bail!(
            "Rust cells run on this machine, not on `{machine}`\n\
             hint: say `--language python`, or submit the cell: `%%submit --compute {machine}`"
        ),
        _ => Ok(()),
    }
}

fn ended(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn log(config: &Config) {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(&config.log))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}
