//! Named compute targets. `local` stands in no row; who calls adds it.

use lazuli_domain::{ComputeKind, StringMap};
use serde_json::Value;

use super::Connection;
use super::columns::{count, from_json, json, unreadable};
use super::sql::{Row, params};
use super::workspaces;
use crate::error::Result;

/// A compute target as it is stored.
#[derive(Clone, Debug)]
pub struct ComputeRow {
    pub name: String,
    pub kind: ComputeKind,
    pub min_nodes: u32,
    pub max_nodes: u32,
    pub idle_seconds: u64,
    pub stopped: bool,
    pub settings: Value,
    pub description: String,
    pub tags: StringMap,
    pub created_at_ms: i64,
    pub modified_at_ms: i64,
}

/// What runs on a target.
#[derive(Clone, Copy, Debug, Default)]
pub struct Load {
    pub queued: u64,
    /// Begun and not ended.
    pub running: u64,
    /// Ended since a time.
    pub lately_ended: u64,
}

const SELECT: &str = "SELECT name, kind, min_nodes, max_nodes, idle_seconds, stopped, settings,
        description, tags, created_at_ms, modified_at_ms
    FROM compute_targets";

/// By name.
pub fn list(connection: &Connection, workspace: &str) -> Result<Vec<ComputeRow>> {
    let key = workspaces::key(connection, workspace)?;
    connection.rows(&format!("{SELECT} WHERE workspace = ?1 ORDER BY name"), params![key], of_row)
}

pub fn find(connection: &Connection, workspace: &str, name: &str) -> Result<Option<ComputeRow>> {
    let key = workspaces::key(connection, workspace)?;
    let sql = format!("{SELECT} WHERE workspace = ?1 AND name = ?2");
    connection.row(&sql, params![key, name], of_row)
}

/// Takes the place of a target of that name, which keeps the time when it was made.
pub fn put(connection: &Connection, workspace: &str, row: &ComputeRow) -> Result<()> {
    connection.execute(
        "INSERT INTO compute_targets (workspace, name, kind, min_nodes, max_nodes, idle_seconds,
            stopped, settings, description, tags, created_at_ms, modified_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (workspace, name) DO UPDATE SET kind = excluded.kind,
            min_nodes = excluded.min_nodes, max_nodes = excluded.max_nodes,
            idle_seconds = excluded.idle_seconds, stopped = excluded.stopped,
            settings = excluded.settings, description = excluded.description,
            tags = excluded.tags, modified_at_ms = excluded.modified_at_ms",
        params![
            workspaces::key(connection, workspace)?,
            row.name,
            row.kind.as_str(),
            i64::from(row.min_nodes),
            i64::from(row.max_nodes),
            i64::try_from(row.idle_seconds).unwrap_or(i64::MAX),
            i64::from(row.stopped),
            json(&row.settings)?,
            row.description,
            json(&row.tags)?,
            row.created_at_ms,
            row.modified_at_ms,
        ],
    )?;
    Ok(())
}

/// False when there was none.
pub fn delete(connection: &Connection, workspace: &str, name: &str) -> Result<bool> {
    let key = workspaces::key(connection, workspace)?;
    let deleted = connection.execute(
        "DELETE FROM compute_targets WHERE workspace = ?1 AND name = ?2",
        params![key, name],
    )?;
    Ok(deleted > 0)
}

/// What runs on the target, waits for it, and ended on it since then.
pub fn load(connection: &Connection, workspace: &str, name: &str, since_ms: i64) -> Result<Load> {
    let key = workspaces::key(connection, workspace)?;
    let counted = connection.row(
        "SELECT coalesce(CAST(sum(CASE WHEN status IN ('NotStarted', 'Queued') THEN 1 ELSE 0 END)
                    AS BIGINT), 0),
                coalesce(CAST(sum(CASE WHEN status IN ('NotStarted', 'Queued') THEN 0 ELSE 1 END)
                    AS BIGINT), 0)
         FROM runs WHERE workspace = ?1 AND compute = ?2 AND kind = 'script'
            AND status NOT IN ('Completed', 'Failed', 'Canceled')",
        params![key, name],
        |row| Ok((count(row.get(0)?), count(row.get(1)?))),
    )?;
    let lately_ended: i64 = connection.value(
        "SELECT count(*) FROM runs WHERE workspace = ?1 AND compute = ?2 AND ended_at_ms >= ?3
            AND kind = 'script' AND started_at_ms IS NOT NULL",
        params![key, name, since_ms],
    )?;
    let (queued, running) = counted.unwrap_or_default();
    Ok(Load { queued, running, lately_ended: count(lately_ended) })
}

fn of_row(row: &Row<'_>) -> Result<ComputeRow> {
    let kind: String = row.get(1)?;
    Ok(ComputeRow {
        name: row.get(0)?,
        kind: ComputeKind::parse(&kind).ok_or_else(|| unreadable("kind", format!("`{kind}`")))?,
        min_nodes: nodes(row.get(2)?),
        max_nodes: nodes(row.get(3)?),
        idle_seconds: count(row.get(4)?),
        stopped: row.get::<i64>(5)? != 0,
        settings: from_json("settings", &row.get::<String>(6)?)?,
        description: row.get(7)?,
        tags: from_json("tags", &row.get::<String>(8)?)?,
        created_at_ms: row.get(9)?,
        modified_at_ms: row.get(10)?,
    })
}

fn nodes(number: i64) -> u32 {
    u32::try_from(number).unwrap_or_default()
}
