//! One cell: Rust code, line magics, or one cell magic with a body.

mod context;
pub mod rust;

use lazuli_commands::{BodyCommand, Cell as Parsed, Piece, parse_cell};

pub use context::{Cell, interrupted};

use crate::interpreter::{self, CellError, Completeness};
use crate::magic;

/// Runs the cell piece by piece, in the order in which they stand. A magic that cannot be
/// understood refuses the whole cell: nothing of it has happened then.
pub async fn run(cell: &mut Cell, code: &str) -> Result<(), CellError> {
    match parse_cell(code).map_err(|error| magic::refused(code, &error))? {
        Parsed::Body(magic) => magic::body::run(cell, code, magic).await,
        Parsed::Pieces(pieces) => {
            for piece in pieces {
                match piece {
                    Piece::Rust(span) => {
                        rust::run(cell, &in_place(code, span.start..span.end)).await?;
                    }
                    Piece::Magic(magic) => magic::line::run(cell, code, magic).await?,
                }
            }
            Ok(())
        }
    }
}

/// What `is_complete_request` asks: would Enter run this, or does it go on?
pub fn completeness(code: &str) -> Completeness {
    match parse_cell(code) {
        // Running it says best what is wrong with it.
        Err(_) => Completeness::Complete,
        Ok(Parsed::Body(magic)) => match magic.command {
            BodyCommand::Track(_) => interpreter::completeness(&in_place(code, magic.body)),
            // As in IPython: an empty line ends the body of a cell magic.
            _ if code.ends_with("\n\n") || code.ends_with("\n") && code.lines().count() > 1 => {
                Completeness::Complete
            }
            _ => Completeness::Incomplete,
        },
        Ok(Parsed::Pieces(pieces)) => match rust_only(code, &pieces) {
            Some(rust) => interpreter::completeness(&rust),
            None => Completeness::Complete,
        },
    }
}

/// The cell with everything but its Rust blanked out, when the cursor (in bytes) is in Rust: all
/// places in it are places in the cell.
pub fn rust_at(code: &str, cursor: usize) -> Option<String> {
    match parse_cell(code) {
        Ok(Parsed::Body(magic)) => {
            let is_rust = matches!(magic.command, BodyCommand::Track(_));
            (is_rust && cursor >= magic.body.start)
                .then(|| blank_except(code, std::slice::from_ref(&magic.body)))
        }
        Ok(Parsed::Pieces(pieces)) => rust_only(code, &pieces),
        // A magic that is being typed does not hide the Rust below it.
        Err(_) if code.trim_start().starts_with("%%") => None,
        Err(_) => {
            let mut start = 0;
            let mut spans = Vec::new();
            for line in code.split_inclusive('\n') {
                if !line.trim_start().starts_with('%') {
                    spans.push(start..start + line.len());
                }
                start += line.len();
            }
            Some(blank_except(code, &spans))
        }
    }
}

/// The part of the cell on the lines where it stands, so that messages of the compiler name the
/// cell's lines.
pub fn in_place(code: &str, span: std::ops::Range<usize>) -> String {
    let lines_before = code[..span.start].matches('\n').count();
    format!("{}{}", "\n".repeat(lines_before), &code[span])
}

fn rust_only(code: &str, pieces: &[Piece]) -> Option<String> {
    let spans: Vec<_> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Rust(span) => Some(span.clone()),
            Piece::Magic(_) => None,
        })
        .collect();
    (!spans.is_empty() || pieces.is_empty()).then(|| blank_except(code, &spans))
}

fn blank_except(code: &str, spans: &[std::ops::Range<usize>]) -> String {
    let mut blanked = String::with_capacity(code.len());
    for (byte, character) in code.char_indices() {
        if character == '\n' || spans.iter().any(|span| span.contains(&byte)) {
            blanked.push(character);
        } else {
            blanked.extend(std::iter::repeat_n(' ', character.len_utf8()));
        }
    }
    blanked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_below_magics_keeps_its_place() {
        let code = "%log é=1\nlet x = 5;\nx";
        let rust = rust_at(code, code.len()).unwrap();
        assert_eq!(rust, "         \nlet x = 5;\nx");
        assert_eq!(rust.len(), code.len());
    }

    #[test]
    fn the_body_of_track_is_rust_and_the_body_of_bash_is_not() {
        assert_eq!(rust_at("%%track\nlet x = 5;", 12).as_deref(), Some("       \nlet x = 5;"));
        assert_eq!(rust_at("%%bash\nls", 8), None);
    }

    #[test]
    fn a_piece_keeps_its_lines() {
        assert_eq!(in_place("%log a=1\nx + 1", 9..14), "\nx + 1");
    }
}
