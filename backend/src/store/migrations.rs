//! Brings a database up to this version's tables. `user_version` says how many migrations it has.

use lazuli_domain::ApiError;
use rusqlite::Connection;

use crate::error::Result;

const MIGRATIONS: [&str; 4] = [
    include_str!("../../migrations/0001_tracking.sql"),
    include_str!("../../migrations/0002_jobs.sql"),
    include_str!("../../migrations/0003_models.sql"),
    include_str!("../../migrations/0004_secrets.sql"),
];

pub(super) fn apply(connection: &mut Connection) -> Result<()> {
    let present: usize = connection
        .pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))?
        .max(0) as usize;
    if present > MIGRATIONS.len() {
        return Err(ApiError::conflict(
            "this home was written by a newer version of Lazuli; this version cannot read it",
        )
        .hint("install the newer version, or set LAZULI_HOME to another folder")
        .into());
    }
    if present == MIGRATIONS.len() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for migration in &MIGRATIONS[present..] {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as i64)?;
    transaction.commit()?;
    Ok(())
}
