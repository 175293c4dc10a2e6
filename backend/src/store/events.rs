use lazuli_domain::Event;
use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{count, from_json, json};
use crate::error::Result;

/// Which events a listener hears; what is `None` is not asked for.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    pub workspace: Option<String>,
    pub experiment: Option<String>,
    pub run_id: Option<String>,
}

pub(super) fn insert(connection: &Connection, event: &Event) -> Result<u64> {
    connection
        .prepare_cached(
            "INSERT INTO events (time_ms, workspace, experiment, run_id, kind)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            event.time_ms,
            event.workspace,
            event.experiment,
            event.run_id,
            json(&event.kind)?
        ])?;
    Ok(count(connection.last_insert_rowid()))
}

/// Events after `sequence`, oldest first.
pub fn after(
    connection: &Connection,
    sequence: u64,
    filter: &EventFilter,
    limit: usize,
) -> Result<Vec<Event>> {
    let mut sql = "SELECT sequence, time_ms, workspace, experiment, run_id, kind FROM events
        WHERE sequence > ?1"
        .to_owned();
    let conditions = [
        (&filter.workspace, " AND workspace = ?2"),
        (&filter.experiment, " AND experiment = ?3"),
        (&filter.run_id, " AND run_id = ?4"),
    ];
    for (wanted, condition) in conditions {
        if wanted.is_some() {
            sql.push_str(condition);
        }
    }
    sql.push_str(" ORDER BY sequence LIMIT ?5");
    let mut statement = connection.prepare_cached(&sql)?;
    statement.raw_bind_parameter(1, sequence as i64)?;
    for (index, (wanted, _)) in conditions.into_iter().enumerate() {
        if let Some(wanted) = wanted {
            statement.raw_bind_parameter(index + 2, wanted)?;
        }
    }
    statement.raw_bind_parameter(5, limit as i64)?;
    let mut rows = statement.raw_query();
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        events.push(Event {
            sequence: count(row.get(0)?),
            time_ms: row.get(1)?,
            workspace: row.get(2)?,
            experiment: row.get(3)?,
            run_id: row.get(4)?,
            kind: from_json("kind", row.get_ref(5)?.as_str().map_err(rusqlite::Error::from)?)?,
        });
    }
    Ok(events)
}

/// Sequence number of the newest event, also when it was dropped since.
pub fn last_sequence(connection: &Connection) -> Result<u64> {
    let newest: Option<i64> = connection
        .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'events'", [], |row| row.get(0))
        .optional()?;
    Ok(count(newest.unwrap_or(0)))
}

/// Sequence number of the oldest event that is kept; `None` when there is none.
pub fn oldest_sequence(connection: &Connection) -> Result<Option<u64>> {
    let oldest: Option<i64> =
        connection.query_row("SELECT min(sequence) FROM events", [], |row| row.get(0))?;
    Ok(oldest.map(count))
}

/// Drops all but the newest `keep` events.
pub fn prune(connection: &Connection, keep: u64) -> Result<()> {
    let last = last_sequence(connection)?;
    connection
        .execute("DELETE FROM events WHERE sequence <= ?1", [last.saturating_sub(keep) as i64])?;
    Ok(())
}
