//! Magics in Rust and Python cells: where they stand, what is wrong with them, which names they say.

use lazuli_commands::editor::{Part, PartKind, parts};
use lazuli_commands::{Cell, NameKind, Piece, nearest, parse_cell, python};

use super::places::{Place, Role};
use super::{Finding, Fix, Severity, Span};
use crate::documents::Language;

/// The lines of magics, each from its `%` to its end.
pub fn spans(cell: &str, language: Language) -> Vec<Span> {
    match language {
        Language::Python => python::magics(cell),
        Language::Rust => match parse_cell(cell) {
            Ok(Cell::Body(magic)) => vec![magic.span],
            Ok(Cell::Pieces(pieces)) => pieces
                .into_iter()
                .filter_map(|piece| match piece {
                    Piece::Magic(magic) => Some(magic.span),
                    Piece::Rust(_) => None,
                })
                .collect(),
            // One that cannot be understood does not hide the others.
            Err(_) => lines(cell),
        },
        Language::Yaml | Language::Other => Vec::new(),
    }
}

fn lines(cell: &str) -> Vec<Span> {
    let mut start = 0;
    let mut found = Vec::new();
    for line in cell.split_inclusive('\n') {
        let text = line.trim_end_matches(['\n', '\r']);
        let begin = start + (text.len() - text.trim_start().len());
        if text.trim_start().starts_with('%') {
            found.push(begin..start + text.len());
        }
        start += line.len();
    }
    found
}

/// What of a cell is not in its language: its magics, and the body of a cell magic that is something
/// else.
pub fn foreign(cell: &str, language: Language) -> Vec<Span> {
    let mut spans = spans(cell, language);
    match language {
        Language::Python if python::is_foreign_body(cell) => spans.push(0..cell.len()),
        // IPython's own magics and commands of the shell are no Python.
        Language::Python => spans.extend(lines_that(cell, |line| line.starts_with(['%', '!']))),
        Language::Rust
            if cell.trim_start().starts_with("%%") && !cell.trim_start().starts_with("%%track") =>
        {
            spans.push(0..cell.len());
        }
        _ => {}
    }
    spans
}

fn lines_that(cell: &str, is_meant: impl Fn(&str) -> bool) -> Vec<Span> {
    let mut start = 0;
    let mut found = Vec::new();
    for line in cell.split_inclusive('\n') {
        if is_meant(line.trim_start()) {
            found.push(start..start + line.trim_end_matches('\n').len());
        }
        start += line.len();
    }
    found
}

/// The magic in which the cursor stands, or whose name is being typed.
pub fn at(cell: &str, cursor: usize, language: Language) -> Option<Span> {
    match language {
        // The reader of cells finds its place by itself.
        Language::Rust => Some(0..cell.len()),
        Language::Python => python::magic_at(cell, cursor).or_else(|| typed_name(cell, cursor)),
        Language::Yaml | Language::Other => None,
    }
}

/// `%subm|` alone in its line.
fn typed_name(cell: &str, cursor: usize) -> Option<Span> {
    let start = cell[..cursor].rfind('\n').map_or(0, |newline| newline + 1);
    let line = cell[start..cursor].trim_start();
    let is_name = line.trim_start_matches('%').chars().all(|c| c.is_alphanumeric() || c == '_');
    let begin = cursor - line.len();
    let end = cell[cursor..].find('\n').map_or(cell.len(), |newline| cursor + newline);
    (line.starts_with('%') && is_name && line.len() <= 40).then_some(begin..end)
}

/// The cells of a notebook that came as one text, as far as their magics tell them apart.
pub fn cells(notebook: &str) -> Vec<Span> {
    let begins = notebook.match_indices("\n\n\n%%").map(|(place, _)| place + 3);
    let begins: Vec<usize> = std::iter::once(0).chain(begins).collect();
    let ends = begins.iter().skip(1).copied().chain([notebook.len()]);
    begins.iter().copied().zip(ends).map(|(begin, end)| begin..end).collect()
}

/// What is wrong with the magics of a cell themselves.
pub fn findings(text: &str, cell: Span, language: Language) -> Vec<Finding> {
    let offset = cell.start;
    let cell = &text[cell];
    let check = |span: Span, text: &str| {
        let error = parse_cell(text).err()?;
        let start = offset + span.start;
        let place = start + error.span.start..start + error.span.end;
        let message = match (&error.hint, &error.suggestion) {
            (Some(hint), _) => format!("{}; {hint}", error.message),
            (None, _) => error.message.clone(),
        };
        let fix = error.suggestion.map(|text| Fix {
            title: format!("Change to `{text}`"),
            span: place.clone(),
            text,
        });
        Some(Finding { span: place, severity: Severity::Error, message, fix })
    };
    match language {
        Language::Rust => check(0..cell.len(), cell).into_iter().collect(),
        Language::Python => python::magics(cell)
            .into_iter()
            .filter_map(|span| check(span.clone(), &cell[span]))
            .collect(),
        Language::Yaml | Language::Other => Vec::new(),
    }
}

/// The words of all magics, with places in the cell.
pub fn words(cell: &str, language: Language) -> Vec<Part> {
    spans(cell, language)
        .into_iter()
        .flat_map(|span| {
            parts(&cell[span.clone()]).into_iter().map(move |mut part| {
                part.span = span.start + part.span.start..span.start + part.span.end;
                part
            })
        })
        .collect()
}

/// The names that magics say.
pub fn places(cell: &str, language: Language) -> Vec<Place> {
    let mut found = Vec::new();
    for span in spans(cell, language) {
        let words = parts(&cell[span.clone()]);
        let said: Vec<&str> = words
            .iter()
            .filter(|part| matches!(part.kind, PartKind::Magic | PartKind::Command))
            .map(|part| part.text.as_str())
            .collect();
        for part in &words {
            let inner = span.start + part.span.start..span.start + part.span.end;
            match part.kind {
                PartKind::Name(kind) if kind != NameKind::Command => {
                    let role = role(kind, &said);
                    let (span, _) = unquoted(cell, inner);
                    found.push(Place { span, kind, role });
                }
                // `%dataset register NAME`: a name of something new.
                PartKind::Value => {
                    if let Some(kind) = defines(&said) {
                        let (span, _) = unquoted(cell, inner);
                        found.push(Place { span, kind, role: Role::Definition });
                    }
                }
                _ => {}
            }
        }
    }
    found
}

fn role(kind: NameKind, said: &[&str]) -> Role {
    match kind {
        NameKind::Experiment
        | NameKind::Workspace
        // `NAME:VERSION`, or the hash of one that was made here.
        | NameKind::Environment
        | NameKind::File
        | NameKind::Artifact
        | NameKind::Metric
        | NameKind::Run => Role::Any,
        // A query holds more than names.
        NameKind::Dataset if said.contains(&"sql") => Role::Any,
        _ => Role::Use,
    }
}

fn defines(said: &[&str]) -> Option<NameKind> {
    Some(match said {
        ["dataset", "register"] => NameKind::Dataset,
        ["model", "register"] | ["register_model"] => NameKind::Model,
        ["datastore", "add" | "register"] => NameKind::Datastore,
        ["compute", "create"] => NameKind::Compute,
        ["environment", "create"] => NameKind::Environment,
        _ => return None,
    })
}

fn unquoted(cell: &str, span: Span) -> (Span, bool) {
    let text = &cell[span.clone()];
    let quoted = text.len() >= 2 && text.starts_with(['\'', '"']) && text.ends_with(['\'', '"']);
    if quoted { (span.start + 1..span.end - 1, true) } else { (span, false) }
}

/// A finding that names the nearest of the right names, and its quick fix.
pub fn with_nearest(span: Span, message: String, word: &str, known: Vec<&str>) -> Finding {
    let mut finding = Finding::warning(span.clone(), message);
    if let Some(right) = nearest(word, known) {
        finding.message = format!("{}; did you mean `{right}`?", finding.message);
        finding.fix =
            Some(Fix { title: format!("Change to `{right}`"), span, text: right.to_owned() });
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notebook_in_one_text_has_cell_magics_in_its_middle() {
        let text = "let x = 1;\n\n\n%%submit --wait\nprint(1)\n\n\n%%sumbit\n1";
        let found: Vec<&str> = cells(text)
            .into_iter()
            .flat_map(|cell| findings(text, cell, Language::Rust))
            .map(|finding| &text[finding.span])
            .collect();
        assert_eq!(found, ["%%sumbit"]);
    }
}
