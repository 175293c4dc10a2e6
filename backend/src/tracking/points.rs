//! Points on their way into histories: what a spool file and what an MLflow client logged.

use std::collections::HashMap;

use lazuli_domain::{ApiError, EventKind, MetricKind, MetricValue, Number, check_key};
use serde_json::Value;

use crate::error::Result;
use crate::store::metrics::{MetricRow, NewPoint};
use crate::store::runs::RunHead;
use crate::store::{self, Write};

/// The points that one write adds to a run.
pub(crate) struct Points {
    run: i64,
    metrics: HashMap<String, (MetricRow, Vec<NewPoint>)>,
    /// In order of appearance.
    names: Vec<String>,
}

impl Points {
    pub(crate) fn new(run: i64) -> Points {
        Points { run, metrics: HashMap::new(), names: Vec::new() }
    }

    /// Takes a point, or says why it cannot be one of this metric.
    pub(crate) fn take(
        &mut self,
        write: &Write<'_>,
        name: String,
        kind: MetricKind,
        description: &str,
        mut point: NewPoint,
    ) -> Result<()> {
        point.value = fitting(&name, kind, point.value)?;
        let (metric, points) = match self.metrics.get_mut(&name) {
            Some(known) => known,
            None => {
                check_key("metric", &name)?;
                let metric = match store::metrics::find(write, self.run, &name)? {
                    Some(metric) => metric,
                    None => store::metrics::insert(write, self.run, &name, kind, description)?,
                };
                self.names.push(name.clone());
                self.metrics.entry(name.clone()).or_insert((metric, Vec::new()))
            }
        };
        if metric.kind != kind {
            return Err(ApiError::invalid(format!(
                "the metric `{name}` is of kind {} and cannot take a {kind}",
                metric.kind
            ))
            .into());
        }
        points.push(point);
        Ok(())
    }

    /// Leaves out what the histories have already: the sender got no answer and sent it again.
    pub(crate) fn forget_known(&mut self, write: &Write<'_>) -> Result<()> {
        for (metric, points) in self.metrics.values_mut() {
            *points = store::metrics::without_known(write, metric, std::mem::take(points))?;
        }
        Ok(())
    }

    /// Writes the points and tells listeners; says how many there were.
    pub(crate) fn finish(mut self, write: &mut Write<'_>, head: &RunHead) -> Result<u64> {
        let mut added = 0;
        let mut names = Vec::new();
        for name in self.names {
            let Some((mut metric, points)) = self.metrics.remove(&name) else { continue };
            if points.is_empty() {
                continue;
            }
            store::metrics::append(write, &mut metric, &points)?;
            added += points.len() as u64;
            names.push(name);
        }
        if added > 0 {
            store::runs::add_points(write, self.run, added)?;
            write.event(&head.scope(), EventKind::MetricsLogged { names, points: added })?;
        }
        Ok(added)
    }
}

/// The value as its kind keeps it, or what is wrong with it.
fn fitting(name: &str, kind: MetricKind, value: MetricValue) -> Result<MetricValue> {
    let fits = match (kind, &value) {
        (MetricKind::Scalar, MetricValue::Number(_) | MetricValue::Text(_)) => true,
        (MetricKind::Scalar, MetricValue::Json(Value::Bool(flag))) => {
            return Ok(MetricValue::Number(Number::Integer(i64::from(*flag))));
        }
        (MetricKind::Scalar, MetricValue::Json(_)) => false,
        (MetricKind::List, MetricValue::Json(json)) => json.is_array(),
        (MetricKind::Table, MetricValue::Json(json)) => json.is_object() || json.is_array(),
        (MetricKind::Image, MetricValue::Json(json)) => {
            json.get("artifact").is_some_and(Value::is_string)
        }
        (
            MetricKind::Row
            | MetricKind::ConfusionMatrix
            | MetricKind::AccuracyTable
            | MetricKind::Predictions
            | MetricKind::Residuals,
            MetricValue::Json(json),
        ) => json.is_object(),
        (_, MetricValue::Number(_) | MetricValue::Text(_)) => false,
    };
    if fits {
        return Ok(value);
    }
    Err(ApiError::invalid(format!("a point of the metric `{name}` is no {kind}")).into())
}
