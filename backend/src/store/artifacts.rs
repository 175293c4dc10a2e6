use lazuli_domain::{ApiError, Artifact};

use super::Connection;
use super::columns::count;
use super::sql::{Row, after_prefix, params};
use crate::error::Result;

/// Keeps the artifact; one of the same path is replaced.
pub fn put(connection: &Connection, run: i64, artifact: &Artifact) -> Result<()> {
    connection.execute(
        "INSERT INTO artifacts (run, path, size, sha256, created_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (run, path) DO UPDATE SET size = excluded.size,
            sha256 = excluded.sha256, created_at_ms = excluded.created_at_ms",
        params![run, artifact.path, artifact.size as i64, artifact.sha256, artifact.created_at_ms],
    )?;
    Ok(())
}

/// Artifacts whose path begins with `prefix`, by path.
pub fn list(connection: &Connection, run: i64, prefix: &str) -> Result<Vec<Artifact>> {
    connection.rows(
        "SELECT path, size, sha256, created_at_ms FROM artifacts
         WHERE run = ?1 AND path >= ?2 AND path < ?3 ORDER BY path",
        params![run, prefix, after_prefix(prefix)],
        of_row,
    )
}

pub fn find(connection: &Connection, run: i64, path: &str) -> Result<Option<Artifact>> {
    connection.row(
        "SELECT path, size, sha256, created_at_ms FROM artifacts WHERE run = ?1 AND path = ?2",
        params![run, path],
        of_row,
    )
}

pub fn get(connection: &Connection, run: i64, path: &str) -> Result<Artifact> {
    match find(connection, run, path)? {
        Some(artifact) => Ok(artifact),
        None => {
            let artifacts = list(connection, run, "")?;
            let error = ApiError::not_found("artifact", path);
            let near = crate::nearest::nearest(
                path,
                artifacts.iter().map(|artifact| artifact.path.as_str()),
            );
            Err(match near {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("the run has {} artifacts", artifacts.len())),
            }
            .into())
        }
    }
}

fn of_row(row: &Row<'_>) -> Result<Artifact> {
    Ok(Artifact {
        path: row.get(0)?,
        size: count(row.get(1)?),
        sha256: row.get(2)?,
        created_at_ms: row.get(3)?,
    })
}
