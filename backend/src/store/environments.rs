//! Registered environments. Curated ones stand in no row; who calls adds them.

use lazuli_domain::{Environment, EnvironmentDefinition};

use super::Connection;
use super::columns::{from_json, json};
use super::sql::{Row, params};
use super::workspaces;
use crate::error::Result;

/// What is to be stored.
pub struct NewRow<'a> {
    pub name: &'a str,
    pub version: &'a str,
    pub definition: &'a EnvironmentDefinition,
    pub content_hash: &'a str,
    pub created_at_ms: i64,
}

const SELECT: &str =
    "SELECT environments.key, workspaces.name, environments.name, version, definition,
        content_hash, environments.created_at_ms
    FROM environments JOIN workspaces ON workspaces.key = environments.workspace";

pub fn insert(connection: &Connection, workspace: &str, new: &NewRow<'_>) -> Result<()> {
    connection.execute(
        "INSERT INTO environments (workspace, name, version, definition, content_hash, created_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            workspaces::key(connection, workspace)?,
            new.name,
            new.version,
            json(new.definition)?,
            new.content_hash,
            new.created_at_ms
        ],
    )?;
    Ok(())
}

/// The newest version of each name, by name.
pub fn list(connection: &Connection, workspace: &str) -> Result<Vec<Environment>> {
    let key = workspaces::key(connection, workspace)?;
    let sql = format!(
        "{SELECT} WHERE environments.workspace = ?1 AND NOT EXISTS (
            SELECT 1 FROM environments AS newer WHERE newer.workspace = environments.workspace
                AND newer.name = environments.name AND newer.key > environments.key)
         ORDER BY environments.name"
    );
    labelled(connection, connection.rows(&sql, params![key], of_row)?)
}

/// Newest first.
pub fn versions(connection: &Connection, workspace: &str, name: &str) -> Result<Vec<Environment>> {
    let key = workspaces::key(connection, workspace)?;
    let sql = format!(
        "{SELECT} WHERE environments.workspace = ?1 AND environments.name = ?2
         ORDER BY environments.key DESC"
    );
    labelled(connection, connection.rows(&sql, params![key, name], of_row)?)
}

/// Which versions there are, newest first.
pub fn version_names(connection: &Connection, workspace: &str, name: &str) -> Result<Vec<String>> {
    let key = workspaces::key(connection, workspace)?;
    connection.rows(
        "SELECT version FROM environments WHERE workspace = ?1 AND name = ?2 ORDER BY key DESC",
        params![key, name],
        |row| row.get(0),
    )
}

/// Lets the label point to that version, which is there.
pub fn set_label(
    connection: &Connection,
    workspace: &str,
    name: &str,
    version: &str,
    label: &str,
) -> Result<()> {
    let key = workspaces::key(connection, workspace)?;
    connection.execute(
        "INSERT INTO environment_labels (workspace, name, label, environment)
         SELECT workspace, name, ?4, key FROM environments
         WHERE workspace = ?1 AND name = ?2 AND version = ?3
         ON CONFLICT (workspace, name, label) DO UPDATE SET environment = excluded.environment",
        params![key, name, version, label],
    )?;
    Ok(())
}

/// How many versions there were.
pub fn delete(connection: &Connection, workspace: &str, name: &str) -> Result<u64> {
    let key = workspaces::key(connection, workspace)?;
    connection
        .execute("DELETE FROM environments WHERE workspace = ?1 AND name = ?2", params![key, name])
}

fn labelled(connection: &Connection, rows: Vec<(i64, Environment)>) -> Result<Vec<Environment>> {
    rows.into_iter()
        .map(|(key, mut environment)| {
            environment.labels = connection.rows(
                "SELECT label FROM environment_labels WHERE environment = ?1 ORDER BY label",
                params![key],
                |row| row.get(0),
            )?;
            Ok(environment)
        })
        .collect()
}

fn of_row(row: &Row<'_>) -> Result<(i64, Environment)> {
    let environment = Environment {
        workspace: row.get(1)?,
        name: row.get(2)?,
        version: row.get(3)?,
        definition: from_json("definition", &row.get::<String>(4)?)?,
        content_hash: row.get(5)?,
        labels: Vec::new(),
        curated: false,
        created_at_ms: row.get(6)?,
    };
    Ok((row.get(0)?, environment))
}
