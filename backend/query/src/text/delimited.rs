//! Delimited text: whose columns a header names.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use lazuli_domain::{ApiError, HeaderMode};

use super::columns::{self, Column, Emptiness};
use super::read::{Block, Origin};
use super::split::{Malformed, Rules, first_record, split};
use super::values::{Seen, classify};
use super::{Broken, What};
use crate::error::{Result, listed};

/// What is the same for all files.
#[derive(Clone, Debug)]
pub struct Delimited {
    pub rules: Rules,
    pub header: HeaderMode,
    pub emptiness: Emptiness,
    /// The names of all columns.
    pub names: Arc<[String]>,
    /// The file whose header they are, for who reads that another one differs.
    pub named_by: usize,
}

/// Where in a file's records the columns are.
#[derive(Debug)]
pub struct Layout {
    /// How many fields each record has.
    pub per_record: usize,
    /// Per column of the table; none: the file lacks it.
    pub fields: Vec<Option<usize>>,
    /// What stands before the first record: bytes, lines.
    pub header: (usize, usize),
}

/// The names that the first record of the block gives; nothing, if there is none.
pub fn header(block: &Block, rules: Rules, shown: &str) -> Result<Option<Vec<String>>> {
    let text = text_of(block, shown)?;
    let Some((fields, ..)) = first_record(text, rules).map_err(|_| open_header(shown))? else {
        return Ok(None);
    };
    let names = fields.iter().map(|field| columns::value(text, *field).trim().to_owned()).collect();
    Ok(Some(distinct(names)))
}

fn open_header(shown: &str) -> ApiError {
    ApiError::invalid(format!("the header of `{shown}` opens a quote that does not close"))
        .hint("with `support_multi_line=True` a value may hold line ends")
}

/// Only what a header needs is looked at: the rest may be cut anywhere.
fn text_of<'a>(block: &'a Block, shown: &str) -> Result<&'a str> {
    match std::str::from_utf8(&block.bytes) {
        Ok(text) => Ok(text),
        Err(error) => {
            let valid = &block.bytes[..error.valid_up_to()];
            match memchr::memchr(b'\n', valid) {
                Some(_) => Ok(std::str::from_utf8(valid).unwrap_or_default()),
                None => Err(ApiError::invalid(format!(
                    "the file `{shown}` is not UTF-8: see its byte {}",
                    error.valid_up_to()
                ))
                .hint("give the encoding that it has, for example `encoding=\"latin1\"`")),
            }
        }
    }
}

/// `Column1`, `Column2` … as SDK v1 calls columns without a name.
pub fn numbered(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("Column{number}")).collect()
}

/// How many fields the first record has.
pub fn width(block: &Block, rules: Rules, shown: &str) -> Result<Option<usize>> {
    let text = text_of(block, shown)?;
    let first = first_record(text, rules).map_err(|_| open_header(shown))?;
    Ok(first.map(|(fields, ..)| fields.len()))
}

/// Names that are missing are numbered, and a name that comes again gets a number of its own.
fn distinct(names: Vec<String>) -> Vec<String> {
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let mut distinct: Vec<String> = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let name = if name.is_empty() { format!("Column{}", index + 1) } else { name.clone() };
        let mut unique = name.clone();
        while taken.contains_key(&unique) || (unique != name && names.contains(&unique)) {
            let count = taken.entry(name.clone()).or_insert(1);
            unique = format!("{name}_{count}");
            *count += 1;
        }
        taken.insert(unique.clone(), 1);
        distinct.push(unique);
    }
    distinct
}

impl Delimited {
    /// Of the file that the block begins.
    pub fn layout(&self, origins: &[Origin], block: &Block) -> Result<Layout> {
        let shown = origins[block.file].shown();
        let all = self.names.len();
        let has_header = match self.header {
            HeaderMode::NoHeaders => false,
            HeaderMode::OnlyFirstFileHasHeaders => block.file == self.named_by,
            HeaderMode::AllFilesHaveSameHeaders | HeaderMode::CombineAllFilesHeaders => true,
        };
        if !has_header {
            let fields = (0..all).map(Some).collect();
            return Ok(Layout { per_record: all, fields, header: (0, 0) });
        }
        let text = text_of(block, shown)?;
        let first = first_record(text, self.rules).map_err(|_| open_header(shown))?;
        let Some((_, bytes, lines)) = first else {
            return Ok(Layout {
                per_record: all,
                fields: vec![None; all],
                header: (text.len(), 0),
            });
        };
        let names = header(block, self.rules, shown)?.unwrap_or_default();
        let fields: Vec<Option<usize>> =
            self.names.iter().map(|wanted| names.iter().position(|name| name == wanted)).collect();
        let differs = fields.contains(&None) || names.len() != all;
        if differs && self.header == HeaderMode::AllFilesHaveSameHeaders {
            return Err(self.differing(origins, block.file, &names));
        }
        Ok(Layout { per_record: names.len(), fields, header: (bytes, lines) })
    }

    fn differing(&self, origins: &[Origin], file: usize, names: &[String]) -> ApiError {
        let (one, other) = (origins[self.named_by].shown(), origins[file].shown());
        let missing: Vec<&str> =
            self.names.iter().filter(|name| !names.contains(name)).map(String::as_str).collect();
        let added: Vec<&str> =
            names.iter().filter(|name| !self.names.contains(name)).map(String::as_str).collect();
        ApiError::invalid(columns_differ(one, other, &missing, &added)).hint(
            "with `header=PromoteHeadersBehavior.COMBINE_ALL_FILES_HEADERS` a column that a file \
             lacks is missing in its rows; NO_HEADERS is for files without a header",
        )
    }

    /// Cuts and reads the wanted columns of a block: `(column of the table, how it is read)`.
    pub fn read(
        &self,
        block: &Block,
        layout: &Layout,
        wanted: &[(usize, Column)],
    ) -> Result<(usize, Vec<Option<ArrayRef>>), Broken> {
        let text = checked(block, layout)?;
        let records = split(text, self.rules, layout.per_record).map_err(Broken::from)?;
        let mut arrays = Vec::with_capacity(wanted.len());
        for (index, column) in wanted {
            let Some(field) = layout.fields[*index] else {
                arrays.push(None);
                continue;
            };
            let array = columns::delimited(
                text,
                &records.fields,
                layout.per_record,
                field,
                column,
                self.emptiness,
            )
            .map_err(|unfit| {
                let place = unfit.record * layout.per_record + field;
                let value = columns::value(text, records.fields[place]).chars().take(40).collect();
                let before = &text[..records.fields[place].start as usize];
                let line = memchr::memchr_iter(b'\n', before.as_bytes()).count();
                Broken { record: unfit.record, line, what: What::Unfit { column: *index, value } }
            })?;
            arrays.push(Some(array));
        }
        Ok((records.count, arrays))
    }

    /// Adds to what was seen of each column.
    pub fn look(&self, block: &Block, layout: &Layout, seen: &mut [Seen]) -> Result<usize, Broken> {
        let text = checked(block, layout)?;
        let records = split(text, self.rules, layout.per_record).map_err(Broken::from)?;
        for (column, seen) in seen.iter_mut().enumerate() {
            let Some(field) = layout.fields[column] else { continue };
            for field in records.fields.iter().skip(field).step_by(layout.per_record) {
                if seen.is_text() {
                    break;
                }
                if self.emptiness.quoted_is_text && field.is_quoted() {
                    seen.add(Seen::TEXT);
                } else if field.start != field.end() {
                    seen.add(classify(&columns::value(text, *field)));
                }
            }
        }
        Ok(records.count)
    }
}

/// The text behind the header.
fn checked<'a>(block: &'a Block, layout: &Layout) -> Result<&'a str, Broken> {
    let start = if block.is_first { layout.header.0 } else { 0 };
    std::str::from_utf8(&block.bytes[start..]).map_err(|error| {
        let before = &block.bytes[start..start + error.valid_up_to()];
        let line = memchr::memchr_iter(b'\n', before).count();
        Broken { record: line, line, what: What::NotUtf8 }
    })
}

impl From<Malformed> for Broken {
    fn from(malformed: Malformed) -> Broken {
        match malformed {
            Malformed::FieldCount { record, line, found, wanted } => {
                Broken { record, line, what: What::FieldCount { found, wanted } }
            }
            Malformed::OpenQuote { record, line } => Broken { record, line, what: What::OpenQuote },
        }
    }
}

/// The sentence about two files of one table.
pub fn columns_differ(one: &str, other: &str, missing: &[&str], added: &[&str]) -> String {
    let mut text = format!("the files `{one}` and `{other}` have different columns: ");
    match (missing.is_empty(), added.is_empty()) {
        (false, true) => text += &format!("the second has no {}", listed(missing.iter().copied())),
        (true, false) => {
            text += &format!("only the second has {}", listed(added.iter().copied()));
        }
        _ => {
            text += &format!(
                "the second has {} where the first has {}",
                listed(added.iter().copied()),
                listed(missing.iter().copied())
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::distinct;

    #[test]
    fn every_column_has_a_name_of_its_own() {
        let names =
            |given: &[&str]| distinct(given.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(names(&["a", "", "a", "a"]), ["a", "Column2", "a_1", "a_2"]);
        assert_eq!(names(&["a", "a_1", "a"]), ["a", "a_1", "a_2"]);
    }
}
