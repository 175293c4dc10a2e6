//! Places in a text: LSP counts lines and UTF-16 units, analysis counts bytes.

use tower_lsp_server::ls_types::{Position, Range};

use crate::analysis::Span;

/// Where the lines of a text begin.
#[derive(Clone, Debug)]
pub struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    pub fn of(text: &str) -> Lines {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Lines { starts: std::iter::once(0).chain(breaks.map(|(place, _)| place + 1)).collect() }
    }

    /// The byte at a position; one beyond a line's end means its end.
    pub fn byte(&self, text: &str, position: Position) -> usize {
        let Some(&start) = self.starts.get(position.line as usize) else { return text.len() };
        let line = text[start..].split('\n').next().unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let mut units = 0;
        for (byte, character) in line.char_indices() {
            if units >= position.character as usize {
                return start + byte;
            }
            units += character.len_utf16();
        }
        start + line.len()
    }

    pub fn position(&self, text: &str, byte: usize) -> Position {
        let byte = text.floor_char_boundary(byte);
        let line = self.starts.partition_point(|start| *start <= byte) - 1;
        let units = text[self.starts[line]..byte].encode_utf16().count();
        Position::new(number(line), number(units))
    }

    pub fn range(&self, text: &str, span: &Span) -> Range {
        Range::new(self.position(text, span.start), self.position(text, span.end))
    }

    pub fn span(&self, text: &str, range: Range) -> Span {
        let start = self.byte(text, range.start);
        start..self.byte(text, range.end).max(start)
    }
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_and_bytes_convert_both_ways() {
        let text = "a🦀é\r\nzwei\n";
        let lines = Lines::of(text);
        for (byte, line, character) in
            [(0, 0, 0), (1, 0, 1), (5, 0, 3), (7, 0, 4), (9, 1, 0), (14, 2, 0)]
        {
            let position = Position::new(line, character);
            assert_eq!(lines.position(text, byte), position, "{byte}");
            assert_eq!(lines.byte(text, position), byte, "{position:?}");
        }
        assert_eq!(lines.byte(text, Position::new(0, 99)), 7);
        assert_eq!(lines.byte(text, Position::new(9, 9)), text.len());
        // A place inside of a character is its beginning, or its end.
        assert_eq!(lines.position(text, 3), Position::new(0, 1));
        assert_eq!(lines.byte(text, Position::new(0, 2)), 5);
    }
}
