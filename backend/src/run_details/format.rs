//! How a run's values and log lines are written for people.

use lazuli_domain::readable::{duration, number, shorten};
use lazuli_domain::{MetricValue, Number, Run};
use serde_json::Value;

pub fn value(value: &MetricValue) -> String {
    match value {
        MetricValue::Number(value) => number(*value),
        MetricValue::Text(text) => shorten(text, 120),
        MetricValue::Json(json) => cell(json),
    }
}

/// A value inside a table.
pub fn cell(json: &Value) -> String {
    match json {
        Value::Null => String::new(),
        Value::String(text) => shorten(text, 120),
        Value::Number(value) => match (value.as_i64(), value.as_f64()) {
            (Some(whole), _) => whole.to_string(),
            (None, Some(float)) => number(Number::Float(float)),
            (None, None) => value.to_string(),
        },
        other => shorten(&other.to_string(), 120),
    }
}

/// How long the run took, or has taken until `observed_at_ms`.
pub fn elapsed(run: &Run, observed_at_ms: i64) -> Option<String> {
    let started = run.started_at_ms?;
    Some(duration(run.ended_at_ms.unwrap_or(observed_at_ms) - started))
}

/// A line as a terminal would show it in the end: what a progress bar overwrote is gone, and so
/// are colours and other control characters.
pub fn log_line(line: &str) -> String {
    let line = line.trim_end_matches(['\r', '\n']);
    let line = line.rsplit('\r').next().unwrap_or(line);
    let mut shown = String::with_capacity(line.len());
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\x1b' if characters.peek() == Some(&'[') => {
                characters.next();
                characters.by_ref().find(|end| ('@'..='~').contains(end));
            }
            '\t' => shown.push_str("    "),
            character if character.is_control() => {}
            character => shown.push(character),
        }
    }
    shorten(&shown, 400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_progress_bar_leaves_its_last_state() {
        assert_eq!(log_line("10%\r50%\r\x1b[32m100%\x1b[0m done\r\n"), "100% done");
    }
}
