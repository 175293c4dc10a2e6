//! Is a cell finished, or does the person want to type on? Looks at brackets, strings and comments
//! only, so it answers without a compiler.

use super::Completeness;

/// Judges the text of a Rust cell.
pub fn completeness(code: &str) -> Completeness {
    let mut open: Vec<char> = Vec::new();
    let mut chars = Cursor { text: code };
    while let Some(char) = chars.next() {
        let mut has_end = true;
        match char {
            '/' if chars.take('/') => chars.skip_line(),
            '/' if chars.take('*') => has_end = chars.skip_block_comment(),
            '"' => has_end = chars.skip_string(),
            'r' if chars.text.starts_with(['"', '#']) => {
                has_end = chars.skip_raw_string() != Some(false);
            }
            '\'' => chars.skip_char_or_lifetime(),
            '(' | '[' | '{' => open.push(char),
            ')' | ']' | '}' => {
                let matching = match char {
                    ')' => '(',
                    ']' => '[',
                    _ => '{',
                };
                if open.pop() != Some(matching) {
                    return Completeness::Invalid;
                }
            }
            _ if char.is_alphanumeric() || char == '_' => chars.skip_word(char),
            _ => {}
        }
        if !has_end {
            return Completeness::Incomplete;
        }
    }
    match open.is_empty() {
        true => Completeness::Complete,
        false => Completeness::Incomplete,
    }
}

struct Cursor<'a> {
    text: &'a str,
}

impl Cursor<'_> {
    fn next(&mut self) -> Option<char> {
        let char = self.text.chars().next()?;
        self.text = &self.text[char.len_utf8()..];
        Some(char)
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.text.starts_with(wanted);
        if found {
            self.text = &self.text[wanted.len_utf8()..];
        }
        found
    }

    fn skip_line(&mut self) {
        self.text = self.text.find('\n').map_or("", |newline| &self.text[newline..]);
    }

    fn skip_block_comment(&mut self) -> bool {
        let mut depth = 1;
        while depth > 0 {
            match self.next() {
                None => return false,
                Some('/') if self.take('*') => depth += 1,
                Some('*') if self.take('/') => depth -= 1,
                Some(_) => {}
            }
        }
        true
    }

    fn skip_string(&mut self) -> bool {
        loop {
            match self.next() {
                None => return false,
                Some('\\') => {
                    self.next();
                }
                Some('"') => return true,
                Some(_) => {}
            }
        }
    }

    /// After an `r`: `None` when it begins no raw string (`r#fn`), else whether it ends.
    fn skip_raw_string(&mut self) -> Option<bool> {
        let hashes = self.text.len() - self.text.trim_start_matches('#').len();
        let body = self.text[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        match body.find(&end) {
            Some(at) => self.text = &body[at + end.len()..],
            None => return Some(false),
        }
        Some(true)
    }

    /// `'{'` and `'\''` are characters, `'a` is a lifetime.
    fn skip_char_or_lifetime(&mut self) {
        let mut chars = self.text.char_indices();
        let Some((_, first)) = chars.next() else { return };
        if first == '\\' {
            chars.next();
            if let Some((at, _)) = chars.find(|(_, char)| *char == '\'') {
                self.text = &self.text[at + 1..];
            }
        } else if let Some((at, '\'')) = chars.next() {
            self.text = &self.text[at + 1..];
        }
    }

    /// Words are skipped whole so that their last letter is not taken for a prefix of a string;
    /// `b` and `c` before a quote are prefixes.
    fn skip_word(&mut self, first: char) {
        if matches!(first, 'b' | 'c') && self.text.starts_with(['"', '\'', 'r']) {
            return;
        }
        self.text =
            self.text.trim_start_matches(|char: char| char.is_alphanumeric() || char == '_');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Completeness::{Complete, Incomplete, Invalid};

    #[test]
    fn brackets_strings_and_comments_are_told_apart() {
        for (code, expected) in [
            ("", Complete),
            ("let x = 1", Complete),
            ("fn main() {", Incomplete),
            ("fn main() { }", Complete),
            ("vec![1, 2", Incomplete),
            ("println!(\"a", Incomplete),
            ("println!(\"(\\\"\")", Complete),
            ("x)", Invalid),
            ("(]", Invalid),
            ("// (", Complete),
            ("1 /* ( /* */", Incomplete),
            ("1 /* ( */", Complete),
            ("r#\"(\"\"#", Complete),
            ("r#\"abc\"", Incomplete),
            ("let r#fn = 1;", Complete),
            ("'('", Complete),
            ("'\\''", Complete),
            ("fn f<'a>(x: &'a str) -> &'a str { x }", Complete),
            ("fn f<'a>(", Incomplete),
            ("b\"(\"", Complete),
            ("br\"(\"", Complete),
            ("for \"x\"", Complete),
            ("let größe = '{';", Complete),
        ] {
            assert_eq!(completeness(code), expected, "{code}");
        }
    }
}
