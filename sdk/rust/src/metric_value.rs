use lazuli_domain::{ApiError, MetricKind, MetricValue, Number};
use serde_json::{Map, Value, json};

use crate::Result;

/// What `run.log` takes: a number or a text.
pub trait IntoMetricValue {
    fn into_metric_value(self) -> MetricValue;
}

impl IntoMetricValue for f64 {
    fn into_metric_value(self) -> MetricValue {
        MetricValue::Number(Number::Float(self))
    }
}

impl IntoMetricValue for f32 {
    fn into_metric_value(self) -> MetricValue {
        // By way of its decimal form: 0.1f32 is logged as 0.1, not as 0.10000000149011612.
        let value = self.to_string().parse().unwrap_or(f64::from(self));
        MetricValue::Number(Number::Float(value))
    }
}

impl IntoMetricValue for i64 {
    fn into_metric_value(self) -> MetricValue {
        MetricValue::Number(Number::Integer(self))
    }
}

impl IntoMetricValue for i32 {
    fn into_metric_value(self) -> MetricValue {
        i64::from(self).into_metric_value()
    }
}

impl IntoMetricValue for u32 {
    fn into_metric_value(self) -> MetricValue {
        i64::from(self).into_metric_value()
    }
}

impl IntoMetricValue for u64 {
    fn into_metric_value(self) -> MetricValue {
        match i64::try_from(self) {
            Ok(whole) => whole.into_metric_value(),
            Err(_) => (self as f64).into_metric_value(),
        }
    }
}

impl IntoMetricValue for usize {
    fn into_metric_value(self) -> MetricValue {
        (self as u64).into_metric_value()
    }
}

impl IntoMetricValue for bool {
    fn into_metric_value(self) -> MetricValue {
        i64::from(self).into_metric_value()
    }
}

impl IntoMetricValue for &str {
    fn into_metric_value(self) -> MetricValue {
        MetricValue::Text(self.to_owned())
    }
}

impl IntoMetricValue for String {
    fn into_metric_value(self) -> MetricValue {
        MetricValue::Text(self)
    }
}

impl IntoMetricValue for Number {
    fn into_metric_value(self) -> MetricValue {
        MetricValue::Number(self)
    }
}

impl IntoMetricValue for MetricValue {
    fn into_metric_value(self) -> MetricValue {
        self
    }
}

impl<T: IntoMetricValue + Copy> IntoMetricValue for &T {
    fn into_metric_value(self) -> MetricValue {
        (*self).into_metric_value()
    }
}

/// The value as it stands in a list, row or table.
pub(crate) fn json_value(value: impl IntoMetricValue) -> Value {
    match value.into_metric_value() {
        MetricValue::Number(Number::Integer(whole)) => Value::from(whole),
        MetricValue::Number(Number::Float(number)) if number.is_finite() => Value::from(number),
        MetricValue::Number(special) => Value::String(special.to_string()),
        MetricValue::Text(text) => Value::String(text),
        MetricValue::Json(json) => json,
    }
}

/// The value for `run.log_confusion_matrix`: how often the class of the row was taken for the class
/// of the column.
///
/// ```
/// let matrix = lazuli::confusion_matrix(&["cat", "dog"], &[vec![8, 2], vec![1, 9]]);
/// assert_eq!(matrix["data"]["matrix"][0][1], 2);
/// ```
pub fn confusion_matrix(class_labels: &[&str], matrix: &[Vec<u64>]) -> Value {
    json!({
        "schema_type": "confusion_matrix",
        "schema_version": "v1",
        "data": { "class_labels": class_labels, "matrix": matrix },
    })
}

/// Checks SDK v1's `{schema_type, schema_version, data}`.
pub(crate) fn check_document(kind: MetricKind, name: &str, value: &Value) -> Result<()> {
    let hint = format!(
        "give `json!({{\"schema_type\": \"{kind}\", \"schema_version\": \"v1\", \"data\": {{..}}}})`"
    );
    let problem = match value["schema_type"].as_str() {
        _ if !value.is_object() => "is no JSON object".to_owned(),
        None => "has no `schema_type`".to_owned(),
        Some(schema) if schema != kind.as_str() => {
            format!("has the schema_type `{schema}`, `{kind}` is wanted")
        }
        Some(_) if !value["data"].is_object() => "has no `data`".to_owned(),
        Some(_) => return Ok(()),
    };
    Err(ApiError::invalid(format!("the value of metric `{name}` {problem}")).hint(hint).into())
}

/// Columns of one length, as `{"column": [values], ..}`.
pub(crate) fn table(name: &str, columns: Vec<(String, Vec<Value>)>) -> Result<Value> {
    if columns.is_empty() {
        return Err(no_columns(name, "log_table"));
    }
    let lengths: Vec<String> =
        columns.iter().map(|(column, cells)| format!("`{column}` {}", cells.len())).collect();
    if columns.iter().any(|(_, cells)| cells.len() != columns[0].1.len()) {
        let message = format!("the columns of table `{name}` are not of one length");
        return Err(ApiError::invalid(message)
            .hint(format!(
                "give every column the same number of values, not {}",
                lengths.join(", ")
            ))
            .into());
    }
    object(name, columns.into_iter().map(|(column, cells)| (column, Value::Array(cells))))
}

/// An object whose keys are checked column names.
pub(crate) fn object(name: &str, columns: impl Iterator<Item = (String, Value)>) -> Result<Value> {
    let mut object = Map::new();
    for (column, value) in columns {
        lazuli_domain::check_key("column", &column)?;
        if object.insert(column.clone(), value).is_some() {
            let message = format!("metric `{name}` was given the column `{column}` twice");
            return Err(ApiError::invalid(message).hint("name each column once").into());
        }
    }
    Ok(Value::Object(object))
}

pub(crate) fn no_columns(name: &str, method: &str) -> crate::Error {
    ApiError::invalid(format!("`{method}` of metric `{name}` was given no columns"))
        .hint("give at least one, such as `[(\"x\", 1.0)]`")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_what_they_are() {
        let json = |value: MetricValue| serde_json::to_string(&value).unwrap();
        assert_eq!(json(0.1f32.into_metric_value()), "0.1");
        assert_eq!(json(3usize.into_metric_value()), "3");
        assert_eq!(json(u64::MAX.into_metric_value()), "1.8446744073709552e+19");
        assert_eq!(json(f32::NEG_INFINITY.into_metric_value()), "\"-Infinity\"");
        assert_eq!(json_value(f64::NAN), "NaN");
        assert_eq!(json_value(2), 2);
    }

    #[test]
    fn a_document_of_another_kind_is_refused() {
        let matrix = confusion_matrix(&["a"], &[vec![1]]);
        assert!(check_document(MetricKind::ConfusionMatrix, "m", &matrix).is_ok());
        let error = check_document(MetricKind::Residuals, "m", &matrix).unwrap_err();
        assert_eq!(
            error.message(),
            "the value of metric `m` has the schema_type `confusion_matrix`, `residuals` is wanted"
        );
        assert!(check_document(MetricKind::Residuals, "m", &json!([1])).is_err());
    }

    #[test]
    fn columns_of_a_table_are_of_one_length() {
        let column = |name: &str, count| (name.to_owned(), vec![json!(1); count]);
        assert_eq!(table("t", vec![column("a", 1)]).unwrap(), json!({"a": [1]}));
        let error = table("t", vec![column("a", 1), column("b", 2)]).unwrap_err();
        assert_eq!(error.message(), "the columns of table `t` are not of one length");
        assert!(table("t", vec![column("a", 1), column("a", 1)]).is_err());
        assert!(table("t", vec![]).is_err());
    }
}
