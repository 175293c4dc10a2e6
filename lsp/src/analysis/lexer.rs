//! Python and Rust as tokens: as much as is needed to see which call a string stands in. A text that
//! is being typed has tokens too.

use super::Span;
use crate::documents::Language;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Word,
    Number,
    /// How long its prefix and its opening quote are, and whether it is closed.
    Text {
        open: usize,
        close: usize,
    },
    Sign(char),
    /// The end of a line outside of brackets.
    Line,
}

impl Token {
    pub fn text<'a>(&self, code: &'a str) -> &'a str {
        &code[self.span.clone()]
    }

    pub fn is_sign(&self, sign: char) -> bool {
        self.kind == Kind::Sign(sign)
    }

    pub fn is_word(&self, code: &str, word: &str) -> bool {
        self.kind == Kind::Word && self.text(code) == word
    }

    /// Where the content of a string stands.
    pub fn content(&self) -> Option<Span> {
        match self.kind {
            Kind::Text { open, close } => Some(self.span.start + open..self.span.end - close),
            _ => None,
        }
    }
}

/// The tokens of the code; comments are left out, and so is what `skip` covers.
pub fn tokens(code: &str, language: Language, skip: &[Span]) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut position = 0;
    let mut depth = 0usize;
    while position < code.len() {
        if let Some(skipped) = skip.iter().find(|span| span.contains(&position)) {
            position = skipped.end;
            continue;
        }
        let rest = &code[position..];
        let Some(character) = rest.chars().next() else { break };
        if let Some(length) = comment(rest, language) {
            position += length;
            continue;
        }
        let (kind, length) = if let Some((open, length, close)) = string(rest, language) {
            (Some(Kind::Text { open, close }), length)
        } else if character == '_' || character.is_alphabetic() {
            (Some(Kind::Word), word(rest))
        } else if character.is_ascii_digit() {
            (Some(Kind::Number), number(rest))
        } else if character == '\n' {
            ((depth == 0).then_some(Kind::Line), 1)
        } else if character.is_whitespace() {
            (None, character.len_utf8())
        } else {
            match character {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            (Some(Kind::Sign(character)), character.len_utf8())
        };
        if let Some(kind) = kind {
            tokens.push(Token { kind, span: position..position + length });
        }
        position += length;
    }
    tokens
}

fn word(rest: &str) -> usize {
    rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(rest.len())
}

fn number(rest: &str) -> usize {
    let mut end = word(rest);
    // `0.5`, and neither `1..2` nor `1.max(2)`.
    if rest[end..].starts_with('.') && rest[end + 1..].starts_with(|c: char| c.is_ascii_digit()) {
        end += 1 + word(&rest[end + 1..]);
    }
    end
}

fn comment(rest: &str, language: Language) -> Option<usize> {
    let line = || rest.find('\n').unwrap_or(rest.len());
    match language {
        Language::Rust if rest.starts_with("//") => Some(line()),
        Language::Rust if rest.starts_with("/*") => {
            Some(rest.find("*/").map_or(rest.len(), |end| end + 2))
        }
        Language::Python if rest.starts_with('#') => Some(line()),
        _ => None,
    }
}

/// Length of what opens it, of the whole, and of what closes it.
fn string(rest: &str, language: Language) -> Option<(usize, usize, usize)> {
    match language {
        Language::Rust => rust_string(rest),
        _ => python_string(rest),
    }
}

fn python_string(rest: &str) -> Option<(usize, usize, usize)> {
    let prefix = rest.bytes().take(3).position(|byte| matches!(byte, b'"' | b'\''))?;
    if !rest[..prefix].chars().all(|c| "rRbBuUfF".contains(c)) {
        return None;
    }
    let body = &rest[prefix..];
    let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| body.starts_with(quote))?;
    let (length, is_closed) = closed(&body[quote.len()..], quote, quote.len() == 3);
    let open = prefix + quote.len();
    let close = if is_closed { quote.len() } else { 0 };
    Some((open, open + length + close, close))
}

fn rust_string(rest: &str) -> Option<(usize, usize, usize)> {
    if let Some(after) = ["br", "r"].iter().find_map(|prefix| rest.strip_prefix(prefix)) {
        let hashes = after.len() - after.trim_start_matches('#').len();
        if let Some(body) = after[hashes..].strip_prefix('"') {
            let open = rest.len() - body.len();
            let ending = format!("\"{}", "#".repeat(hashes));
            return Some(match body.find(&ending) {
                Some(end) => (open, open + end + ending.len(), ending.len()),
                None => (open, rest.len(), 0),
            });
        }
    }
    if let Some(body) = rest.strip_prefix('"') {
        let (length, is_closed) = closed(body, "\"", true);
        let close = usize::from(is_closed);
        return Some((1, 1 + length + close, close));
    }
    // A character; a lifetime is none.
    let body = rest.strip_prefix('\'')?;
    let mut characters = body.char_indices();
    let (_, first) = characters.next()?;
    if first == '\\' {
        let end = body[1..].find('\'').filter(|&end| end < 12)? + 1;
        let end = if body[1..].starts_with('\'') { 2 } else { end };
        return body[end..].starts_with('\'').then_some((1, 1 + end + 1, 1));
    }
    match characters.next()? {
        (end, '\'') => Some((1, 1 + end + 1, 1)),
        _ => None,
    }
}

/// How long the body is, and whether the quote closes it. Without `over_lines` the line ends it. A
/// quote behind a backslash closes no raw string either.
fn closed(body: &str, quote: &str, over_lines: bool) -> (usize, bool) {
    let mut position = 0;
    while position < body.len() {
        let here = &body[position..];
        if here.starts_with(quote) {
            return (position, true);
        }
        if here.starts_with('\n') && !over_lines {
            return (position, false);
        }
        let length = here.chars().next().map_or(1, char::len_utf8);
        position += length;
        if here.starts_with('\\') {
            position += body[position..].chars().next().map_or(0, char::len_utf8);
        }
    }
    (body.len(), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(code: &str, language: Language) -> Vec<&str> {
        tokens(code, language, &[]).iter().map(|token| token.text(code)).collect()
    }

    #[test]
    fn python_is_cut_into_tokens() {
        assert_eq!(
            texts("x = ws.datasets['a b'] # no\ny=f\"\"\"a\n\"\"\"+0.5", Language::Python),
            [
                "x",
                "=",
                "ws",
                ".",
                "datasets",
                "[",
                "'a b'",
                "]",
                "\n",
                "y",
                "=",
                "f\"\"\"a\n\"\"\"",
                "+",
                "0.5"
            ]
        );
        assert_eq!(texts("g('open\nh", Language::Python), ["g", "(", "'open", "h"]);
        assert_eq!(texts(r"'a\'b' r'\'", Language::Python), [r"'a\'b'", r"r'\'"]);
    }

    #[test]
    fn rust_is_cut_into_tokens() {
        assert_eq!(
            texts("let a: &'a str = r#\"x\"y\"#; '\\'' 'é' /* \" */ \"b\nc\"", Language::Rust),
            [
                "let",
                "a",
                ":",
                "&",
                "'",
                "a",
                "str",
                "=",
                "r#\"x\"y\"#",
                ";",
                "'\\''",
                "'é'",
                "\"b\nc\""
            ]
        );
    }

    #[test]
    fn the_content_of_a_string_is_known() {
        let code = "f(rb'ab', 'c";
        let contents: Vec<&str> = tokens(code, Language::Python, &[])
            .iter()
            .filter_map(|token| token.content().map(|span| &code[span]))
            .collect();
        assert_eq!(contents, ["ab", "c"]);
    }
}
