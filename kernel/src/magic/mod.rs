//! Magics: what a cell says beside Rust. The table of `lazuli-commands` reads them, and
//! `lazuli-actions` performs those that the shell knows too; what only a notebook can do is here.

mod bash;
pub mod body;
pub mod catalog;
pub mod line;
mod secret;
mod shared;
mod sql;
mod track;
mod writefile;

use lazuli_commands::ParseError;
use lazuli_domain::ErrorKind;

use crate::interpreter::CellError;

const RED: &str = "\u{1b}[31m";
const RESET: &str = "\u{1b}[0m";

/// The error of a magic that cannot be understood; its place in the cell is underlined.
pub fn refused(code: &str, error: &ParseError) -> CellError {
    let mut traceback = vec![format!("{RED}MagicError{RESET}: {}", error.message)];
    traceback.extend(error.render(code).lines().map(str::to_owned));
    CellError { name: "MagicError".into(), value: sentence(&error.message, &error.hint), traceback }
}

/// The error of a magic that did not succeed.
pub fn failure(name: &str, message: String, hint: Option<String>) -> CellError {
    let mut traceback = vec![format!("{RED}{name}{RESET}: {message}")];
    traceback.extend(hint.iter().map(|hint| format!("hint: {hint}")));
    CellError { name: name.into(), value: sentence(&message, &hint), traceback }
}

pub fn failed(error: &lazuli::Error) -> CellError {
    let name = match error.kind() {
        ErrorKind::NotFound => "NotFound",
        ErrorKind::Conflict => "Conflict",
        ErrorKind::Invalid => "Invalid",
        ErrorKind::Unauthorized => "Unauthorized",
        ErrorKind::VersionMismatch => "VersionMismatch",
        ErrorKind::Unavailable => "Unavailable",
        ErrorKind::Internal => "InternalError",
    };
    failure(name, error.message().to_owned(), error.hint().map(str::to_owned))
}

fn sentence(message: &str, hint: &Option<String>) -> String {
    match hint {
        Some(hint) => format!("{message}\nhint: {hint}"),
        None => message.to_owned(),
    }
}
