//! Soft deletion: rows that are marked, hidden, and come back when the mark is taken away.
//!
//! What is deleted together carries the same time, and no other time: an experiment's runs that were
//! deleted before it keep their own mark and stay deleted when the experiment comes back.

use super::Connection;
use super::experiments;
use super::runs::{self, RunHead};
use super::sql::params;
use crate::error::Result;

/// The run and everything below it.
const TREE: &str = "WITH RECURSIVE tree (key) AS (
        SELECT key FROM runs WHERE key = ?1
        UNION SELECT runs.key FROM runs JOIN tree ON runs.parent = tree.key)";

/// A run of the experiment that has not ended, if there is one.
pub fn alive_in_experiment(connection: &Connection, experiment: i64) -> Result<Option<String>> {
    connection.find(
        "SELECT run_id FROM runs WHERE experiment = ?1
            AND status NOT IN ('Completed', 'Failed', 'Canceled') ORDER BY key LIMIT 1",
        params![experiment],
    )
}

/// The run, or one below it, that has not ended.
pub fn alive_in_tree(connection: &Connection, run: i64) -> Result<Option<String>> {
    connection.find(
        &format!(
            "{TREE} SELECT run_id FROM runs WHERE key IN (SELECT key FROM tree)
                AND status NOT IN ('Completed', 'Failed', 'Canceled') ORDER BY key LIMIT 1"
        ),
        params![run],
    )
}

/// Deletes the run and those below it; returns the ids of those that were not deleted before.
pub fn delete_run(connection: &Connection, run: i64, now_ms: i64) -> Result<Vec<RunHead>> {
    let time_ms = own_time(connection, now_ms)?;
    let hidden = keys(
        connection,
        &format!(
            "{TREE} UPDATE runs SET deleted_at_ms = ?2
             WHERE key IN (SELECT key FROM tree) AND deleted_at_ms IS NULL RETURNING key"
        ),
        (run, time_ms),
    )?;
    moved(connection, hidden, -1)
}

/// Brings the run back, with those below it that went with it.
pub fn restore_run(connection: &Connection, run: &RunHead) -> Result<Vec<RunHead>> {
    let Some(deleted_at_ms) = run.deleted_at_ms else { return Ok(Vec::new()) };
    let shown = keys(
        connection,
        &format!(
            "{TREE} UPDATE runs SET deleted_at_ms = NULL
             WHERE key IN (SELECT key FROM tree) AND deleted_at_ms = ?2 RETURNING key"
        ),
        (run.key, deleted_at_ms),
    )?;
    moved(connection, shown, 1)
}

/// Deletes the experiment with its runs.
pub fn delete_experiment(connection: &Connection, experiment: i64, now_ms: i64) -> Result<()> {
    let time_ms = own_time(connection, now_ms)?;
    let hidden = connection.execute(
        "UPDATE runs SET deleted_at_ms = ?2 WHERE experiment = ?1 AND deleted_at_ms IS NULL",
        params![experiment, time_ms],
    )?;
    experiments::count_run(connection, experiment, -(hidden as i64), None)?;
    experiments::set_deleted(connection, experiment, Some(time_ms), now_ms)
}

/// Brings the experiment back with the runs that went with it.
pub fn restore_experiment(
    connection: &Connection,
    experiment: i64,
    deleted_at_ms: i64,
    now_ms: i64,
) -> Result<()> {
    let shown = connection.execute(
        "UPDATE runs SET deleted_at_ms = NULL WHERE experiment = ?1 AND deleted_at_ms = ?2",
        params![experiment, deleted_at_ms],
    )?;
    experiments::count_run(connection, experiment, shown as i64, None)?;
    experiments::set_deleted(connection, experiment, None, now_ms)
}

/// Now, or a moment later when something was deleted at this time already.
fn own_time(connection: &Connection, now_ms: i64) -> Result<i64> {
    let last: Option<i64> = connection.value(
        "SELECT max(deleted_at_ms) FROM (
            SELECT max(deleted_at_ms) AS deleted_at_ms FROM runs WHERE deleted_at_ms IS NOT NULL
            UNION ALL SELECT max(deleted_at_ms) FROM experiments) AS newest",
        &[],
    )?;
    Ok(now_ms.max(last.map_or(0, |last| last + 1)))
}

fn keys(connection: &Connection, sql: &str, (run, time_ms): (i64, i64)) -> Result<Vec<i64>> {
    connection.rows(sql, params![run, time_ms], |row| row.get(0))
}

/// Keeps the experiments' counts in step.
fn moved(connection: &Connection, mut keys: Vec<i64>, change: i64) -> Result<Vec<RunHead>> {
    keys.sort_unstable();
    let mut heads = Vec::with_capacity(keys.len());
    for key in keys {
        if let Some(head) = runs::head_by_key(connection, key)? {
            experiments::count_run(connection, head.experiment_key, change, None)?;
            heads.push(head);
        }
    }
    Ok(heads)
}
