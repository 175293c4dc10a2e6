//! Metrics and their histories.

use std::collections::HashSet;

use lazuli_domain::{
    ApiError, Metric, MetricKind, MetricPoint, MetricSummary, MetricValue, Number,
};

use super::Connection;
use super::columns::{NumberColumns, count, metric_kind, metric_value, value_columns};
use super::sql::{Bind, Bound, Dynamic, Row, params};
use super::stretches;
use super::thinning::Thinning;
use crate::error::Result;
use crate::nearest;

/// A metric's own row: what a new point changes and what must fit.
#[derive(Clone, Debug)]
pub struct MetricRow {
    pub key: i64,
    pub kind: MetricKind,
    pub count: u64,
    pub minimum: Option<Number>,
    pub maximum: Option<Number>,
    /// The newest point: greatest step, then time, then value. None: there is none yet.
    pub last: Option<MetricPoint>,
    pub latest_ms: i64,
}

/// A point to be.
#[derive(Clone, Debug, PartialEq)]
pub struct NewPoint {
    /// None: one more than the greatest step so far, beginning with 0.
    pub step: Option<i64>,
    pub time_ms: i64,
    pub value: MetricValue,
}

const ROW: &str =
    "SELECT key, kind, count, minimum, minimum_whole, maximum, maximum_whole, last_step,
        last_time_ms, last_number, last_whole, last_text, latest_ms FROM metrics";

pub fn find(connection: &Connection, run: i64, name: &str) -> Result<Option<MetricRow>> {
    connection.row(&format!("{ROW} WHERE run = ?1 AND name = ?2"), params![run, name], |row| {
        let kind = metric_kind(&row.get::<String>(1)?)?;
        let count = count(row.get(2)?);
        let last = MetricPoint {
            step: row.get(7)?,
            time_ms: row.get(8)?,
            value: metric_value(kind, row, 9)?,
        };
        Ok(MetricRow {
            key: row.get(0)?,
            kind,
            count,
            minimum: NumberColumns::read(row, 3)?,
            maximum: NumberColumns::read(row, 5)?,
            last: (count > 0).then_some(last),
            latest_ms: row.get(12)?,
        })
    })
}

pub fn insert(
    connection: &Connection,
    run: i64,
    name: &str,
    kind: MetricKind,
    description: &str,
) -> Result<MetricRow> {
    let key = connection.value(
        "INSERT INTO metrics (run, name, kind, description, count, last_step, last_time_ms,
            latest_ms)
         VALUES (?1, ?2, ?3, ?4, 0, 0, 0, 0) RETURNING key",
        params![run, name, kind.as_str(), description],
    )?;
    let (minimum, maximum, last) = (None, None, None);
    Ok(MetricRow { key, kind, count: 0, minimum, maximum, last, latest_ms: 0 })
}

/// Appends points to the history and keeps the summary in step.
pub fn append(connection: &Connection, metric: &mut MetricRow, points: &[NewPoint]) -> Result<()> {
    let mut stretch = stretches::Growing::begin(connection, metric)?;
    let mut columns = Vec::with_capacity(points.len());
    for point in points {
        let sequence = metric.count as i64;
        let step = point.step.unwrap_or_else(|| metric.next_step());
        stretch.take(sequence, step, point.time_ms, &point.value);
        columns.push((sequence, step, point.time_ms, value_columns(&point.value)?));
        metric.take(step, point);
    }
    let rows: Vec<[Bound<'_>; 7]> = columns
        .iter()
        .map(|(sequence, step, time_ms, (number, text))| {
            [
                Bound::Integer(metric.key),
                Bound::Integer(*sequence),
                Bound::Integer(*step),
                Bound::Integer(*time_ms),
                number.number.bound(),
                number.whole.bound(),
                text.bound(),
            ]
        })
        .collect();
    connection.insert_all(
        "metric_points",
        ["metric", "sequence", "step", "time_ms", "number", "whole", "text"],
        &rows,
    )?;
    stretch.finish(connection)?;
    save_summary(connection, metric)
}

impl MetricRow {
    fn next_step(&self) -> i64 {
        self.last.as_ref().map_or(0, |last| last.step.saturating_add(1))
    }

    fn take(&mut self, step: i64, point: &NewPoint) {
        self.count += 1;
        self.latest_ms =
            if self.count == 1 { point.time_ms } else { self.latest_ms.max(point.time_ms) };
        if self.last.as_ref().is_none_or(|last| is_newer(step, point, last)) {
            self.last =
                Some(MetricPoint { step, time_ms: point.time_ms, value: point.value.clone() });
        }
        if let MetricValue::Number(number) = &point.value
            && self.kind == MetricKind::Scalar
            && !number.as_f64().is_nan()
        {
            let is_below = |other: Number| number.as_f64() < other.as_f64();
            let is_above = |other: Number| number.as_f64() > other.as_f64();
            if self.minimum.is_none_or(is_below) {
                self.minimum = Some(*number);
            }
            if self.maximum.is_none_or(is_above) {
                self.maximum = Some(*number);
            }
        }
    }

    /// True when no point of the history can be the same as this one.
    fn is_surely_new(&self, point: &NewPoint) -> bool {
        let Some(last) = &self.last else { return true };
        point.time_ms > self.latest_ms || point.step.is_none_or(|step| step > last.step)
    }
}

/// MLflow's order: step, then time, then value; what cannot be compared counts as newer.
fn is_newer(step: i64, point: &NewPoint, last: &MetricPoint) -> bool {
    match (step, point.time_ms).cmp(&(last.step, last.time_ms)) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => match (&point.value, &last.value) {
            (MetricValue::Number(new), MetricValue::Number(old)) => {
                !matches!(new.as_f64().partial_cmp(&old.as_f64()), Some(std::cmp::Ordering::Less))
            }
            _ => true,
        },
    }
}

/// A point as it is compared for being the same: step, time, value.
type Identity = (i64, i64, u64);

fn identity(step: i64, time_ms: i64, value: f64) -> Identity {
    // One NaN is as good as another.
    (step, time_ms, if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() })
}

/// `points` of numbers with steps, without those that the history or the list itself has already:
/// a client that got no answer sends its batch again.
pub fn without_known(
    connection: &Connection,
    metric: &MetricRow,
    points: Vec<NewPoint>,
) -> Result<Vec<NewPoint>> {
    let doubtful: Vec<&NewPoint> =
        points.iter().filter(|point| !metric.is_surely_new(point)).collect();
    let mut known: HashSet<Identity> = HashSet::new();
    let steps = || doubtful.iter().filter_map(|point| point.step);
    if let (Some(first), Some(last)) = (steps().min(), steps().max()) {
        let times = || doubtful.iter().map(|point| point.time_ms);
        let covered = stretches::covering(
            connection,
            metric.key,
            (first, last),
            (times().min().unwrap_or(i64::MIN), times().max().unwrap_or(i64::MAX)),
        )?;
        for stretch in covered {
            connection.each(
                "SELECT step, time_ms, number FROM metric_points
                 WHERE metric = ?1 AND sequence >= ?2 AND sequence < ?3",
                params![metric.key, stretch.begin(), stretch.end()],
                |row| {
                    let number: Option<f64> = row.get(2)?;
                    known.insert(identity(row.get(0)?, row.get(1)?, number.unwrap_or(f64::NAN)));
                    Ok(true)
                },
            )?;
        }
    }
    Ok(points
        .into_iter()
        .filter(|point| match (&point.value, point.step) {
            (MetricValue::Number(number), Some(step)) => {
                known.insert(identity(step, point.time_ms, number.as_f64()))
            }
            _ => true,
        })
        .collect())
}

fn save_summary(connection: &Connection, metric: &MetricRow) -> Result<()> {
    let Some(last) = &metric.last else { return Ok(()) };
    let minimum = NumberColumns::of(metric.minimum);
    let maximum = NumberColumns::of(metric.maximum);
    let (last_number, last_text) = value_columns(&last.value)?;
    connection.execute(
        "UPDATE metrics SET count = ?2, minimum = ?3, minimum_whole = ?4, maximum = ?5,
            maximum_whole = ?6, last_step = ?7, last_time_ms = ?8, last_number = ?9,
            last_whole = ?10, last_text = ?11, latest_ms = ?12
         WHERE key = ?1",
        params![
            metric.key,
            metric.count as i64,
            minimum.number,
            minimum.whole,
            maximum.number,
            maximum.whole,
            last.step,
            last.time_ms,
            last_number.number,
            last_number.whole,
            last_text,
            metric.latest_ms
        ],
    )?;
    Ok(())
}

/// Summaries of each of these runs, in order of first appearance; only of `names`, when given.
pub fn summaries(
    connection: &Connection,
    runs: &[i64],
    names: Option<&[String]>,
) -> Result<Vec<(i64, MetricSummary)>> {
    let mut query = Dynamic::new(
        "SELECT run, name, kind, count, minimum, minimum_whole, maximum, maximum_whole, last_step,
            last_time_ms, last_number, last_whole, last_text FROM metrics WHERE count > 0",
    );
    query.add_in(" AND run", runs);
    if let Some(names) = names {
        query.add_in(" AND name", names);
    }
    query.add_text(" ORDER BY run, key");
    connection.rows(query.sql(), &query.params(), |row| {
        let kind = metric_kind(&row.get::<String>(2)?)?;
        let summary = MetricSummary {
            name: row.get(1)?,
            kind,
            count: count(row.get(3)?),
            min: NumberColumns::read(row, 4)?,
            max: NumberColumns::read(row, 6)?,
            last: MetricPoint {
                step: row.get(8)?,
                time_ms: row.get(9)?,
                value: metric_value(kind, row, 10)?,
            },
        };
        Ok((row.get(0)?, summary))
    })
}

/// A metric without its points.
#[derive(Clone, Debug)]
pub struct MetricHeader {
    pub key: i64,
    pub name: String,
    pub kind: MetricKind,
    pub description: String,
    pub count: u64,
}

/// In order of first appearance.
pub fn headers(connection: &Connection, run: i64) -> Result<Vec<MetricHeader>> {
    connection.rows(
        "SELECT key, name, kind, description, count FROM metrics WHERE run = ?1 AND count > 0
         ORDER BY key",
        params![run],
        header_of_row,
    )
}

pub fn find_header(connection: &Connection, run: i64, name: &str) -> Result<Option<MetricHeader>> {
    connection.row(
        "SELECT key, name, kind, description, count FROM metrics
         WHERE run = ?1 AND name = ?2 AND count > 0",
        params![run, name],
        header_of_row,
    )
}

pub fn header(connection: &Connection, run: i64, run_id: &str, name: &str) -> Result<MetricHeader> {
    if let Some(header) = find_header(connection, run, name)? {
        return Ok(header);
    }
    let names: Vec<String> =
        headers(connection, run)?.into_iter().map(|header| header.name).collect();
    let error = ApiError::not_found("metric", name);
    Err(match nearest::nearest(name, names.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("`lazuli run show {run_id}` lists the run's metrics")),
    }
    .into())
}

fn header_of_row(row: &Row<'_>) -> Result<MetricHeader> {
    Ok(MetricHeader {
        key: row.get(0)?,
        name: row.get(1)?,
        kind: metric_kind(&row.get::<String>(2)?)?,
        description: row.get(3)?,
        count: count(row.get(4)?),
    })
}

/// How many points all metrics of the run have.
pub fn count_points(connection: &Connection, run: i64) -> Result<u64> {
    Ok(count(connection.value(
        "SELECT CAST(coalesce(sum(count), 0) AS BIGINT) FROM metrics WHERE run = ?1",
        params![run],
    )?))
}

/// The whole history.
pub fn with_points(connection: &Connection, header: MetricHeader) -> Result<Metric> {
    let mut points = Vec::with_capacity(header.count as usize);
    each_point(connection, header.key, header.kind, (0, i64::MAX), |_, point| points.push(point))?;
    Ok(Metric {
        name: header.name,
        kind: header.kind,
        description: header.description,
        count: header.count,
        points,
    })
}

/// Calls `take` with every point whose sequence number lies in the range, oldest first, without
/// holding them all.
pub fn each_point(
    connection: &Connection,
    metric: i64,
    kind: MetricKind,
    (first, end): (i64, i64),
    mut take: impl FnMut(i64, MetricPoint),
) -> Result<()> {
    connection.each(
        "SELECT sequence, step, time_ms, number, whole, text FROM metric_points
         WHERE metric = ?1 AND sequence >= ?2 AND sequence < ?3 ORDER BY sequence",
        params![metric, first, end],
        |row| {
            take(row.get(0)?, point_of_row(row, kind)?);
            Ok(true)
        },
    )
}

/// The points with these sequence numbers, oldest first.
pub fn points_at(
    connection: &Connection,
    metric: i64,
    kind: MetricKind,
    sequences: &[i64],
) -> Result<Vec<MetricPoint>> {
    let mut points = Vec::with_capacity(sequences.len());
    // Few parameters at a time: each length is a statement of its own.
    for some in sequences.chunks(500) {
        let mut query =
            Dynamic::new("SELECT sequence, step, time_ms, number, whole, text FROM metric_points");
        query.add(" WHERE metric = ?", [metric]);
        query.add_in(" AND sequence", some);
        query.add_text(" ORDER BY sequence");
        points
            .extend(connection.rows(query.sql(), &query.params(), |row| point_of_row(row, kind))?);
    }
    Ok(points)
}

fn point_of_row(row: &Row<'_>, kind: MetricKind) -> Result<MetricPoint> {
    Ok(MetricPoint { step: row.get(1)?, time_ms: row.get(2)?, value: metric_value(kind, row, 3)? })
}

/// Which steps a chart shows; open at an end that is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepRange {
    pub from: Option<i64>,
    pub to: Option<i64>,
}

impl StepRange {
    pub fn holds(&self, step: i64) -> bool {
        self.from.is_none_or(|from| step >= from) && self.to.is_none_or(|to| step <= to)
    }

    fn bounds(&self) -> (i64, i64) {
        (self.from.unwrap_or(i64::MIN), self.to.unwrap_or(i64::MAX))
    }
}

/// So many stretches are read point by point without a second thought.
const FEW: usize = 32;
/// So many when their extremes would be less than was asked for: some 131,000 points, 50 ms.
const MOST_READ: usize = 512;

/// At most about `most` points of the history of a scalar metric, so chosen that the ends and every
/// spike stay; all of them when they are few enough.
pub fn sampled(
    connection: &Connection,
    header: &MetricHeader,
    range: StepRange,
    most: usize,
) -> Result<Vec<MetricPoint>> {
    let everything = (i64::MIN, i64::MAX);
    let covered = stretches::covering(connection, header.key, range.bounds(), everything)?;
    let extremes_suffice = 2 * covered.len() >= most;
    if covered.len() <= FEW || (covered.len() <= MOST_READ && !extremes_suffice) {
        let (Some(first), Some(last)) = (covered.first(), covered.last()) else {
            return Ok(Vec::new());
        };
        let span = (first.begin(), last.end());
        let mut points = Vec::new();
        each_point(connection, header.key, header.kind, span, |_, point| {
            if range.holds(point.step) {
                points.push(point);
            }
        })?;
        let mut thinning = Thinning::new(points.len() as u64, most as u64);
        points.into_iter().for_each(|point| thinning.take(point));
        return Ok(thinning.finish());
    }
    let chosen = stretches::extremes(connection, header, &covered, range, most)?;
    points_at(connection, header.key, header.kind, &chosen)
}
