//! Columns that a file's path says: `Path`, and those of a partition format.

use std::sync::Arc;

use datafusion::arrow::datatypes::Field;
use datafusion::common::ScalarValue;
use lazuli_domain::{ApiError, DataPath, TableFileOptions};

use crate::error::Result;
use crate::stores::Place;
use crate::text::columns::{Column, array};
use crate::text::values::Reading;

/// The first columns of a table of files, each with one value per file.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    pub fields: Vec<Arc<Field>>,
    /// Per file, in the order of the fields.
    pub values: Vec<Vec<ScalarValue>>,
}

impl Extras {
    pub fn of(options: &TableFileOptions, files: &[(DataPath, Place)]) -> Result<Extras> {
        let pattern = options.partition_format.as_deref().map(Pattern::parse).transpose()?;
        let mut names = Vec::new();
        if options.include_path {
            names.push(("Path".to_owned(), Reading::Text));
        }
        for (name, is_time) in pattern.iter().flat_map(Pattern::columns) {
            let reading =
                if is_time { Reading::Datetime { formats: Vec::new() } } else { Reading::Text };
            names.push((name, reading));
        }
        let columns: Vec<Column> = names
            .into_iter()
            .map(|(name, found)| {
                let given = options.set_column_types.get(&name).map(Reading::of);
                Column { name, reading: given.unwrap_or(found), is_given: true }
            })
            .collect();
        let mut values = Vec::with_capacity(files.len());
        for (at, place) in files {
            let mut texts = Vec::new();
            if options.include_path {
                texts.push(path_column(at, place));
            }
            if let Some(pattern) = &pattern {
                texts.extend(pattern.values(&place.shown)?);
            }
            let row = columns.iter().zip(texts).map(|(column, text)| {
                let array = array(std::iter::once(Some(text.into())), 1, column);
                array.ok().and_then(|array| ScalarValue::try_from_array(&array, 0).ok())
            });
            values.push(row.map(|value| value.unwrap_or(ScalarValue::Null)).collect());
        }
        let field =
            |column: &Column| Arc::new(Field::new(&column.name, column.reading.data_type(), true));
        Ok(Extras { fields: columns.iter().map(field).collect(), values })
    }
}

fn path_column(at: &DataPath, place: &Place) -> String {
    match at {
        DataPath::Datastore { .. } => format!("/{}", place.shown),
        DataPath::Local { .. } | DataPath::Url { .. } => place.shown.clone(),
    }
}

/// `/{country}/{day:yyyy/MM/dd}/data.csv`, which the end of a path matches.
struct Pattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq)]
enum Part {
    Literal(String),
    /// Anything but `/`.
    Any,
    Column(String),
    /// Digits of a time column: which one, and what they count.
    Digits(String, Unit),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Unit {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

impl Unit {
    fn length(self) -> usize {
        if self == Unit::Year { 4 } else { 2 }
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Pattern> {
        let malformed = |why: &str| {
            ApiError::invalid(format!("the partition format `{text}` {why}"))
                .hint("write it as `/{country}/{day:yyyy/MM/dd}/data.csv`")
        };
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            if next == '{' {
                let end = rest.find('}').ok_or_else(|| malformed("has a `{` without `}`"))?;
                let inner = &rest[1..end];
                rest = &rest[end + 1..];
                match inner.split_once(':') {
                    None => parts.push(Part::Column(inner.to_owned())),
                    Some((name, format)) => {
                        parts.extend(time_parts(name, format).ok_or_else(|| {
                            malformed("has a time that is not made of yyyy, MM, dd, HH, mm and ss")
                        })?)
                    }
                }
                let name = inner.split(':').next().unwrap_or_default();
                if name.is_empty() {
                    return Err(malformed("has a column without a name"));
                }
            } else if next == '*' {
                parts.push(Part::Any);
                rest = &rest[1..];
            } else {
                let end = rest.find(['{', '*']).unwrap_or(rest.len());
                parts.push(Part::Literal(rest[..end].to_owned()));
                rest = &rest[end..];
            }
        }
        let pattern = Pattern { text: text.to_owned(), parts };
        if pattern.columns().is_empty() {
            return Err(malformed("names no column"));
        }
        Ok(pattern)
    }

    /// The columns in the order in which they come first, and whether they are times.
    fn columns(&self) -> Vec<(String, bool)> {
        let mut columns: Vec<(String, bool)> = Vec::new();
        for part in &self.parts {
            let (name, is_time) = match part {
                Part::Column(name) => (name, false),
                Part::Digits(name, _) => (name, true),
                Part::Literal(_) | Part::Any => continue,
            };
            if !columns.iter().any(|(known, _)| known == name) {
                columns.push((name.clone(), is_time));
            }
        }
        columns
    }

    /// What the path says for each of the columns.
    fn values(&self, path: &str) -> Result<Vec<String>> {
        let path = format!("/{}", path.trim_start_matches('/'));
        // The pattern matches the end, from where a name begins; the rightmost such place counts.
        let starts = path.match_indices('/').rev().flat_map(|(slash, _)| [slash + 1, slash]);
        for start in starts {
            let mut found = Vec::new();
            if matches(&self.parts, &path[start..], &mut found) {
                return Ok(self
                    .columns()
                    .into_iter()
                    .map(|(name, is_time)| said(&found, &name, is_time))
                    .collect());
            }
        }
        Err(ApiError::invalid(format!(
            "the path `{path}` does not fit the partition format `{}`",
            self.text
        ))
        .hint("the format is compared with the end of every path; leave files of another kind out"))
    }
}

fn time_parts(name: &str, format: &str) -> Option<Vec<Part>> {
    const UNITS: [(&str, Unit); 6] = [
        ("yyyy", Unit::Year),
        ("MM", Unit::Month),
        ("dd", Unit::Day),
        ("HH", Unit::Hour),
        ("mm", Unit::Minute),
        ("ss", Unit::Second),
    ];
    let mut parts = Vec::new();
    let mut rest = format;
    while !rest.is_empty() {
        if let Some((word, unit)) = UNITS.iter().find(|(word, _)| rest.starts_with(word)) {
            parts.push(Part::Digits(name.to_owned(), *unit));
            rest = &rest[word.len()..];
            continue;
        }
        let next = rest.chars().next()?;
        if next.is_alphanumeric() {
            return None;
        }
        parts.push(Part::Literal(next.to_string()));
        rest = &rest[next.len_utf8()..];
    }
    parts.iter().any(|part| matches!(part, Part::Digits(..))).then_some(parts)
}

/// Whether the parts match the whole text; `found` then holds what the columns matched.
fn matches<'a>(parts: &'a [Part], text: &'a str, found: &mut Vec<(&'a Part, &'a str)>) -> bool {
    let Some((part, later)) = parts.split_first() else { return text.is_empty() };
    match part {
        Part::Literal(literal) => {
            text.strip_prefix(literal.as_str()).is_some_and(|rest| matches(later, rest, found))
        }
        Part::Digits(_, unit) => {
            let Some((digits, rest)) = text.split_at_checked(unit.length()) else { return false };
            if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return false;
            }
            found.push((part, digits));
            matches(later, rest, found) || {
                found.pop();
                false
            }
        }
        Part::Any | Part::Column(_) => {
            let longest = text.find('/').unwrap_or(text.len());
            let least = if matches!(part, Part::Column(_)) { 1 } else { 0 };
            for end in (least..=longest).filter(|end| text.is_char_boundary(*end)) {
                found.push((part, &text[..end]));
                if matches(later, &text[end..], found) {
                    return true;
                }
                found.pop();
            }
            false
        }
    }
}

fn said(found: &[(&Part, &str)], wanted: &str, is_time: bool) -> String {
    if !is_time {
        let value = found.iter().find_map(|(part, text)| match part {
            Part::Column(name) if name == wanted => Some(*text),
            _ => None,
        });
        return value.unwrap_or_default().to_owned();
    }
    let digits = |unit: Unit, otherwise: &str| {
        let value = found.iter().find_map(|(part, text)| match part {
            Part::Digits(name, of) if name == wanted && *of == unit => Some(*text),
            _ => None,
        });
        value.unwrap_or(otherwise).to_owned()
    };
    format!(
        "{}-{}-{}T{}:{}:{}",
        digits(Unit::Year, "1970"),
        digits(Unit::Month, "01"),
        digits(Unit::Day, "01"),
        digits(Unit::Hour, "00"),
        digits(Unit::Minute, "00"),
        digits(Unit::Second, "00")
    )
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    fn check(pattern: &str, path: &str, wanted: &[&str]) {
        assert_eq!(
            Pattern::parse(pattern).unwrap().values(path).unwrap(),
            wanted,
            "{pattern} {path}"
        );
    }

    #[test]
    fn paths_give_columns() {
        let pattern = "/{Department}/{PartitionDate:yyyy/MM/dd}/data.csv";
        check(pattern, "x/Accounts/2019/01/02/data.csv", &["Accounts", "2019-01-02T00:00:00"]);
        check("{year:yyyy}/{name}.csv", "2019/a.b.csv", &["2019-01-01T00:00:00", "a.b"]);
        check("/{c}/*.csv", "de/one.csv", &["de"]);
        check("/{t:yyyyMMdd-HHmm}.json", "20190102-0304.json", &["2019-01-02T03:04:00"]);
        check("/{a}-{b}/x", "1-2/x", &["1", "2"]);
        check("/y={y}/{ort}.csv", "d/y=1/Köln #1.csv", &["1", "Köln #1"]);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let pattern = Pattern::parse("/{day:yyyy/MM}/x.csv").unwrap();
        let error = pattern.values("a/b/x.csv").unwrap_err();
        assert_eq!(
            error.message,
            "the path `/a/b/x.csv` does not fit the partition format `/{day:yyyy/MM}/x.csv`"
        );
        for malformed in ["/{day", "/x.csv", "/{d:YYYY}/x", "/{}/x", "/{d:-}/x"] {
            assert!(Pattern::parse(malformed).is_err(), "{malformed}");
        }
    }
}
