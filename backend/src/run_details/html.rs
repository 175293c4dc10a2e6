//! The static picture.

use std::fmt::Write as _;

use lazuli_domain::readable::{self, escape_html as escape};
use lazuli_domain::{
    Artifact, DataDirection, DatasetUse, Metric, Run, RunDetails, RunStatus, StringMap,
};

use super::chart;
use super::format;
use super::metric::{Picture, Table, picture};

const CHARTS: usize = 24;
const CHILDREN: usize = 20;
const ARTIFACTS: usize = 20;
const DATASETS: usize = 20;
const LOG_LINES: usize = 15;

// Half-transparent grey is visible on white and on black.
const FRAME: &str = "border:1px solid rgba(128,128,128,.4);border-radius:6px";
const TABLE: &str = "border-collapse:collapse;margin:4px 0;font-size:13px;border:none;\
                     color:inherit";
const CELL: &str = "text-align:left;padding:3px 12px 3px 0;background:transparent;border:none;\
                    border-bottom:1px solid rgba(128,128,128,.25);color:inherit";
const FAINT: &str = "opacity:.7;font-weight:normal";

pub fn render(details: &RunDetails) -> String {
    let run = &details.run;
    let mut html = format!(
        "<div style=\"{FRAME};padding:12px 16px;max-width:1000px;font-family:system-ui,\
         -apple-system,'Segoe UI',sans-serif;font-size:13px;line-height:1.5\">"
    );
    html.push_str(&header(details));
    if let Some(error) = &run.error {
        html.push_str(&error_box(&error.message, &error.details));
    }
    if run.rejected_records > 0 {
        html.push_str(&rejected(run));
    }
    let (charts, mut sections) = metrics(details);
    sections.extend(pairs("Parameters", &run.parameters));
    sections.extend(pairs("Tags", &run.tags));
    sections.extend(pairs("Properties", &run.properties));
    sections.extend(children(&details.children, details.observed_at_ms));
    sections.extend(datasets(&details.datasets));
    sections.extend(artifacts(&details.artifacts));
    html.push_str(&side_by_side(&charts));
    html.push_str(&side_by_side(&sections));
    html.push_str(&log(&details.log_tail));
    html.push_str("</div>");
    html
}

fn side_by_side(boxes: &[String]) -> String {
    if boxes.is_empty() {
        return String::new();
    }
    format!(
        "<div style=\"display:flex;flex-wrap:wrap;gap:10px 32px;margin-top:12px\">{}</div>",
        boxes.concat()
    )
}

fn header(details: &RunDetails) -> String {
    let run = &details.run;
    let mut facts = vec![
        format!("experiment <b>{}</b>", escape(&run.experiment)),
        format!("run <code style=\"background:transparent\">{}</code>", escape(&run.run_id)),
    ];
    if let Some(elapsed) = format::elapsed(run, details.observed_at_ms) {
        facts.push(format!("<b>{elapsed}</b>"));
    }
    facts.push(match run.started_at_ms {
        Some(started) => format!("started {}", readable::date_time(started)),
        None => format!("created {}", readable::date_time(run.created_at_ms)),
    });
    facts.push(format!("on {}", escape(&run.compute)));
    if let Some(activity) = &run.activity {
        facts.push(escape(activity));
    }
    if let Some(parent) = &run.parent_run_id {
        facts.push(format!("child of {}", escape(parent)));
    }
    format!(
        "<div>{}&nbsp; <b style=\"font-size:16px\">{}</b></div>\
         <div style=\"opacity:.8;margin-top:4px\">{}</div>",
        badge(run.status),
        escape(&run.name),
        facts.join(" · ")
    )
}

/// The sign says without colour what the colour says.
pub fn sign(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Completed => "✔",
        RunStatus::Failed => "✘",
        RunStatus::Canceled | RunStatus::CancelRequested => "■",
        RunStatus::Running | RunStatus::Finalizing => "▶",
        RunStatus::NotStarted | RunStatus::Queued | RunStatus::Preparing => "…",
    }
}

fn badge(status: RunStatus) -> String {
    let colour = match status {
        RunStatus::Completed => "#1f7a3d",
        RunStatus::Failed => "#c0362c",
        RunStatus::Canceled | RunStatus::CancelRequested => "#6a737d",
        RunStatus::Running | RunStatus::Finalizing => "#1f5fc4",
        RunStatus::NotStarted | RunStatus::Queued | RunStatus::Preparing => "#8a6414",
    };
    format!(
        "<span style=\"background:{colour};color:#fff;padding:2px 10px;border-radius:10px;\
         font-weight:600\">{} {status}</span>",
        sign(status)
    )
}

fn error_box(message: &str, details: &str) -> String {
    let mut html = format!(
        "<div style=\"border-left:4px solid #c0362c;background:rgba(192,54,44,.1);\
         padding:6px 12px;margin-top:10px\"><b>{}</b>",
        escape(message)
    );
    if !details.trim().is_empty() {
        html.push_str(&preformatted(details.lines()));
    }
    html.push_str("</div>");
    html
}

fn rejected(run: &Run) -> String {
    let count = run.rejected_records;
    let noun = if count == 1 { "record was" } else { "records were" };
    format!(
        "<div style=\"border-left:4px solid #b8860b;background:rgba(184,134,11,.1);\
         padding:6px 12px;margin-top:10px\">{count} {noun} not kept: {}</div>",
        escape(run.rejected_reason.as_deref().unwrap_or("no reason is known"))
    )
}

/// Charts, and what is no chart.
fn metrics(details: &RunDetails) -> (Vec<String>, Vec<String>) {
    let mut charts = Vec::new();
    let mut values = Vec::new();
    let mut sections = Vec::new();
    for metric in &details.metrics {
        match picture(metric) {
            Picture::Chart { image, summary } if charts.len() < CHARTS => {
                charts.push(chart_box(metric, &image, &summary));
            }
            Picture::Chart { summary, .. } => values.push((metric, summary)),
            Picture::Value(value) => values.push((metric, value)),
            Picture::Table(table) => sections.push(described(metric, &data_table(&table))),
            Picture::ConfusionMatrix { labels, counts } => {
                sections.push(described(metric, &heat_map(&labels, &counts)));
            }
            Picture::Image { path } => {
                sections.push(described(metric, &artifact_image(&path, &details.images)));
            }
        }
    }
    if !values.is_empty() {
        let rows = values
            .iter()
            .map(|(metric, value)| vec![escape(&metric.name), format!("<b>{}</b>", escape(value))]);
        sections.insert(0, section("Metrics", &table(&[], rows)));
    }
    (charts, sections)
}

fn chart_box(metric: &Metric, image: &str, summary: &str) -> String {
    let alt = escape(&format!("{}: {summary}", metric.name));
    format!(
        "<div style=\"width:{width}px\"><div style=\"font-weight:600\">{}</div>\
         <div style=\"{FAINT};white-space:nowrap;overflow:hidden;text-overflow:ellipsis\" \
         title=\"{alt}\">{}</div><img src=\"{image}\" alt=\"{alt}\" width=\"{width}\" \
         height=\"{height}\" style=\"max-width:100%\"></div>",
        escape(&metric.name),
        escape(summary),
        width = chart::WIDTH,
        height = chart::HEIGHT,
    )
}

fn described(metric: &Metric, content: &str) -> String {
    if metric.description.is_empty() {
        return section(&metric.name, content);
    }
    let description = format!("<div style=\"{FAINT}\">{}</div>", escape(&metric.description));
    section(&metric.name, &(description + content))
}

fn data_table(data: &Table) -> String {
    let rows = data.rows.iter().map(|row| row.iter().map(|cell| escape(cell)).collect());
    let mut html = table(&data.columns, rows);
    if data.left_out > 0 {
        let _ = write!(
            html,
            "<div style=\"{FAINT}\">the last {} of {} rows</div>",
            data.rows.len(),
            data.rows.len() + data.left_out
        );
    }
    html
}

/// Each row is shaded by its share of the true class, so that a rare class is seen as well.
fn heat_map(labels: &[String], counts: &[Vec<f64>]) -> String {
    let head: String = labels
        .iter()
        .map(|label| {
            format!(
                "<th style=\"{CELL};text-align:center;padding:3px 10px\">{}</th>",
                escape(label)
            )
        })
        .collect();
    let mut html = format!(
        "<table style=\"{TABLE}\"><tr>\
         <th style=\"{CELL}\"><span style=\"{FAINT}\">true \\ predicted</span></th>{head}</tr>"
    );
    for (label, row) in labels.iter().zip(counts) {
        let _ = write!(html, "<tr><th style=\"{CELL}\">{}</th>", escape(label));
        let whole: f64 = row.iter().filter(|count| count.is_finite() && **count > 0.0).sum();
        for count in row {
            let share = if whole > 0.0 { (count / whole).clamp(0.0, 1.0) } else { 0.0 };
            let _ = write!(
                html,
                "<td style=\"text-align:center;padding:6px 14px;color:inherit;\
                 border:1px solid rgba(128,128,128,.25);background:rgba(47,111,208,{:.2})\">{}</td>",
                share * 0.6,
                readable::number((*count).into())
            );
        }
        html.push_str("</tr>");
    }
    html + "</table>"
}

fn artifact_image(path: &str, images: &StringMap) -> String {
    let shown = escape(path);
    match images.get(path).filter(|uri| uri.starts_with("data:image/")) {
        Some(uri) => format!(
            "<img src=\"{}\" alt=\"{shown}\" style=\"max-width:480px;{FRAME}\">\
             <div style=\"{FAINT}\">{shown}</div>",
            escape(uri)
        ),
        None => format!("<div>image <code>{shown}</code>, kept with the run</div>"),
    }
}

fn pairs(title: &str, pairs: &StringMap) -> Option<String> {
    if pairs.is_empty() {
        return None;
    }
    let rows =
        pairs.iter().map(|(key, value)| vec![escape(key), escape(&readable::shorten(value, 300))]);
    Some(section(title, &table(&[], rows)))
}

fn children(children: &[Run], observed_at_ms: i64) -> Option<String> {
    if children.is_empty() {
        return None;
    }
    let mut names: Vec<String> = Vec::new();
    for name in children.iter().flat_map(|child| child.metrics.iter().map(|metric| &metric.name)) {
        if !names.contains(name) && names.len() < 6 {
            names.push(name.clone());
        }
    }
    let mut columns = vec!["Child run".to_owned(), "Status".to_owned(), "Elapsed".to_owned()];
    columns.extend(names.iter().cloned());
    let rows = children.iter().take(CHILDREN).map(|child| {
        let mut row = vec![
            escape(&child.name),
            badge(child.status),
            format::elapsed(child, observed_at_ms).unwrap_or_default(),
        ];
        row.extend(names.iter().map(|name| {
            let summary = child.metrics.iter().find(|summary| summary.name == *name);
            summary.map(|summary| escape(&format::value(&summary.last.value))).unwrap_or_default()
        }));
        row
    });
    let title = format!("Child runs ({})", children.len());
    Some(section(&title, &(table(&columns, rows) + &and_more(children.len(), CHILDREN))))
}

fn datasets(uses: &[DatasetUse]) -> Option<String> {
    if uses.is_empty() {
        return None;
    }
    let rows = uses.iter().take(DATASETS).map(|used| {
        let name = match (used.direction, used.input_name.as_str()) {
            (DataDirection::Output, _) => "made".to_owned(),
            (DataDirection::Input, "") => "read".to_owned(),
            (DataDirection::Input, name) => format!("read as {}", escape(name)),
        };
        vec![format!("{} version {}", escape(&used.dataset), used.version), name]
    });
    Some(section("Datasets", &(table(&[], rows) + &and_more(uses.len(), DATASETS))))
}

fn artifacts(artifacts: &[Artifact]) -> Option<String> {
    if artifacts.is_empty() {
        return None;
    }
    let rows = artifacts
        .iter()
        .take(ARTIFACTS)
        .map(|artifact| vec![escape(&artifact.path), readable::byte_size(artifact.size)]);
    Some(section("Artifacts", &(table(&[], rows) + &and_more(artifacts.len(), ARTIFACTS))))
}

fn and_more(count: usize, limit: usize) -> String {
    match count.checked_sub(limit) {
        None | Some(0) => String::new(),
        Some(more) => format!("<div style=\"{FAINT}\">and {more} more</div>"),
    }
}

fn log(lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let last = &lines[lines.len().saturating_sub(LOG_LINES)..];
    let lines = preformatted(last.iter().map(String::as_str));
    format!("<div style=\"margin-top:10px\">{}</div>", section("Log", &lines))
}

fn preformatted<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let lines: Vec<String> = lines.map(|line| escape(&format::log_line(line))).collect();
    format!(
        "<pre style=\"background:rgba(128,128,128,.12);color:inherit;padding:8px 10px;margin:4px 0;\
         font-size:12px;line-height:1.35;overflow-x:auto;white-space:pre-wrap\">{}</pre>",
        lines.join("\n")
    )
}

fn section(title: &str, content: &str) -> String {
    format!("<div><div style=\"font-weight:600\">{}</div>{content}</div>", escape(title))
}

/// Cells are HTML, column names are text.
fn table(columns: &[String], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut html = format!("<table style=\"{TABLE}\">");
    if !columns.is_empty() {
        html.push_str("<tr>");
        for column in columns {
            let _ = write!(html, "<th style=\"{CELL}\">{}</th>", escape(column));
        }
        html.push_str("</tr>");
    }
    for row in rows {
        html.push_str("<tr>");
        for cell in row {
            let _ = write!(html, "<td style=\"{CELL}\">{cell}</td>");
        }
        html.push_str("</tr>");
    }
    html + "</table>"
}
