//! JSON lines: an object per line, whose keys are the columns.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array};
use lazuli_domain::InvalidLines;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::columns::{self, Column};
use super::read::Block;
use super::values::{Reading, Seen};
use super::{Broken, What};

#[derive(Clone, Debug)]
pub struct JsonLines {
    pub invalid: InvalidLines,
    /// Of all columns of the table.
    pub names: Arc<[String]>,
}

/// The kinds of values that were seen under each key, in the order in which keys came.
#[derive(Debug, Default)]
pub struct Keys {
    pub names: Vec<String>,
    pub seen: Vec<Seen>,
    places: HashMap<String, usize>,
}

impl Keys {
    pub fn add(&mut self, name: &str, seen: Seen) {
        let place = match self.places.get(name) {
            Some(place) => *place,
            None => {
                self.places.insert(name.to_owned(), self.names.len());
                self.names.push(name.to_owned());
                self.seen.push(Seen::NOTHING);
                self.names.len() - 1
            }
        };
        self.seen[place].add(seen);
    }

    pub fn merge(&mut self, other: &Keys) {
        for (name, seen) in other.names.iter().zip(&other.seen) {
            self.add(name, *seen);
        }
    }
}

/// A value; what is nested is kept as its JSON text.
enum Cell<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(Cow<'a, str>),
}

impl Cell<'_> {
    fn seen(&self) -> Seen {
        match self {
            Cell::Null => Seen::NOTHING,
            Cell::Boolean(_) => Seen::BOOLEAN,
            Cell::Integer(_) => Seen::INTEGER,
            Cell::Float(_) => Seen::FLOAT,
            Cell::Text(_) => Seen::TEXT,
        }
    }

    fn text(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Cell::Null => return None,
            Cell::Boolean(value) => value.to_string().into(),
            Cell::Integer(value) => value.to_string().into(),
            Cell::Float(value) => value.to_string().into(),
            Cell::Text(text) => Cow::Borrowed(text.as_ref()),
        })
    }
}

impl JsonLines {
    /// The columns of a block: `(column of the table, how it is read)`.
    pub fn read(
        &self,
        block: &Block,
        wanted: &[(usize, Column)],
    ) -> Result<(usize, Vec<Option<ArrayRef>>), Broken> {
        let places: HashMap<&str, usize> = wanted
            .iter()
            .enumerate()
            .map(|(place, (_, column))| (column.name.as_str(), place))
            .collect();
        let known: HashMap<&str, ()> = self.names.iter().map(|name| (name.as_str(), ())).collect();
        let mut cells: Vec<Vec<Cell<'_>>> = wanted.iter().map(|_| Vec::new()).collect();
        let mut lines_of_records = Vec::new();
        self.each(block, |record, line, key, cell| {
            if lines_of_records.len() <= record {
                lines_of_records.push(line);
            }
            let Some((key, cell)) = key.zip(cell) else { return Ok(()) };
            match places.get(key.as_ref()) {
                Some(place) => {
                    let column = &mut cells[*place];
                    // The last of two equal keys counts, as everywhere in JSON.
                    column.truncate(record);
                    column.resize_with(record, || Cell::Null);
                    column.push(cell);
                }
                None if !known.contains_key(key.as_ref()) => {
                    let what = What::NewColumn { name: key.into_owned() };
                    return Err(Broken { record, line, what });
                }
                None => {}
            }
            Ok(())
        })?;
        let count = lines_of_records.len();
        let mut arrays = Vec::with_capacity(wanted.len());
        for ((index, column), mut cells) in wanted.iter().zip(cells) {
            cells.resize_with(count, || Cell::Null);
            let array = array(&cells, column).map_err(|unfit| {
                let value =
                    cells[unfit.record].text().unwrap_or_default().chars().take(40).collect();
                let what = What::Unfit { column: *index, value };
                Broken { record: unfit.record, line: lines_of_records[unfit.record], what }
            })?;
            arrays.push(Some(array));
        }
        Ok((count, arrays))
    }

    /// The keys of a block and the kinds of their values.
    pub fn look(&self, block: &Block) -> Result<(usize, Keys), Broken> {
        let mut keys = Keys::default();
        let mut count = 0;
        self.each(block, |record, _, key, cell| {
            count = record + 1;
            if let Some((key, cell)) = key.zip(cell) {
                keys.add(&key, cell.seen());
            }
            Ok(())
        })?;
        Ok((count, keys))
    }

    /// Calls with each value, and once without one at the end of each object, so that an empty one
    /// counts.
    fn each<'a>(
        &self,
        block: &'a Block,
        mut with: impl FnMut(usize, usize, Option<Cow<'a, str>>, Option<Cell<'a>>) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        let mut record = 0;
        for (line, bytes) in block.bytes.split(|byte| *byte == b'\n').enumerate() {
            if bytes.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')) {
                continue;
            }
            match serde_json::from_slice::<Object<'a>>(bytes) {
                Ok(object) => {
                    for (key, cell) in object.0 {
                        with(record, line, Some(key), Some(cell))?;
                    }
                    with(record, line, None, None)?;
                    record += 1;
                }
                Err(_) if self.invalid == InvalidLines::Drop => {}
                Err(_) if std::str::from_utf8(bytes).is_err() => {
                    return Err(Broken { record, line, what: What::NotUtf8 });
                }
                Err(error) => {
                    let error = error.to_string();
                    let error = error.split(" at line ").next().unwrap_or_default().to_owned();
                    return Err(Broken { record, line, what: What::NoJson { error } });
                }
            }
        }
        Ok(())
    }
}

fn array(cells: &[Cell<'_>], column: &Column) -> Result<ArrayRef, columns::Unfit> {
    use columns::Unfit;
    Ok(match &column.reading {
        Reading::Integer if !column.is_given => {
            let values = cells.iter().enumerate().map(|(record, cell)| match cell {
                Cell::Null => Ok(None),
                Cell::Integer(value) => Ok(Some(*value)),
                _ => Err(Unfit { record }),
            });
            Arc::new(values.collect::<Result<Int64Array, _>>()?)
        }
        Reading::Float { .. } if !column.is_given => {
            let values = cells.iter().enumerate().map(|(record, cell)| match cell {
                Cell::Null => Ok(None),
                Cell::Integer(value) => Ok(Some(*value as f64)),
                Cell::Float(value) => Ok(Some(*value)),
                _ => Err(Unfit { record }),
            });
            Arc::new(values.collect::<Result<Float64Array, _>>()?)
        }
        Reading::Boolean if !column.is_given => {
            let values = cells.iter().enumerate().map(|(record, cell)| match cell {
                Cell::Null => Ok(None),
                Cell::Boolean(value) => Ok(Some(*value)),
                _ => Err(Unfit { record }),
            });
            Arc::new(values.collect::<Result<BooleanArray, _>>()?)
        }
        _ => columns::array(cells.iter().map(Cell::text), cells.len(), column)?,
    })
}

/// One line; serde_json's own map would sort the keys.
struct Object<'a>(Vec<(Cow<'a, str>, Cell<'a>)>);

/// A key or text, borrowed where nothing in it is escaped.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(key) = map.next_key::<Text<'de>>()? {
                    entries.push((key.0, map.next_value()?));
                }
                Ok(Object(entries))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

impl<'de> Deserialize<'de> for Cell<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Cell<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Cell::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                Ok(Cell::Boolean(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                Ok(Cell::Integer(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
                Ok(i64::try_from(value).map_or_else(
                    // As in delimited text: no digit is lost.
                    |_| Cell::Text(value.to_string().into()),
                    Cell::Integer,
                ))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
                Ok(Cell::Float(value))
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cell::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cell::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let map = serde::de::value::MapAccessDeserializer::new(map);
                Ok(Cell::Text(serde_json::Value::deserialize(map)?.to_string().into()))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                list: A,
            ) -> Result<Self::Value, A::Error> {
                let list = serde::de::value::SeqAccessDeserializer::new(list);
                Ok(Cell::Text(serde_json::Value::deserialize(list)?.to_string().into()))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
