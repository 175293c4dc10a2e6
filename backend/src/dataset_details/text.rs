//! Plain text, for terminals and for front ends that show no HTML.

use std::fmt::Write as _;

use lazuli_domain::readable;
use lazuli_domain::{ColumnProfile, DataDirection, DatasetKind, TableColumn, TablePreview};

use super::DatasetDetails;
use super::cells::{self, count, counted, share};

const MOST_FILES: usize = 8;
const MOST_USES: usize = 8;
const LONGEST_CELL: usize = 32;

pub fn dataset(details: &DatasetDetails) -> String {
    let dataset = &details.dataset;
    let mut facts = Vec::new();
    if let Some(profile) = &details.profile {
        let rows = counted(profile.row_count, "row");
        facts.push(match details.profiled_rows.is_some_and(|rows| profile.row_count >= rows) {
            true => format!("more than {rows}"),
            false => rows,
        });
    }
    if let Some(preview) = &details.preview {
        facts.push(counted(preview.columns.len() as u64, "column"));
    }
    if dataset.file_count > 0 {
        facts.push(counted(dataset.file_count, "file"));
        facts.push(readable::byte_size(dataset.size));
    }
    facts.push(format!("registered {}", readable::date_time(dataset.created_at_ms)));
    let mut text = format!("{} version {}\n  {}", dataset.name, dataset.version, facts.join(", "));
    if !dataset.description.is_empty() {
        let _ = write!(text, "\n  {}", dataset.description);
    }
    for (key, value) in &dataset.tags {
        let _ = write!(text, "\n  {key}={value}");
    }
    if let Some(problem) = &details.problem {
        let _ = write!(text, "\n  error: {problem}");
    }
    if let Some(profile) = &details.profile {
        let lines: Vec<Vec<String>> = std::iter::once(
            ["Column", "Type", "Missing", "Distinct", "Min", "Max", "Mean"]
                .map(String::from)
                .into(),
        )
        .chain(profile.columns.iter().map(|column| figures(column, profile.row_count)))
        .collect();
        let _ = write!(text, "\n\n{}", aligned(&lines, &[2, 3, 4, 5, 6]));
    }
    if let Some(preview) = &details.preview {
        let _ = write!(text, "\n\n{}", table(preview, usize::MAX));
    }
    if dataset.kind == DatasetKind::File {
        for file in details.files.iter().take(MOST_FILES) {
            let size = readable::byte_size(file.size);
            let _ = write!(text, "\n  {} ({size})", file.relative_path);
        }
    }
    for used in details.uses.iter().take(MOST_USES) {
        let verb = match used.direction {
            DataDirection::Input => "read by",
            DataDirection::Output => "made by",
        };
        let _ = write!(text, "\n  {verb} {} ({})", used.run_id, used.experiment);
    }
    text
}

pub fn rows(preview: &TablePreview, shown: usize) -> String {
    format!("{}\n{}", table(preview, shown), super::summary(preview, shown))
}

fn figures(column: &ColumnProfile, rows: u64) -> Vec<String> {
    let of = TableColumn { name: column.name.clone(), data_type: column.data_type.clone() };
    let mean = column.mean.map(|mean| readable::number(lazuli_domain::Number::Float(mean)));
    vec![
        column.name.clone(),
        column.data_type.clone(),
        share(column.missing_count, rows),
        count(column.distinct_count),
        cells::value(&of, &column.min),
        cells::value(&of, &column.max),
        mean.unwrap_or_default(),
    ]
}

fn table(preview: &TablePreview, shown: usize) -> String {
    let headings = preview.columns.iter().map(|column| column.name.clone()).collect();
    let rows = preview.rows.iter().take(shown).map(|row| {
        let cells = preview.columns.iter().zip(row);
        cells.map(|(column, value)| cells::value(column, value)).collect()
    });
    let lines: Vec<Vec<String>> = std::iter::once(headings).chain(rows).collect();
    let numbers: Vec<usize> =
        (0..preview.columns.len()).filter(|at| cells::is_number(&preview.columns[*at])).collect();
    aligned(&lines, &numbers)
}

/// Columns side by side; those of numbers end at the right.
fn aligned(lines: &[Vec<String>], numbers: &[usize]) -> String {
    let short = |cell: &String| readable::shorten(cell, LONGEST_CELL);
    let lines: Vec<Vec<String>> =
        lines.iter().map(|line| line.iter().map(short).collect()).collect();
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |at: usize| {
        lines.iter().filter_map(|line| line.get(at)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|at| width(at).unwrap_or(0)).collect();
    let written = lines.iter().map(|line| {
        let mut text = String::new();
        for (at, cell) in line.iter().enumerate() {
            let blanks = " ".repeat(widths[at] - cell.chars().count());
            match numbers.contains(&at) {
                true => text.extend([blanks.as_str(), cell]),
                false => text.extend([cell.as_str(), &blanks]),
            }
            text.push_str("  ");
        }
        text.trim_end().to_owned()
    });
    written.collect::<Vec<_>>().join("\n")
}
