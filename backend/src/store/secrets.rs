use lazuli_domain::{ApiError, Secret};

use super::Connection;
use super::sql::params;
use super::workspaces;
use crate::error::Result;

/// A secret as it is stored.
pub struct SealedSecret {
    pub nonce: Vec<u8>,
    pub sealed: Vec<u8>,
}

pub fn put(
    connection: &Connection,
    workspace: &str,
    name: &str,
    secret: &SealedSecret,
    now_ms: i64,
) -> Result<()> {
    connection.execute(
        "INSERT INTO secrets (workspace, name, nonce, sealed, updated_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (workspace, name) DO UPDATE SET nonce = excluded.nonce,
            sealed = excluded.sealed, updated_at_ms = excluded.updated_at_ms",
        params![workspaces::key(connection, workspace)?, name, secret.nonce, secret.sealed, now_ms],
    )?;
    Ok(())
}

pub fn get(connection: &Connection, workspace: &str, name: &str) -> Result<SealedSecret> {
    let key = workspaces::key(connection, workspace)?;
    let found = connection.row(
        "SELECT nonce, sealed FROM secrets WHERE workspace = ?1 AND name = ?2",
        params![key, name],
        |row| Ok(SealedSecret { nonce: row.get(0)?, sealed: row.get(1)? }),
    )?;
    found.ok_or_else(|| not_found(name).into())
}

pub fn list(connection: &Connection, workspace: &str) -> Result<Vec<Secret>> {
    let key = workspaces::key(connection, workspace)?;
    connection.rows(
        "SELECT name, updated_at_ms FROM secrets WHERE workspace = ?1 ORDER BY name",
        params![key],
        |row| Ok(Secret { name: row.get(0)?, updated_at_ms: row.get(1)? }),
    )
}

pub fn delete(connection: &Connection, workspace: &str, name: &str) -> Result<()> {
    let key = workspaces::key(connection, workspace)?;
    let deleted = connection
        .execute("DELETE FROM secrets WHERE workspace = ?1 AND name = ?2", params![key, name])?;
    if deleted == 0 {
        return Err(not_found(name).into());
    }
    Ok(())
}

fn not_found(name: &str) -> ApiError {
    ApiError::not_found("secret", name).hint("`lazuli secret list` shows the names")
}
