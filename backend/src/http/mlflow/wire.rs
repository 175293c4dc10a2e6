//! What travels: protobuf messages in JSON, as MLflow's clients and server write them.
//!
//! Names are in snake case; a request may also write them in camel case. What is `null` is absent.
//! Whole numbers may come as texts, and doubles as `"NaN"`, `"Infinity"` and `"-Infinity"`. A GET
//! carries its fields in the query, where a repeated field is a name that stands there several
//! times. Unknown fields are left alone.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Query, Request};
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::error::{Answer, Failure};
use crate::http::extract::body_failure;

/// MLflow's own limit of a batch is 1,000 entries; the schema and profile of a dataset may be larger.
const LARGEST: usize = 32 << 20;

/// The fields of a request, or of a message inside it. A field is taken by the type it is to have;
/// one that has another is refused in MLflow's words.
#[derive(Debug, Default)]
pub struct Message {
    fields: Map<String, Value>,
    /// Which entry of which list of the request this is.
    within: Option<(&'static str, usize)>,
}

impl Message {
    pub fn text(&self, name: &str) -> Answer<Option<&str>> {
        match self.field(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.contains('\0') => {
                Err(self.invalid(name, "it contains a NUL, which no database keeps"))
            }
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong_type(name, other)),
        }
    }

    /// A text that is there and not empty.
    pub fn required_text(&self, name: &str) -> Answer<&str> {
        match self.text(name)? {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(self.missing(name)),
        }
    }

    /// The id of a run, also under the name it had before MLflow 1.0.
    pub fn run_id(&self) -> Answer<&str> {
        match self.text("run_id")? {
            Some(run_id) if !run_id.is_empty() => Ok(run_id),
            _ => match self.text("run_uuid")? {
                Some(run_id) if !run_id.is_empty() => Ok(run_id),
                _ => Err(self.missing("run_id")),
            },
        }
    }

    pub fn integer(&self, name: &str) -> Answer<Option<i64>> {
        let Some(value) = self.field(name) else { return Ok(None) };
        let whole = match value {
            Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        whole.map(Some).ok_or_else(|| self.wrong_type(name, value))
    }

    pub fn required_integer(&self, name: &str) -> Answer<i64> {
        self.integer(name)?.ok_or_else(|| self.missing(name))
    }

    pub fn required_double(&self, name: &str) -> Answer<f64> {
        let Some(value) = self.field(name) else { return Err(self.missing(name)) };
        let double = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) if text.is_empty() => return Err(self.missing(name)),
            // Rust reads MLflow's `NaN`, `Infinity` and `-Infinity` as well.
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        double.ok_or_else(|| self.wrong_type(name, value))
    }

    pub fn boolean(&self, name: &str) -> Answer<Option<bool>> {
        match self.field(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(Value::String(text)) => Err(Failure::invalid(format!(
                "Invalid boolean value: {text}, must be 'true' or 'false'."
            ))),
            Some(other) => Err(self.wrong_type(name, other)),
        }
    }

    /// A member of an enumeration, by its word or by its number; these count from 1.
    pub fn choice(&self, name: &str, words: &[&'static str]) -> Answer<Option<&'static str>> {
        let Some(value) = self.field(name) else { return Ok(None) };
        let number = match value {
            Value::String(text) => match words.iter().find(|word| *word == text) {
                Some(word) => return Ok(Some(word)),
                None => text.parse::<u64>().ok(),
            },
            other => other.as_u64(),
        };
        let word =
            number.and_then(|number| words.get(usize::try_from(number).ok()?.checked_sub(1)?));
        match word {
            Some(word) => Ok(Some(word)),
            None => Err(self.invalid(name, &format!("use one of {}", words.join(", ")))),
        }
    }

    /// A repeated text; none when it is absent.
    pub fn texts(&self, name: &str) -> Answer<Vec<String>> {
        match self.field(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(values)) => values
                .iter()
                .map(|value| match value {
                    Value::String(text) if !text.contains('\0') => Ok(text.clone()),
                    _ => Err(self.wrong_type(name, &Value::Array(values.clone()))),
                })
                .collect(),
            // In a query it stands once.
            Some(Value::String(text)) if self.is_query() => Ok(vec![text.clone()]),
            Some(other) => Err(self.wrong_type(name, other)),
        }
    }

    /// A repeated message; none when it is absent. Each can be taken once.
    pub fn take_messages(&mut self, name: &'static str) -> Answer<Vec<Message>> {
        let values = match self.fields.remove(name) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(values)) => values,
            Some(other) => return Err(self.wrong_type(name, &other)),
        };
        let message = |(at, value)| match value {
            Value::Object(fields) => Ok(Message { fields, within: Some((name, at)) }),
            other => Err(self.wrong_type(&format!("{name}[{at}]"), &other)),
        };
        values.into_iter().enumerate().map(message).collect()
    }

    /// A message inside this one.
    pub fn take_message(&mut self, name: &str) -> Answer<Option<Message>> {
        match self.fields.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(Message { fields, within: self.within })),
            Some(other) => Err(self.wrong_type(name, &other)),
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.field(name).is_some()
    }

    /// `Invalid value … for parameter '…' supplied: …`
    pub fn invalid(&self, name: &str, why: &str) -> Failure {
        let value = self.field(name).unwrap_or(&Value::Null);
        invalid_value(&self.path(name), value, why)
    }

    pub fn missing(&self, name: &str) -> Failure {
        Failure::invalid(format!(
            "Missing value for required parameter '{}'. {SEE}",
            self.path(name)
        ))
    }

    /// The field as messages name it: `metrics[3].key`.
    pub fn path(&self, name: &str) -> String {
        match self.within {
            Some((list, at)) => format!("{list}[{at}].{name}"),
            None => name.to_owned(),
        }
    }

    fn wrong_type(&self, name: &str, value: &Value) -> Failure {
        let hint = format!(" Hint: Value was of type '{}'. {SEE}", python_type(value));
        invalid_value(&self.path(name), value, &hint)
    }

    fn field(&self, name: &str) -> Option<&Value> {
        let found = self.fields.get(name).or_else(|| match name.contains('_') {
            true => self.fields.get(&camel_case(name)),
            false => None,
        });
        found.filter(|value| !value.is_null())
    }

    /// In a query every value is a text.
    fn is_query(&self) -> bool {
        self.within.is_none()
    }

    fn of_query(request: &Request) -> Answer<Message> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(request.uri())
            .map_err(|error| Failure::invalid(format!("the query is malformed: {error}")))?;
        let mut fields = Map::new();
        for (name, value) in pairs {
            let value = Value::String(value);
            match fields.get_mut(&name) {
                None => drop(fields.insert(name, value)),
                Some(Value::Array(values)) => values.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
            }
        }
        Ok(Message { fields, within: None })
    }

    fn of_body(bytes: &[u8]) -> Answer<Message> {
        if bytes.trim_ascii().is_empty() {
            return Ok(Message::default());
        }
        let malformed = |error| {
            Failure::invalid(format!("the body is not JSON as MLflow's API takes it: {error}"))
        };
        let value = match serde_json::from_slice(bytes).map_err(malformed)? {
            // Older clients encode their JSON twice.
            Value::String(text) => serde_json::from_str(&text).map_err(malformed)?,
            value => value,
        };
        match value {
            Value::Object(fields) => Ok(Message { fields, within: None }),
            Value::Null => Ok(Message::default()),
            other => Err(Failure::invalid(format!(
                "the body is to be a JSON object, it is a {}",
                python_type(&other)
            ))),
        }
    }
}

const SEE: &str = "See the API docs for more information about request parameters.";

impl<S: Send + Sync> FromRequest<S> for Message {
    type Rejection = Failure;

    async fn from_request(request: Request, _state: &S) -> Answer<Message> {
        if request.method() == Method::GET && request.uri().query().is_some_and(|it| !it.is_empty())
        {
            return Message::of_query(&request);
        }
        if matches!(*request.method(), Method::POST | Method::PUT) {
            check_content_type(&request)?;
        }
        let bytes = to_bytes(request.into_body(), LARGEST)
            .await
            .map_err(|error| body_failure(&error, LARGEST))?;
        Message::of_body(&bytes)
    }
}

fn check_content_type(request: &Request) -> Answer<()> {
    let Some(given) = request.headers().get(header::CONTENT_TYPE) else {
        return Err(Failure::invalid("Bad Request. Content-Type header is missing."));
    };
    let kind = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    match kind.trim().eq_ignore_ascii_case("application/json") {
        true => Ok(()),
        false => {
            Err(Failure::invalid("Bad Request. Content-Type must be one of ['application/json']."))
        }
    }
}

/// JSON as an answer.
pub struct Reply<T>(pub T);

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The answer of a request that has nothing to say.
pub fn done() -> Reply<Value> {
    Reply(Value::Object(Map::new()))
}

/// A double as protobuf writes it into JSON.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Double(pub f64);

impl Serialize for Double {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_finite() => serializer.serialize_f64(value),
            value if value.is_nan() => serializer.serialize_str("NaN"),
            value if value > 0.0 => serializer.serialize_str("Infinity"),
            _ => serializer.serialize_str("-Infinity"),
        }
    }
}

/// A key with a text: a tag or a parameter.
#[derive(Serialize)]
pub struct KeyValue {
    pub key: String,
    pub value: String,
}

/// Tags or parameters as the list that MLflow makes of them.
pub fn pairs(entries: impl IntoIterator<Item = (String, String)>) -> Vec<KeyValue> {
    entries.into_iter().map(|(key, value)| KeyValue { key, value }).collect()
}

/// MLflow's word for being deleted or not.
pub fn lifecycle_stage(deleted_at_ms: Option<i64>) -> &'static str {
    match deleted_at_ms {
        None => "active",
        Some(_) => "deleted",
    }
}

pub fn invalid_value(path: &str, value: &Value, why: &str) -> Failure {
    let shown = value.to_string();
    let shown = match shown.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    };
    Failure::invalid(format!("Invalid value {shown} for parameter '{path}' supplied: {why}"))
}

fn whole(double: f64) -> Option<i64> {
    // What lies nearer to the ends of i64 is no exact number anyway.
    (double.fract() == 0.0 && (-9.2e18..9.2e18).contains(&double)).then_some(double as i64)
}

fn python_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

fn camel_case(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut begins_word = false;
    for character in name.chars() {
        match character {
            '_' => begins_word = true,
            _ if begins_word => {
                camel.push(character.to_ascii_uppercase());
                begins_word = false;
            }
            _ => camel.push(character),
        }
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(json: &str) -> Message {
        Message::of_body(json.as_bytes()).unwrap_or_else(|failure| panic!("{json}: {failure:?}"))
    }

    fn query(text: &str) -> Message {
        let request = Request::get(format!("/x?{text}")).body(axum::body::Body::empty()).unwrap();
        Message::of_query(&request).unwrap()
    }

    #[test]
    fn numbers_come_as_numbers_and_as_texts() {
        let given = message(r#"{"a": 5, "b": "5", "c": 5.0, "d": 5.5, "e": null, "f": "x"}"#);
        for name in ["a", "b", "c"] {
            assert_eq!(given.integer(name).unwrap(), Some(5), "{name}");
        }
        assert_eq!(given.integer("e").unwrap(), None);
        assert!(given.integer("d").is_err());
        assert!(given.integer("f").is_err());
        assert_eq!(given.required_double("d").unwrap(), 5.5);
        let special = message(r#"{"n": "NaN", "i": "Infinity", "m": "-Infinity"}"#);
        assert!(special.required_double("n").unwrap().is_nan());
        assert_eq!(special.required_double("i").unwrap(), f64::INFINITY);
        assert_eq!(special.required_double("m").unwrap(), f64::NEG_INFINITY);
        assert_eq!(whole(9.223372036854776e18), None);
    }

    #[test]
    fn names_may_be_in_camel_case() {
        let given = message(r#"{"runId": "r", "viewType": "ALL"}"#);
        assert_eq!(given.run_id().unwrap(), "r");
        assert_eq!(
            given.choice("view_type", &["ACTIVE_ONLY", "DELETED_ONLY", "ALL"]).unwrap(),
            Some("ALL")
        );
        assert_eq!(message(r#"{"run_uuid": "old"}"#).run_id().unwrap(), "old");
    }

    #[test]
    fn a_query_repeats_what_is_a_list() {
        let given = query("run_ids=a&run_ids=b&one=x%20y&max_results=7&view_type=2");
        assert_eq!(given.texts("run_ids").unwrap(), ["a", "b"]);
        assert_eq!(given.texts("one").unwrap(), ["x y"]);
        assert_eq!(given.integer("max_results").unwrap(), Some(7));
        assert_eq!(
            given.choice("view_type", &["ACTIVE_ONLY", "DELETED_ONLY"]).unwrap(),
            Some("DELETED_ONLY")
        );
    }

    #[test]
    fn refusals_are_in_mlflows_words() {
        let given = message(r#"{"name": 123, "tags": "5", "metrics": [{"key": "m"}]}"#);
        let said = |failure: Failure| format!("{failure:?}");
        let wrong = said(given.text("name").unwrap_err());
        assert!(wrong.contains("Invalid value 123 for parameter 'name' supplied"), "{wrong}");
        assert!(wrong.contains("of type 'int'"), "{wrong}");
        let mut given = given;
        let wrong = said(given.take_messages("tags").unwrap_err());
        assert!(wrong.contains(r#"Invalid value \"5\" for parameter 'tags'"#), "{wrong}");
        let metrics = given.take_messages("metrics").unwrap();
        let missing = said(metrics[0].required_integer("timestamp").unwrap_err());
        assert!(
            missing.contains("Missing value for required parameter 'metrics[0].timestamp'"),
            "{missing}"
        );
    }

    #[test]
    fn doubles_go_out_as_protobuf_writes_them() {
        let json = |value| serde_json::to_string(&Double(value)).unwrap();
        assert_eq!(json(3.0), "3.0");
        assert_eq!(json(f64::NAN), "\"NaN\"");
        assert_eq!(json(f64::INFINITY), "\"Infinity\"");
        assert_eq!(json(f64::NEG_INFINITY), "\"-Infinity\"");
    }
}
