use lazuli_domain::{ApiError, Experiment, StringMap};
use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{count, from_json, json};
use super::workspaces;
use crate::error::Result;
use crate::nearest;

const SELECT: &str = "SELECT experiments.name, workspaces.name, experiments.created_at_ms,
        experiments.tags,
        (SELECT count(*) FROM runs WHERE experiment = experiments.key),
        (SELECT created_at_ms FROM runs WHERE experiment = experiments.key
            ORDER BY key DESC LIMIT 1)
    FROM experiments JOIN workspaces ON workspaces.key = experiments.workspace";

pub fn list(connection: &Connection, workspace: &str) -> Result<Vec<Experiment>> {
    let key = workspaces::key(connection, workspace)?;
    let mut statement = connection.prepare_cached(&format!(
        "{SELECT} WHERE experiments.workspace = ?1 ORDER BY experiments.name"
    ))?;
    let mut rows = statement.query([key])?;
    let mut experiments = Vec::new();
    while let Some(row) = rows.next()? {
        experiments.push(of_row(row)?);
    }
    Ok(experiments)
}

pub fn get(connection: &Connection, workspace: &str, name: &str) -> Result<Experiment> {
    let key = key(connection, workspace, name)?;
    let mut statement =
        connection.prepare_cached(&format!("{SELECT} WHERE experiments.key = ?1"))?;
    let mut rows = statement.query([key])?;
    match rows.next()? {
        Some(row) => of_row(row),
        None => Err(ApiError::not_found("experiment", name).into()),
    }
}

/// The key of an experiment that must exist.
pub fn key(connection: &Connection, workspace: &str, name: &str) -> Result<i64> {
    let workspace_key = workspaces::key(connection, workspace)?;
    let found = connection
        .prepare_cached("SELECT key FROM experiments WHERE workspace = ?1 AND name = ?2")?
        .query_row(params![workspace_key, name], |row| row.get(0))
        .optional()?;
    match found {
        Some(key) => Ok(key),
        None => Err(not_found(connection, workspace_key, name)?.into()),
    }
}

/// The key of the experiment, made when it is not there.
pub fn ensure(
    connection: &Connection,
    workspace: &str,
    name: &str,
    tags: &StringMap,
    created_at_ms: i64,
) -> Result<i64> {
    let workspace_key = workspaces::key(connection, workspace)?;
    connection
        .prepare_cached(
            "INSERT INTO experiments (workspace, name, created_at_ms, tags)
             VALUES (?1, ?2, ?3, ?4) ON CONFLICT (workspace, name) DO NOTHING",
        )?
        .execute(params![workspace_key, name, created_at_ms, json(tags)?])?;
    key(connection, workspace, name)
}

fn not_found(connection: &Connection, workspace_key: i64, name: &str) -> Result<ApiError> {
    let mut statement = connection.prepare_cached(
        "SELECT name FROM experiments WHERE workspace = ?1 ORDER BY key DESC LIMIT 500",
    )?;
    let names = statement
        .query_map([workspace_key], |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    let error = ApiError::not_found("experiment", name);
    Ok(match nearest::nearest(name, names.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`lazuli experiment list` shows what exists"),
    })
}

fn of_row(row: &rusqlite::Row<'_>) -> Result<Experiment> {
    Ok(Experiment {
        name: row.get(0)?,
        workspace: row.get(1)?,
        created_at_ms: row.get(2)?,
        tags: from_json("tags", row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?)?,
        runs: count(row.get(4)?),
        last_run_at_ms: row.get(5)?,
    })
}
