//! Between Rust values and columns.

use lazuli_domain::{MetricKind, MetricValue, Number, RunKind, RunStatus};
use rusqlite::types::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
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

/// The columns `number` and `text` of a point. NaN is NULL in both.
pub(super) fn value_columns(value: &MetricValue) -> Result<(Value, Option<String>)> {
    Ok(match value {
        MetricValue::Number(number) => (number_column(*number), None),
        MetricValue::Text(text) => (Value::Null, Some(text.clone())),
        MetricValue::Json(value) => (Value::Null, Some(json(value)?)),
    })
}

pub(super) fn number_column(number: Number) -> Value {
    match number {
        Number::Integer(value) => Value::Integer(value),
        Number::Float(value) if value.is_nan() => Value::Null,
        Number::Float(value) => Value::Real(value),
    }
}

pub(super) fn number(column: &Value) -> Option<Number> {
    match column {
        Value::Integer(value) => Some(Number::Integer(*value)),
        Value::Real(value) => Some(Number::Float(*value)),
        _ => None,
    }
}

pub(super) fn metric_value(
    kind: MetricKind,
    number_column: &Value,
    text: Option<String>,
) -> Result<MetricValue> {
    Ok(match (kind, number(number_column), text) {
        (_, Some(number), _) => MetricValue::Number(number),
        (MetricKind::Scalar, None, Some(text)) => MetricValue::Text(text),
        (MetricKind::Scalar, None, None) => MetricValue::Number(Number::Float(f64::NAN)),
        (_, None, Some(text)) => MetricValue::Json(from_json("text", &text)?),
        (_, None, None) => MetricValue::Json(serde_json::Value::Null),
    })
}

/// SQLite counts in i64; what is counted here is never negative.
pub(super) fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
