//! What goes for good, and what refers to blobs.

use std::collections::HashSet;

use lazuli_domain::JobSpec;
use serde::Deserialize;

use super::columns::{count, from_json};
use super::schema;
use super::sql::{Dynamic, params};
use super::{Connection, Write};
use crate::error::Result;

/// The mark of a run whose rows are being removed: it was deleted before all times, and is not
/// restored any more.
pub const GOING: i64 = 0;
/// So many points are removed in one write, so that other writes come in between.
const POINTS_AT_ONCE: i64 = 20_000;

/// Runs that were deleted at that time or before, oldest first.
pub fn deleted_runs(connection: &Connection, until_ms: i64) -> Result<Vec<i64>> {
    connection.rows(
        "SELECT key FROM runs WHERE deleted_at_ms IS NOT NULL AND deleted_at_ms <= ?1 ORDER BY key",
        params![until_ms],
        |row| row.get(0),
    )
}

/// Removes a part of the run, or the rest of it; false when there is more.
pub fn remove_run(write: &Write<'_>, run: i64, until_ms: i64) -> Result<bool> {
    let marked = write.execute(
        "UPDATE runs SET deleted_at_ms = ?3
         WHERE key = ?1 AND deleted_at_ms IS NOT NULL AND deleted_at_ms <= ?2",
        params![run, until_ms, GOING],
    )?;
    if marked == 0 {
        // Restored in between, or gone.
        return Ok(true);
    }
    let metrics: Vec<i64> =
        write.rows("SELECT key FROM metrics WHERE run = ?1", params![run], |row| row.get(0))?;
    let mut room = POINTS_AT_ONCE;
    for metric in metrics {
        let removed = write.execute(
            "DELETE FROM metric_points WHERE metric = ?1 AND sequence IN (
                SELECT sequence FROM metric_points WHERE metric = ?1 ORDER BY sequence LIMIT ?2)",
            params![metric, room],
        )?;
        room -= removed as i64;
        if room <= 0 {
            return Ok(false);
        }
        write.execute("DELETE FROM metric_stretches WHERE metric = ?1", params![metric])?;
        write.execute("DELETE FROM metrics WHERE key = ?1", params![metric])?;
    }
    // The other rows go with it: the tables that refer to runs say so.
    write.execute("DELETE FROM runs WHERE key = ?1", params![run])?;
    Ok(true)
}

/// When the script run that goes on longest was made.
pub fn oldest_script_alive(connection: &Connection) -> Result<Option<i64>> {
    connection.value(
        "SELECT min(created_at_ms) FROM runs
         WHERE status NOT IN ('Completed', 'Failed', 'Canceled') AND kind = 'script'",
        &[],
    )
}

/// Experiments that were deleted at that time or before.
pub fn deleted_experiments(connection: &Connection, until_ms: i64) -> Result<u64> {
    let deleted = connection
        .value("SELECT count(*) FROM experiments WHERE deleted_at_ms <= ?1", params![until_ms])?;
    Ok(count(deleted))
}

/// Removes those of them that have no runs left.
pub fn remove_experiments(write: &Write<'_>, until_ms: i64) -> Result<u64> {
    write.execute(
        "DELETE FROM experiments WHERE deleted_at_ms <= ?1
            AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.experiment = experiments.key)",
        params![until_ms],
    )
}

/// Model versions that were deleted at that time or before.
pub fn deleted_models(connection: &Connection, until_ms: i64) -> Result<u64> {
    let deleted = connection
        .value("SELECT count(*) FROM models WHERE deleted_at_ms <= ?1", params![until_ms])?;
    Ok(count(deleted))
}

/// Versions of datasets that were deleted at that time or before.
pub fn deleted_datasets(connection: &Connection, until_ms: i64) -> Result<u64> {
    let deleted = connection.value(
        "SELECT count(*) FROM dataset_versions WHERE deleted_at_ms <= ?1",
        params![until_ms],
    )?;
    Ok(count(deleted))
}

/// The name stays, as that of a model does.
pub fn remove_datasets(write: &Write<'_>, until_ms: i64) -> Result<u64> {
    write.execute("DELETE FROM dataset_versions WHERE deleted_at_ms <= ?1", params![until_ms])
}

/// The name stays, with the newest version it had: no number is given again.
pub fn remove_models(write: &Write<'_>, until_ms: i64) -> Result<u64> {
    // Their files go with them.
    write.execute("DELETE FROM logged_models WHERE deleted_at_ms <= ?1", params![until_ms])?;
    write.execute("DELETE FROM models WHERE deleted_at_ms <= ?1", params![until_ms])
}

/// Snapshots that no run names and that were made before that time.
pub fn unused_snapshots(
    connection: &Connection,
    made_before_ms: i64,
    without_runs_until_ms: i64,
) -> Result<Vec<String>> {
    let mut used = HashSet::new();
    connection.each(
        "SELECT jobs.spec FROM jobs JOIN runs ON runs.key = jobs.run
         WHERE runs.deleted_at_ms IS NULL OR runs.deleted_at_ms > ?1",
        params![without_runs_until_ms],
        |row| {
            let spec: JobSpec = from_json("spec", &row.get::<String>(0)?)?;
            used.insert(spec.snapshot_id);
            Ok(true)
        },
    )?;
    connection.each(
        "SELECT snapshot_id FROM runs WHERE snapshot_id IS NOT NULL
            AND (deleted_at_ms IS NULL OR deleted_at_ms > ?1)",
        params![without_runs_until_ms],
        |row| {
            used.insert(row.get(0)?);
            Ok(true)
        },
    )?;
    let mut unused: Vec<String> = connection.rows(
        "SELECT snapshot_id FROM snapshots WHERE created_at_ms < ?1 ORDER BY snapshot_id",
        params![made_before_ms],
        |row| row.get(0),
    )?;
    unused.retain(|snapshot_id| !used.contains(snapshot_id));
    Ok(unused)
}

/// To be called on the writer: a job that names the snapshot is seen, and one that comes later finds
/// it gone.
pub fn remove_snapshots(write: &Write<'_>, made_before_ms: i64) -> Result<u64> {
    let unused = unused_snapshots(write, made_before_ms, i64::MIN)?;
    for some in unused.chunks(500) {
        let mut query = Dynamic::new("DELETE FROM snapshots");
        query.add_in(" WHERE snapshot_id", some);
        write.execute(query.sql(), &query.params())?;
    }
    Ok(unused.len() as u64)
}

/// Every digest that a row refers to, as bytes. A column named `sha256` holds one, a column named
/// `files` a JSON list of files with theirs.
///
/// For a dry run the rows that would go are left out: those of runs, models and datasets that were deleted at
/// `gone_until_ms` or before, and these snapshots.
pub fn referenced(
    connection: &Connection,
    gone_until_ms: i64,
    gone_snapshots: &HashSet<String>,
) -> Result<HashSet<[u8; 32]>> {
    let mut referenced = HashSet::new();
    for table in schema::tables(connection)? {
        let name = &table.name;
        for column in ["sha256", "files"] {
            if !table.has(column) {
                continue;
            }
            let of_run = match name.as_str() {
                _ if table.has("deleted_at_ms") => {
                    " WHERE deleted_at_ms IS NULL OR deleted_at_ms > ?1"
                }
                _ if table.has("run") => {
                    " WHERE NOT EXISTS (SELECT 1 FROM runs WHERE runs.key = run
                        AND runs.deleted_at_ms <= ?1)"
                }
                _ => " WHERE CAST(?1 AS BIGINT) IS NOT NULL",
            };
            let id = if name == "snapshots" { "snapshot_id" } else { "''" };
            let sql = format!("SELECT {column}, {id} FROM {name}{of_run}");
            connection.each(&sql, params![gone_until_ms], |row| {
                let text: Option<String> = row.get(0)?;
                let Some(text) = text else { return Ok(true) };
                if column == "sha256" {
                    referenced.extend(digest(&text));
                } else if !gone_snapshots.contains(&row.get::<String>(1)?) {
                    for file in from_json::<Vec<Named>>("files", &text)? {
                        referenced.extend(digest(&file.sha256));
                    }
                }
                Ok(true)
            })?;
        }
    }
    Ok(referenced)
}

#[derive(Deserialize)]
struct Named {
    sha256: String,
}

/// Of 64 hex digits.
pub fn digest(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}
