//! Files below the root of MLflow's artifact proxy that are not a run's, by their whole path.

use lazuli_domain::Artifact;

use super::Connection;
use super::columns::count;
use super::sql::{Row, after_prefix, params};
use crate::error::Result;

/// Keeps the file, of the logged model if it is one's; one of the same path is replaced.
pub fn put(connection: &Connection, artifact: &Artifact, model: Option<i64>) -> Result<()> {
    connection.execute(
        "INSERT INTO proxied_artifacts (path, size, sha256, created_at_ms, model)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (path) DO UPDATE SET size = excluded.size, sha256 = excluded.sha256,
            created_at_ms = excluded.created_at_ms",
        params![
            artifact.path,
            artifact.size as i64,
            artifact.sha256,
            artifact.created_at_ms,
            model
        ],
    )?;
    Ok(())
}

pub fn find(connection: &Connection, path: &str) -> Result<Option<Artifact>> {
    connection.row(
        "SELECT path, size, sha256, created_at_ms FROM proxied_artifacts WHERE path = ?1",
        params![path],
        of_row,
    )
}

/// Files whose path begins with `prefix`, by path.
pub fn list(connection: &Connection, prefix: &str) -> Result<Vec<Artifact>> {
    connection.rows(
        "SELECT path, size, sha256, created_at_ms FROM proxied_artifacts
         WHERE path >= ?1 AND path < ?2 ORDER BY path",
        params![prefix, after_prefix(prefix)],
        of_row,
    )
}

/// Removes the file of that path and those below the folder of that path; says how many.
pub fn remove(connection: &Connection, path: &str) -> Result<u64> {
    let below = format!("{path}/");
    connection.execute(
        "DELETE FROM proxied_artifacts WHERE path = ?1 OR (path >= ?2 AND path < ?3)",
        params![path, below, after_prefix(&below)],
    )
}

fn of_row(row: &Row<'_>) -> Result<Artifact> {
    Ok(Artifact {
        path: row.get(0)?,
        size: count(row.get(1)?),
        sha256: row.get(2)?,
        created_at_ms: row.get(3)?,
    })
}
