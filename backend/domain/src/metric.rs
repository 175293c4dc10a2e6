use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A number as it was logged. JSON has no NaN and no infinities; they travel as the strings
/// `"NaN"`, `"Infinity"` and `"-Infinity"`. Whole numbers stay whole (`10000`, not `10000.0`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Integer(i64),
    Float(f64),
}

impl Number {
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Integer(value) => value as f64,
            Self::Float(value) => value,
        }
    }

    /// Reads what a person types: `0.9`, `12`, `nan`, `-inf`.
    pub fn parse(text: &str) -> Option<Number> {
        let text = text.trim();
        match text.parse::<i64>() {
            Ok(value) => Some(Self::Integer(value)),
            Err(_) => text.parse::<f64>().ok().map(Self::Float),
        }
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Integer(value) => write!(f, "{value}"),
            Self::Float(value) if value.is_nan() => f.write_str("NaN"),
            Self::Float(value) if value.is_infinite() => {
                f.write_str(if *value > 0.0 { "Infinity" } else { "-Infinity" })
            }
            Self::Float(value) if value.abs() >= 1e15 || (*value != 0.0 && value.abs() < 1e-5) => {
                write!(f, "{value:e}")
            }
            Self::Float(value) => write!(f, "{value}"),
        }
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Float(value) if value.is_finite() => serializer.serialize_f64(*value),
            special => serializer.collect_str(special),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        number_of(&value).ok_or_else(|| {
            D::Error::custom(format!(
                "a number is wanted (or \"NaN\", \"Infinity\", \"-Infinity\"), got {value}"
            ))
        })
    }
}

fn number_of(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Some(Number::Integer(whole)),
            None => number.as_f64().map(Number::Float),
        },
        Value::String(text) => match text.as_str() {
            "NaN" => Some(Number::Float(f64::NAN)),
            "Infinity" => Some(Number::Float(f64::INFINITY)),
            "-Infinity" => Some(Number::Float(f64::NEG_INFINITY)),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Number {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::AnyValue)
            .description(Some("a number, or \"NaN\", \"Infinity\", \"-Infinity\""))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Number {}

/// How a metric was logged; a metric keeps the kind of its first point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum MetricKind {
    /// `log(name, value)`: one number (or, as SDK v1 allows, a text) per point.
    Scalar,
    /// `log_list(name, [..])`.
    List,
    /// `log_row(name, column=value, ..)`: one row per point.
    Row,
    /// `log_table(name, {column: [..]})`.
    Table,
    /// `log_image(name, path)`: the value names the run's artifact.
    Image,
    /// `log_confusion_matrix`: SDK v1's JSON `{schema_type, schema_version, data}`.
    ConfusionMatrix,
    AccuracyTable,
    Predictions,
    Residuals,
}

impl MetricKind {
    pub const ALL: [MetricKind; 9] = [
        Self::Scalar,
        Self::List,
        Self::Row,
        Self::Table,
        Self::Image,
        Self::ConfusionMatrix,
        Self::AccuracyTable,
        Self::Predictions,
        Self::Residuals,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::List => "list",
            Self::Row => "row",
            Self::Table => "table",
            Self::Image => "image",
            Self::ConfusionMatrix => "confusion_matrix",
            Self::AccuracyTable => "accuracy_table",
            Self::Predictions => "predictions",
            Self::Residuals => "residuals",
        }
    }

    pub fn parse(text: &str) -> Option<MetricKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl std::fmt::Display for MetricKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The value of one point. A scalar is a [`Number`] or a text; everything else is JSON in which
/// NaN and infinities stand as the strings that [`Number`] uses:
///
/// | kind | JSON |
/// |---|---|
/// | list | `[1, 2.5, "NaN"]` |
/// | row | `{"column": value, ..}` |
/// | table | `{"column": [values], ..}`, or `[{row}, ..]` |
/// | image | `{"artifact": "outputs/plot.png"}` |
/// | others | SDK v1's `{"schema_type": .., "schema_version": .., "data": {..}}` |
#[derive(Clone, Debug, PartialEq)]
pub enum MetricValue {
    Number(Number),
    Text(String),
    Json(Value),
}

impl<T: Into<Number>> From<T> for MetricValue {
    fn from(value: T) -> Self {
        Self::Number(value.into())
    }
}

impl From<&str> for MetricValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl Serialize for MetricValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Json(json) => json.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for MetricValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(match number_of(&value) {
            Some(number) => Self::Number(number),
            None => match value {
                Value::String(text) => Self::Text(text),
                other => Self::Json(other),
            },
        })
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for MetricValue {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::AnyValue)
            .description(Some("a number, a text, or the JSON of the metric's kind"))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for MetricValue {}

/// One logged point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MetricPoint {
    /// Counted by the daemon per metric (0, 1, 2 …) when the caller gives none.
    pub step: i64,
    pub time_ms: i64,
    pub value: MetricValue,
}

/// A metric with its points, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Metric {
    pub name: String,
    pub kind: MetricKind,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Points of the whole history; `points` may be a part of it.
    #[serde(default)]
    pub count: u64,
    pub points: Vec<MetricPoint>,
}

/// What a list of runs shows of a metric, without reading its history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MetricSummary {
    pub name: String,
    pub kind: MetricKind,
    pub count: u64,
    /// The newest point.
    pub last: MetricPoint,
    /// Smallest and largest number of a scalar metric, NaN left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Number>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_and_infinities_survive_json() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.1, -1.5e-300] {
            let json = serde_json::to_string(&Number::Float(value)).unwrap();
            let back: Number = serde_json::from_str(&json).unwrap();
            assert_eq!(back.as_f64().to_bits(), value.to_bits(), "{json}");
        }
    }

    #[test]
    fn whole_numbers_stay_whole() {
        assert_eq!(serde_json::to_string(&Number::Integer(10_000)).unwrap(), "10000");
        assert_eq!(serde_json::from_str::<Number>("10000").unwrap(), Number::Integer(10_000));
        assert_eq!(serde_json::from_str::<Number>("1.0").unwrap(), Number::Float(1.0));
    }

    #[test]
    fn a_text_that_is_no_number_stays_text() {
        let value: MetricValue = serde_json::from_str("\"liblinear\"").unwrap();
        assert_eq!(value, MetricValue::Text("liblinear".into()));
    }

    #[test]
    fn people_may_type_nan_and_inf() {
        assert!(Number::parse("nan").unwrap().as_f64().is_nan());
        assert_eq!(Number::parse("-inf"), Some(Number::Float(f64::NEG_INFINITY)));
        assert_eq!(Number::parse("12"), Some(Number::Integer(12)));
        assert_eq!(Number::parse("abc"), None);
    }
}
