//! What there is to see of a metric, whatever shows it then.

use lazuli_domain::readable;
use lazuli_domain::{Metric, MetricKind, MetricPoint, MetricValue};
use serde_json::Value;

use super::{chart, format};

/// Rows of a table that are shown; of more, the last ones.
const ROWS: usize = 12;

#[derive(Debug, PartialEq)]
pub enum Picture {
    /// One value, or the last of several that are no numbers.
    Value(String),
    Chart {
        /// A `data:` URI.
        image: String,
        /// What the chart says, for who cannot see it.
        summary: String,
    },
    Table(Table),
    ConfusionMatrix {
        labels: Vec<String>,
        /// Rows are true classes, columns predicted ones.
        counts: Vec<Vec<f64>>,
    },
    /// An artifact of the run.
    Image {
        path: String,
    },
}

#[derive(Debug, PartialEq)]
pub struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// Rows before these that are left out.
    pub left_out: usize,
}

pub fn picture(metric: &Metric) -> Picture {
    let Some(last) = metric.points.last() else { return Picture::Value(String::new()) };
    let special = match (&last.value, metric.kind) {
        (_, MetricKind::Scalar) => series(&metric.points),
        (_, MetricKind::Row) => Some(Picture::Table(rows(&metric.points))),
        (MetricValue::Json(json), MetricKind::List) => list(json),
        (MetricValue::Json(json), MetricKind::Table) => table(json).map(Picture::Table),
        (MetricValue::Json(json), MetricKind::Image) => image(json),
        (MetricValue::Json(json), MetricKind::ConfusionMatrix) => confusion_matrix(json),
        (MetricValue::Json(json), MetricKind::AccuracyTable) => roc_curves(json),
        (MetricValue::Json(json), MetricKind::Predictions) => predictions(json),
        (MetricValue::Json(json), MetricKind::Residuals) => residuals(json),
        _ => None,
    };
    // What does not have the promised shape is shown as it came.
    special.unwrap_or_else(|| Picture::Value(format::value(&last.value)))
}

fn series(points: &[MetricPoint]) -> Option<Picture> {
    let numbers: Vec<(f64, f64)> = points
        .iter()
        .filter_map(|point| match &point.value {
            MetricValue::Number(number) => Some((point.step as f64, number.as_f64())),
            _ => None,
        })
        .collect();
    let (_, last) = *numbers.last()?;
    if points.len() < 2 || numbers.len() < 2 {
        return None;
    }
    let finite = || numbers.iter().map(|(_, value)| *value).filter(|value| value.is_finite());
    let low = finite().fold(f64::INFINITY, f64::min);
    let high = finite().fold(f64::NEG_INFINITY, f64::max);
    let special = numbers.len() - finite().count();
    let mut summary = format!(
        "last {}, min {}, max {}",
        readable::number(last.into()),
        readable::number(low.into()),
        readable::number(high.into()),
    );
    if special > 0 {
        summary.push_str(&format!(", {special} not finite"));
    }
    Some(Picture::Chart { image: chart::line(&numbers)?, summary })
}

fn rows(points: &[MetricPoint]) -> Table {
    let shown = &points[points.len().saturating_sub(ROWS)..];
    let objects = shown.iter().filter_map(|point| match &point.value {
        MetricValue::Json(Value::Object(row)) => Some(row),
        _ => None,
    });
    table_of(objects, points.len() - shown.len())
}

fn table_of<'a>(
    objects: impl Iterator<Item = &'a serde_json::Map<String, Value>> + Clone,
    left_out: usize,
) -> Table {
    let mut columns: Vec<String> = Vec::new();
    for key in objects.clone().flat_map(|row| row.keys()) {
        if !columns.contains(key) {
            columns.push(key.clone());
        }
    }
    let rows = objects
        .map(|row| {
            columns.iter().map(|column| row.get(column).map(format::cell).unwrap_or_default())
        })
        .map(Iterator::collect)
        .collect();
    Table { columns, rows, left_out }
}

fn table(json: &Value) -> Option<Table> {
    let (columns, count) = match json {
        Value::Array(rows) => {
            let left_out = rows.len().saturating_sub(ROWS);
            let objects = rows[left_out..].iter().filter_map(Value::as_object);
            return Some(table_of(objects, left_out));
        }
        Value::Object(columns) => {
            let count = columns.values().map(|cells| cells.as_array().map_or(1, Vec::len)).max()?;
            (columns, count)
        }
        _ => return None,
    };
    let left_out = count.saturating_sub(ROWS);
    let row = |index: usize| {
        columns.values().map(move |cells| match cells {
            Value::Array(cells) => cells.get(index).map(format::cell).unwrap_or_default(),
            single if index == 0 => format::cell(single),
            _ => String::new(),
        })
    };
    Some(Table {
        columns: columns.keys().cloned().collect(),
        rows: (left_out..count).map(|index| row(index).collect()).collect(),
        left_out,
    })
}

fn list(json: &Value) -> Option<Picture> {
    let values = json.as_array()?;
    let numbers = numbers(json)?;
    if numbers.len() < 3 {
        return Some(Picture::Value(readable::shorten(&json.to_string(), 200)));
    }
    let points: Vec<(f64, f64)> =
        numbers.into_iter().enumerate().map(|(index, value)| (index as f64, value)).collect();
    let first: Vec<String> = values.iter().take(6).map(format::cell).collect();
    let more = if values.len() > 6 { ", …" } else { "" };
    Some(Picture::Chart {
        image: chart::line(&points)?,
        summary: format!("{} values: {}{more}", values.len(), first.join(", ")),
    })
}

fn image(json: &Value) -> Option<Picture> {
    Some(Picture::Image { path: json.get("artifact")?.as_str()?.to_owned() })
}

fn confusion_matrix(json: &Value) -> Option<Picture> {
    let data = json.get("data")?;
    let counts: Vec<Vec<f64>> =
        data.get("matrix")?.as_array()?.iter().map(numbers).collect::<Option<_>>()?;
    let labels: Vec<String> =
        data.get("class_labels")?.as_array()?.iter().map(format::cell).collect();
    let square = counts.len() == labels.len() && counts.iter().all(|row| row.len() == labels.len());
    // A matrix of hundreds of classes is no picture any more.
    (square && (1..=30).contains(&labels.len()))
        .then_some(Picture::ConfusionMatrix { labels, counts })
}

/// One ROC curve per class. `probability_tables[class][threshold]` counts true positives, false
/// positives, true negatives and false negatives, in this order.
fn roc_curves(json: &Value) -> Option<Picture> {
    let data = json.get("data")?;
    let classes = data.get("probability_tables")?.as_array()?;
    let curves: Vec<Vec<(f64, f64)>> = classes
        .iter()
        .map(|thresholds| {
            thresholds.as_array()?.iter().map(|counts| roc_point(&numbers(counts)?)).collect()
        })
        .collect::<Option<_>>()?;
    let labels: Vec<String> =
        data.get("class_labels")?.as_array()?.iter().map(format::cell).collect();
    Some(Picture::Chart {
        image: chart::lines(&curves, Some([(0.0, 1.0), (0.0, 1.0)]))?,
        summary: format!("ROC curves of the classes {}", labels.join(", ")),
    })
}

fn roc_point(counts: &[f64]) -> Option<(f64, f64)> {
    let [true_positives, false_positives, true_negatives, false_negatives] = *counts else {
        return None;
    };
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    Some((
        share(false_positives, false_positives + true_negatives),
        share(true_positives, true_positives + false_negatives),
    ))
}

fn predictions(json: &Value) -> Option<Picture> {
    let data = json.get("data")?;
    let edges = numbers(data.get("bin_edges")?)?;
    let averages = numbers(data.get("bin_averages")?)?;
    if edges.len() != averages.len() + 1 {
        return None;
    }
    let centres = edges.windows(2).map(|edge| (edge[0] + edge[1]) / 2.0);
    let predicted: Vec<(f64, f64)> = centres.clone().zip(averages).collect();
    let ideal: Vec<(f64, f64)> = centres.clone().zip(centres).collect();
    Some(Picture::Chart {
        image: chart::lines(&[predicted, ideal], None)?,
        summary: format!("predicted over true values in {} bins", edges.len() - 1),
    })
}

fn residuals(json: &Value) -> Option<Picture> {
    let data = json.get("data")?;
    let edges = numbers(data.get("bin_edges")?)?;
    let counts = numbers(data.get("bin_counts")?)?;
    Some(Picture::Chart {
        image: chart::bars(&edges, &counts)?,
        summary: format!("residuals in {} bins", counts.len()),
    })
}

/// The array as numbers, NaN and infinities by their names included; none if something else is
/// among them.
fn numbers(json: &Value) -> Option<Vec<f64>> {
    json.as_array()?
        .iter()
        .map(|value| match serde_json::from_value(value.clone()) {
            Ok(MetricValue::Number(number)) => Some(number.as_f64()),
            _ => None,
        })
        .collect()
}
