//! Delimited text cut into fields.

use memchr::{memchr, memchr2_iter};

/// Where a field's value lies in its block.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub start: u32,
    end: u32,
}

const QUOTED: u32 = 1 << 31;
const ESCAPED: u32 = 1 << 30;
/// Blocks are smaller than that, so that the two bits above are free.
pub const LARGEST_BLOCK: usize = (1 << 30) - 1;

impl Field {
    pub fn end(self) -> u32 {
        self.end & !(QUOTED | ESCAPED)
    }

    /// It stood between quotes, which are not part of the value.
    pub fn is_quoted(self) -> bool {
        self.end & QUOTED != 0
    }

    /// Doubled quotes in it stand for one.
    pub fn is_escaped(self) -> bool {
        self.end & ESCAPED != 0
    }

    fn plain(start: usize, end: usize) -> Field {
        Field { start: start as u32, end: end as u32 }
    }
}

/// The fields of whole records, one record after the other.
pub struct Records {
    pub fields: Vec<Field>,
    pub count: usize,
}

/// Why text is not a table.
#[derive(Debug, PartialEq, Eq)]
pub enum Malformed {
    FieldCount {
        /// Records and line ends of the block before the one meant.
        record: usize,
        line: usize,
        found: usize,
        wanted: usize,
    },
    OpenQuote {
        record: usize,
        line: usize,
    },
}

/// How the text is divided.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub separator: u8,
    /// Line ends between quotes belong to the value.
    pub multi_line: bool,
}

/// Cuts whole records of `wanted` fields each; blank lines are none.
pub fn split(text: &str, rules: Rules, wanted: usize) -> Result<Records, Malformed> {
    let bytes = text.as_bytes();
    let mut fields = Vec::with_capacity(bytes.len() / 6);
    let count = match memchr(b'"', bytes) {
        None => split_plain(bytes, rules.separator, wanted, &mut fields)?,
        Some(_) => split_quoted(bytes, rules, wanted, &mut fields)?,
    };
    Ok(Records { fields, count })
}

/// The fields of the first record, how long it is, and how many lines it takes.
pub fn first_record(
    text: &str,
    rules: Rules,
) -> Result<Option<(Vec<Field>, usize, usize)>, Malformed> {
    let bytes = text.as_bytes();
    let (mut at, mut lines) = (0, 0);
    while at < bytes.len() && is_blank(bytes, at) {
        at = memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |end| at + end + 1);
        lines += 1;
    }
    if at >= bytes.len() {
        return Ok(None);
    }
    let mut fields = Vec::new();
    let (end, inner) = record(bytes, at, rules, &mut fields)
        .ok_or(Malformed::OpenQuote { record: 0, line: lines })?;
    Ok(Some((fields, end, lines + inner)))
}

/// The quick way: nothing is quoted.
fn split_plain(
    bytes: &[u8],
    separator: u8,
    wanted: usize,
    fields: &mut Vec<Field>,
) -> Result<usize, Malformed> {
    let (mut start, mut in_record, mut count, mut line) = (0, 0, 0, 0);
    let mut end_record =
        |start: usize, end: usize, in_record: usize, line: usize, fields: &mut Vec<Field>| {
            let trimmed = if end > start && bytes[end - 1] == b'\r' { end - 1 } else { end };
            if in_record == 0 && trimmed == start {
                return Ok(());
            }
            fields.push(Field::plain(start, trimmed));
            if in_record + 1 != wanted {
                return Err(Malformed::FieldCount {
                    record: count,
                    line,
                    found: in_record + 1,
                    wanted,
                });
            }
            count += 1;
            Ok(())
        };
    for place in memchr2_iter(separator, b'\n', bytes) {
        if bytes[place] == b'\n' {
            end_record(start, place, in_record, line, fields)?;
            in_record = 0;
            line += 1;
        } else {
            fields.push(Field::plain(start, place));
            in_record += 1;
        }
        start = place + 1;
    }
    if start < bytes.len() || in_record > 0 {
        end_record(start, bytes.len(), in_record, line, fields)?;
    }
    Ok(count)
}

fn split_quoted(
    bytes: &[u8],
    rules: Rules,
    wanted: usize,
    fields: &mut Vec<Field>,
) -> Result<usize, Malformed> {
    let (mut at, mut count, mut line) = (0, 0, 0);
    while at < bytes.len() {
        if is_blank(bytes, at) {
            at = memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |end| at + end + 1);
            line += 1;
            continue;
        }
        let before = fields.len();
        let Some((end, lines)) = record(bytes, at, rules, fields) else {
            return Err(Malformed::OpenQuote { record: count, line });
        };
        let found = fields.len() - before;
        if found != wanted {
            return Err(Malformed::FieldCount { record: count, line, found, wanted });
        }
        at = end;
        line += lines;
        count += 1;
    }
    Ok(count)
}

fn is_blank(bytes: &[u8], at: usize) -> bool {
    bytes[at] == b'\n' || bytes[at] == b'\r' && bytes.get(at + 1).is_none_or(|next| *next == b'\n')
}

/// One record from `at`: where the next one begins and how many lines it took; nothing, where a
/// quote does not close.
fn record(
    bytes: &[u8],
    mut at: usize,
    rules: Rules,
    fields: &mut Vec<Field>,
) -> Option<(usize, usize)> {
    let mut lines = 0;
    loop {
        if bytes.get(at) == Some(&b'"') {
            let (field, end, inner) = quoted(bytes, at, rules)?;
            lines += inner;
            fields.push(field);
            match bytes.get(end) {
                None => return Some((end, lines)),
                Some(b'\n') => return Some((end + 1, lines + 1)),
                Some(b'\r') => return Some(((end + 2).min(bytes.len()), lines + 1)),
                Some(_separator) => at = end + 1,
            }
            continue;
        }
        let Some(place) = memchr::memchr2(rules.separator, b'\n', &bytes[at..]) else {
            fields.push(Field::plain(at, without_return(bytes, at, bytes.len())));
            return Some((bytes.len(), lines));
        };
        let end = at + place;
        if bytes[end] == b'\n' {
            fields.push(Field::plain(at, without_return(bytes, at, end)));
            return Some((end + 1, lines + 1));
        }
        fields.push(Field::plain(at, end));
        at = end + 1;
    }
}

fn without_return(bytes: &[u8], start: usize, end: usize) -> usize {
    if end > start && bytes[end - 1] == b'\r' { end - 1 } else { end }
}

/// A field whose first byte is a quote: the field, where it ends, and the line ends in it. A quote
/// that text follows (`"a" b`) is not the closing one for a reader who wants a table; as in pandas,
/// the rest up to the separator belongs to the value.
fn quoted(bytes: &[u8], at: usize, rules: Rules) -> Option<(Field, usize, usize)> {
    let start = at + 1;
    let (mut place, mut lines, mut flags) = (start, 0, QUOTED);
    loop {
        let found = memchr::memchr2(b'"', b'\n', &bytes[place..])? + place;
        if bytes[found] == b'\n' {
            if !rules.multi_line {
                return None;
            }
            lines += 1;
            place = found + 1;
            continue;
        }
        match bytes.get(found + 1) {
            Some(b'"') => {
                flags |= ESCAPED;
                place = found + 2;
            }
            Some(b'\r') if bytes.get(found + 2).is_none_or(|next| *next == b'\n') => {
                return Some((
                    Field { start: start as u32, end: found as u32 | flags },
                    found + 1,
                    lines,
                ));
            }
            None | Some(b'\n') => {
                return Some((
                    Field { start: start as u32, end: found as u32 | flags },
                    found + 1,
                    lines,
                ));
            }
            Some(next) if *next == rules.separator => {
                return Some((
                    Field { start: start as u32, end: found as u32 | flags },
                    found + 1,
                    lines,
                ));
            }
            Some(_) => {
                // Taken as it is written, quotes included.
                let rest = memchr::memchr2(rules.separator, b'\n', &bytes[found..]);
                let end = rest.map_or(bytes.len(), |rest| found + rest);
                let trimmed = without_return(bytes, at, end);
                return Some((Field::plain(at, trimmed), trimmed, lines));
            }
        }
    }
}

/// Where the last whole record of the bytes ends, if there is one. The bytes begin with a record.
pub fn last_end(bytes: &[u8], rules: Rules) -> Option<usize> {
    if !rules.multi_line || memchr(b'"', bytes).is_none() {
        return memchr::memrchr(b'\n', bytes).map(|place| place + 1);
    }
    let (mut inside, mut last) = (false, None);
    for place in memchr2_iter(b'"', b'\n', bytes) {
        if bytes[place] == b'\n' {
            if !inside {
                last = Some(place + 1);
            }
        } else if inside {
            inside = false;
        } else {
            // A doubled quote opens again; so does one at the beginning of a field. Any other one
            // is text.
            inside = match place.checked_sub(1).map(|before| bytes[before]) {
                None | Some(b'\n' | b'"') => true,
                Some(before) => before == rules.separator,
            };
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAS: Rules = Rules { separator: b',', multi_line: false };
    const LINES: Rules = Rules { separator: b',', multi_line: true };

    fn texts(text: &str, rules: Rules, wanted: usize) -> Result<Vec<String>, Malformed> {
        let records = split(text, rules, wanted)?;
        assert_eq!(records.fields.len(), records.count * wanted);
        let value = |field: &Field| text[field.start as usize..field.end() as usize].to_owned();
        Ok(records.fields.iter().map(value).collect())
    }

    #[test]
    fn fields_are_found() {
        assert_eq!(texts("a,b\n1,\n,2", COMMAS, 2).unwrap(), ["a", "b", "1", "", "", "2"]);
        assert_eq!(texts("a,b\r\n\r\n1,2\r\n", COMMAS, 2).unwrap(), ["a", "b", "1", "2"]);
        assert_eq!(texts("\"a,\"\"x\",b\n", COMMAS, 2).unwrap(), ["a,\"\"x", "b"]);
        assert_eq!(texts("\"a\",\"b\"\r\n\"\",x", COMMAS, 2).unwrap(), ["a", "b", "", "x"]);
        assert_eq!(texts("\"a\nb\",c\n", LINES, 2).unwrap(), ["a\nb", "c"]);
        assert_eq!(texts("5\",b\n", COMMAS, 2).unwrap(), ["5\"", "b"]);
        assert_eq!(texts("\"a\" b,c\n", COMMAS, 2).unwrap(), ["\"a\" b", "c"]);
        assert_eq!(texts("", COMMAS, 2).unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_no_table_is_told_with_its_place() {
        let ragged = |text| texts(text, COMMAS, 2).unwrap_err();
        let wanted = Malformed::FieldCount { record: 1, line: 2, found: 3, wanted: 2 };
        assert_eq!(ragged("1,2\n\n1,2,3\n"), wanted);
        assert_eq!(ragged("\"1\",2\n\n1,2,3\n"), wanted);
        assert_eq!(
            ragged("1,2\n3"),
            Malformed::FieldCount { record: 1, line: 1, found: 1, wanted: 2 }
        );
        assert_eq!(ragged("1,\"2\n3\",4\n"), Malformed::OpenQuote { record: 0, line: 0 });
    }

    #[test]
    fn a_block_ends_between_records() {
        assert_eq!(last_end(b"a\nb\nc", COMMAS), Some(4));
        assert_eq!(last_end(b"a", COMMAS), None);
        assert_eq!(last_end(b"a\n\"b\nc", LINES), Some(2));
        assert_eq!(last_end(b"a\n\"b\nc\"\nd", LINES), Some(8));
        assert_eq!(last_end(b"\"x\"\"\ny\"\"\"\n", LINES), Some(10));
        assert_eq!(last_end(b"5\"\n6\n", LINES), Some(5));
    }
}
