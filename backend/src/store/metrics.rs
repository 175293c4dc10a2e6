use lazuli_domain::{
    ApiError, Metric, MetricKind, MetricPoint, MetricSummary, MetricValue, Number,
};
use rusqlite::types::Value;
use rusqlite::{Connection, params};

use super::columns::{count, metric_kind, metric_value, number, number_column, value_columns};
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
}

pub fn find(connection: &Connection, run: i64, name: &str) -> Result<Option<MetricRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT key, kind, count, minimum, maximum FROM metrics WHERE run = ?1 AND name = ?2",
    )?;
    let mut rows = statement.query(params![run, name])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(MetricRow {
        key: row.get(0)?,
        kind: metric_kind(&row.get::<_, String>(1)?)?,
        count: count(row.get(2)?),
        minimum: number(&row.get(3)?),
        maximum: number(&row.get(4)?),
    }))
}

pub fn insert(
    connection: &Connection,
    run: i64,
    name: &str,
    kind: MetricKind,
    description: &str,
) -> Result<MetricRow> {
    connection
        .prepare_cached(
            "INSERT INTO metrics (run, name, kind, description, count) VALUES (?1, ?2, ?3, ?4, 0)",
        )?
        .execute(params![run, name, kind.as_str(), description])?;
    let key = connection.last_insert_rowid();
    Ok(MetricRow { key, kind, count: 0, minimum: None, maximum: None })
}

/// Adds a point and keeps the row's summary in step; [`save_summary`] writes the summary.
pub fn add_point(
    connection: &Connection,
    metric: &mut MetricRow,
    step: Option<i64>,
    time_ms: i64,
    value: &MetricValue,
) -> Result<()> {
    let sequence = metric.count as i64;
    let (number_column, text) = value_columns(value)?;
    connection
        .prepare_cached(
            "INSERT INTO metric_points (metric, sequence, step, time_ms, number, text)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            metric.key,
            sequence,
            step.unwrap_or(sequence),
            time_ms,
            number_column,
            text
        ])?;
    metric.count += 1;
    if let MetricValue::Number(number) = value
        && metric.kind == MetricKind::Scalar
        && !number.as_f64().is_nan()
    {
        let is_below = |other: Number| number.as_f64() < other.as_f64();
        let is_above = |other: Number| number.as_f64() > other.as_f64();
        if metric.minimum.is_none_or(is_below) {
            metric.minimum = Some(*number);
        }
        if metric.maximum.is_none_or(is_above) {
            metric.maximum = Some(*number);
        }
    }
    Ok(())
}

pub fn save_summary(connection: &Connection, metric: &MetricRow) -> Result<()> {
    connection
        .prepare_cached("UPDATE metrics SET count = ?2, minimum = ?3, maximum = ?4 WHERE key = ?1")?
        .execute(params![
            metric.key,
            metric.count as i64,
            metric.minimum.map(number_column),
            metric.maximum.map(number_column)
        ])?;
    Ok(())
}

pub fn summaries(connection: &Connection, run: i64) -> Result<Vec<MetricSummary>> {
    let mut statement = connection.prepare_cached(
        "SELECT metrics.name, metrics.kind, metrics.count, metrics.minimum, metrics.maximum,
                points.step, points.time_ms, points.number, points.text
         FROM metrics
         JOIN metric_points AS points
            ON points.metric = metrics.key AND points.sequence = metrics.count - 1
         WHERE metrics.run = ?1 ORDER BY metrics.key",
    )?;
    let mut rows = statement.query([run])?;
    let mut summaries = Vec::new();
    while let Some(row) = rows.next()? {
        let kind = metric_kind(&row.get::<_, String>(1)?)?;
        summaries.push(MetricSummary {
            name: row.get(0)?,
            kind,
            count: count(row.get(2)?),
            min: number(&row.get(3)?),
            max: number(&row.get(4)?),
            last: MetricPoint {
                step: row.get(5)?,
                time_ms: row.get(6)?,
                value: metric_value(kind, &row.get(7)?, row.get(8)?)?,
            },
        });
    }
    Ok(summaries)
}

/// A metric without its points.
pub struct MetricHeader {
    pub key: i64,
    pub name: String,
    pub kind: MetricKind,
    pub description: String,
    pub count: u64,
}

/// In order of first appearance.
pub fn headers(connection: &Connection, run: i64) -> Result<Vec<MetricHeader>> {
    let mut statement = connection.prepare_cached(
        "SELECT key, name, kind, description, count FROM metrics WHERE run = ?1 ORDER BY key",
    )?;
    let mut rows = statement.query([run])?;
    let mut headers = Vec::new();
    while let Some(row) = rows.next()? {
        headers.push(MetricHeader {
            key: row.get(0)?,
            name: row.get(1)?,
            kind: metric_kind(&row.get::<_, String>(2)?)?,
            description: row.get(3)?,
            count: count(row.get(4)?),
        });
    }
    Ok(headers)
}

/// Full histories, in order of first appearance.
pub fn all(connection: &Connection, run: i64) -> Result<Vec<Metric>> {
    headers(connection, run)?.into_iter().map(|header| with_points(connection, header)).collect()
}

pub fn get(connection: &Connection, run: i64, run_id: &str, name: &str) -> Result<Metric> {
    let headers = headers(connection, run)?;
    let names: Vec<String> = headers.iter().map(|header| header.name.clone()).collect();
    match headers.into_iter().find(|header| header.name == name) {
        Some(header) => with_points(connection, header),
        None => {
            let error = ApiError::not_found("metric", name);
            Err(match nearest::nearest(name, names.iter().map(String::as_str)) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("`lazuli run show {run_id}` lists the run's metrics")),
            }
            .into())
        }
    }
}

fn with_points(connection: &Connection, header: MetricHeader) -> Result<Metric> {
    let mut points = Vec::with_capacity(header.count as usize);
    each_point(connection, header.key, header.kind, 0, |point| points.push(point))?;
    Ok(Metric { name: header.name, kind: header.kind, description: header.description, points })
}

/// Calls `take` with every point from `first` on, oldest first, without holding them all.
pub fn each_point(
    connection: &Connection,
    metric: i64,
    kind: MetricKind,
    first: u64,
    mut take: impl FnMut(MetricPoint),
) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT step, time_ms, number, text FROM metric_points
         WHERE metric = ?1 AND sequence >= ?2 ORDER BY sequence",
    )?;
    let mut rows = statement.query(params![metric, first as i64])?;
    while let Some(row) = rows.next()? {
        take(MetricPoint {
            step: row.get(0)?,
            time_ms: row.get(1)?,
            value: metric_value(kind, &row.get::<_, Value>(2)?, row.get(3)?)?,
        });
    }
    Ok(())
}
