//! Registered datastores. Those that every workspace has stand in no row; who calls adds them.

use lazuli_domain::{CredentialKind, Datastore, DatastorePlace, StringMap};

use super::Connection;
use super::columns::{from_json, json, optional_from_json};
use super::secrets::SealedSecret;
use super::sql::{Row, params};
use super::workspaces;
use crate::error::Result;

/// A datastore as it is stored.
pub struct DatastoreRow {
    pub datastore: Datastore,
    pub sealed: Option<SealedSecret>,
}

/// What is to be stored.
pub struct NewRow<'a> {
    pub workspace: &'a str,
    pub name: &'a str,
    pub place: &'a DatastorePlace,
    pub description: &'a str,
    pub tags: &'a StringMap,
    pub credential: Option<(CredentialKind, &'a SealedSecret)>,
    pub created_at_ms: i64,
}

const SELECT: &str = "SELECT workspaces.name, datastores.name, place, description, datastores.tags,
        credential_kind, nonce, sealed, datastores.created_at_ms
    FROM datastores JOIN workspaces ON workspaces.key = datastores.workspace";

/// By name.
pub fn list(connection: &Connection, workspace: &str) -> Result<Vec<DatastoreRow>> {
    let key = workspaces::key(connection, workspace)?;
    let sql = format!("{SELECT} WHERE datastores.workspace = ?1 ORDER BY datastores.name");
    connection.rows(&sql, params![key], of_row)
}

pub fn find(connection: &Connection, workspace: &str, name: &str) -> Result<Option<DatastoreRow>> {
    let key = workspaces::key(connection, workspace)?;
    let sql = format!("{SELECT} WHERE datastores.workspace = ?1 AND datastores.name = ?2");
    connection.row(&sql, params![key, name], of_row)
}

/// Takes the place of a datastore of that name.
pub fn put(connection: &Connection, new: &NewRow<'_>) -> Result<()> {
    let key = workspaces::key(connection, new.workspace)?;
    let kind = new.credential.as_ref().map(|(kind, _)| json(kind)).transpose()?;
    let nonce = new.credential.as_ref().map(|(_, sealed)| sealed.nonce.clone());
    let sealed = new.credential.as_ref().map(|(_, sealed)| sealed.sealed.clone());
    connection.execute(
        "INSERT INTO datastores (workspace, name, place, description, tags, credential_kind, nonce,
            sealed, created_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (workspace, name) DO UPDATE SET place = excluded.place,
            description = excluded.description, tags = excluded.tags,
            credential_kind = excluded.credential_kind, nonce = excluded.nonce,
            sealed = excluded.sealed, created_at_ms = excluded.created_at_ms",
        params![
            key,
            new.name,
            json(new.place)?,
            new.description,
            json(new.tags)?,
            kind,
            nonce,
            sealed,
            new.created_at_ms
        ],
    )?;
    Ok(())
}

/// False when there was none.
pub fn delete(connection: &Connection, workspace: &str, name: &str) -> Result<bool> {
    let key = workspaces::key(connection, workspace)?;
    connection.execute(
        "DELETE FROM default_datastores WHERE workspace = ?1 AND name = ?2",
        params![key, name],
    )?;
    let deleted = connection
        .execute("DELETE FROM datastores WHERE workspace = ?1 AND name = ?2", params![key, name])?;
    Ok(deleted > 0)
}

/// The name of the default one.
pub fn default_name(connection: &Connection, workspace: &str) -> Result<String> {
    let key = workspaces::key(connection, workspace)?;
    let chosen = connection
        .find("SELECT name FROM default_datastores WHERE workspace = ?1", params![key])?;
    Ok(chosen.unwrap_or_else(|| Datastore::BLOB_STORE.to_owned()))
}

pub fn set_default(connection: &Connection, workspace: &str, name: &str) -> Result<()> {
    let key = workspaces::key(connection, workspace)?;
    connection.execute(
        "INSERT INTO default_datastores (workspace, name) VALUES (?1, ?2)
         ON CONFLICT (workspace) DO UPDATE SET name = excluded.name",
        params![key, name],
    )?;
    Ok(())
}

fn of_row(row: &Row<'_>) -> Result<DatastoreRow> {
    let sealed = match (row.get::<Option<Vec<u8>>>(6)?, row.get::<Option<Vec<u8>>>(7)?) {
        (Some(nonce), Some(sealed)) => Some(SealedSecret { nonce, sealed }),
        _ => None,
    };
    Ok(DatastoreRow {
        datastore: Datastore {
            workspace: row.get(0)?,
            name: row.get(1)?,
            place: from_json("place", &row.get::<String>(2)?)?,
            credential: optional_from_json("credential_kind", row.get(5)?)?,
            is_default: false,
            is_built_in: false,
            description: row.get(3)?,
            tags: from_json("tags", &row.get::<String>(4)?)?,
            created_at_ms: row.get(8)?,
            unchecked: None,
        },
        sealed,
    })
}
