use lazuli_domain::Event;

use super::Connection;
use super::columns::{count, from_json, json};
use super::sql::{Dynamic, params};
use crate::error::Result;

/// Which events a listener hears; what is `None` is not asked for.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    pub workspace: Option<String>,
    pub experiment: Option<String>,
    pub run_id: Option<String>,
}

impl EventFilter {
    pub fn holds(&self, event: &Event) -> bool {
        let is = |wanted: &Option<String>, value: Option<&String>| {
            wanted.as_ref().is_none_or(|wanted| Some(wanted) == value)
        };
        is(&self.workspace, Some(&event.workspace))
            && is(&self.experiment, event.experiment.as_ref())
            && is(&self.run_id, event.run_id.as_ref())
    }
}

pub(super) fn insert(connection: &Connection, event: &Event) -> Result<u64> {
    let sequence: i64 =
        connection.value("UPDATE event_counter SET last = last + 1 RETURNING last", &[])?;
    connection.execute(
        "INSERT INTO events (sequence, time_ms, workspace, experiment, run_id, kind)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            sequence,
            event.time_ms,
            event.workspace,
            event.experiment,
            event.run_id,
            json(&event.kind)?
        ],
    )?;
    Ok(count(sequence))
}

/// Events after `sequence`, oldest first.
pub fn after(
    connection: &Connection,
    sequence: u64,
    filter: &EventFilter,
    limit: usize,
) -> Result<Vec<Event>> {
    let mut query =
        Dynamic::new("SELECT sequence, time_ms, workspace, experiment, run_id, kind FROM events");
    query.add(" WHERE sequence > ?", [sequence as i64]);
    for (wanted, condition) in [
        (&filter.workspace, " AND workspace = ?"),
        (&filter.experiment, " AND experiment = ?"),
        (&filter.run_id, " AND run_id = ?"),
    ] {
        if let Some(wanted) = wanted {
            query.add(condition, [wanted]);
        }
    }
    query.add(" ORDER BY sequence LIMIT ?", [limit as i64]);
    connection.rows(query.sql(), &query.params(), |row| {
        Ok(Event {
            sequence: count(row.get(0)?),
            time_ms: row.get(1)?,
            workspace: row.get(2)?,
            experiment: row.get(3)?,
            run_id: row.get(4)?,
            kind: from_json("kind", &row.get::<String>(5)?)?,
        })
    })
}

/// Sequence number of the newest event, also when it was dropped since.
pub fn last_sequence(connection: &Connection) -> Result<u64> {
    Ok(count(connection.value("SELECT last FROM event_counter", &[])?))
}

/// Sequence number of the oldest event that is kept; `None` when there is none.
pub fn oldest_sequence(connection: &Connection) -> Result<Option<u64>> {
    let oldest: Option<i64> = connection.value("SELECT min(sequence) FROM events", &[])?;
    Ok(oldest.map(count))
}

/// Drops all but the newest `keep` events.
pub fn prune(connection: &Connection, keep: u64) -> Result<()> {
    let last = last_sequence(connection)?;
    let newest_dropped = last.saturating_sub(keep) as i64;
    connection.execute("DELETE FROM events WHERE sequence <= ?1", params![newest_dropped])?;
    Ok(())
}
