use lazuli::Result;
use lazuli_domain::{MetricKind, MetricPoint, Number, Run};

use crate::show::{date_time, number, value};
use crate::{Context, Outcome, Table};

/// `--json` gives every point, the table the last ones.
pub(super) fn summary(context: &Context, run: &Run) -> Result<Outcome> {
    let metrics = context.client.metrics(&run.run_id)?;
    Outcome::table(&summary_table(run), &metrics)
}

pub(super) fn summary_table(run: &Run) -> Table {
    let nothing = format!("run `{}` has no metrics", run.run_id);
    let mut table = Table::new(["Metric", "Kind", "Points", "Last", "Min", "Max"]);
    table = table.when_empty(nothing);
    let shown = |value: Option<Number>| value.map(number).unwrap_or_default();
    for metric in &run.metrics {
        table.row(vec![
            metric.name.clone(),
            metric.kind.to_string(),
            metric.count.to_string(),
            value(metric.kind, &metric.last),
            shown(metric.min),
            shown(metric.max),
        ]);
    }
    table
}

pub(super) fn points(context: &Context, run: &Run, name: &str) -> Result<Outcome> {
    let metric = context.client.metric(&run.run_id, name)?;
    let columns = columns(metric.kind, &metric.points);
    let mut headings = vec!["Step".to_owned(), "Time".to_owned()];
    match columns.is_empty() {
        true => headings.push("Value".to_owned()),
        false => headings.extend(columns.iter().cloned()),
    }
    let mut table = Table::with_headings(headings);
    for point in &metric.points {
        let mut cells = vec![point.step.to_string(), date_time(point.time_ms)];
        match &point.value {
            lazuli_domain::MetricValue::Json(json) if !columns.is_empty() => {
                cells.extend(columns.iter().map(|column| match json.get(column) {
                    Some(serde_json::Value::String(text)) => text.clone(),
                    Some(cell) => cell.to_string(),
                    None => String::new(),
                }));
            }
            _ => cells.push(value(metric.kind, point)),
        }
        table.row(cells);
    }
    Outcome::table(&table, &metric)
}

/// The columns of rows, in order of first appearance.
fn columns(kind: MetricKind, points: &[MetricPoint]) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    if kind != MetricKind::Row {
        return columns;
    }
    for point in points {
        if let lazuli_domain::MetricValue::Json(serde_json::Value::Object(row)) = &point.value {
            let new = row.keys().filter(|key| !columns.contains(key)).cloned();
            columns.extend(new.collect::<Vec<_>>());
        }
    }
    columns
}
