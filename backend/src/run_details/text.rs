//! Plain text, for terminals and for front ends that show no HTML.

use std::fmt::Write as _;

use lazuli_domain::readable;
use lazuli_domain::{DataDirection, Metric, RunDetails};

use super::format;
use super::html::sign;
use super::metric::{Picture, picture};

const LOG_LINES: usize = 8;

pub fn render(details: &RunDetails) -> String {
    let run = &details.run;
    let mut text = format!("{} {}  {}", sign(run.status), run.status, run.name);
    if let Some(elapsed) = format::elapsed(run, details.observed_at_ms) {
        let _ = write!(text, "  {elapsed}");
    }
    let _ = write!(text, "\n  experiment {}, run {}", run.experiment, run.run_id);
    if let Some(activity) = &run.activity {
        let _ = write!(text, "\n  {activity}");
    }
    if let Some(error) = &run.error {
        let _ = write!(text, "\n  error: {}", error.message);
    }
    if let Some(reason) = &run.rejected_reason {
        let _ = write!(text, "\n  {} records were not kept: {reason}", run.rejected_records);
    }
    let width = details.metrics.iter().map(|metric| metric.name.chars().count()).max().unwrap_or(0);
    for metric in &details.metrics {
        let _ = write!(text, "\n  {:width$}  {}", metric.name, in_words(metric));
    }
    for child in &details.children {
        let _ = write!(text, "\n  child {} {}  {}", sign(child.status), child.status, child.name);
    }
    for used in &details.datasets {
        let verb = match used.direction {
            DataDirection::Input => "read",
            DataDirection::Output => "made",
        };
        let _ = write!(text, "\n  {verb} dataset {} version {}", used.dataset, used.version);
    }
    for artifact in &details.artifacts {
        let _ =
            write!(text, "\n  artifact {} ({})", artifact.path, readable::byte_size(artifact.size));
    }
    let last = &details.log_tail[details.log_tail.len().saturating_sub(LOG_LINES)..];
    for line in last {
        let _ = write!(text, "\n  | {}", format::log_line(line));
    }
    text
}

fn in_words(metric: &Metric) -> String {
    match picture(metric) {
        Picture::Value(value) => value,
        Picture::Chart { summary, .. } => match metric.points.len() {
            1 => summary,
            count => format!("{summary} ({count} points)"),
        },
        Picture::Table(table) => {
            let count = table.rows.len() + table.left_out;
            format!("table of {count} rows: {}", table.columns.join(", "))
        }
        Picture::ConfusionMatrix { labels, .. } => {
            format!("confusion matrix of {}", labels.join(", "))
        }
        Picture::Image { path } => format!("image {path}"),
    }
}
