use lazuli_domain::{Metric, MetricValue};

use crate::display::Table;

/// The metrics of a run with all their points, as of the moment they were asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    metrics: Vec<Metric>,
}

impl Metrics {
    pub(crate) fn new(metrics: Vec<Metric>) -> Metrics {
        Metrics { metrics }
    }

    /// A metric with its points, oldest first.
    pub fn get(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }

    /// The last number of a scalar metric.
    pub fn scalar(&self, name: &str) -> Option<f64> {
        self.series(name).last().copied()
    }

    /// All numbers of a scalar metric, oldest first; empty when there is none of that name.
    pub fn series(&self, name: &str) -> Vec<f64> {
        let points = self.get(name).map_or(&[][..], |metric| &metric.points);
        points
            .iter()
            .filter_map(|point| match point.value {
                MetricValue::Number(number) => Some(number.as_f64()),
                _ => None,
            })
            .collect()
    }

    /// The names, in the order in which they were first logged.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.metrics.iter().map(|metric| metric.name.as_str())
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Metric> {
        self.metrics.iter()
    }

    pub fn len(&self) -> usize {
        self.metrics.len()
    }

    pub fn is_empty(&self) -> bool {
        self.metrics.is_empty()
    }

    fn table(&self) -> Table {
        let plural = if self.metrics.len() == 1 { "" } else { "s" };
        Table {
            title: format!("{} metric{plural}", self.metrics.len()),
            headings: &["Metric", "Kind", "Points", "Last value"],
            rows: self.metrics.iter().map(row).collect(),
            empty: "(none)",
        }
    }

    /// Shows the metrics in a notebook.
    pub fn evcxr_display(&self) {
        self.table().show_in_notebook();
    }
}

impl std::fmt::Display for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.table().text())
    }
}

impl<'a> IntoIterator for &'a Metrics {
    type Item = &'a Metric;
    type IntoIter = std::slice::Iter<'a, Metric>;

    fn into_iter(self) -> Self::IntoIter {
        self.metrics.iter()
    }
}

fn row(metric: &Metric) -> Vec<String> {
    let last = metric.points.last().map(|point| short_value(&point.value)).unwrap_or_default();
    vec![metric.name.clone(), metric.kind.to_string(), metric.points.len().to_string(), last]
}

/// A value in few characters.
pub(crate) fn short_value(value: &MetricValue) -> String {
    let text = match value {
        MetricValue::Number(number) => number.to_string(),
        MetricValue::Text(text) => text.clone(),
        MetricValue::Json(json) => json.to_string(),
    };
    let text = text.replace(char::is_control, " ");
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_counts_and_texts_are_no_numbers() {
        let metrics: Vec<Metric> = serde_json::from_value(serde_json::json!([
            {"name": "loss", "kind": "scalar", "points": [
                {"step": 0, "time_ms": 1, "value": 0.5}, {"step": 1, "time_ms": 2, "value": "NaN"}]},
            {"name": "solver", "kind": "scalar", "points": [
                {"step": 0, "time_ms": 1, "value": "liblinear"}]},
        ]))
        .unwrap();
        let metrics = Metrics::new(metrics);
        assert!(metrics.scalar("loss").unwrap().is_nan());
        assert_eq!(metrics.scalar("solver"), None);
        assert_eq!(metrics.series("absent"), Vec::<f64>::new());
        assert_eq!(
            metrics.to_string(),
            "2 metrics\nMetric  Kind    Points  Last value\nloss    scalar  2       NaN\nsolver  scalar  1       liblinear"
        );
    }
}
