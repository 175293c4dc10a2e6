use lazuli_domain::{ApiError, Snapshot};
use rusqlite::{Connection, params};

use super::columns::{count, from_json, json};
use crate::error::Result;

/// Keeps the snapshot; one that is there is left as it is.
pub fn put(connection: &Connection, snapshot: &Snapshot) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO snapshots (snapshot_id, files, size, created_at_ms)
             VALUES (?1, ?2, ?3, ?4) ON CONFLICT (snapshot_id) DO NOTHING",
        )?
        .execute(params![
            snapshot.snapshot_id,
            json(&snapshot.files)?,
            snapshot.size as i64,
            snapshot.created_at_ms
        ])?;
    Ok(())
}

pub fn get(connection: &Connection, snapshot_id: &str) -> Result<Snapshot> {
    let mut statement = connection.prepare_cached(
        "SELECT snapshot_id, files, size, created_at_ms FROM snapshots WHERE snapshot_id = ?1",
    )?;
    let mut rows = statement.query([snapshot_id])?;
    let Some(row) = rows.next()? else {
        return Err(ApiError::not_found("snapshot", snapshot_id)
            .hint("send its files with `POST /api/snapshots` first")
            .into());
    };
    Ok(Snapshot {
        snapshot_id: row.get(0)?,
        files: from_json("files", &row.get::<_, String>(1)?)?,
        size: count(row.get(2)?),
        created_at_ms: row.get(3)?,
    })
}
