//! Names under which models are registered, with their tags and aliases.

use std::collections::{BTreeMap, HashMap};

use lazuli_domain::{ApiError, RegisteredModel, StringMap};

use super::Connection;
use super::columns::{count, from_json, json};
use super::models;
use super::sql::{Dynamic, Row, params};
use super::workspaces;
use crate::error::Result;

const SELECT: &str = "SELECT registered_models.key, workspaces.name, registered_models.name,
        registered_models.description, registered_models.created_at_ms,
        registered_models.updated_at_ms, registered_models.deleted_at_ms,
        registered_models.tags
    FROM registered_models JOIN workspaces ON workspaces.key = registered_models.workspace";

/// Names that one statement reads of.
const MOST_AT_ONCE: usize = 500;

/// A name to be.
pub struct NewName<'a> {
    pub workspace: &'a str,
    pub name: &'a str,
    pub description: &'a str,
    pub tags: &'a StringMap,
}

/// Makes the name; one that is there is a conflict. The row of a deleted one is used again, so that
/// version numbers go on where they were, but nothing else of it comes back.
pub fn create(connection: &Connection, new: &NewName<'_>, now_ms: i64) -> Result<i64> {
    let workspace = workspaces::key(connection, new.workspace)?;
    if find_key(connection, workspace, new.name)?.is_some() {
        return Err(ApiError::conflict(format!("the model `{}` exists already", new.name))
            .hint("choose another name, or register its next version")
            .into());
    }
    let key: i64 = connection.value(
        "INSERT INTO registered_models (workspace, name, description, tags, created_at_ms,
            updated_at_ms)
         VALUES (?1, ?2, ?3, ?5, ?4, ?4)
         ON CONFLICT (workspace, name) DO UPDATE SET description = excluded.description,
            tags = excluded.tags, created_at_ms = excluded.created_at_ms, updated_at_ms = excluded.updated_at_ms,
            deleted_at_ms = NULL
         RETURNING key",
        params![workspace, new.name, new.description, now_ms, json(new.tags)?],
    )?;
    connection.execute("DELETE FROM model_aliases WHERE registered = ?1", params![key])?;
    Ok(key)
}

/// The key of the name, made when it is not there.
pub fn ensure(connection: &Connection, workspace: &str, name: &str, now_ms: i64) -> Result<i64> {
    let workspace_key = workspaces::key(connection, workspace)?;
    match find_key(connection, workspace_key, name)? {
        Some(key) => Ok(key),
        None => {
            let tags = StringMap::new();
            create(connection, &NewName { workspace, name, description: "", tags: &tags }, now_ms)
        }
    }
}

/// The key of a name that must exist.
pub fn key(connection: &Connection, workspace: &str, name: &str) -> Result<i64> {
    let workspace_key = workspaces::key(connection, workspace)?;
    match find_key(connection, workspace_key, name)? {
        Some(key) => Ok(key),
        None => Err(models::not_found(connection, workspace, name)?.into()),
    }
}

pub fn get(connection: &Connection, workspace: &str, name: &str) -> Result<RegisteredModel> {
    let key = key(connection, workspace, name)?;
    match with_keys(connection, &[key])?.pop() {
        Some(model) => Ok(model),
        None => Err(models::not_found(connection, workspace, name)?.into()),
    }
}

/// Key and time of deletion of a name that is deleted.
pub fn find_deleted(
    connection: &Connection,
    workspace: &str,
    name: &str,
) -> Result<Option<(i64, i64)>> {
    let workspace = workspaces::key(connection, workspace)?;
    connection.row(
        "SELECT key, deleted_at_ms FROM registered_models
         WHERE workspace = ?1 AND name = ?2 AND deleted_at_ms IS NOT NULL",
        params![workspace, name],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Some of the names that are not deleted, for hints.
pub fn names(connection: &Connection, workspace: &str) -> Result<Vec<String>> {
    let key = workspaces::key(connection, workspace)?;
    connection.rows(
        "SELECT name FROM registered_models WHERE workspace = ?1 AND deleted_at_ms IS NULL
         ORDER BY key DESC LIMIT 500",
        params![key],
        |row| row.get(0),
    )
}

/// The names with these keys, in this order, with all that belongs to them.
pub fn with_keys(connection: &Connection, keys: &[i64]) -> Result<Vec<RegisteredModel>> {
    let mut found = HashMap::with_capacity(keys.len());
    for some in keys.chunks(MOST_AT_ONCE) {
        let mut query = Dynamic::new(SELECT);
        query.add_in(" WHERE registered_models.key", some);
        found.extend(connection.rows(query.sql(), &query.params(), of_row)?);
    }
    let mut aliases = aliases(connection, keys)?;
    let mut latest = models::latest_of_stages(connection, keys)?;
    for (key, model) in &mut found {
        model.aliases = aliases.remove(key).unwrap_or_default();
        model.latest = latest.remove(key).unwrap_or_default();
    }
    Ok(keys.iter().filter_map(|key| found.remove(key)).collect())
}

pub fn rename(connection: &Connection, key: i64, name: &str, now_ms: i64) -> Result<()> {
    let taken: Option<i64> = connection.find(
        "SELECT others.key FROM registered_models AS others JOIN registered_models AS this
            ON others.workspace = this.workspace
         WHERE this.key = ?1 AND others.name = ?2 AND others.key <> this.key",
        params![key, name],
    )?;
    if taken.is_some() {
        return Err(ApiError::conflict(format!("the model `{name}` exists already"))
            .hint("choose another name; a deleted model keeps its name until `lazuli gc`")
            .into());
    }
    connection.execute(
        "UPDATE registered_models SET name = ?2, updated_at_ms = ?3 WHERE key = ?1",
        params![key, name, now_ms],
    )?;
    connection.execute(
        "UPDATE models SET updated_at_ms = ?2 WHERE registered = ?1 AND deleted_at_ms IS NULL",
        params![key, now_ms],
    )?;
    Ok(())
}

pub fn set_description(connection: &Connection, key: i64, text: &str, now_ms: i64) -> Result<()> {
    connection.execute(
        "UPDATE registered_models SET description = ?2, updated_at_ms = ?3 WHERE key = ?1",
        params![key, text, now_ms],
    )?;
    Ok(())
}

/// Tags are no change of the model, as MLflow has it.
pub fn set_tags(connection: &Connection, key: i64, tags: &StringMap) -> Result<()> {
    connection.execute(
        "UPDATE registered_models SET tags = ?2 WHERE key = ?1",
        params![key, json(tags)?],
    )?;
    Ok(())
}

/// Something that belongs to it changed.
pub fn touch(connection: &Connection, key: i64, now_ms: i64) -> Result<()> {
    connection.execute(
        "UPDATE registered_models SET updated_at_ms = ?2 WHERE key = ?1",
        params![key, now_ms],
    )?;
    Ok(())
}

/// Deletes the name and, at the same moment, its versions.
pub fn delete(connection: &Connection, key: i64, now_ms: i64) -> Result<()> {
    connection.execute(
        "UPDATE registered_models SET deleted_at_ms = ?2 WHERE key = ?1",
        params![key, now_ms],
    )?;
    connection.execute(
        "UPDATE models SET deleted_at_ms = ?2 WHERE registered = ?1 AND deleted_at_ms IS NULL",
        params![key, now_ms],
    )?;
    Ok(())
}

/// Brings back the name and the versions that were deleted with it.
pub fn restore(connection: &Connection, key: i64, deleted_at_ms: i64) -> Result<()> {
    connection.execute(
        "UPDATE registered_models SET deleted_at_ms = NULL WHERE key = ?1",
        params![key],
    )?;
    connection.execute(
        "UPDATE models SET deleted_at_ms = NULL WHERE registered = ?1 AND deleted_at_ms = ?2",
        params![key, deleted_at_ms],
    )?;
    Ok(())
}

/// Takes the mark of deletion from the name, if it has one.
pub fn show(connection: &Connection, key: i64) -> Result<()> {
    connection.execute(
        "UPDATE registered_models SET deleted_at_ms = NULL WHERE key = ?1",
        params![key],
    )?;
    Ok(())
}

/// Which version each alias points to, of each of these names that has any.
pub fn aliases(
    connection: &Connection,
    registered: &[i64],
) -> Result<HashMap<i64, BTreeMap<String, u64>>> {
    let mut found: HashMap<i64, BTreeMap<String, u64>> = HashMap::new();
    for some in registered.chunks(MOST_AT_ONCE) {
        let mut query = Dynamic::new("SELECT registered, alias, version FROM model_aliases");
        query.add_in(" WHERE registered", some);
        connection.each(query.sql(), &query.params(), |row| {
            found.entry(row.get(0)?).or_default().insert(row.get(1)?, count(row.get(2)?));
            Ok(true)
        })?;
    }
    Ok(found)
}

pub fn alias(connection: &Connection, key: i64, alias: &str) -> Result<Option<u64>> {
    let version: Option<i64> = connection.find(
        "SELECT version FROM model_aliases WHERE registered = ?1 AND alias = ?2",
        params![key, alias],
    )?;
    Ok(version.map(count))
}

pub fn set_alias(connection: &Connection, key: i64, alias: &str, version: u64) -> Result<()> {
    connection.execute(
        "INSERT INTO model_aliases (registered, alias, version) VALUES (?1, ?2, ?3)
         ON CONFLICT (registered, alias) DO UPDATE SET version = excluded.version",
        params![key, alias, version as i64],
    )?;
    Ok(())
}

/// False when it was not there.
pub fn remove_alias(connection: &Connection, key: i64, alias: &str) -> Result<bool> {
    let removed = connection.execute(
        "DELETE FROM model_aliases WHERE registered = ?1 AND alias = ?2",
        params![key, alias],
    )?;
    Ok(removed > 0)
}

fn find_key(connection: &Connection, workspace: i64, name: &str) -> Result<Option<i64>> {
    connection.find(
        "SELECT key FROM registered_models
         WHERE workspace = ?1 AND name = ?2 AND deleted_at_ms IS NULL",
        params![workspace, name],
    )
}

fn of_row(row: &Row<'_>) -> Result<(i64, RegisteredModel)> {
    let model = RegisteredModel {
        workspace: row.get(1)?,
        name: row.get(2)?,
        description: row.get(3)?,
        tags: from_json("tags", &row.get::<String>(7)?)?,
        created_at_ms: row.get(4)?,
        updated_at_ms: row.get(5)?,
        aliases: BTreeMap::new(),
        latest: Vec::new(),
        deleted_at_ms: row.get(6)?,
    };
    Ok((row.get(0)?, model))
}
