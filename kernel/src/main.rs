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
mod session;
mod session_folder;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use config::Config;

/// The Jupyter kernel of Lazuli
#[derive(Parser)]
#[command(name = "lazuli kernel", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make Jupyter know the kernel
    Install(Place),
    /// Make Jupyter forget the kernel
    Uninstall(Place),
    /// Serve one notebook; Jupyter calls this
    Run {
        /// Says which sockets to use
        #[arg(long, short = 'f', value_name = "FILE")]
        connection_file: PathBuf,
    },
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
    let outcome = match arguments.command {
        Command::Install(place) => install::install(&config, place.resolve()),
        Command::Uninstall(place) => install::uninstall(&config, place.resolve()),
        Command::Run { connection_file } => {
            tracing_subscriber::fmt()
                .with_env_filter(tracing_subscriber::EnvFilter::new(&config.log))
                .with_writer(std::io::stderr)
                .with_ansi(false)
                .init();
            jupyter::run(&connection_file, config.has_owner)
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
