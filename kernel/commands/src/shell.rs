use clap::error::ErrorKind;

use crate::parse;
use crate::table::{self, Face, Options, ShellCommand};

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShellInvocation {
    Command(Options, Box<ShellCommand>),
    /// Text to print: the help or the version.
    Print(String),
}

/// A command line that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError {
    /// One sentence without a full stop.
    pub message: String,
    pub hint: Option<String>,
}

/// Reads the words that follow the program's name.
pub fn parse_shell(words: &[String]) -> Result<ShellInvocation, UsageError> {
    let mut table = Face::Shell.table();
    let line = std::iter::once("lazuli").chain(words.iter().map(String::as_str));
    let failed = match table.try_get_matches_from_mut(line) {
        Ok(matches) => match table::shell_command(&matches) {
            Ok((options, command)) => {
                return Ok(ShellInvocation::Command(options, Box::new(command)));
            }
            Err(error) => error,
        },
        Err(error) => error,
    };
    match failed.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            Ok(ShellInvocation::Print(failed.render().to_string()))
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand
            if words.is_empty() =>
        {
            Ok(ShellInvocation::Print(table.render_help().to_string()))
        }
        _ => {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let problem = parse::explain(&failed, Face::Shell, &table, &words);
            Err(UsageError { message: problem.message, hint: problem.hint })
        }
    }
}
