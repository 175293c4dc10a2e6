//! The first rows as people read them.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType, UInt64Type,
};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::DataFrame;
use lazuli_domain::TablePreview;
use serde_json::Value;

use super::columns;
use crate::error::{Failure, internal};

/// More than anyone looks at.
const MOST: u64 = 100_000;

pub async fn of(frame: DataFrame, rows: u64) -> Result<TablePreview, Failure> {
    let columns = columns(&frame);
    let wanted = rows.min(MOST) as usize;
    let batches = frame.limit(0, Some(wanted + 1))?.collect().await?;
    let mut values = Vec::new();
    for batch in &batches {
        let of_columns: Vec<Vec<Value>> =
            batch.columns().iter().map(json_values).collect::<Result<_, Failure>>()?;
        let mut of_columns: Vec<_> = of_columns.into_iter().map(Vec::into_iter).collect();
        for _ in 0..batch.num_rows() {
            values.push(
                of_columns.iter_mut().map(|column| column.next().unwrap_or_default()).collect(),
            );
        }
    }
    let has_more = values.len() > wanted;
    values.truncate(wanted);
    Ok(TablePreview { columns, rows: values, has_more })
}

/// Null where a value is missing, times as ISO 8601, what JSON has no number for as text.
pub fn json_values(array: &ArrayRef) -> Result<Vec<Value>, Failure> {
    let as_type =
        |data_type| cast(array, &data_type).map_err(|error| Failure::Told(internal(error)));
    Ok(match array.data_type() {
        DataType::Boolean => array.as_boolean().iter().map(Value::from).collect(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().iter().map(Value::from).collect(),
        any if any.is_integer() => {
            let array = as_type(DataType::Int64)?;
            array.as_primitive::<Int64Type>().iter().map(Value::from).collect()
        }
        any if any.is_floating() => {
            let array = as_type(DataType::Float64)?;
            array
                .as_primitive::<Float64Type>()
                .iter()
                .map(|value| value.map_or(Value::Null, number))
                .collect()
        }
        DataType::Timestamp(..) => {
            let array = as_type(DataType::Timestamp(TimeUnit::Microsecond, None))?;
            array
                .as_primitive::<TimestampMicrosecondType>()
                .iter()
                .map(|value| value.map_or(Value::Null, time))
                .collect()
        }
        _ => {
            let options = FormatOptions::new();
            let formatter = ArrayFormatter::try_new(array, &options)
                .map_err(|error| Failure::Told(internal(error)))?;
            (0..array.len())
                .map(|row| match array.is_null(row) {
                    true => Value::Null,
                    false => Value::from(formatter.value(row).to_string()),
                })
                .collect()
        }
    })
}

pub fn number(value: f64) -> Value {
    match value {
        _ if value.is_nan() => "NaN".into(),
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        _ => value.into(),
    }
}

/// Microseconds since 1970 as ISO 8601 in UTC.
pub fn time(microseconds: i64) -> Value {
    match chrono::DateTime::from_timestamp_micros(microseconds) {
        Some(time) => time.format("%Y-%m-%dT%H:%M:%S%.fZ").to_string().into(),
        None => Value::Null,
    }
}
