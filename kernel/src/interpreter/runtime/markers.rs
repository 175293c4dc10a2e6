//! Tells the user's text from evcxr's markers, both of which arrive on the cell's standard output.
//!
//! Markers are printed with `println!`; text without a newline may stand right before one, so they
//! are looked for anywhere. User code could print a marker itself and would then only cheat itself.

/// What was found, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    Text(Vec<u8>),
    /// `EVCXR_BEGIN_CONTENT mime` … `EVCXR_END_CONTENT`.
    Content {
        mime: String,
        is_result: bool,
        content: String,
    },
    /// `EVCXR_PANIC_NOTIFICATION`
    Panicked,
    /// `EVCXR_ERROR_OCCURRED`
    ErrorReturned,
    /// `EVCXR_VARIABLE_CHANGED_TYPE:name`; the whole line, for evcxr.
    VariableChangedType(String),
}

/// Prefix of a MIME type that our display trait writes for the value of the last expression.
pub const RESULT_PREFIX: &str = "lazuli-result:";

const PREFIX: &[u8] = b"EVCXR_";
const BEGIN_CONTENT: &str = "EVCXR_BEGIN_CONTENT ";
const END_CONTENT: &[u8] = b"\nEVCXR_END_CONTENT\n";
const PANICKED: &str = "EVCXR_PANIC_NOTIFICATION";
const ERROR_RETURNED: &str = "EVCXR_ERROR_OCCURRED";
const VARIABLE_CHANGED_TYPE: &str = "EVCXR_VARIABLE_CHANGED_TYPE:";
/// No marker's line is longer; what is, is the user's text.
const LONGEST_MARKER: usize = 512;

#[derive(Default)]
pub struct MarkerParser {
    pending: Vec<u8>,
    /// MIME type of the content that is being read.
    mime: Option<String>,
    /// Everything in `pending` before this was searched for the end of the content.
    searched: usize,
}

impl MarkerParser {
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Piece> {
        self.pending.extend_from_slice(bytes);
        self.take(false)
    }

    /// The cell has ended: what is left over is text.
    pub fn finish(&mut self) -> Vec<Piece> {
        let mut pieces = self.take(true);
        if let Some(mime) = self.mime.take() {
            pieces.push(Piece::Text(format!("{BEGIN_CONTENT}{mime}\n").into_bytes()));
        }
        self.searched = 0;
        if !self.pending.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut self.pending)));
        }
        pieces
    }

    fn take(&mut self, at_end: bool) -> Vec<Piece> {
        let mut pieces = Vec::new();
        while self.take_content(&mut pieces) || self.take_text(&mut pieces, at_end) {}
        pieces
    }

    /// True when progress was made.
    fn take_content(&mut self, pieces: &mut Vec<Piece>) -> bool {
        if self.mime.is_none() {
            return false;
        }
        // An empty content ends right after the line that begins it.
        let end = if self.pending.starts_with(&END_CONTENT[1..]) {
            Some((0, END_CONTENT.len() - 1))
        } else {
            let from = self.searched.saturating_sub(END_CONTENT.len());
            find(&self.pending[from..], END_CONTENT).map(|at| (from + at, END_CONTENT.len()))
        };
        let Some((at, length)) = end else {
            self.searched = self.pending.len();
            return false;
        };
        let content = String::from_utf8_lossy(&self.pending[..at]).into_owned();
        self.pending.drain(..at + length);
        self.searched = 0;
        let mime = self.mime.take().unwrap_or_default();
        let (mime, is_result) = match mime.strip_prefix(RESULT_PREFIX) {
            Some(mime) => (mime.to_owned(), true),
            None => (mime, false),
        };
        pieces.push(Piece::Content { mime, is_result, content });
        true
    }

    /// True when progress was made.
    fn take_text(&mut self, pieces: &mut Vec<Piece>, at_end: bool) -> bool {
        if self.mime.is_some() || self.pending.is_empty() {
            return false;
        }
        let Some(at) = find(&self.pending, PREFIX) else {
            // Keep what may be the beginning of a marker.
            let kept = match at_end {
                true => 0,
                false => (1..PREFIX.len())
                    .rev()
                    .find(|&length| self.pending.ends_with(&PREFIX[..length]))
                    .unwrap_or(0),
            };
            let length = self.pending.len() - kept;
            if length > 0 {
                pieces.push(Piece::Text(self.pending.drain(..length).collect()));
            }
            return false;
        };
        if at > 0 {
            pieces.push(Piece::Text(self.pending.drain(..at).collect()));
        }
        let Some(newline) = self.pending.iter().position(|&byte| byte == b'\n') else {
            if self.pending.len() > LONGEST_MARKER {
                pieces.push(Piece::Text(std::mem::take(&mut self.pending)));
            }
            return false;
        };
        let line: Vec<u8> = self.pending.drain(..=newline).collect();
        let text = String::from_utf8_lossy(&line[..newline]).into_owned();
        if let Some(mime) = text.strip_prefix(BEGIN_CONTENT) {
            self.mime = Some(mime.to_owned());
        } else {
            pieces.push(match text.as_str() {
                PANICKED => Piece::Panicked,
                ERROR_RETURNED => Piece::ErrorReturned,
                _ if text.starts_with(VARIABLE_CHANGED_TYPE) => Piece::VariableChangedType(text),
                _ => Piece::Text(line),
            });
        }
        true
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    // Outputs are large and markers rare: jump from first byte to first byte.
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|&byte| byte == needle[0]) {
        from += at;
        if haystack[from..].starts_with(needle) {
            return Some(from);
        }
        from += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However the bytes are cut, the pieces are the same.
    fn check(input: &str, expected: &[Piece]) {
        for size in [1, 2, 3, 7, input.len()] {
            let mut parser = MarkerParser::default();
            let mut pieces: Vec<Piece> = Vec::new();
            let mut all: Vec<Piece> =
                input.as_bytes().chunks(size).flat_map(|chunk| parser.feed(chunk)).collect();
            all.extend(parser.finish());
            for piece in all {
                match (pieces.last_mut(), piece) {
                    (Some(Piece::Text(before)), Piece::Text(text)) => before.extend(text),
                    (_, piece) => pieces.push(piece),
                }
            }
            assert_eq!(pieces, expected, "chunks of {size}");
        }
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.into())
    }

    fn content(mime: &str, is_result: bool, content: &str) -> Piece {
        Piece::Content { mime: mime.into(), is_result, content: content.into() }
    }

    #[test]
    fn text_without_a_newline_before_a_marker_stays_text() {
        check(
            "nonlEVCXR_PANIC_NOTIFICATION\nEVC EVCXR_x\n",
            &[text("nonl"), Piece::Panicked, text("EVC EVCXR_x\n")],
        );
    }

    #[test]
    fn contents_are_taken_whole() {
        check(
            "aEVCXR_BEGIN_CONTENT text/html\n<b>\nEVCXR_x</b>\nEVCXR_END_CONTENT\nb",
            &[text("a"), content("text/html", false, "<b>\nEVCXR_x</b>"), text("b")],
        );
        check(
            "EVCXR_BEGIN_CONTENT lazuli-result:text/plain\nEVCXR_END_CONTENT\n",
            &[content("text/plain", true, "")],
        );
    }

    #[test]
    fn an_unfinished_content_is_given_back_as_text() {
        check("EVCXR_BEGIN_CONTENT text/html\nx", &[text("EVCXR_BEGIN_CONTENT text/html\nx")]);
    }

    #[test]
    fn other_markers() {
        check(
            "EVCXR_ERROR_OCCURRED\nEVCXR_VARIABLE_CHANGED_TYPE:x\n",
            &[
                Piece::ErrorReturned,
                Piece::VariableChangedType("EVCXR_VARIABLE_CHANGED_TYPE:x".into()),
            ],
        );
    }
}
