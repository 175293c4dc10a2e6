use serde::Serialize;
use serde_json::Value;

use crate::Table;

/// What a command answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// For a terminal and for `text/plain`; without a newline at the end, empty when there is
    /// nothing to say.
    pub text: String,
    pub html: Option<String>,
    /// What `--json` shows.
    pub json: Value,
    /// A run to be shown as RunDetails and followed until it ends.
    pub follow: Option<String>,
    /// The answer is bad news: the shell ends with 1.
    pub is_bad: bool,
}

impl Outcome {
    pub(crate) fn new(text: impl Into<String>, json: &impl Serialize) -> lazuli::Result<Outcome> {
        Ok(Outcome { text: text.into(), json: to_json(json)?, ..Outcome::default() })
    }

    pub(crate) fn table(table: &Table, json: &impl Serialize) -> lazuli::Result<Outcome> {
        let html = Some(table.html());
        Ok(Outcome { text: table.text(), html, json: to_json(json)?, ..Outcome::default() })
    }
}

pub(crate) fn to_json(value: &impl Serialize) -> lazuli::Result<Value> {
    serde_json::to_value(value).map_err(|error| {
        lazuli_domain::ApiError::new(
            lazuli_domain::ErrorKind::Internal,
            format!("the answer has no JSON form: {error}"),
        )
        .into()
    })
}
