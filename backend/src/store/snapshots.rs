use lazuli_domain::{ApiError, Snapshot};

use super::Connection;
use super::columns::{count, from_json, json};
use super::sql::params;
use crate::error::Result;

/// Keeps the snapshot; one that is there counts as new again: a job that names it may follow.
pub fn put(connection: &Connection, snapshot: &Snapshot) -> Result<()> {
    connection.execute(
        "INSERT INTO snapshots (snapshot_id, files, size, created_at_ms)
         VALUES (?1, ?2, ?3, ?4) ON CONFLICT (snapshot_id)
         DO UPDATE SET created_at_ms = excluded.created_at_ms",
        params![
            snapshot.snapshot_id,
            json(&snapshot.files)?,
            snapshot.size as i64,
            snapshot.created_at_ms
        ],
    )?;
    Ok(())
}

pub fn get(connection: &Connection, snapshot_id: &str) -> Result<Snapshot> {
    let found = connection.row(
        "SELECT snapshot_id, files, size, created_at_ms FROM snapshots WHERE snapshot_id = ?1",
        params![snapshot_id],
        |row| {
            Ok(Snapshot {
                snapshot_id: row.get(0)?,
                files: from_json("files", &row.get::<String>(1)?)?,
                size: count(row.get(2)?),
                created_at_ms: row.get(3)?,
            })
        },
    )?;
    found.ok_or_else(|| {
        ApiError::not_found("snapshot", snapshot_id)
            .hint("send its files with `POST /api/snapshots` first")
            .into()
    })
}
