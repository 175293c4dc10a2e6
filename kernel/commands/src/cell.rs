use crate::parse::{self, first_word};
use crate::table::RunCommand;
use crate::table::{BodyCommand, LineCommand, Options};
use crate::words::{self, skip_rust_literal};
use crate::{Assignment, Command, ParseError, Span, ValueSource};

/// What a cell says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Rust code and line magics, in their order.
    Pieces(Vec<Piece>),
    /// A cell magic; the rest of the cell is its body.
    Body(BodyMagic),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Rust code that is more than blanks.
    Rust(Span),
    Magic(LineMagic),
}

/// `%name …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineMagic {
    /// From the `%` to the end of the line.
    pub span: Span,
    pub options: Options,
    pub command: LineCommand,
    /// The `{rust expressions}` to evaluate before [`LineMagic::fill`]; mostly none.
    pub expressions: Vec<Expression>,
}

/// `%%name …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyMagic {
    /// The line of the magic.
    pub span: Span,
    pub options: Options,
    pub command: BodyCommand,
    /// The lines below it.
    pub body: Span,
}

/// A Rust expression in the place of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    pub code: String,
    /// Where it stands in the cell, without the braces.
    pub span: Span,
}

impl LineMagic {
    /// Puts the texts of the evaluated expressions in their places, in the order of
    /// [`LineMagic::expressions`].
    pub fn fill(mut self, texts: Vec<String>) -> LineMagic {
        let mut texts = texts.into_iter();
        for assignment in self.assignments_mut() {
            if let ValueSource::Expression(_) = assignment.value
                && let Some(text) = texts.next()
            {
                assignment.value = ValueSource::Text(text);
            }
        }
        self.expressions.clear();
        self
    }

    fn assignments_mut(&mut self) -> &mut [Assignment] {
        match &mut self.command {
            LineCommand::Shared(Command::Run(RunCommand::Log(log))) => &mut log.values,
            LineCommand::Shared(Command::Run(RunCommand::LogRow(row))) => &mut row.values,
            _ => &mut [],
        }
    }
}

/// Reads a cell of the Rust kernel. One magic that cannot be understood refuses the whole cell:
/// nothing of it has happened then.
pub fn parse_cell(text: &str) -> Result<Cell, ParseError> {
    let first = text.len() - text.trim_start().len();
    if text[first..].starts_with("%%") {
        return body_magic(text, first).map(Cell::Body);
    }
    let mut pieces = Vec::new();
    let mut rust_start = 0;
    for start in magic_lines(text)? {
        push_rust(&mut pieces, text, rust_start..start);
        let (words, end) = words::split_line(text, start + 1)?;
        pieces.push(Piece::Magic(line_magic(text, start..end, words)?));
        rust_start = end;
    }
    push_rust(&mut pieces, text, rust_start..text.len());
    Ok(Cell::Pieces(pieces))
}

fn body_magic(text: &str, start: usize) -> Result<BodyMagic, ParseError> {
    let (words, end) = words::split_line(text, start + 2)?;
    let (options, command) = parse::body(text, start..end, &words)?;
    let body = (end + 1).min(text.len())..text.len();
    Ok(BodyMagic { span: start..end, options, command, body })
}

fn line_magic(text: &str, span: Span, words: Vec<words::Word>) -> Result<LineMagic, ParseError> {
    let (options, command) = parse::line(text, span.clone(), &words)?;
    let mut magic = LineMagic { span, options, command, expressions: Vec::new() };
    if let LineCommand::Shared(Command::Sql(sql)) = &mut magic.command
        && let Some(written) = as_written(text, &words, &sql.query)
    {
        sql.query = vec![written];
    }
    let wanted = magic
        .assignments_mut()
        .iter()
        .filter(|assignment| matches!(assignment.value, ValueSource::Expression(_)))
        .count();
    magic.expressions = words
        .iter()
        .filter(|word| !word.text.starts_with('-'))
        .filter_map(|word| word.braces.clone())
        .map(|span| Expression { code: text[span.clone()].trim().to_owned(), span })
        .take(wanted)
        .collect();
    Ok(magic)
}

/// The words of a query with the quotes that they were written in. One word is a query in quotes.
fn as_written(text: &str, words: &[words::Word], query: &[String]) -> Option<String> {
    let is_query = |some: &[words::Word]| some.iter().map(|word| &word.text).eq(query);
    let found = words.windows(query.len()).rev().find(|some| is_query(some))?;
    match found {
        [first, .., last] => Some(text[first.span.start..last.span.end].to_owned()),
        _ => None,
    }
}

fn push_rust(pieces: &mut Vec<Piece>, text: &str, span: Span) {
    if !text[span.clone()].trim().is_empty() {
        pieces.push(Piece::Rust(span));
    }
}

/// Where line magics begin: a `%` with a name right behind it, first in its line, outside of
/// strings, comments and brackets. Where a Rust expression could go on (`a` newline `%b` is a
/// remainder), only the name of a magic makes it one.
pub(crate) fn magic_lines(text: &str) -> Result<Vec<usize>, ParseError> {
    let mut found = Vec::new();
    let mut depth = 0usize;
    let mut line_begins = true;
    let mut statement_ended = true;
    let mut position = 0;
    while position < text.len() {
        if let Some(end) = skip_rust_literal(text, position) {
            if !text[position..].starts_with('/') {
                line_begins = false;
                statement_ended = false;
            }
            position = end;
            continue;
        }
        let Some(character) = text[position..].chars().next() else { break };
        if character == '%' && line_begins {
            let name = first_word(&text[position + 1..]);
            let known = parse::is_line_magic(name);
            if text[position + 1..].starts_with('%') && depth == 0 && statement_ended {
                let end = text[position..].find('\n').map_or(text.len(), |line| position + line);
                return Err(ParseError::new(
                    position..end,
                    "a magic with `%%` must stand in the first line of its cell",
                )
                .hint("put it in a cell of its own"));
            }
            if known && depth > 0 {
                return Err(ParseError::new(
                    position..position + 1 + name.len(),
                    format!("the magic `%{name}` stands inside of brackets"),
                )
                .hint("put it on a line outside of them, or call the method of `run` there"));
            }
            if depth == 0 && (known || statement_ended && !name.is_empty()) {
                found.push(position);
                // An unclosed quote is reported when the magic is read.
                position = match words::split_line(text, position + 1) {
                    Ok((_, end)) => end,
                    Err(_) => return Ok(found),
                };
                statement_ended = true;
                continue;
            }
        }
        position += character.len_utf8();
        match character {
            '\n' => line_begins = true,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if !character.is_whitespace() {
            line_begins = false;
            statement_ended = matches!(character, ';' | '}');
        }
    }
    Ok(found)
}
