//! Fields of one column become an array of Arrow's.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use datafusion::arrow::datatypes::{DataType, TimeUnit};

use super::split::Field;
use super::values::{self, Reading};

/// A column as its text is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub reading: Reading,
    /// The type was given: what does not fit is missing, as SDK v1 has it. Else it was found by
    /// looking, and what does not fit shows that the look was too short.
    pub is_given: bool,
}

/// What empty and quoted fields mean.
#[derive(Clone, Copy, Debug, Default)]
pub struct Emptiness {
    pub empty_as_string: bool,
    /// A database's answer: quoted text is never missing, and `NULL` without quotes always is.
    pub quoted_is_text: bool,
}

/// The value at that record cannot be read as its column is.
#[derive(Debug, PartialEq, Eq)]
pub struct Unfit {
    pub record: usize,
}

impl Reading {
    pub fn data_type(&self) -> DataType {
        match self {
            Reading::Boolean => DataType::Boolean,
            Reading::Integer => DataType::Int64,
            Reading::Float { .. } => DataType::Float64,
            Reading::Text => DataType::Utf8,
            Reading::Datetime { .. } => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }

    /// As [`lazuli_domain::TableColumn`] names it.
    pub fn named(data_type: &str) -> Option<Reading> {
        Some(match data_type {
            "boolean" => Reading::Boolean,
            "integer" => Reading::Integer,
            "float" => Reading::Float { decimal_mark: b'.' },
            "string" => Reading::Text,
            "datetime" => Reading::Datetime { formats: Vec::new() },
            _ => return None,
        })
    }
}

/// The value without its quotes.
pub fn value(text: &str, field: Field) -> Cow<'_, str> {
    let inner = &text[field.start as usize..field.end() as usize];
    match field.is_escaped() {
        true => Cow::Owned(inner.replace("\"\"", "\"")),
        false => Cow::Borrowed(inner),
    }
}

/// Reads one value per item; `None` is a missing one.
pub fn array<'a>(
    items: impl Iterator<Item = Option<Cow<'a, str>>>,
    count: usize,
    column: &Column,
) -> Result<ArrayRef, Unfit> {
    macro_rules! read {
        ($builder:expr, $parse:expr) => {{
            let mut builder = $builder;
            for (record, item) in items.enumerate() {
                match item.as_deref() {
                    None => builder.append_null(),
                    Some(text) => {
                        let text = values::trimmed(text);
                        match $parse(text) {
                            Some(value) => builder.append_value(value),
                            None if column.is_given || values::means_missing(text) => {
                                builder.append_null();
                            }
                            None => return Err(Unfit { record }),
                        }
                    }
                }
            }
            Arc::new(builder.finish()) as ArrayRef
        }};
    }
    Ok(match &column.reading {
        Reading::Boolean if column.is_given => {
            read!(BooleanBuilder::with_capacity(count), |text: &str| {
                values::boolean(text).or(match text {
                    "1" | "t" | "yes" | "Yes" | "YES" => Some(true),
                    "0" | "f" | "no" | "No" | "NO" => Some(false),
                    _ => None,
                })
            })
        }
        Reading::Boolean => read!(BooleanBuilder::with_capacity(count), values::boolean),
        Reading::Integer if column.is_given => {
            read!(Int64Builder::with_capacity(count), |text: &str| {
                values::integer(text).or_else(|| whole(values::float(text, b'.')?))
            })
        }
        Reading::Integer => read!(Int64Builder::with_capacity(count), values::integer),
        Reading::Float { decimal_mark } => {
            read!(Float64Builder::with_capacity(count), |text: &str| values::float(
                text,
                *decimal_mark
            ))
        }
        Reading::Datetime { formats } => {
            read!(TimestampMicrosecondBuilder::with_capacity(count), |text: &str| {
                values::datetime_of(text, formats)
            })
        }
        Reading::Text => {
            let mut builder = StringBuilder::with_capacity(count, count * 12);
            for item in items {
                builder.append_option(item);
            }
            Arc::new(builder.finish())
        }
    })
}

/// `3.0` is a whole number where one was asked for.
fn whole(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() < 9e15).then_some(value as i64)
}

/// The column of delimited text whose fields are at `index` of each record.
pub fn delimited(
    text: &str,
    fields: &[Field],
    per_record: usize,
    index: usize,
    column: &Column,
    emptiness: Emptiness,
) -> Result<ArrayRef, Unfit> {
    let keeps_empty = column.reading == Reading::Text && emptiness.empty_as_string;
    let items = fields.iter().skip(index).step_by(per_record).map(|field| {
        let is_missing = match emptiness.quoted_is_text {
            true => !field.is_quoted() && value(text, *field) == "NULL",
            false => field.start == field.end() && !keeps_empty,
        };
        (!is_missing).then(|| value(text, *field))
    });
    array(items, fields.len() / per_record.max(1), column)
}
