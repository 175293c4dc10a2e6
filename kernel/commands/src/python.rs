//! The magics of the table in a Python cell, beside IPython's own.
//!
//! IPython keeps those that it does better on Python (`%%bash`, `%%writefile`, `%lsmagic`) and
//! `%run FILE`; `%run submit …` and the other commands of `run` are ours.

use crate::Span;
use crate::parse::{find, first_word};
use crate::table::Face;

/// What IPython says under the same name.
const OF_IPYTHON: [&str; 4] = ["bash", "lsmagic", "python", "writefile"];

/// The names of our line magics and of our cell magics in Python.
pub fn names() -> (Vec<String>, Vec<String>) {
    (ours(Face::Line), ours(Face::Body))
}

/// The commands of `run`: what tells `%run submit` from `%run script.py`.
pub fn run_commands() -> Vec<String> {
    let table = Face::Line.table();
    let run = table.find_subcommand("run");
    let commands = run.into_iter().flat_map(clap::Command::get_subcommands);
    commands
        .flat_map(|command| std::iter::once(command.get_name()).chain(command.get_all_aliases()))
        .map(str::to_owned)
        .collect()
}

/// The lines that are magics of ours: from the `%` to the end of the line.
pub fn magics(cell: &str) -> Vec<Span> {
    lines_of_code(cell)
        .into_iter()
        .filter_map(|line| {
            let text = &cell[line.clone()];
            let start = line.start + (text.len() - text.trim_start().len());
            let is_first = cell[..start].trim().is_empty();
            is_ours(&cell[start..line.end], is_first).then_some(start..line.end)
        })
        .collect()
}

/// The magic of ours in whose line the cursor stands, behind its name.
pub fn magic_at(cell: &str, cursor: usize) -> Option<Span> {
    let span = magics(cell).into_iter().find(|span| span.start < cursor && cursor <= span.end)?;
    let text = &cell[span.clone()];
    let name = text.trim_start_matches('%');
    let name_end = span.start + (text.len() - name.len()) + first_word(name).len();
    (cursor > name_end).then_some(span)
}

/// Whether the cell is the body of a cell magic that is no Python (`%%sql`, `%%bash`).
pub fn is_foreign_body(cell: &str) -> bool {
    let text = cell.trim_start();
    let Some(rest) = text.strip_prefix("%%") else { return false };
    !matches!(
        first_word(rest),
        "submit" | "track" | "time" | "timeit" | "capture" | "prun" | "python" | "python3" | "py"
    )
}

fn ours(face: Face) -> Vec<String> {
    let table = face.table();
    let names = table.get_subcommands().flat_map(|command| {
        std::iter::once(command.get_name()).chain(command.get_all_aliases()).map(str::to_owned)
    });
    names.filter(|name| !OF_IPYTHON.contains(&name.as_str())).collect()
}

fn is_ours(line: &str, is_first: bool) -> bool {
    let (face, rest) = match line.strip_prefix("%%") {
        Some(rest) if is_first => (Face::Body, rest),
        Some(_) => return false,
        None => match line.strip_prefix('%') {
            Some(rest) => (Face::Line, rest),
            None => return false,
        },
    };
    let name = first_word(rest);
    let table = face.table();
    let Some(command) = find(&table, name).filter(|_| !OF_IPYTHON.contains(&name)) else {
        return false;
    };
    if face == Face::Line && command.get_name() == "run" {
        let word = rest[name.len()..].split_whitespace().next().unwrap_or_default();
        let is_whole = rest[name.len()..].trim_start().len() > word.len();
        return command.get_subcommands().any(|sub| {
            let mut names = std::iter::once(sub.get_name()).chain(sub.get_all_aliases());
            names
                .any(|name| name == word || !is_whole && !word.is_empty() && name.starts_with(word))
        });
    }
    true
}

/// The lines that begin outside of strings and brackets.
fn lines_of_code(cell: &str) -> Vec<Span> {
    let mut lines = Vec::new();
    let mut depth = 0usize;
    let mut position = 0;
    let mut begins = true;
    while position < cell.len() {
        if begins && depth == 0 {
            let end = cell[position..].find('\n').map_or(cell.len(), |end| position + end);
            lines.push(position..end);
            if cell[position..end].trim_start().starts_with('%') {
                // What stands in a magic is no Python.
                position = (end + 1).min(cell.len());
                continue;
            }
        }
        begins = false;
        let rest = &cell[position..];
        if let Some(length) = literal(rest) {
            position += length;
            begins = cell[..position].ends_with('\n');
            continue;
        }
        let Some(character) = rest.chars().next() else { break };
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            // An explicit joining of lines.
            '\\' if rest[1..].starts_with('\n') => position += 1,
            '\n' => begins = true,
            _ => {}
        }
        position += character.len_utf8();
    }
    lines
}

/// How long the comment or string is that begins here.
pub(crate) fn literal(rest: &str) -> Option<usize> {
    if rest.starts_with('#') {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    for quote in ["\"\"\"", "'''", "\"", "'"] {
        let Some(body) = rest.strip_prefix(quote) else { continue };
        let mut position = 0;
        while position < body.len() {
            let here = &body[position..];
            if here.starts_with(quote) {
                return Some(quote.len() + position + quote.len());
            }
            if here.starts_with('\\') {
                position += 1;
                position += body[position..].chars().next().map_or(0, char::len_utf8);
            } else if here.starts_with('\n') && quote.len() == 1 {
                // Never closed: the line ends it.
                return Some(quote.len() + position);
            } else {
                position += here.chars().next().map_or(1, char::len_utf8);
            }
        }
        return Some(rest.len());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(cell: &str) -> Vec<&str> {
        magics(cell).into_iter().map(|span| &cell[span]).collect()
    }

    #[test]
    fn magics_of_ours_are_told_from_ipythons() {
        let cell = "%matplotlib inline\nfor x in y:\n    %log a={x}\n%run train.py\n%run submit train.py\n%pip install x";
        assert_eq!(found(cell), ["%log a={x}", "%run submit train.py"]);
        assert_eq!(found("%%bash\nls"), [""; 0]);
        assert_eq!(found("\n%%submit --wait\n%log a=1"), ["%%submit --wait", "%log a=1"]);
    }

    #[test]
    fn what_stands_in_strings_and_brackets_is_no_magic() {
        assert_eq!(found("x = '''\n%log a=1\n'''\ny = (7\n%log\n)\n# '\n%log a=2"), ["%log a=2"]);
        assert_eq!(found("x = 'it\n%log a=1"), ["%log a=1"]);
    }

    #[test]
    fn a_magic_under_the_cursor_is_found_behind_its_name() {
        assert_eq!(magic_at("x\n%submit tr", 12), Some(2..12));
        assert_eq!(magic_at("%subm", 5), None);
        assert_eq!(magic_at("%run su", 7), Some(0..7));
        assert_eq!(magic_at("%run tr", 7), None);
    }
}
