use std::ops::Range;

/// Bytes of the cell's text.
pub type Span = Range<usize>;

/// A magic that cannot be understood, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// What to underline; empty at the place where something is missing.
    pub span: Span,
    /// One sentence without a full stop.
    pub message: String,
    /// The nearest right name, to be put in the place of `span`.
    pub suggestion: Option<String>,
    /// What to do next.
    pub hint: Option<String>,
}

impl ParseError {
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), suggestion: None, hint: None }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// The line of the cell with the place underlined, then the sentence and the hint. Readable
    /// without colour.
    pub fn render(&self, cell: &str) -> String {
        let start = floor(cell, self.span.start);
        let end = floor(cell, self.span.end).max(start);
        let line_start = cell[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line = cell[line_start..].lines().next().unwrap_or("");
        let number = cell[..start].matches('\n').count() + 1;
        let before = cell[line_start..start].chars().count();
        let below = cell[start..end.min(line_start + line.len()).max(start)].chars().count();
        let margin = number.to_string();
        let mut text = format!(
            "{margin} | {line}\n{} | {}{} {}",
            " ".repeat(margin.len()),
            " ".repeat(before),
            "^".repeat(below.max(1)),
            self.message,
        );
        if let Some(hint) = &self.hint {
            text.push_str("\nhint: ");
            text.push_str(hint);
        }
        text
    }
}

fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ParseError {}
