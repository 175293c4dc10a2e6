//! Jupyter counts the characters of a cell as Unicode code points; Rust counts bytes.

/// The byte at which the character with this number begins; the end of the text when there are
/// fewer.
pub fn byte_of_character(text: &str, character: usize) -> usize {
    text.char_indices().nth(character).map_or(text.len(), |(byte, _)| byte)
}

/// How many characters begin before this byte.
pub fn character_of_byte(text: &str, byte: usize) -> usize {
    let byte = text.floor_char_boundary(byte);
    text[..byte].chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_and_bytes_convert_both_ways() {
        let text = "let 🦀 = é;";
        assert_eq!(byte_of_character(text, 5), 8);
        assert_eq!(character_of_byte(text, 8), 5);
        assert_eq!(byte_of_character(text, 99), text.len());
        assert_eq!(character_of_byte(text, text.len()), 10);
        // A byte inside of a character belongs to it.
        assert_eq!(character_of_byte(text, 6), 4);
    }
}
