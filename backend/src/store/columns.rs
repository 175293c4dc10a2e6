//! Between Rust values and columns.

use lazuli_domain::{MetricKind, MetricValue, Number, RunKind, RunStatus};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::sql::Row;
use crate::error::{Error, Result};

pub(super) fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::Defect(format!("a value has no JSON form: {error}")))
}

pub(super) fn from_json<T: DeserializeOwned>(column: &'static str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| unreadable(column, error.to_string()))
}

pub(super) fn optional_from_json<T: DeserializeOwned>(
    column: &'static str,
    text: Option<String>,
) -> Result<Option<T>> {
    text.map(|text| from_json(column, &text)).transpose()
}

pub(super) fn unreadable(column: &'static str, message: String) -> Error {
    StoreError::Unreadable { column, message }.into()
}

pub(super) fn status(text: &str) -> Result<RunStatus> {
    RunStatus::parse(text).ok_or_else(|| unreadable("status", format!("`{text}`")))
}

pub(super) fn metric_kind(text: &str) -> Result<MetricKind> {
    MetricKind::parse(text).ok_or_else(|| unreadable("kind", format!("`{text}`")))
}

pub(super) fn run_kind_name(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Interactive => "interactive",
        RunKind::Script => "script",
        RunKind::Cell => "cell",
    }
}

pub(super) fn run_kind(text: &str) -> Result<RunKind> {
    [RunKind::Interactive, RunKind::Script, RunKind::Cell]
        .into_iter()
        .find(|kind| run_kind_name(*kind) == text)
        .ok_or_else(|| unreadable("kind", format!("`{text}`")))
}

/// A number in its two columns: the double that is compared, and the exact whole number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct NumberColumns {
    pub number: Option<f64>,
    pub whole: Option<i64>,
}

impl NumberColumns {
    /// NaN is NULL in both.
    pub fn of(number: Option<Number>) -> NumberColumns {
        match number {
            Some(Number::Integer(whole)) => {
                NumberColumns { number: Some(whole as f64), whole: Some(whole) }
            }
            Some(Number::Float(value)) if !value.is_nan() => {
                NumberColumns { number: Some(value), whole: None }
            }
            _ => NumberColumns::default(),
        }
    }

    /// Of the two columns from `at` on.
    pub fn read(row: &Row<'_>, at: usize) -> Result<Option<Number>> {
        Ok(match row.get::<Option<i64>>(at + 1)? {
            Some(whole) => Some(Number::Integer(whole)),
            None => row.get::<Option<f64>>(at)?.map(Number::Float),
        })
    }
}

/// The columns `number`, `whole` and `text` of a point.
pub(super) fn value_columns(value: &MetricValue) -> Result<(NumberColumns, Option<String>)> {
    Ok(match value {
        MetricValue::Number(number) => (NumberColumns::of(Some(*number)), None),
        MetricValue::Text(text) => (NumberColumns::default(), Some(text.clone())),
        MetricValue::Json(value) => (NumberColumns::default(), Some(json(value)?)),
    })
}

/// Of the three columns from `at` on.
pub(super) fn metric_value(kind: MetricKind, row: &Row<'_>, at: usize) -> Result<MetricValue> {
    Ok(match (kind, NumberColumns::read(row, at)?, row.get::<Option<String>>(at + 2)?) {
        (_, Some(number), _) => MetricValue::Number(number),
        (MetricKind::Scalar, None, Some(text)) => MetricValue::Text(text),
        (MetricKind::Scalar, None, None) => MetricValue::Number(Number::Float(f64::NAN)),
        (_, None, Some(text)) => MetricValue::Json(from_json("text", &text)?),
        (_, None, None) => MetricValue::Json(serde_json::Value::Null),
    })
}

/// The databases count in i64; what is counted here is never negative.
pub(super) fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
