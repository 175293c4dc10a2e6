use std::collections::HashMap;

use lazuli_domain::{ApiError, DEFAULT_WORKSPACE, Experiment, StringMap};

use super::Connection;
use super::columns::{count, from_json, json};
use super::sql::{Dynamic, Row, params};
use super::{search::View, workspaces};
use crate::error::Result;
use crate::nearest;

/// The name that MLflow gives to the experiment which is always there.
pub const DEFAULT_NAME: &str = "Default";
/// MLflow's clients know it by the id 0; this is its key in the default workspace.
const DEFAULT_KEY: i64 = 0;

const SELECT: &str = "SELECT experiments.name, workspaces.name, experiments.created_at_ms,
        experiments.tags, experiments.runs, experiments.last_run_at_ms, experiments.key,
        experiments.updated_at_ms, experiments.deleted_at_ms, experiments.artifact_location
    FROM experiments JOIN workspaces ON workspaces.key = experiments.workspace";

/// By name.
pub fn list(connection: &Connection, workspace: &str, view: View) -> Result<Vec<Experiment>> {
    let key = workspaces::key(connection, workspace)?;
    let seen = match view {
        View::Active => " AND experiments.deleted_at_ms IS NULL",
        View::Deleted => " AND experiments.deleted_at_ms IS NOT NULL",
        View::All => "",
    };
    connection.rows(
        &format!("{SELECT} WHERE experiments.workspace = ?1{seen} ORDER BY experiments.name"),
        params![key],
        of_row,
    )
}

/// By key, those that are deleted among them.
pub fn list_all(connection: &Connection, workspace: &str) -> Result<Vec<Experiment>> {
    let key = workspaces::key(connection, workspace)?;
    connection.rows(
        &format!("{SELECT} WHERE experiments.workspace = ?1 ORDER BY experiments.key"),
        params![key],
        of_row,
    )
}

/// Also when it is deleted.
pub fn get(connection: &Connection, workspace: &str, name: &str) -> Result<Experiment> {
    let key = key(connection, workspace, name)?;
    get_by_key(connection, key)
}

pub fn get_by_key(connection: &Connection, key: i64) -> Result<Experiment> {
    match find_by_key(connection, key)? {
        Some(experiment) => Ok(experiment),
        None => Err(ApiError::not_found("experiment", &key.to_string()).into()),
    }
}

/// In the order of these keys.
pub(super) fn with_keys(connection: &Connection, keys: &[i64]) -> Result<Vec<Experiment>> {
    let mut found = HashMap::with_capacity(keys.len());
    // Few parameters at a time: each length is a statement of its own.
    for some in keys.chunks(500) {
        let mut query = Dynamic::new(SELECT);
        query.add_in(" WHERE experiments.key", some);
        connection.each(query.sql(), &query.params(), |row| {
            let experiment = of_row(row)?;
            found.insert(experiment.id, experiment);
            Ok(true)
        })?;
    }
    Ok(keys.iter().filter_map(|key| found.remove(key)).collect())
}

pub fn find_by_key(connection: &Connection, key: i64) -> Result<Option<Experiment>> {
    connection.row(&format!("{SELECT} WHERE experiments.key = ?1"), params![key], of_row)
}

/// Also when it is deleted.
pub fn find(connection: &Connection, workspace: &str, name: &str) -> Result<Option<Experiment>> {
    let workspace_key = workspaces::key(connection, workspace)?;
    connection.row(
        &format!("{SELECT} WHERE experiments.workspace = ?1 AND experiments.name = ?2"),
        params![workspace_key, name],
        of_row,
    )
}

/// The key of an experiment that must exist.
pub fn key(connection: &Connection, workspace: &str, name: &str) -> Result<i64> {
    let workspace_key = workspaces::key(connection, workspace)?;
    match find_key(connection, workspace_key, name)? {
        Some(key) => Ok(key),
        None => Err(not_found(connection, workspace_key, name)?.into()),
    }
}

/// The key of the experiment, made when it is not there. A deleted one is a conflict: its runs would
/// appear again with the new one.
pub fn ensure(
    connection: &Connection,
    workspace: &str,
    name: &str,
    tags: &StringMap,
    created_at_ms: i64,
) -> Result<i64> {
    if let Some(experiment) = find(connection, workspace, name)? {
        if experiment.deleted_at_ms.is_some() {
            return Err(ApiError::conflict(format!("the experiment `{name}` is deleted"))
                .hint(format!(
                    "bring it back with `lazuli experiment restore {name}`, or choose another name"
                ))
                .into());
        }
        return Ok(experiment.id);
    }
    let workspace_key = workspaces::key(connection, workspace)?;
    if is_default(workspace, name) && find_by_key(connection, DEFAULT_KEY)?.is_none() {
        return connection.value(
            "INSERT INTO experiments (key, workspace, name, created_at_ms, updated_at_ms, tags)
             VALUES (?1, ?2, ?3, ?4, ?4, ?5) RETURNING key",
            params![DEFAULT_KEY, workspace_key, name, created_at_ms, json(tags)?],
        );
    }
    connection.value(
        "INSERT INTO experiments (workspace, name, created_at_ms, updated_at_ms, tags)
         VALUES (?1, ?2, ?3, ?3, ?4) RETURNING key",
        params![workspace_key, name, created_at_ms, json(tags)?],
    )
}

/// The workspace's experiment that MLflow's clients use when none is named, if it was made already.
/// In the default workspace it keeps its key, whatever it is called by now.
pub fn default(connection: &Connection, workspace: &str) -> Result<Option<Experiment>> {
    match workspace == DEFAULT_WORKSPACE {
        true => find_by_key(connection, DEFAULT_KEY),
        false => find(connection, workspace, DEFAULT_NAME),
    }
}

fn is_default(workspace: &str, name: &str) -> bool {
    workspace == DEFAULT_WORKSPACE && name == DEFAULT_NAME
}

/// Where an MLflow client wants the files of later runs to lie.
pub fn set_artifact_location(connection: &Connection, key: i64, location: &str) -> Result<()> {
    connection.execute(
        "UPDATE experiments SET artifact_location = ?2 WHERE key = ?1",
        params![key, location],
    )?;
    Ok(())
}

/// A run was added to it, or came back (`change` 1), or went (-1).
pub fn count_run(
    connection: &Connection,
    experiment: i64,
    change: i64,
    created_at_ms: Option<i64>,
) -> Result<()> {
    connection.execute(
        "UPDATE experiments SET runs = runs + ?2, last_run_at_ms = coalesce(?3, last_run_at_ms)
         WHERE key = ?1",
        params![experiment, change, created_at_ms],
    )?;
    Ok(())
}

/// How many runs these experiments, or all of the workspace, have; without those that are deleted.
pub(super) fn count_runs(
    connection: &Connection,
    workspace: i64,
    experiments: Option<&[i64]>,
) -> Result<u64> {
    let mut query = Dynamic::new("SELECT CAST(coalesce(sum(runs), 0) AS BIGINT) FROM experiments");
    query.add(" WHERE workspace = ?", [workspace]);
    if let Some(keys) = experiments {
        query.add_in(" AND key", keys);
    }
    Ok(count(connection.value(query.sql(), &query.params())?))
}

pub fn rename(connection: &Connection, key: i64, name: &str, now_ms: i64) -> Result<()> {
    connection.execute(
        "UPDATE experiments SET name = ?2, updated_at_ms = ?3 WHERE key = ?1",
        params![key, name, now_ms],
    )?;
    Ok(())
}

pub fn set_tags(connection: &Connection, key: i64, tags: &StringMap, now_ms: i64) -> Result<()> {
    connection.execute(
        "UPDATE experiments SET tags = ?2, updated_at_ms = ?3 WHERE key = ?1",
        params![key, json(tags)?, now_ms],
    )?;
    Ok(())
}

/// Deletes (a time) or restores (`None`).
pub fn set_deleted(
    connection: &Connection,
    key: i64,
    deleted_at_ms: Option<i64>,
    now_ms: i64,
) -> Result<()> {
    connection.execute(
        "UPDATE experiments SET deleted_at_ms = ?2, updated_at_ms = ?3 WHERE key = ?1",
        params![key, deleted_at_ms, now_ms],
    )?;
    Ok(())
}

fn find_key(connection: &Connection, workspace_key: i64, name: &str) -> Result<Option<i64>> {
    connection.find(
        "SELECT key FROM experiments WHERE workspace = ?1 AND name = ?2",
        params![workspace_key, name],
    )
}

fn not_found(connection: &Connection, workspace_key: i64, name: &str) -> Result<ApiError> {
    let names: Vec<String> = connection.rows(
        "SELECT name FROM experiments WHERE workspace = ?1 AND deleted_at_ms IS NULL
         ORDER BY key DESC LIMIT 500",
        params![workspace_key],
        |row| row.get(0),
    )?;
    let error = ApiError::not_found("experiment", name);
    Ok(match nearest::nearest(name, names.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`lazuli experiment list` shows what exists"),
    })
}

fn of_row(row: &Row<'_>) -> Result<Experiment> {
    Ok(Experiment {
        name: row.get(0)?,
        workspace: row.get(1)?,
        created_at_ms: row.get(2)?,
        tags: from_json("tags", &row.get::<String>(3)?)?,
        runs: count(row.get(4)?),
        last_run_at_ms: row.get(5)?,
        id: row.get(6)?,
        updated_at_ms: row.get(7)?,
        deleted_at_ms: row.get(8)?,
        artifact_location: row.get(9)?,
    })
}
