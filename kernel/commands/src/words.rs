//! A magic's line as words, split as a shell does: blanks separate, quotes and backslashes join,
//! a backslash at the end of a line goes on in the next. Beyond that, `{…}` at the beginning of a
//! word or after its `=` reaches to the brace that closes it, over blanks, quotes and lines.

use crate::{ParseError, Span};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub text: String,
    pub span: Span,
    /// What stands between the braces.
    pub braces: Option<Span>,
}

/// The words from `start` to the end of the line, and where that is (before the newline).
pub(crate) fn split_line(text: &str, start: usize) -> Result<(Vec<Word>, usize), ParseError> {
    let mut words: Vec<Word> = Vec::new();
    let mut current: Option<Word> = None;
    let mut position = start;
    while let Some(character) = text[position..].chars().next() {
        let next = position + character.len_utf8();
        match character {
            '\n' => break,
            '\\' if text[next..].starts_with('\n') || text[next..].starts_with("\r\n") => {
                words.extend(current.take());
                position = next + text[next..].find('\n').unwrap_or(0) + 1;
            }
            _ if character.is_whitespace() => {
                words.extend(current.take());
                position = next;
            }
            '\'' | '"' => {
                let word = word_at(&mut current, position);
                position = quoted(text, position, character, &mut word.text)?;
                word.span.end = position;
            }
            '{' if current.as_ref().is_none_or(|word| word.text.ends_with('=')) => {
                let word = word_at(&mut current, position);
                let end = closing_brace(text, position)?;
                word.text.push_str(&text[position..end]);
                word.braces = Some(next..end - 1);
                word.span.end = end;
                position = end;
            }
            '\\' => {
                let word = word_at(&mut current, position);
                let escaped = text[next..].chars().next();
                word.text.extend(escaped.or(Some('\\')));
                position = next + escaped.map_or(0, char::len_utf8);
                word.span.end = position;
            }
            _ => {
                let word = word_at(&mut current, position);
                word.text.push(character);
                word.span.end = next;
                position = next;
            }
        }
    }
    words.extend(current);
    Ok((words, position))
}

fn word_at(current: &mut Option<Word>, position: usize) -> &mut Word {
    current.get_or_insert_with(|| Word {
        text: String::new(),
        span: position..position,
        braces: None,
    })
}

/// Reads the quoted text that opens at `start`; the end is after the closing quote.
fn quoted(text: &str, start: usize, quote: char, into: &mut String) -> Result<usize, ParseError> {
    let mut characters = text[start + 1..].char_indices();
    while let Some((offset, character)) = characters.next() {
        match character {
            _ if character == quote => return Ok(start + 1 + offset + 1),
            '\n' => break,
            '\\' if quote == '"' => match characters.next() {
                Some((_, escaped @ ('"' | '\\'))) => into.push(escaped),
                Some((_, other)) => into.extend(['\\', other]),
                None => break,
            },
            _ => into.push(character),
        }
    }
    let end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
    Err(ParseError::new(start..end, format!("the quote {quote} is never closed"))
        .hint(format!("close it with another {quote}")))
}

fn closing_brace(text: &str, start: usize) -> Result<usize, ParseError> {
    let mut depth = 0usize;
    let mut position = start;
    while position < text.len() {
        if let Some(end) = skip_rust_literal(text, position) {
            position = end;
            continue;
        }
        let Some(character) = text[position..].chars().next() else { break };
        position += character.len_utf8();
        match character {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return Ok(position);
                }
            }
            _ => {}
        }
    }
    let end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
    Err(ParseError::new(start..end, "the brace { is never closed").hint("close it with }"))
}

/// The end of the comment, string or character that begins at `start`, if one does. An unclosed
/// one reaches to the end of the text.
pub(crate) fn skip_rust_literal(text: &str, start: usize) -> Option<usize> {
    let rest = &text[start..];
    let in_word =
        text[..start].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        return Some(rest.find('\n').map_or(text.len(), |newline| start + newline));
    }
    if rest.starts_with("/*") {
        return Some(start + block_comment(rest));
    }
    if !in_word && let Some(end) = raw_string(rest) {
        return Some(start + end);
    }
    if let Some(body) = rest.strip_prefix('"') {
        return Some(start + 1 + string(body));
    }
    if rest.starts_with('\'') {
        return character(rest).map(|end| start + end);
    }
    None
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut position = 0;
    while position < rest.len() {
        let here = &rest[position..];
        if here.starts_with("/*") {
            depth += 1;
            position += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            position += 2;
            if depth == 0 {
                return position;
            }
        } else {
            position += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn raw_string(rest: &str) -> Option<usize> {
    let after = ["br", "cr", "r"].iter().find_map(|prefix| rest.strip_prefix(prefix))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let body_start = rest.len() - body.len();
    Some(body.find(&close).map_or(rest.len(), |end| body_start + end + close.len()))
}

fn string(body: &str) -> usize {
    let mut characters = body.char_indices();
    while let Some((offset, character)) = characters.next() {
        match character {
            '"' => return offset + 1,
            '\\' => {
                characters.next();
            }
            _ => {}
        }
    }
    body.len()
}

/// A character literal; none for a lifetime (`'a`).
fn character(rest: &str) -> Option<usize> {
    let mut characters = rest.char_indices().skip(1);
    let (_, first) = characters.next()?;
    if first == '\\' {
        let body = &rest[2..];
        let escaped = body.chars().next()?.len_utf8();
        let close = body[escaped..].find('\'')?;
        let line = body[escaped..].find('\n').unwrap_or(usize::MAX);
        return (close < line).then_some(2 + escaped + close + 1);
    }
    match characters.next()? {
        (offset, '\'') if first != '\'' => Some(offset + 1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        split_line(text, 0).unwrap().0.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_split_as_in_a_shell() {
        assert_eq!(words("a  b\tc\nd"), ["a", "b", "c"]);
        assert_eq!(
            words(r#"a 'b c' "d \"e\"" f\ g "" h'i'"#),
            ["a", "b c", "d \"e\"", "f g", "", "hi"]
        );
        assert_eq!(words("a \\\n  b"), ["a", "b"]);
        assert_eq!(words(r"'C:\x'"), [r"C:\x"]);
    }

    #[test]
    fn braces_reach_to_their_end() {
        assert_eq!(
            words(r#"x={f("}", '}', 'a') + {1}} y={ v.iter().map(|x| x + 1) } z"#),
            [r#"x={f("}", '}', 'a') + {1}}"#, "y={ v.iter().map(|x| x + 1) }", "z"]
        );
        assert_eq!(words("a{b c}"), ["a{b", "c}"]);
        assert_eq!(words(r##"x={r#"}"#.len()}"##), [r##"x={r#"}"#.len()}"##]);
        assert_eq!(words("{\"lr\": 0.1}"), ["{\"lr\": 0.1}"]);
    }

    #[test]
    fn what_is_not_closed_is_underlined() {
        assert_eq!(split_line("log 'abc\nx", 0).unwrap_err().span, 4..8);
        assert_eq!(split_line("log x={1 + ", 0).unwrap_err().span, 6..11);
    }
}
