//! Histories of metrics, as points with a number each.

use std::sync::Arc;

use lazuli_domain::{MetricKind, MetricPoint, MetricValue, Number};
use serde_json::Value;

use super::head;
use crate::app::App;
use crate::error::Result;
use crate::store::metrics::{MetricHeader, StepRange};
use crate::store::{self, Connection};
use crate::tracking::spool::drain;

/// MLflow orders a history by time, step and value. Up to so many points that is done for every
/// request; a longer history comes in the order in which it was logged, and from it what is sampled
/// keeps its spikes.
const MOST_ORDERED: u64 = 100_000;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClientPoint {
    pub value: f64,
    pub time_ms: i64,
    pub step: i64,
}

/// Points of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunPoints {
    pub run_id: String,
    pub points: Vec<ClientPoint>,
}

/// At most `limit` points of the history, from the place `offset` on, and where the next page begins
/// if there is one. A metric that was never logged has none.
pub async fn history(
    app: &Arc<App>,
    workspace: String,
    run_id: String,
    name: String,
    limit: Option<usize>,
    offset: usize,
) -> Result<(Vec<ClientPoint>, Option<usize>)> {
    drain(app, &run_id).await?;
    app.store
        .read(move |database| {
            let run = head(database, &workspace, &run_id)?.key;
            match store::metrics::find_header(database, run, &name)? {
                Some(header) => page(database, &header, limit.unwrap_or(usize::MAX), offset),
                None => Ok((Vec::new(), None)),
            }
        })
        .await
}

/// The beginnings of several runs' histories, at most `limit` points together, by run id. Runs that
/// are not there have none.
pub async fn histories(
    app: &Arc<App>,
    workspace: String,
    mut run_ids: Vec<String>,
    name: String,
    limit: usize,
) -> Result<Vec<RunPoints>> {
    run_ids.sort();
    run_ids.dedup();
    let mut found = Vec::new();
    let mut left = limit;
    for run_id in run_ids {
        if left == 0 {
            break;
        }
        drain(app, &run_id).await?;
        let (asked, name, workspace) = (run_id.clone(), name.clone(), workspace.clone());
        let points = app
            .store
            .read(move |database| {
                let Ok(head) = head(database, &workspace, &asked) else { return Ok(Vec::new()) };
                match store::metrics::find_header(database, head.key, &name)? {
                    Some(header) => Ok(page(database, &header, left, 0)?.0),
                    None => Ok(Vec::new()),
                }
            })
            .await?;
        left -= points.len();
        found.push(RunPoints { run_id, points });
    }
    Ok(found)
}

/// At most `most` points of each run's history, spread over the steps in `range`; the last one is
/// among them.
pub async fn sampled_histories(
    app: &Arc<App>,
    workspace: String,
    run_ids: Vec<String>,
    name: String,
    range: StepRange,
    most: usize,
) -> Result<Vec<RunPoints>> {
    for run_id in &run_ids {
        drain(app, run_id).await?;
    }
    app.store
        .read(move |database| {
            let mut found = Vec::with_capacity(run_ids.len());
            for run_id in run_ids {
                let run = head(database, &workspace, &run_id)?.key;
                let points = match store::metrics::find_header(database, run, &name)? {
                    Some(header) => sampled(database, &header, range, most)?,
                    None => Vec::new(),
                };
                found.push(RunPoints { run_id, points });
            }
            Ok(found)
        })
        .await
}

fn page(
    connection: &Connection,
    header: &MetricHeader,
    limit: usize,
    offset: usize,
) -> Result<(Vec<ClientPoint>, Option<usize>)> {
    if header.count > MOST_ORDERED && header.kind == MetricKind::Scalar {
        let end = offset.saturating_add(limit);
        let in_i64 = |place: usize| i64::try_from(place).unwrap_or(i64::MAX);
        let points = read(connection, header, (in_i64(offset), in_i64(end)))?;
        return Ok((points, (end < header.count as usize).then_some(end)));
    }
    let mut points = read(connection, header, (0, i64::MAX))?;
    points.sort_by(|one, other| {
        (one.time_ms, one.step)
            .cmp(&(other.time_ms, other.step))
            .then(one.value.total_cmp(&other.value))
    });
    let count = points.len();
    let end = offset.saturating_add(limit).min(count);
    let begin = offset.min(count);
    Ok((points.drain(begin..end).collect(), (end < count).then_some(end)))
}

fn sampled(
    connection: &Connection,
    header: &MetricHeader,
    range: StepRange,
    most: usize,
) -> Result<Vec<ClientPoint>> {
    let mut points = if header.count > MOST_ORDERED && header.kind == MetricKind::Scalar {
        let points = store::metrics::sampled(connection, header, range, most)?;
        points.iter().enumerate().flat_map(|(at, point)| numbers(point, at as i64)).collect()
    } else {
        read(connection, header, (0, i64::MAX))?
    };
    points.retain(|point| range.holds(point.step));
    points.sort_by(|one, other| {
        (one.step, one.time_ms)
            .cmp(&(other.step, other.time_ms))
            .then(one.value.total_cmp(&other.value))
    });
    Ok(spread(points, most))
}

/// MLflow's choice: the first of each of `most` equal parts, the last one in the place of the last
/// of these.
fn spread(points: Vec<ClientPoint>, most: usize) -> Vec<ClientPoint> {
    if points.len() <= most || most == 0 {
        return points;
    }
    let (length, longer) = (points.len() / most, points.len() % most);
    let mut spread: Vec<ClientPoint> =
        (0..most).map(|part| points[part * length + part.min(longer)]).collect();
    if let (Some(place), Some(last)) = (spread.last_mut(), points.last()) {
        *place = *last;
    }
    spread
}

/// The points whose sequence numbers lie in the range, in the order in which they were logged.
fn read(
    connection: &Connection,
    header: &MetricHeader,
    range: (i64, i64),
) -> Result<Vec<ClientPoint>> {
    let mut points: Vec<ClientPoint> = Vec::new();
    store::metrics::each_point(connection, header.key, header.kind, range, |_, point| {
        let next = points.len() as i64;
        points.extend(numbers(&point, next));
    })?;
    Ok(points)
}

/// The numbers of a point: one of a scalar, those of a list in a row. Texts and tables have none.
fn numbers(point: &MetricPoint, next: i64) -> Vec<ClientPoint> {
    let of = |value: f64, step: i64| ClientPoint { value, time_ms: point.time_ms, step };
    match &point.value {
        MetricValue::Number(number) => vec![of(number.as_f64(), point.step)],
        MetricValue::Json(Value::Array(values)) => values
            .iter()
            .filter_map(|value| serde_json::from_value::<Number>(value.clone()).ok())
            .zip(next..)
            .map(|(number, step)| of(number.as_f64(), step))
            .collect(),
        MetricValue::Json(_) | MetricValue::Text(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_spread_as_mlflow_spreads_them() {
        let steps = |count: i64, most: usize| -> Vec<i64> {
            let points =
                (0..count).map(|step| ClientPoint { value: 0.0, time_ms: 1, step }).collect();
            spread(points, most).iter().map(|point| point.step).collect()
        };
        assert_eq!(steps(10, 5), [0, 2, 4, 6, 9]);
        assert_eq!(steps(20, 5), [0, 4, 8, 12, 19]);
        assert_eq!(steps(11, 3), [0, 4, 10]);
        assert_eq!(steps(5, 5), [0, 1, 2, 3, 4]);
        assert_eq!(steps(3, 1), [2]);
    }
}
