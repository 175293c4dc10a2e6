use lazuli_domain::{ApiError, StringMap, Workspace};
use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{count, from_json, json};
use crate::error::Result;
use crate::nearest;

const SELECT: &str = "SELECT name, created_at_ms, tags,
        (SELECT count(*) FROM experiments WHERE workspace = workspaces.key),
        (SELECT count(*) FROM runs WHERE workspace = workspaces.key),
        (SELECT count(*) FROM models WHERE workspace = workspaces.key)
    FROM workspaces";

pub fn list(connection: &Connection) -> Result<Vec<Workspace>> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} ORDER BY name"))?;
    let mut rows = statement.query([])?;
    let mut workspaces = Vec::new();
    while let Some(row) = rows.next()? {
        workspaces.push(of_row(row)?);
    }
    Ok(workspaces)
}

pub fn get(connection: &Connection, name: &str) -> Result<Workspace> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} WHERE name = ?1"))?;
    let mut rows = statement.query([name])?;
    match rows.next()? {
        Some(row) => of_row(row),
        None => Err(not_found(connection, name)?.into()),
    }
}

/// The key of a workspace that must exist.
pub fn key(connection: &Connection, name: &str) -> Result<i64> {
    match find(connection, name)? {
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
    let made = connection
        .prepare_cached(
            "INSERT INTO workspaces (name, created_at_ms, tags) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO NOTHING",
        )?
        .execute(params![name, created_at_ms, json(tags)?])?;
    Ok(made == 1)
}

/// Workspaces, runs, runs alive, models.
pub fn totals(connection: &Connection) -> Result<(u64, u64, u64, u64)> {
    let total = |sql: &str| -> Result<u64> {
        Ok(count(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?))
    };
    Ok((
        total("SELECT count(*) FROM workspaces")?,
        total("SELECT count(*) FROM runs")?,
        total("SELECT count(*) FROM runs WHERE status NOT IN ('Completed', 'Failed', 'Canceled')")?,
        total("SELECT count(*) FROM models")?,
    ))
}

fn find(connection: &Connection, name: &str) -> Result<Option<i64>> {
    Ok(connection
        .prepare_cached("SELECT key FROM workspaces WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?)
}

fn not_found(connection: &Connection, name: &str) -> Result<ApiError> {
    let mut statement = connection.prepare_cached("SELECT name FROM workspaces LIMIT 500")?;
    let names = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    let error = ApiError::not_found("workspace", name);
    Ok(match nearest::nearest(name, names.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("create it with `lazuli workspace create {name}`")),
    })
}

fn of_row(row: &rusqlite::Row<'_>) -> Result<Workspace> {
    Ok(Workspace {
        name: row.get(0)?,
        created_at_ms: row.get(1)?,
        tags: from_json("tags", row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?)?,
        experiments: count(row.get(3)?),
        runs: count(row.get(4)?),
        models: count(row.get(5)?),
    })
}
