use lazuli_domain::{ApiError, Model};

use super::Connection;
use super::columns::{count, from_json, json};
use super::sql::{Row, params};
use super::workspaces;
use crate::error::Result;
use crate::nearest;

const SELECT: &str = "SELECT workspaces.name, registered_models.name, models.version,
        models.description, models.tags, models.properties, models.framework,
        models.framework_version, runs.run_id, experiments.name, models.created_at_ms, models.size,
        models.checksum, models.files, models.stage, models.source, models.user_name,
        models.updated_at_ms, models.deleted_at_ms, models.run_link, models.registered
    FROM models
    JOIN registered_models ON registered_models.key = models.registered
    JOIN workspaces ON workspaces.key = registered_models.workspace
    LEFT JOIN runs ON runs.key = models.run
    LEFT JOIN experiments ON experiments.key = runs.experiment";

/// Keeps the model as the next version of its name and returns that version. `run` is the key of
/// the run it comes from. A version's number is given once, also when the version is deleted later.
pub fn insert(connection: &Connection, model: &Model, run: Option<i64>) -> Result<u64> {
    let registered = ensure_name(connection, &model.workspace, &model.name, model.created_at_ms)?;
    let version: i64 = connection.value(
        "UPDATE registered_models SET last_version = last_version + 1, updated_at_ms = ?2
         WHERE key = ?1 RETURNING last_version",
        params![registered, model.created_at_ms],
    )?;
    connection.execute(
        "INSERT INTO models (registered, version, description, tags, properties, framework,
            framework_version, run, created_at_ms, updated_at_ms, size, checksum, files, stage,
            source, user_name, run_link)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        params![
            registered,
            version,
            model.description,
            json(&model.tags)?,
            json(&model.properties)?,
            model.framework,
            model.framework_version,
            run,
            model.created_at_ms,
            model.size as i64,
            model.checksum,
            json(&model.files)?,
            model.stage,
            model.source,
            model.user,
            model.run_link,
        ],
    )?;
    Ok(count(version))
}

/// The key of the name, made when it is not there. A deleted name comes back with its next version.
fn ensure_name(connection: &Connection, workspace: &str, name: &str, now_ms: i64) -> Result<i64> {
    let workspace = workspaces::key(connection, workspace)?;
    connection.value(
        "INSERT INTO registered_models (workspace, name, description, tags, created_at_ms,
            updated_at_ms)
         VALUES (?1, ?2, '', '{}', ?3, ?3)
         ON CONFLICT (workspace, name) DO UPDATE SET deleted_at_ms = NULL RETURNING key",
        params![workspace, name, now_ms],
    )
}

/// By name, newest version first; without those that are deleted.
pub fn list(connection: &Connection, workspace: &str, name: Option<&str>) -> Result<Vec<Model>> {
    let key = workspaces::key(connection, workspace)?;
    let mut models = connection.rows(
        &format!(
            "{SELECT} WHERE registered_models.workspace = ?1 AND models.deleted_at_ms IS NULL
                AND (CAST(?2 AS TEXT) IS NULL OR registered_models.name = ?2)
             ORDER BY registered_models.name, models.version DESC"
        ),
        params![key, name],
        |row| Ok((row.get::<i64>(20)?, of_row(row)?)),
    )?;
    let mut aliases: Vec<(i64, String, i64)> = connection.rows(
        "SELECT model_aliases.registered, model_aliases.alias, model_aliases.version
         FROM model_aliases JOIN registered_models ON registered_models.key = model_aliases.registered
         WHERE registered_models.workspace = ?1 ORDER BY model_aliases.alias",
        params![key],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    for (registered, model) in &mut models {
        let of_model = |(owner, _, version): &mut (i64, String, i64)| {
            owner == registered && count(*version) == model.version
        };
        model.aliases = aliases.extract_if(.., of_model).map(|(_, alias, _)| alias).collect();
    }
    Ok(models.into_iter().map(|(_, model)| model).collect())
}

/// That version, or the newest.
pub fn get(
    connection: &Connection,
    workspace: &str,
    name: &str,
    version: Option<u64>,
) -> Result<Model> {
    let models = list(connection, workspace, Some(name))?;
    if models.is_empty() {
        return Err(not_found(connection, workspace, name)?.into());
    }
    let newest = models[0].version;
    match models.into_iter().find(|model| version.is_none_or(|wanted| model.version == wanted)) {
        Some(model) => Ok(model),
        None => {
            Err(ApiError::not_found("model", &format!("{name}:{}", version.unwrap_or_default()))
                .hint(format!("its newest version is {newest}"))
                .into())
        }
    }
}

fn not_found(connection: &Connection, workspace: &str, name: &str) -> Result<ApiError> {
    let key = workspaces::key(connection, workspace)?;
    let names: Vec<String> = connection.rows(
        "SELECT name FROM registered_models WHERE workspace = ?1 AND deleted_at_ms IS NULL
         LIMIT 500",
        params![key],
        |row| row.get(0),
    )?;
    let error = ApiError::not_found("model", name);
    Ok(match nearest::nearest(name, names.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`lazuli model list` shows what is registered"),
    })
}

fn of_row(row: &Row<'_>) -> Result<Model> {
    Ok(Model {
        workspace: row.get(0)?,
        name: row.get(1)?,
        version: count(row.get(2)?),
        description: row.get(3)?,
        tags: from_json("tags", &row.get::<String>(4)?)?,
        properties: from_json("properties", &row.get::<String>(5)?)?,
        framework: row.get(6)?,
        framework_version: row.get(7)?,
        run_id: row.get(8)?,
        experiment: row.get(9)?,
        created_at_ms: row.get(10)?,
        size: count(row.get(11)?),
        checksum: row.get(12)?,
        files: from_json("files", &row.get::<String>(13)?)?,
        stage: row.get(14)?,
        source: row.get(15)?,
        user: row.get(16)?,
        updated_at_ms: row.get(17)?,
        deleted_at_ms: row.get(18)?,
        run_link: row.get(19)?,
        aliases: Vec::new(),
    })
}
