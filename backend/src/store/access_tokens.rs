use lazuli_domain::{AccessToken, ApiError};

use super::Connection;
use super::sql::params;
use crate::error::Result;

/// An access token as it is stored.
#[derive(Clone, Debug)]
pub struct StoredToken {
    pub token: AccessToken,
    pub digest: String,
    pub revoked_at_ms: Option<i64>,
}

/// Those that were revoked, too; in the order in which they were made.
pub fn all(connection: &Connection) -> Result<Vec<StoredToken>> {
    connection.rows(
        "SELECT name, digest, created_at_ms, last_used_at_ms, expires_at_ms, revoked_at_ms
         FROM access_tokens ORDER BY key",
        &[],
        |row| {
            Ok(StoredToken {
                token: AccessToken {
                    name: row.get(0)?,
                    created_at_ms: row.get(2)?,
                    last_used_at_ms: row.get(3)?,
                    expires_at_ms: row.get(4)?,
                },
                digest: row.get(1)?,
                revoked_at_ms: row.get(5)?,
            })
        },
    )
}

pub fn insert(connection: &Connection, stored: &StoredToken) -> Result<()> {
    let token = &stored.token;
    let there = connection.find::<i64>(
        "SELECT key FROM access_tokens WHERE name = ?1 AND revoked_at_ms IS NULL",
        params![token.name],
    )?;
    if there.is_some() {
        return Err(ApiError::conflict(format!(
            "there is an access token `{}` already",
            token.name
        ))
        .hint("choose another name, or revoke that one first")
        .into());
    }
    connection.execute(
        "INSERT INTO access_tokens (name, digest, created_at_ms, expires_at_ms)
         VALUES (?1, ?2, ?3, ?4)",
        params![token.name, stored.digest, token.created_at_ms, token.expires_at_ms],
    )?;
    Ok(())
}

/// Marks the token of that name as revoked; its digest.
pub fn revoke(connection: &Connection, name: &str, now_ms: i64) -> Result<String> {
    let digest = connection.find(
        "UPDATE access_tokens SET revoked_at_ms = ?2 WHERE name = ?1 AND revoked_at_ms IS NULL
         RETURNING digest",
        params![name, now_ms],
    )?;
    digest.ok_or_else(|| {
        ApiError::not_found("access token", name).hint("`lazuli token list` shows the names").into()
    })
}

pub fn used(connection: &Connection, digest: &str, time_ms: i64) -> Result<()> {
    connection.execute(
        "UPDATE access_tokens SET last_used_at_ms = ?2 WHERE digest = ?1",
        params![digest, time_ms],
    )?;
    Ok(())
}

/// Forgets those that were revoked before then.
pub fn forget_revoked(connection: &Connection, before_ms: i64) -> Result<()> {
    connection.execute("DELETE FROM access_tokens WHERE revoked_at_ms < ?1", params![before_ms])?;
    Ok(())
}
