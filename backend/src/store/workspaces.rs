use lazuli_domain::{ApiError, StringMap, Workspace};
use serde_json::Value;

use super::Connection;
use super::columns::{count, from_json, json};
use super::sql::{Row, params};
use crate::error::Result;
use crate::nearest;

const SELECT: &str = "SELECT name, created_at_ms, tags,
        (SELECT count(*) FROM experiments
            WHERE workspace = workspaces.key AND deleted_at_ms IS NULL),
        (SELECT CAST(coalesce(sum(runs), 0) AS BIGINT) FROM experiments
            WHERE workspace = workspaces.key AND deleted_at_ms IS NULL),
        (SELECT count(*) FROM models JOIN registered_models
            ON registered_models.key = models.registered
            WHERE registered_models.workspace = workspaces.key AND models.deleted_at_ms IS NULL),
        settings
    FROM workspaces";

pub fn list(connection: &Connection) -> Result<Vec<Workspace>> {
    connection.rows(&format!("{SELECT} ORDER BY name"), &[], of_row)
}

pub fn get(connection: &Connection, name: &str) -> Result<Workspace> {
    match connection.row(&format!("{SELECT} WHERE name = ?1"), params![name], of_row)? {
        Some(workspace) => Ok(workspace),
        None => Err(not_found(connection, name)?.into()),
    }
}

/// The key of a workspace that must exist.
pub fn key(connection: &Connection, name: &str) -> Result<i64> {
    match connection.find("SELECT key FROM workspaces WHERE name = ?1", params![name])? {
        Some(key) => Ok(key),
        None => Err(not_found(connection, name)?.into()),
    }
}

/// Makes the workspace when it is not there; true when it was made.
pub fn ensure(
    connection: &Connection,
    name: &str,
    tags: &StringMap,
    created_at_ms: i64,
) -> Result<bool> {
    let made = connection.execute(
        "INSERT INTO workspaces (name, created_at_ms, tags) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO NOTHING",
        params![name, created_at_ms, json(tags)?],
    )?;
    Ok(made == 1)
}

/// Changes what is said of it.
pub fn set_about(
    connection: &Connection,
    name: &str,
    tags: &StringMap,
    settings: &Value,
) -> Result<()> {
    connection.execute(
        "UPDATE workspaces SET tags = ?2, settings = ?3 WHERE name = ?1",
        params![name, json(tags)?, json(settings)?],
    )?;
    Ok(())
}

/// Workspaces, runs, runs alive, models.
pub fn totals(connection: &Connection) -> Result<(u64, u64, u64, u64)> {
    let total = |sql: &str| -> Result<u64> { Ok(count(connection.value(sql, &[])?)) };
    Ok((
        total("SELECT count(*) FROM workspaces")?,
        total("SELECT CAST(coalesce(sum(runs), 0) AS BIGINT) FROM experiments")?,
        total("SELECT count(*) FROM runs WHERE status NOT IN ('Completed', 'Failed', 'Canceled')")?,
        total("SELECT count(*) FROM models WHERE deleted_at_ms IS NULL")?,
    ))
}

fn not_found(connection: &Connection, name: &str) -> Result<ApiError> {
    let names: Vec<String> =
        connection.rows("SELECT name FROM workspaces LIMIT 500", &[], |row| row.get(0))?;
    let error = ApiError::not_found("workspace", name);
    Ok(match nearest::nearest(name, names.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("create it with `lazuli workspace create {name}`")),
    })
}

fn of_row(row: &Row<'_>) -> Result<Workspace> {
    Ok(Workspace {
        name: row.get(0)?,
        created_at_ms: row.get(1)?,
        tags: from_json("tags", &row.get::<String>(2)?)?,
        experiments: count(row.get(3)?),
        runs: count(row.get(4)?),
        models: count(row.get(5)?),
        settings: from_json("settings", &row.get::<String>(6)?)?,
    })
}
