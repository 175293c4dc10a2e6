//! The static picture.

use std::fmt::Write as _;

use lazuli_domain::readable::{self, escape_html as escape};
use lazuli_domain::{
    ApiError, ColumnProfile, DataDirection, Dataset, DatasetFile, DatasetKind, DatasetUse,
    TableColumn, TablePreview,
};

use super::DatasetDetails;
use super::cells::{self, count, counted, share};
use super::chart;

/// A table wider than this is not read.
const MOST_COLUMNS: usize = 40;
const MOST_FILES: usize = 8;
const MOST_USES: usize = 8;
/// Of the most frequent values of a text.
const MOST_VALUES: usize = 3;

// Half-transparent grey is visible on white and on black.
const FRAME: &str = "border:1px solid rgba(128,128,128,.4);border-radius:6px";
const TABLE: &str = "border-collapse:collapse;margin:4px 0;font-size:13px;border:none;\
                     color:inherit";
const CELL: &str = "padding:3px 14px 3px 0;background:transparent;border:none;\
                    border-bottom:1px solid rgba(128,128,128,.2);color:inherit;white-space:nowrap";
const FAINT: &str = "opacity:.7;font-weight:normal";

/// The frame that everything stands in.
pub fn card(content: &str) -> String {
    format!(
        "<div style=\"{FRAME};padding:12px 16px;max-width:1000px;font-family:system-ui,\
         -apple-system,'Segoe UI',sans-serif;font-size:13px;line-height:1.5\">{content}</div>"
    )
}

pub fn dataset(details: &DatasetDetails) -> String {
    let mut html = header(details);
    if let Some(problem) = &details.problem {
        html.push_str(&problem_box(problem));
    }
    if let Some(preview) = &details.preview {
        let profiles = details.profile.as_ref().map(|profile| {
            let find = |column: &TableColumn| {
                profile.columns.iter().find(|profile| profile.name == column.name)
            };
            let whole = profile.row_count;
            preview.columns.iter().map(|column| figures(find(column), whole)).collect()
        });
        html.push_str(&table(preview, &preview.rows, profiles));
    }
    if details.dataset.kind == DatasetKind::File {
        html.push_str(&files(&details.files, &details.dataset));
    }
    html.push_str(&uses(&details.uses));
    card(&html)
}

/// The rows of an answer, the first ones.
pub fn rows(preview: &TablePreview, shown: usize) -> String {
    let summary = super::summary(preview, shown);
    let columns = counted(preview.columns.len() as u64, "column");
    let rows = &preview.rows[..preview.rows.len().min(shown)];
    format!("{}<div style=\"{FAINT}\">{summary} × {columns}</div>", table(preview, rows, None))
}

fn header(details: &DatasetDetails) -> String {
    let dataset = &details.dataset;
    let kind = match dataset.kind {
        DatasetKind::Tabular => "tabular",
        DatasetKind::File => "file",
    };
    let mut facts = vec![format!("version <b>{}</b>", dataset.version)];
    if let Some(profile) = &details.profile {
        let rows = counted(profile.row_count, "row");
        facts.push(match details.profiled_rows.is_some_and(|rows| profile.row_count >= rows) {
            true => format!("more than <b>{rows}</b>"),
            false => format!("<b>{rows}</b>"),
        });
    }
    if let Some(preview) = &details.preview {
        facts.push(counted(preview.columns.len() as u64, "column"));
    }
    if dataset.file_count > 0 {
        let files = counted(dataset.file_count, "file");
        facts.push(format!("{files}, {}", readable::byte_size(dataset.size)));
    }
    facts.push(format!("registered {}", readable::date_time(dataset.created_at_ms)));
    if let Some(run_id) = &dataset.run_id {
        facts.push(format!("by run {}", escape(run_id)));
    }
    if dataset.deleted_at_ms.is_some() {
        facts.push("<b>unregistered</b>".to_owned());
    }
    let mut html = format!(
        "<div><span style=\"background:#1f5fc4;color:#fff;padding:2px 10px;border-radius:10px;\
         font-weight:600\">{kind}</span>&nbsp; <b style=\"font-size:16px\">{}</b></div>\
         <div style=\"opacity:.8;margin-top:4px\">{}</div>",
        escape(&dataset.name),
        facts.join(" · ")
    );
    if !dataset.description.is_empty() {
        let _ =
            write!(html, "<div style=\"margin-top:4px\">{}</div>", escape(&dataset.description));
    }
    if !dataset.tags.is_empty() {
        let tags: Vec<String> = dataset
            .tags
            .iter()
            .map(|(key, value)| {
                format!(
                    "<span style=\"background:rgba(128,128,128,.15);padding:1px 8px;\
                     border-radius:8px\">{}</span>",
                    escape(&readable::shorten(&format!("{key}={value}"), 100))
                )
            })
            .collect();
        let _ = write!(html, "<div style=\"margin-top:4px\">{}</div>", tags.join(" "));
    }
    html
}

fn problem_box(problem: &ApiError) -> String {
    let hint = problem.hint.as_deref().unwrap_or_default();
    format!(
        "<div style=\"border-left:4px solid #c0362c;background:rgba(192,54,44,.1);\
         padding:6px 12px;margin-top:10px\"><b>{}</b><div>{}</div></div>",
        escape(&problem.message),
        escape(hint)
    )
}

/// Rows below the names and types of their columns and, where they are known, below their figures.
fn table(
    preview: &TablePreview,
    rows: &[Vec<serde_json::Value>],
    figures: Option<Vec<String>>,
) -> String {
    let shown = &preview.columns[..preview.columns.len().min(MOST_COLUMNS)];
    let align = |column: &TableColumn| if cells::is_number(column) { "right" } else { "left" };
    let mut html = format!(
        "<div style=\"overflow-x:auto;margin-top:8px\"><table style=\"{TABLE}\"><thead><tr>"
    );
    for column in shown {
        let _ = write!(
            html,
            "<th style=\"{CELL};text-align:{};vertical-align:bottom\">{}<br>\
             <span style=\"{FAINT}\">{}</span></th>",
            align(column),
            escape(&readable::shorten(&column.name, 60)),
            escape(&column.data_type)
        );
    }
    html.push_str("</tr></thead><tbody>");
    if let Some(figures) = figures {
        html.push_str("<tr>");
        for (column, figures) in shown.iter().zip(figures) {
            let _ = write!(
                html,
                "<td style=\"{CELL};text-align:{};vertical-align:top;font-size:11px;\
                 line-height:1.35\">{figures}</td>",
                align(column)
            );
        }
        html.push_str("</tr>");
    }
    for row in rows {
        html.push_str("<tr>");
        for (column, value) in shown.iter().zip(row) {
            let text = match value.is_null() {
                true => format!("<span style=\"{FAINT}\">–</span>"),
                false => escape(&cells::value(column, value)),
            };
            let _ = write!(html, "<td style=\"{CELL};text-align:{}\">{text}</td>", align(column));
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>");
    let more: Vec<&str> =
        preview.columns[shown.len()..].iter().map(|column| column.name.as_str()).collect();
    if !more.is_empty() {
        let names = escape(&readable::shorten(&more.join(", "), 400));
        let more = counted(more.len() as u64, "further column");
        let _ = write!(html, "<div style=\"{FAINT}\">{more}: {names}</div>");
    }
    html
}

/// How a column is spread, in a picture and in words.
fn figures(profile: Option<&ColumnProfile>, rows: u64) -> String {
    let Some(profile) = profile else { return String::new() };
    let mut lines = Vec::new();
    let column = TableColumn { name: profile.name.clone(), data_type: profile.data_type.clone() };
    if !profile.histogram.is_empty() {
        let from = cells::value(&column, &profile.min);
        let to = cells::value(&column, &profile.max);
        if let Some(image) = chart::histogram(&profile.histogram) {
            let alt = escape(&format!("{}: from {from} to {to}", profile.name));
            lines.push(format!(
                "<img src=\"{image}\" alt=\"{alt}\" width=\"{}\" height=\"{}\" \
                 style=\"display:inline-block;max-width:none\">",
                chart::SMALL.0,
                chart::SMALL.1
            ));
        }
        lines.push(format!("{} … {}", escape(&from), escape(&to)));
    }
    for value in profile.most_frequent.iter().take(MOST_VALUES) {
        lines.push(format!(
            "{} <span style=\"{FAINT}\">{}</span>",
            escape(&readable::shorten(&value.value, 18)),
            share(value.count, rows)
        ));
    }
    if let Some(mean) = profile.mean {
        let mean = readable::number(lazuli_domain::Number::Float(mean));
        lines.push(format!("mean {mean}"));
    }
    let about = if profile.is_distinct_exact { "" } else { "about " };
    lines.push(format!("{about}{} distinct", count(profile.distinct_count)));
    lines.push(match profile.missing_count {
        0 => format!("<span style=\"{FAINT}\">none missing</span>"),
        missing => format!("<b>{} missing</b>", share(missing, rows)),
    });
    lines.join("<br>")
}

fn files(files: &[DatasetFile], dataset: &Dataset) -> String {
    let rows = files.iter().take(MOST_FILES).map(|file| {
        format!(
            "<tr><td style=\"{CELL};text-align:left\">{}</td>\
             <td style=\"{CELL};text-align:right\">{}</td></tr>",
            escape(&readable::shorten(&file.relative_path, 120)),
            readable::byte_size(file.size)
        )
    });
    let rows: String = rows.collect();
    let more = dataset.file_count.saturating_sub(files.len().min(MOST_FILES) as u64);
    let more = match more {
        0 => String::new(),
        more => format!("<div style=\"{FAINT}\">and {}</div>", counted(more, "further file")),
    };
    format!("<table style=\"{TABLE};margin-top:8px\">{rows}</table>{more}")
}

fn uses(uses: &[DatasetUse]) -> String {
    if uses.is_empty() {
        return String::new();
    }
    let shown = uses.iter().take(MOST_USES).map(|used| {
        let verb = match used.direction {
            DataDirection::Input => "read by",
            DataDirection::Output => "made by",
        };
        format!(
            "{verb} {} <span style=\"{FAINT}\">({})</span>",
            escape(&used.run_id),
            escape(&used.experiment)
        )
    });
    let shown: Vec<String> = shown.collect();
    let more = match uses.len().checked_sub(MOST_USES) {
        None | Some(0) => String::new(),
        Some(more) => format!(" and {}", counted(more as u64, "further run")),
    };
    format!("<div style=\"margin-top:8px\">{}{more}</div>", shown.join(" · "))
}
