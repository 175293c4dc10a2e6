//! Bytes of a file become UTF-8 while they are read.

use encoding_rs::{CoderResult, Decoder};

/// How a file's text is encoded, by SDK v1's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Ascii,
    Latin1,
    Other(&'static encoding_rs::Encoding),
    Utf32,
}

impl Encoding {
    pub const NAMES: &str =
        "`utf8`, `utf8bom`, `iso88591`, `latin1`, `ascii`, `utf16`, `utf32`, `windows1252`";

    pub fn named(name: &str) -> Option<Encoding> {
        let plain: String =
            name.to_ascii_lowercase().chars().filter(|c| c.is_ascii_alphanumeric()).collect();
        Some(match plain.as_str() {
            "utf8" | "utf8bom" | "utf8sig" => Encoding::Utf8,
            "ascii" | "usascii" => Encoding::Ascii,
            "iso88591" | "latin1" => Encoding::Latin1,
            "utf16" | "utf16le" => Encoding::Other(encoding_rs::UTF_16LE),
            "utf16be" => Encoding::Other(encoding_rs::UTF_16BE),
            "utf32" | "utf32le" => Encoding::Utf32,
            "windows1252" | "cp1252" => Encoding::Other(encoding_rs::WINDOWS_1252),
            _ => Encoding::Other(encoding_rs::Encoding::for_label(name.as_bytes())?),
        })
    }

    /// As people know it.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "UTF-8",
            Encoding::Ascii => "ASCII",
            Encoding::Latin1 => "ISO 8859-1",
            Encoding::Other(other) => other.name(),
            Encoding::Utf32 => "UTF-32",
        }
    }
}

/// The bytes at that place of the file are none of the encoding's.
#[derive(Debug, PartialEq, Eq)]
pub struct NotText {
    pub offset: u64,
}

/// Decodes one file.
pub struct FileDecoder {
    encoding: Encoding,
    decoder: Option<Decoder>,
    offset: u64,
    /// Bytes of a character whose end has not been read.
    rest: Vec<u8>,
    big_endian: bool,
}

impl FileDecoder {
    pub fn new(encoding: Encoding) -> FileDecoder {
        let decoder = match encoding {
            // The mark at the beginning says which of the two UTF-16 it is.
            Encoding::Other(other) => Some(other.new_decoder_with_bom_removal()),
            _ => None,
        };
        FileDecoder { encoding, decoder, offset: 0, rest: Vec::new(), big_endian: false }
    }

    /// Appends the text of the bytes. UTF-8 is only checked by whoever cuts it into records, which
    /// is done in parallel.
    pub fn decode(
        &mut self,
        bytes: &[u8],
        is_last: bool,
        text: &mut Vec<u8>,
    ) -> Result<(), NotText> {
        let at_start = self.offset == 0;
        let offset = self.offset;
        self.offset += bytes.len() as u64;
        match self.encoding {
            Encoding::Utf8 => {
                let mark = if at_start && bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
                text.extend_from_slice(&bytes[mark..]);
                Ok(())
            }
            Encoding::Ascii => match bytes.iter().position(|byte| !byte.is_ascii()) {
                Some(place) => Err(NotText { offset: offset + place as u64 }),
                None => {
                    text.extend_from_slice(bytes);
                    Ok(())
                }
            },
            Encoding::Latin1 => {
                text.extend_from_slice(encoding_rs::mem::decode_latin1(bytes).as_bytes());
                Ok(())
            }
            Encoding::Utf32 => self.decode_utf32(bytes, at_start, is_last, offset, text),
            Encoding::Other(other) => {
                if at_start && other == encoding_rs::UTF_16LE && bytes.starts_with(b"\xFE\xFF") {
                    self.decoder = Some(encoding_rs::UTF_16BE.new_decoder_with_bom_removal());
                }
                self.decode_other(bytes, is_last, offset, text)
            }
        }
    }

    fn decode_other(
        &mut self,
        mut bytes: &[u8],
        is_last: bool,
        offset: u64,
        text: &mut Vec<u8>,
    ) -> Result<(), NotText> {
        let Some(decoder) = &mut self.decoder else { return Ok(()) };
        let length = bytes.len() as u64;
        loop {
            let room = decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(bytes.len() * 3 + 16);
            let before = text.len();
            text.resize(before + room, 0);
            let (result, read, written, malformed) =
                decoder.decode_to_utf8(bytes, &mut text[before..], is_last);
            text.truncate(before + written);
            if malformed {
                // Everything after it was replaced as well; the first place is what people need.
                let place = first_malformed(self.encoding, &bytes[..read]).unwrap_or(0);
                return Err(NotText { offset: offset + length - bytes.len() as u64 + place });
            }
            bytes = &bytes[read..];
            if result == CoderResult::InputEmpty {
                return Ok(());
            }
        }
    }

    fn decode_utf32(
        &mut self,
        bytes: &[u8],
        at_start: bool,
        is_last: bool,
        offset: u64,
        text: &mut Vec<u8>,
    ) -> Result<(), NotText> {
        let place = offset - self.rest.len() as u64;
        self.rest.extend_from_slice(bytes);
        if at_start && self.rest.starts_with(&[0, 0, 0xFE, 0xFF]) {
            self.big_endian = true;
        }
        let whole = self.rest.len() / 4 * 4;
        for (number, unit) in self.rest[..whole].chunks_exact(4).enumerate() {
            let unit = [unit[0], unit[1], unit[2], unit[3]];
            let code =
                if self.big_endian { u32::from_be_bytes(unit) } else { u32::from_le_bytes(unit) };
            let Some(character) = char::from_u32(code) else {
                return Err(NotText { offset: place + number as u64 * 4 });
            };
            if !(at_start && number == 0 && character == '\u{FEFF}') {
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        self.rest.drain(..whole);
        if is_last && !self.rest.is_empty() {
            return Err(NotText { offset: self.offset - self.rest.len() as u64 });
        }
        Ok(())
    }
}

fn first_malformed(encoding: Encoding, bytes: &[u8]) -> Option<u64> {
    let Encoding::Other(other) = encoding else { return None };
    let mut decoder = other.new_decoder_without_bom_handling();
    let mut text = vec![0; decoder.max_utf8_buffer_length_without_replacement(bytes.len())?];
    let (result, read, _) = decoder.decode_to_utf8_without_replacement(bytes, &mut text, false);
    match result {
        encoding_rs::DecoderResult::Malformed(length, after) => {
            Some((read as u64).saturating_sub(u64::from(length) + u64::from(after)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decoded in pieces of every size from four bytes on, which a mark at the beginning may take.
    fn check(name: &str, bytes: &[u8], wanted: Result<&str, u64>) {
        for size in 4.min(bytes.len())..=bytes.len() {
            let mut decoder = FileDecoder::new(Encoding::named(name).unwrap());
            let mut text = Vec::new();
            let mut result = Ok(());
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            for (number, piece) in pieces.iter().enumerate() {
                result = decoder.decode(piece, number + 1 == pieces.len(), &mut text);
                if result.is_err() {
                    break;
                }
            }
            match wanted {
                Ok(wanted) => {
                    assert_eq!(result, Ok(()), "{name} by {size}");
                    assert_eq!(String::from_utf8(text).unwrap(), wanted, "{name} by {size}");
                }
                Err(_) => assert!(result.is_err(), "{name} by {size}"),
            }
        }
    }

    #[test]
    fn every_encoding_is_read_in_pieces() {
        check("utf8bom", b"\xEF\xBB\xBFa,\xC3\xA4", Ok("a,ä"));
        check("latin1", b"\xE4\x80", Ok("ä\u{80}"));
        check("iso88591", b"\xE4", Ok("ä"));
        check("windows1252", b"\x80,\xE4", Ok("€,ä"));
        check("ascii", b"abc", Ok("abc"));
        check("ascii", b"ab\xE4", Err(2));
        check("utf16", b"\xFF\xFEa\0\xE4\0\x3D\xD8\x00\xDE", Ok("aä😀"));
        check("utf16", b"\xFE\xFF\0a\0\xE4", Ok("aä"));
        check("utf16", b"a\0\x00\xD8a\0", Err(2));
        check("utf32", b"\xFF\xFE\0\0a\0\0\0\x00\xF6\x01\0", Ok("a😀"));
        check("utf32", b"a\0\0\0\0\xD8\0\0", Err(4));
        assert_eq!(Encoding::named("klingon"), None);
    }
}
