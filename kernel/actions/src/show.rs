//! How times, sizes and values are written for people.

use std::time::{SystemTime, UNIX_EPOCH};

pub use lazuli_domain::readable::{byte_size, date_time, duration};
pub(crate) use lazuli_domain::readable::{number, shorten};
use lazuli_domain::{MetricKind, MetricPoint, MetricSummary, MetricValue, Run, StringMap};

/// The time of this machine's clock.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as i64
}

/// `3 min ago`, `in 2 h`.
pub fn age(time_ms: i64, now_ms: i64) -> String {
    let seconds = (now_ms - time_ms) / 1000;
    let span = match seconds.abs() {
        0..5 => return "now".to_owned(),
        short @ 5..60 => format!("{short} s"),
        short @ 60..3600 => format!("{} min", short / 60),
        short @ 3600..86_400 => format!("{} h", short / 3600),
        long => format!("{} d", long / 86_400),
    };
    if seconds < 0 { format!("in {span}") } else { format!("{span} ago") }
}

/// A point's value in few characters.
pub(crate) fn value(kind: MetricKind, point: &MetricPoint) -> String {
    match &point.value {
        MetricValue::Number(value) => number(*value),
        MetricValue::Text(text) => shorten(text, 40),
        MetricValue::Json(json) if kind == MetricKind::Image => {
            shorten(json["artifact"].as_str().unwrap_or("picture"), 40)
        }
        MetricValue::Json(json) => shorten(&json.to_string(), 40),
    }
}

/// The last values of a run's metrics in one line: `accuracy=0.93 loss=0.21 …`.
pub(crate) fn last_values(metrics: &[MetricSummary]) -> String {
    let mut line = String::new();
    for metric in metrics {
        let entry = match metric.kind {
            MetricKind::Scalar => format!("{}={}", metric.name, value(metric.kind, &metric.last)),
            kind => format!("{} ({kind})", metric.name),
        };
        if line.chars().count() + entry.chars().count() > 70 {
            line.push_str(if line.is_empty() { "…" } else { " …" });
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&entry);
    }
    line
}

/// How long the run takes or took.
pub(crate) fn run_duration(run: &Run, now_ms: i64) -> String {
    match (run.started_at_ms, run.ended_at_ms) {
        (Some(started), Some(ended)) => duration(ended - started),
        (Some(started), None) => duration(now_ms - started),
        (None, _) => String::new(),
    }
}

pub(crate) fn pairs(map: &StringMap) -> String {
    map.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

/// `1 file`, `3 files`
pub fn count(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_readable() {
        assert_eq!(age(0, 3 * 60_000), "3 min ago");
        assert_eq!(age(10_000, 9_000), "now");
    }
}
