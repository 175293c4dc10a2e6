use lazuli_domain::{ApiError, Model};
use rusqlite::{Connection, params};

use super::columns::{count, from_json, json};
use super::workspaces;
use crate::error::Result;
use crate::nearest;

const SELECT: &str = "SELECT workspaces.name, models.name, models.version, models.description,
        models.tags, models.properties, models.framework, models.framework_version, runs.run_id,
        experiments.name, models.created_at_ms, models.size, models.checksum, models.files
    FROM models
    JOIN workspaces ON workspaces.key = models.workspace
    LEFT JOIN runs ON runs.key = models.run
    LEFT JOIN experiments ON experiments.key = runs.experiment";

/// Keeps the model as the next version of its name and returns that version. `run` is the key of
/// the run it comes from.
pub fn insert(connection: &Connection, model: &Model, run: Option<i64>) -> Result<u64> {
    let workspace = workspaces::key(connection, &model.workspace)?;
    let version: i64 = connection
        .prepare_cached(
            "SELECT coalesce(max(version), 0) + 1 FROM models WHERE workspace = ?1 AND name = ?2",
        )?
        .query_row(params![workspace, model.name], |row| row.get(0))?;
    connection
        .prepare_cached(
            "INSERT INTO models (workspace, name, version, description, tags, properties, framework,
                framework_version, run, created_at_ms, size, checksum, files)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            workspace,
            model.name,
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
        ])?;
    Ok(count(version))
}

/// By name, newest version first.
pub fn list(connection: &Connection, workspace: &str, name: Option<&str>) -> Result<Vec<Model>> {
    let key = workspaces::key(connection, workspace)?;
    let mut statement = connection.prepare_cached(&format!(
        "{SELECT} WHERE models.workspace = ?1 AND (?2 IS NULL OR models.name = ?2)
         ORDER BY models.name, models.version DESC"
    ))?;
    let mut rows = statement.query(params![key, name])?;
    let mut models = Vec::new();
    while let Some(row) = rows.next()? {
        models.push(of_row(row)?);
    }
    Ok(models)
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
    let mut statement = connection
        .prepare_cached("SELECT DISTINCT name FROM models WHERE workspace = ?1 LIMIT 500")?;
    let names =
        statement.query_map([key], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    let error = ApiError::not_found("model", name);
    Ok(match nearest::nearest(name, names.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`lazuli model list` shows what is registered"),
    })
}

fn of_row(row: &rusqlite::Row<'_>) -> Result<Model> {
    Ok(Model {
        workspace: row.get(0)?,
        name: row.get(1)?,
        version: count(row.get(2)?),
        description: row.get(3)?,
        tags: from_json("tags", &row.get::<_, String>(4)?)?,
        properties: from_json("properties", &row.get::<_, String>(5)?)?,
        framework: row.get(6)?,
        framework_version: row.get(7)?,
        run_id: row.get(8)?,
        experiment: row.get(9)?,
        created_at_ms: row.get(10)?,
        size: count(row.get(11)?),
        checksum: row.get(12)?,
        files: from_json("files", &row.get::<_, String>(13)?)?,
    })
}
