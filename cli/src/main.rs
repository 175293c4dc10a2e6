//! `lazuli`, the program that people type. It reads the table of commands, performs the shared ones
//! by way of `lazuli-actions`, and starts the others: the daemon in this process, the kernel in
//! another program. Data goes to stdout, talk to stderr; it ends with 0 when all is well, 1 when a
//! command failed, 2 when it was not understood, and 3 when `status` finds no daemon.

mod completions;
mod config;
mod kernel;
mod lsp;
mod mlflow_uri;
mod serve;
mod shared;
mod snapshot;
mod ssh;
mod status;
mod stop;
mod studio;
mod terminal;
mod token;

use std::process::ExitCode;

use lazuli_commands::{ShellCommand, ShellInvocation, parse_shell};

use terminal::{Failure, Terminal};

/// What a command that worked ends with.
type Done = Result<ExitCode, Failure>;

fn main() -> ExitCode {
    let mut words = Vec::new();
    for word in std::env::args_os().skip(1) {
        match word.into_string() {
            Ok(word) => words.push(word),
            Err(word) => {
                let shown = word.to_string_lossy();
                let message = format!("the argument `{shown}` is no UTF-8 text");
                Terminal::new(false).failure(&Failure::new(message));
                return ExitCode::from(2);
            }
        }
    }
    let invocation = match parse_shell(&words) {
        Ok(invocation) => invocation,
        Err(error) => {
            Terminal::new(false).failure(&Failure { message: error.message, hint: error.hint });
            return ExitCode::from(2);
        }
    };
    let (terminal, done) = match invocation {
        ShellInvocation::Print(text) => {
            let terminal = Terminal::new(false);
            let done = terminal.data(&text).map(|()| ExitCode::SUCCESS);
            (terminal, done)
        }
        ShellInvocation::Command(options, command) => {
            let terminal = Terminal::new(options.json);
            let done = perform(&terminal, &options, *command);
            (terminal, done)
        }
    };
    done.unwrap_or_else(|failure| {
        terminal.failure(&failure);
        ExitCode::FAILURE
    })
}

fn perform(terminal: &Terminal, options: &lazuli_commands::Options, command: ShellCommand) -> Done {
    match command {
        ShellCommand::Shared(command) => shared::perform(terminal, options, &command),
        ShellCommand::Serve(command) => serve::serve(command),
        ShellCommand::Status => status::status(terminal),
        ShellCommand::Stop => stop::stop(terminal),
        ShellCommand::Studio { print } => studio::open(terminal, options, print),
        ShellCommand::MlflowUri => mlflow_uri::print(terminal, options),
        ShellCommand::Token(command) => token::perform(terminal, &command),
        ShellCommand::Ssh(command) => ssh::open(options, &command),
        ShellCommand::Kernel(command) => kernel::hand_over(&command),
        ShellCommand::Lsp(_) => lsp::serve(),
        ShellCommand::Snapshot(command) => snapshot::perform(terminal, &command),
        ShellCommand::Completions { shell } => completions::print(terminal, shell),
        ShellCommand::Reference => {
            terminal.data(&lazuli_commands::reference())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
