//! What is known of each stretch of a long history without reading it: `metric_stretches`.

use lazuli_domain::{MetricKind, MetricValue};

use super::Connection;
use super::metrics::{MetricHeader, MetricRow, StepRange, each_point};
use super::sql::{Row, params};
use crate::error::Result;

/// Points in a stretch.
const LENGTH: i64 = 256;

/// A row of `metric_stretches`.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    number: i64,
    /// Value and sequence number of the extremes; NaN is none.
    lowest: Option<(f64, i64)>,
    highest: Option<(f64, i64)>,
    steps: (i64, i64),
    times: (i64, i64),
}

impl Stretch {
    /// Sequence number of its first point.
    pub(super) fn begin(&self) -> i64 {
        self.number * LENGTH
    }

    /// Sequence number after its last point.
    pub(super) fn end(&self) -> i64 {
        self.begin() + LENGTH
    }

    fn new(number: i64, step: i64, time_ms: i64) -> Stretch {
        let (steps, times) = ((step, step), (time_ms, time_ms));
        Stretch { number, lowest: None, highest: None, steps, times }
    }

    fn take(&mut self, sequence: i64, step: i64, time_ms: i64, value: f64) {
        self.steps = (self.steps.0.min(step), self.steps.1.max(step));
        self.times = (self.times.0.min(time_ms), self.times.1.max(time_ms));
        if value.is_nan() {
            return;
        }
        if self.lowest.is_none_or(|(lowest, _)| value < lowest) {
            self.lowest = Some((value, sequence));
        }
        if self.highest.is_none_or(|(highest, _)| value > highest) {
            self.highest = Some((value, sequence));
        }
    }

    fn save(&self, connection: &Connection, metric: i64) -> Result<()> {
        let (value, sequence) = (|extreme: (f64, i64)| extreme.0, |extreme: (f64, i64)| extreme.1);
        connection.execute(
            "INSERT INTO metric_stretches (metric, stretch, lowest, lowest_sequence, highest,
                highest_sequence, first_step, last_step, first_ms, last_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (metric, stretch) DO UPDATE SET lowest = excluded.lowest,
                lowest_sequence = excluded.lowest_sequence, highest = excluded.highest,
                highest_sequence = excluded.highest_sequence, first_step = excluded.first_step,
                last_step = excluded.last_step, first_ms = excluded.first_ms,
                last_ms = excluded.last_ms",
            params![
                metric,
                self.number,
                self.lowest.map(value),
                self.lowest.map(sequence),
                self.highest.map(value),
                self.highest.map(sequence),
                self.steps.0,
                self.steps.1,
                self.times.0,
                self.times.1
            ],
        )?;
        Ok(())
    }
}

const SELECT: &str =
    "SELECT stretch, lowest, lowest_sequence, highest, highest_sequence, first_step,
        last_step, first_ms, last_ms FROM metric_stretches";

/// The stretches that appended points reach into. Only scalar metrics have any.
pub(super) struct Growing {
    metric: i64,
    is_kept: bool,
    current: Option<Stretch>,
    full: Vec<Stretch>,
}

impl Growing {
    pub(super) fn begin(connection: &Connection, metric: &MetricRow) -> Result<Growing> {
        let is_kept = metric.kind == MetricKind::Scalar;
        let number = metric.count as i64 / LENGTH;
        let current = if is_kept && metric.count as i64 % LENGTH != 0 {
            connection.row(
                &format!("{SELECT} WHERE metric = ?1 AND stretch = ?2"),
                params![metric.key, number],
                of_row,
            )?
        } else {
            None
        };
        Ok(Growing { metric: metric.key, is_kept, current, full: Vec::new() })
    }

    pub(super) fn take(&mut self, sequence: i64, step: i64, time_ms: i64, value: &MetricValue) {
        if !self.is_kept {
            return;
        }
        let number = sequence / LENGTH;
        if let Some(full) = self.current.take_if(|current| current.number != number) {
            self.full.push(full);
        }
        let value = match value {
            MetricValue::Number(number) => number.as_f64(),
            _ => f64::NAN,
        };
        self.current
            .get_or_insert_with(|| Stretch::new(number, step, time_ms))
            .take(sequence, step, time_ms, value);
    }

    pub(super) fn finish(self, connection: &Connection) -> Result<()> {
        self.full.iter().chain(&self.current).try_for_each(|it| it.save(connection, self.metric))
    }
}

/// The stretches in which a point of these steps and times may be, oldest first.
pub(super) fn covering(
    connection: &Connection,
    metric: i64,
    steps: (i64, i64),
    times: (i64, i64),
) -> Result<Vec<Stretch>> {
    connection.rows(
        &format!(
            "{SELECT} WHERE metric = ?1 AND first_step <= ?3 AND last_step >= ?2
                AND first_ms <= ?5 AND last_ms >= ?4 ORDER BY stretch"
        ),
        params![metric, steps.0, steps.1, times.0, times.1],
        of_row,
    )
}

/// Sequence numbers of the smallest and the largest point of each piece of the range, and of the
/// ends of the history shown; at most about `most`.
pub(super) fn extremes(
    connection: &Connection,
    header: &MetricHeader,
    covered: &[Stretch],
    range: StepRange,
    most: usize,
) -> Result<Vec<i64>> {
    let pieces = (most.max(4) - 2) / 2;
    let mut chosen = Vec::with_capacity(most + 2);
    let mut ends: Option<(i64, i64)> = None;
    for piece in covered.chunks(covered.len().div_ceil(pieces)) {
        let mut lowest: Option<(f64, i64)> = None;
        let mut highest: Option<(f64, i64)> = None;
        let mut see = |low: Option<(f64, i64)>, high: Option<(f64, i64)>| {
            if let Some(low) = low
                && lowest.is_none_or(|(value, _)| low.0 < value)
            {
                lowest = Some(low);
            }
            if let Some(high) = high
                && highest.is_none_or(|(value, _)| high.0 > value)
            {
                highest = Some(high);
            }
        };
        for stretch in piece {
            if range.holds(stretch.steps.0) && range.holds(stretch.steps.1) {
                see(stretch.lowest, stretch.highest);
                let last = (stretch.end() - 1).min(header.count as i64 - 1);
                ends = Some((ends.map_or(stretch.begin(), |ends| ends.0), last));
                continue;
            }
            // Its extremes may lie outside of the range: look at the points.
            let span = (stretch.begin(), stretch.end());
            each_point(connection, header.key, header.kind, span, |sequence, point| {
                if !range.holds(point.step) {
                    return;
                }
                ends = Some((ends.map_or(sequence, |ends| ends.0), sequence));
                if let MetricValue::Number(number) = point.value
                    && !number.as_f64().is_nan()
                {
                    see(Some((number.as_f64(), sequence)), Some((number.as_f64(), sequence)));
                }
            })?;
        }
        chosen.extend(lowest.iter().chain(&highest).map(|(_, sequence)| *sequence));
    }
    chosen.extend(ends.iter().flat_map(|(first, last)| [*first, *last]));
    chosen.sort_unstable();
    chosen.dedup();
    Ok(chosen)
}

fn of_row(row: &Row<'_>) -> Result<Stretch> {
    let extreme = |at: usize| -> Result<Option<(f64, i64)>> {
        Ok(row.get::<Option<f64>>(at)?.zip(row.get::<Option<i64>>(at + 1)?))
    };
    Ok(Stretch {
        number: row.get(0)?,
        lowest: extreme(1)?,
        highest: extreme(3)?,
        steps: (row.get(5)?, row.get(6)?),
        times: (row.get(7)?, row.get(8)?),
    })
}
