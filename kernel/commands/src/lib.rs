//! What a cell or a shell may say.
//!
//! Each command is declared once, in [`table`], as a clap structure: its name, arguments, help,
//! example, and what kind of name each argument takes. The magics of a notebook and the program
//! `lazuli` read that table, and so do completion, hover, the help and the reference page. Nothing
//! here performs a command and nothing does I/O: who completes passes a [`Catalog`] of the names
//! that a workspace knows; who performs commands is `lazuli-actions`.

#![allow(clippy::large_enum_variant, reason = "a cell holds few commands and none is copied about")]

mod assignment;
mod catalog;
mod cell;
mod complete;
pub mod editor;
mod error;
mod help;
mod name_kind;
mod nearest;
mod parse;
pub mod python;
mod reference;
mod shell;
pub mod table;
mod words;

pub use assignment::{Assignment, KeyValue, ValueSource};
pub use catalog::{Candidate, Catalog};
pub use cell::{BodyMagic, Cell, Expression, LineMagic, Piece, parse_cell};
pub use complete::{Completion, CompletionKind, Completions, Wanted, complete, wanted};
pub use error::{ParseError, Span};
pub use help::{Hover, MagicEntry, help, hover, magics};
pub use name_kind::NameKind;
pub use nearest::nearest;
pub use reference::reference;
pub use shell::{ShellInvocation, UsageError, parse_shell};
pub use table::{
    BodyCommand, Command, LineCommand, Options, ShellCommand, cell_table, shell_table,
};
