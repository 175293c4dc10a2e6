//! Versions of registered models; their names are in `registered_models.rs`.

use std::collections::HashMap;

use lazuli_domain::{ApiError, Model, StringMap};

use super::Connection;
use super::columns::{count, from_json, json};
use super::sql::{Dynamic, Row, params};
use super::{registered_models, workspaces};
use crate::error::Result;
use crate::nearest;

const SELECT: &str =
    "SELECT models.key, models.registered, workspaces.name, registered_models.name,
        models.version, models.description, models.properties, models.framework,
        models.framework_version, models.run_id, experiments.name, models.created_at_ms,
        models.size, models.checksum, models.files, models.stage, models.source, models.user_name,
        models.updated_at_ms, models.deleted_at_ms, models.run_link, models.model_id,
        models.tags, models.usage
    FROM models
    JOIN registered_models ON registered_models.key = models.registered
    JOIN workspaces ON workspaces.key = registered_models.workspace
    LEFT JOIN runs ON runs.key = models.run
    LEFT JOIN experiments ON experiments.key = runs.experiment";

/// Names that one statement reads of.
const MOST_AT_ONCE: usize = 500;

/// A version with the keys of its row and of its name's.
#[derive(Clone, Debug)]
pub struct VersionRow {
    pub key: i64,
    pub registered: i64,
    pub model: Model,
}

/// Keeps the model as the next version of `registered` and returns its key and number. `run` is the
/// key of the run it comes from. A number is given once, also when the version is deleted later.
pub fn insert(
    connection: &Connection,
    registered: i64,
    model: &Model,
    run: Option<i64>,
) -> Result<(i64, u64)> {
    let version: i64 = connection.value(
        "UPDATE registered_models SET last_version = last_version + 1, updated_at_ms = ?2
         WHERE key = ?1 RETURNING last_version",
        params![registered, model.created_at_ms],
    )?;
    let key = connection.value(
        "INSERT INTO models (registered, version, description, properties, framework,
            framework_version, run, run_id, model_id, created_at_ms, updated_at_ms, size, checksum,
            files, stage, source, user_name, run_link, tags, usage)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
            ?18, ?19)
         RETURNING key",
        params![
            registered,
            version,
            model.description,
            json(&model.properties)?,
            model.framework,
            model.framework_version,
            run,
            model.run_id,
            model.model_id,
            model.created_at_ms,
            model.size as i64,
            model.checksum,
            json(&model.files)?,
            model.stage,
            model.source,
            model.user,
            model.run_link,
            json(&model.tags)?,
            json(&model.usage)?,
        ],
    )?;
    Ok((key, count(version)))
}

/// By name, newest version first; without those that are deleted.
pub fn list(connection: &Connection, workspace: &str, name: Option<&str>) -> Result<Vec<Model>> {
    list_where(connection, workspace, name, "models.deleted_at_ms IS NULL")
}

/// By name, newest version first; those that are deleted.
pub fn list_deleted(
    connection: &Connection,
    workspace: &str,
    name: Option<&str>,
) -> Result<Vec<Model>> {
    list_where(connection, workspace, name, "models.deleted_at_ms IS NOT NULL")
}

fn list_where(
    connection: &Connection,
    workspace: &str,
    name: Option<&str>,
    condition: &str,
) -> Result<Vec<Model>> {
    let key = workspaces::key(connection, workspace)?;
    let rows = connection.rows(
        &format!(
            "{SELECT} WHERE registered_models.workspace = ?1 AND {condition}
                AND (CAST(?2 AS TEXT) IS NULL OR registered_models.name = ?2)
             ORDER BY registered_models.name, models.version DESC"
        ),
        params![key, name],
        of_row,
    )?;
    Ok(filled(connection, rows)?.into_iter().map(|row| row.model).collect())
}

/// That version, or the newest, if it is there and not deleted.
pub fn find(
    connection: &Connection,
    workspace: &str,
    name: &str,
    version: Option<u64>,
) -> Result<Option<VersionRow>> {
    find_where(connection, workspace, name, version, "models.deleted_at_ms IS NULL")
}

/// That version, which is deleted.
pub fn find_deleted(
    connection: &Connection,
    workspace: &str,
    name: &str,
    version: u64,
) -> Result<Option<VersionRow>> {
    find_where(connection, workspace, name, Some(version), "models.deleted_at_ms IS NOT NULL")
}

fn find_where(
    connection: &Connection,
    workspace: &str,
    name: &str,
    version: Option<u64>,
    condition: &str,
) -> Result<Option<VersionRow>> {
    let workspace = workspaces::key(connection, workspace)?;
    let version = version.map(|version| i64::try_from(version).unwrap_or(i64::MAX));
    let found = connection.rows(
        &format!(
            "{SELECT} WHERE registered_models.workspace = ?1 AND registered_models.name = ?2
                AND (CAST(?3 AS BIGINT) IS NULL OR models.version = ?3) AND {condition}
             ORDER BY models.version DESC LIMIT 1"
        ),
        params![workspace, name, version],
        of_row,
    )?;
    Ok(filled(connection, found)?.pop())
}

pub fn find_by_key(connection: &Connection, key: i64) -> Result<Option<VersionRow>> {
    let found = connection.rows(
        &format!("{SELECT} WHERE models.key = ?1 AND models.deleted_at_ms IS NULL"),
        params![key],
        of_row,
    )?;
    Ok(filled(connection, found)?.pop())
}

/// That version, or the newest; says what is there when it is not.
pub fn row(
    connection: &Connection,
    workspace: &str,
    name: &str,
    version: Option<u64>,
) -> Result<VersionRow> {
    if let Some(row) = find(connection, workspace, name, version)? {
        return Ok(row);
    }
    let newest = find(connection, workspace, name, None)?;
    let Some(version) = version else { return Err(not_found(connection, workspace, name)?.into()) };
    let error = ApiError::not_found("model", &format!("{name}:{version}"));
    Err(match newest {
        Some(newest) => error.hint(format!("its newest version is {}", newest.model.version)),
        None => not_found(connection, workspace, name)?,
    }
    .into())
}

pub fn get(
    connection: &Connection,
    workspace: &str,
    name: &str,
    version: Option<u64>,
) -> Result<Model> {
    Ok(row(connection, workspace, name, version)?.model)
}

/// The newest version of each stage, of each of these names; by version.
pub fn latest_of_stages(
    connection: &Connection,
    registered: &[i64],
) -> Result<HashMap<i64, Vec<Model>>> {
    let mut found: HashMap<i64, Vec<Model>> = HashMap::new();
    for some in registered.chunks(MOST_AT_ONCE) {
        let mut query = Dynamic::new(SELECT);
        query.add_in(" WHERE models.registered", some);
        query.add_text(
            " AND models.deleted_at_ms IS NULL AND NOT EXISTS (SELECT 1 FROM models AS newer
                WHERE newer.registered = models.registered AND newer.stage = models.stage
                    AND newer.version > models.version AND newer.deleted_at_ms IS NULL)
             ORDER BY models.version",
        );
        let rows = connection.rows(query.sql(), &query.params(), of_row)?;
        for row in filled(connection, rows)? {
            found.entry(row.registered).or_default().push(row.model);
        }
    }
    Ok(found)
}

/// The versions with these keys, in this order.
pub fn with_keys(connection: &Connection, keys: &[i64]) -> Result<Vec<VersionRow>> {
    let mut found = HashMap::with_capacity(keys.len());
    for some in keys.chunks(MOST_AT_ONCE) {
        let mut query = Dynamic::new(SELECT);
        query.add_in(" WHERE models.key", some);
        let rows = connection.rows(query.sql(), &query.params(), of_row)?;
        found.extend(filled(connection, rows)?.into_iter().map(|row| (row.key, row)));
    }
    Ok(keys.iter().filter_map(|key| found.remove(key)).collect())
}

pub fn set_description(connection: &Connection, key: i64, text: &str, now_ms: i64) -> Result<()> {
    connection.execute(
        "UPDATE models SET description = ?2, updated_at_ms = ?3 WHERE key = ?1",
        params![key, text, now_ms],
    )?;
    Ok(())
}

/// What else is said of a version.
pub fn set_about(connection: &Connection, key: i64, model: &Model, now_ms: i64) -> Result<()> {
    connection.execute(
        "UPDATE models SET properties = ?2, framework = ?3, framework_version = ?4, usage = ?5,
            updated_at_ms = ?6
         WHERE key = ?1",
        params![
            key,
            json(&model.properties)?,
            model.framework,
            model.framework_version,
            json(&model.usage)?,
            now_ms
        ],
    )?;
    Ok(())
}

/// Tags are no change of the version, as MLflow has it.
pub fn set_tags(connection: &Connection, key: i64, tags: &StringMap) -> Result<()> {
    connection.execute("UPDATE models SET tags = ?2 WHERE key = ?1", params![key, json(tags)?])?;
    Ok(())
}

pub fn set_stage(connection: &Connection, key: i64, stage: &str, now_ms: i64) -> Result<()> {
    connection.execute(
        "UPDATE models SET stage = ?2, updated_at_ms = ?3 WHERE key = ?1",
        params![key, stage, now_ms],
    )?;
    Ok(())
}

/// Moves every other version that is in this stage to `Archived`.
pub fn archive_others(
    connection: &Connection,
    row: &VersionRow,
    stage: &str,
    now_ms: i64,
) -> Result<()> {
    connection.execute(
        "UPDATE models SET stage = ?4, updated_at_ms = ?5
         WHERE registered = ?1 AND key <> ?2 AND stage = ?3 AND deleted_at_ms IS NULL",
        params![row.registered, row.key, stage, Model::ARCHIVED, now_ms],
    )?;
    Ok(())
}

/// Deletes (a time) or restores (`None`) a version. Its aliases are gone for good.
pub fn set_deleted(
    connection: &Connection,
    row: &VersionRow,
    deleted_at_ms: Option<i64>,
) -> Result<()> {
    connection.execute(
        "UPDATE models SET deleted_at_ms = ?2 WHERE key = ?1",
        params![row.key, deleted_at_ms],
    )?;
    connection.execute(
        "DELETE FROM model_aliases WHERE registered = ?1 AND version = ?2",
        params![row.registered, row.model.version as i64],
    )?;
    Ok(())
}

pub(super) fn not_found(connection: &Connection, workspace: &str, name: &str) -> Result<ApiError> {
    let names = registered_models::names(connection, workspace)?;
    let error = ApiError::not_found("model", name);
    Ok(match nearest::nearest(name, names.iter().map(String::as_str)) {
        Some(near) if near == name => error.hint("it has no version yet"),
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`lazuli model list` shows what is registered"),
    })
}

/// The versions with their aliases: one statement, however many there are.
fn filled(connection: &Connection, mut rows: Vec<VersionRow>) -> Result<Vec<VersionRow>> {
    let mut names: Vec<i64> = rows.iter().map(|row| row.registered).collect();
    names.sort_unstable();
    names.dedup();
    let aliases = registered_models::aliases(connection, &names)?;
    for row in &mut rows {
        if let Some(aliases) = aliases.get(&row.registered) {
            let points_here = |(alias, version): (&String, &u64)| {
                (*version == row.model.version).then(|| alias.clone())
            };
            row.model.aliases = aliases.iter().filter_map(points_here).collect();
        }
    }
    Ok(rows)
}

fn of_row(row: &Row<'_>) -> Result<VersionRow> {
    let model = Model {
        workspace: row.get(2)?,
        name: row.get(3)?,
        version: count(row.get(4)?),
        description: row.get(5)?,
        tags: from_json("tags", &row.get::<String>(22)?)?,
        properties: from_json("properties", &row.get::<String>(6)?)?,
        framework: row.get(7)?,
        framework_version: row.get(8)?,
        usage: from_json("usage", &row.get::<String>(23)?)?,
        run_id: row.get(9)?,
        experiment: row.get(10)?,
        created_at_ms: row.get(11)?,
        size: count(row.get(12)?),
        checksum: row.get(13)?,
        files: from_json("files", &row.get::<String>(14)?)?,
        stage: row.get(15)?,
        source: row.get(16)?,
        user: row.get(17)?,
        updated_at_ms: row.get(18)?,
        deleted_at_ms: row.get(19)?,
        run_link: row.get(20)?,
        model_id: row.get(21)?,
        aliases: Vec::new(),
    };
    Ok(VersionRow { key: row.get(0)?, registered: row.get(1)?, model })
}
