//! Registered datasets and their versions; which run used them is in `dataset_uses.rs`.

use lazuli_domain::{ApiError, Dataset, DatasetKind, StringMap};

use super::columns::{count, from_json, json, optional_from_json};
use super::sql::{Dynamic, Row, after_prefix, params};
use super::workspaces;
use super::{Connection, StoreError};
use crate::error::Result;
use crate::nearest;

const COLUMNS: &str = "dataset_versions.key, registered_datasets.name, dataset_versions.version,
        dataset_versions.dataset_id, dataset_versions.description, dataset_versions.tags,
        dataset_versions.definition, dataset_versions.columns, dataset_versions.file_count,
        dataset_versions.size, dataset_versions.sha256, dataset_versions.created_at_ms,
        dataset_versions.updated_at_ms, dataset_versions.deleted_at_ms, workspaces.name,
        runs.run_id";

/// A version with the key of its row and the digest of its list of files.
#[derive(Clone, Debug)]
pub struct VersionRow {
    pub key: i64,
    pub sha256: String,
    pub dataset: Dataset,
}

/// Every version, deleted or not.
fn select() -> String {
    format!(
        "SELECT {COLUMNS} FROM dataset_versions
         JOIN registered_datasets ON registered_datasets.key = dataset_versions.registered
         JOIN workspaces ON workspaces.key = registered_datasets.workspace
         LEFT JOIN runs ON runs.key = dataset_versions.run"
    )
}

/// Keeps the dataset as the next version of its name, which begins to exist by this, and returns its
/// key and number. `run` is the key of the run that registers it.
pub fn insert(
    connection: &Connection,
    dataset: &Dataset,
    sha256: &str,
    run: Option<i64>,
) -> Result<(i64, u64)> {
    let workspace = workspaces::key(connection, &dataset.workspace)?;
    let (registered, version) = next_version(connection, workspace, &dataset.name, 1)?;
    let columns = dataset.columns.as_ref().map(json).transpose()?;
    let key = connection.value(
        "INSERT INTO dataset_versions (registered, version, dataset_id, description, tags,
            definition, columns, file_count, size, sha256, run, created_at_ms, updated_at_ms, kind)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12, ?13)
         RETURNING key",
        params![
            registered,
            version,
            dataset.id,
            dataset.description,
            json(&dataset.tags)?,
            json(&dataset.definition)?,
            columns,
            dataset.file_count as i64,
            dataset.size as i64,
            sha256,
            run,
            dataset.created_at_ms,
            match dataset.kind {
                DatasetKind::Tabular => "tabular",
                DatasetKind::File => "file",
            },
        ],
    )?;
    Ok((key, count(version)))
}

/// The key of the name, which begins to exist by this, and the number of its next version: the
/// wanted one where that is not too late, because no number is given twice.
pub(super) fn next_version(
    connection: &Connection,
    workspace: i64,
    name: &str,
    wanted: i64,
) -> Result<(i64, i64)> {
    let sql = "INSERT INTO registered_datasets (workspace, name, last_version) VALUES (?1, ?2, ?3)
         ON CONFLICT (workspace, name) DO UPDATE SET deleted_at_ms = NULL,
            last_version = CASE WHEN excluded.last_version > registered_datasets.last_version
                THEN excluded.last_version ELSE registered_datasets.last_version + 1 END
         RETURNING key, last_version";
    let made = connection
        .row(sql, params![workspace, name, wanted.max(1)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    made.ok_or_else(|| StoreError::Missing { statement: sql.to_owned() }.into())
}

/// A [`Dataset`] as JSON, of which nobody here asks but for its name: what stands in the database as
/// JSON is handed on as it is, so that ten thousand take as long as reading them.
pub struct ListedDataset {
    pub name: String,
    pub json: String,
}

/// The newest version of each name that begins with `prefix`, by name, after the name `after`.
pub fn list(
    connection: &Connection,
    workspace: &str,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<ListedDataset>> {
    let key = workspaces::key(connection, workspace)?;
    let mut query = Dynamic::new(
        "SELECT registered_datasets.name, dataset_versions.version, dataset_versions.dataset_id,
            dataset_versions.kind, dataset_versions.description, dataset_versions.tags,
            dataset_versions.definition, dataset_versions.columns, dataset_versions.file_count,
            dataset_versions.size, dataset_versions.created_at_ms, dataset_versions.updated_at_ms,
            runs.run_id
         FROM registered_datasets
         JOIN dataset_versions ON dataset_versions.registered = registered_datasets.key
            AND dataset_versions.version = registered_datasets.last_version
         LEFT JOIN runs ON runs.key = dataset_versions.run",
    );
    query.add(
        " WHERE registered_datasets.workspace = ? AND registered_datasets.deleted_at_ms IS NULL",
        [key],
    );
    if !prefix.is_empty() {
        query.add(
            " AND registered_datasets.name >= ? AND registered_datasets.name < ?",
            [prefix, &after_prefix(prefix)],
        );
    }
    if let Some(after) = after {
        query.add(" AND registered_datasets.name > ?", [after]);
    }
    query.add(" ORDER BY registered_datasets.name LIMIT ?", [limit as i64]);
    let workspace = json(&workspace)?;
    connection.rows(query.sql(), &query.params(), |row| listed(&workspace, row))
}

fn listed(workspace: &str, row: &Row<'_>) -> Result<ListedDataset> {
    let name: String = row.get(0)?;
    let mut text = String::with_capacity(600);
    let mut add = |key: &str, value: &str| {
        text.push(if text.is_empty() { '{' } else { ',' });
        text.extend(["\"", key, "\":", value]);
    };
    add("workspace", workspace);
    add("name", &json(&name)?);
    for (at, key) in [(2, "id"), (3, "kind"), (4, "description")] {
        add(key, &json(&row.get::<String>(at)?)?);
    }
    for (at, key) in [(5, "tags"), (6, "definition")] {
        add(key, &row.get::<String>(at)?);
    }
    if let Some(columns) = row.get::<Option<String>>(7)? {
        add("columns", &columns);
    }
    for (at, key) in [
        (1, "version"),
        (8, "file_count"),
        (9, "size"),
        (10, "created_at_ms"),
        (11, "updated_at_ms"),
    ] {
        add(key, &row.get::<i64>(at)?.to_string());
    }
    if let Some(run_id) = row.get::<Option<String>>(12)? {
        add("run_id", &json(&run_id)?);
    }
    text.push('}');
    Ok(ListedDataset { name, json: text })
}

/// Versions of a name that must exist, the newest first, below the number `below`.
pub fn versions(
    connection: &Connection,
    workspace: &str,
    name: &str,
    below: Option<u64>,
    limit: usize,
) -> Result<Vec<Dataset>> {
    let key = workspaces::key(connection, workspace)?;
    let below = below.map_or(i64::MAX, |below| i64::try_from(below).unwrap_or(i64::MAX));
    let found = connection.rows(
        &format!(
            "{} WHERE registered_datasets.workspace = ?1 AND registered_datasets.name = ?2
                AND dataset_versions.version < ?3 AND dataset_versions.deleted_at_ms IS NULL
             ORDER BY dataset_versions.version DESC LIMIT ?4",
            select()
        ),
        params![key, name, below, limit as i64],
        |row| Ok(of_row(row)?.dataset),
    )?;
    if found.is_empty() {
        // Says which name is nearest, when it is not there at all.
        row(connection, workspace, name, None)?;
    }
    Ok(found)
}

/// That version, or the newest, if it is there and not deleted.
pub fn find(
    connection: &Connection,
    workspace: &str,
    name: &str,
    version: Option<u64>,
) -> Result<Option<VersionRow>> {
    let workspace = workspaces::key(connection, workspace)?;
    let version = version.map(|version| i64::try_from(version).unwrap_or(i64::MAX));
    connection.row(
        &format!(
            "{} WHERE registered_datasets.workspace = ?1 AND registered_datasets.name = ?2
                AND (CAST(?3 AS BIGINT) IS NULL OR dataset_versions.version = ?3)
                AND dataset_versions.deleted_at_ms IS NULL
             ORDER BY dataset_versions.version DESC LIMIT 1",
            select()
        ),
        params![workspace, name, version],
        of_row,
    )
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
    Err(match (version, newest) {
        (Some(version), Some(newest)) => {
            ApiError::not_found("dataset", &format!("{name}@{version}"))
                .hint(format!("its newest version is {}", newest.dataset.version))
        }
        _ => not_found(connection, workspace, name)?,
    }
    .into())
}

/// The version with that id; one that is deleted is not found.
pub fn by_id(connection: &Connection, workspace: &str, dataset_id: &str) -> Result<VersionRow> {
    let workspace = workspaces::key(connection, workspace)?;
    let found = connection.row(
        &format!(
            "{} WHERE dataset_versions.dataset_id = ?2 AND registered_datasets.workspace = ?1
                AND dataset_versions.deleted_at_ms IS NULL",
            select()
        ),
        params![workspace, dataset_id],
        of_row,
    )?;
    found.ok_or_else(|| {
        ApiError::not_found("dataset", dataset_id)
            .hint("`lazuli dataset list` shows what is registered")
            .into()
    })
}

pub fn set_description(connection: &Connection, key: i64, text: &str, now_ms: i64) -> Result<()> {
    connection.execute(
        "UPDATE dataset_versions SET description = ?2, updated_at_ms = ?3 WHERE key = ?1",
        params![key, text, now_ms],
    )?;
    Ok(())
}

pub fn set_tags(connection: &Connection, key: i64, tags: &StringMap, now_ms: i64) -> Result<()> {
    connection.execute(
        "UPDATE dataset_versions SET tags = ?2, updated_at_ms = ?3 WHERE key = ?1",
        params![key, json(tags)?, now_ms],
    )?;
    Ok(())
}

/// Deletes the name and, at the same moment, its versions.
pub fn delete(connection: &Connection, workspace: &str, name: &str, now_ms: i64) -> Result<()> {
    let workspace_key = workspaces::key(connection, workspace)?;
    let deleted: Option<i64> = connection.find(
        "UPDATE registered_datasets SET deleted_at_ms = ?3
         WHERE workspace = ?1 AND name = ?2 AND deleted_at_ms IS NULL RETURNING key",
        params![workspace_key, name, now_ms],
    )?;
    let Some(key) = deleted else { return Err(not_found(connection, workspace, name)?.into()) };
    connection.execute(
        "UPDATE dataset_versions SET deleted_at_ms = ?2
         WHERE registered = ?1 AND deleted_at_ms IS NULL",
        params![key, now_ms],
    )?;
    Ok(())
}

/// Brings back the name and the versions that were deleted with it; false: it is not deleted.
pub fn restore(connection: &Connection, workspace: &str, name: &str) -> Result<bool> {
    let workspace_key = workspaces::key(connection, workspace)?;
    let deleted = connection.row(
        "SELECT key, deleted_at_ms FROM registered_datasets
         WHERE workspace = ?1 AND name = ?2 AND deleted_at_ms IS NOT NULL
            AND EXISTS (SELECT 1 FROM dataset_versions
                WHERE dataset_versions.registered = registered_datasets.key
                    AND dataset_versions.deleted_at_ms = registered_datasets.deleted_at_ms)",
        params![workspace_key, name],
        |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?)),
    )?;
    let Some((key, deleted_at_ms)) = deleted else {
        // Says which name is nearest, when it is not there at all.
        row(connection, workspace, name, None)?;
        return Ok(false);
    };
    connection.execute(
        "UPDATE dataset_versions SET deleted_at_ms = NULL
         WHERE registered = ?1 AND deleted_at_ms = ?2",
        params![key, deleted_at_ms],
    )?;
    connection.execute(
        "UPDATE registered_datasets SET deleted_at_ms = NULL WHERE key = ?1",
        params![key],
    )?;
    Ok(true)
}

fn not_found(connection: &Connection, workspace: &str, name: &str) -> Result<ApiError> {
    let key = workspaces::key(connection, workspace)?;
    let names: Vec<String> = connection.rows(
        "SELECT name FROM registered_datasets WHERE workspace = ?1 AND deleted_at_ms IS NULL
         ORDER BY key DESC LIMIT 500",
        params![key],
        |row| row.get(0),
    )?;
    let error = ApiError::not_found("dataset", name);
    Ok(match nearest::nearest(name, names.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`lazuli dataset list` shows what is registered"),
    })
}

fn of_row(row: &Row<'_>) -> Result<VersionRow> {
    let definition: lazuli_domain::DatasetDefinition =
        from_json("definition", &row.get::<String>(6)?)?;
    let dataset = Dataset {
        workspace: row.get(14)?,
        id: row.get(3)?,
        name: row.get(1)?,
        version: count(row.get(2)?),
        kind: definition.kind(),
        description: row.get(4)?,
        tags: from_json("tags", &row.get::<String>(5)?)?,
        definition,
        file_count: count(row.get(8)?),
        size: count(row.get(9)?),
        columns: optional_from_json("columns", row.get(7)?)?,
        run_id: row.get(15)?,
        created_at_ms: row.get(11)?,
        updated_at_ms: row.get(12)?,
        deleted_at_ms: row.get(13)?,
    };
    Ok(VersionRow { key: row.get(0)?, sha256: row.get(10)?, dataset })
}
