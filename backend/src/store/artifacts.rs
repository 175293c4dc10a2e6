use lazuli_domain::{ApiError, Artifact};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::count;
use crate::error::Result;

/// Keeps the artifact; one of the same path is replaced.
pub fn put(connection: &Connection, run: i64, artifact: &Artifact) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO artifacts (run, path, size, sha256, created_at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (run, path) DO UPDATE SET size = excluded.size,
                sha256 = excluded.sha256, created_at_ms = excluded.created_at_ms",
        )?
        .execute(params![
            run,
            artifact.path,
            artifact.size as i64,
            artifact.sha256,
            artifact.created_at_ms
        ])?;
    Ok(())
}

/// Artifacts whose path begins with `prefix`, by path.
pub fn list(connection: &Connection, run: i64, prefix: &str) -> Result<Vec<Artifact>> {
    let mut statement = connection.prepare_cached(
        "SELECT path, size, sha256, created_at_ms FROM artifacts
         WHERE run = ?1 AND path >= ?2 AND path < ?2 || char(0x10FFFF) ORDER BY path",
    )?;
    Ok(statement.query_map(params![run, prefix], of_row)?.collect::<Result<_, _>>()?)
}

pub fn find(connection: &Connection, run: i64, path: &str) -> Result<Option<Artifact>> {
    Ok(connection
        .prepare_cached(
            "SELECT path, size, sha256, created_at_ms FROM artifacts
             WHERE run = ?1 AND path = ?2",
        )?
        .query_row(params![run, path], of_row)
        .optional()?)
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

fn of_row(row: &Row<'_>) -> rusqlite::Result<Artifact> {
    Ok(Artifact {
        path: row.get(0)?,
        size: count(row.get(1)?),
        sha256: row.get(2)?,
        created_at_ms: row.get(3)?,
    })
}
