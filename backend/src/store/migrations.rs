//! Brings a database up to this version's tables; `schema_version` says how many migrations it has.

use lazuli_domain::ApiError;

use super::Connection;
use super::sql::params;
use crate::error::Result;

const MIGRATIONS: [&str; 12] = [
    include_str!("../../migrations/0001_tracking.sql"),
    include_str!("../../migrations/0002_jobs.sql"),
    include_str!("../../migrations/0003_models.sql"),
    include_str!("../../migrations/0004_secrets.sql"),
    include_str!("../../migrations/0005_logged_models.sql"),
    include_str!("../../migrations/0006_inputs.sql"),
    include_str!("../../migrations/0007_datastores.sql"),
    include_str!("../../migrations/0008_datasets.sql"),
    include_str!("../../migrations/0020_environments.sql"),
    include_str!("../../migrations/0021_compute.sql"),
    include_str!("../../migrations/0022_access_tokens.sql"),
    include_str!("../../migrations/0023_sent_records.sql"),
];

/// How many there are; what an archive of another number holds is not what the tables here hold.
pub fn count() -> u64 {
    MIGRATIONS.len() as u64
}

/// The tables that they make, in their order.
pub(super) fn tables() -> Vec<&'static str> {
    let lines = MIGRATIONS.iter().flat_map(|migration| migration.lines());
    lines.filter_map(|line| line.strip_prefix("CREATE TABLE ")?.split(' ').next()).collect()
}

pub(super) fn apply(connection: &Connection) -> Result<()> {
    connection
        .run_migration("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")?;
    let present: Option<i64> = connection.find("SELECT version FROM schema_version", &[])?;
    let present = usize::try_from(present.unwrap_or(0)).unwrap_or(0);
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
    connection.begin()?;
    let outcome = (|| -> Result<()> {
        for migration in &MIGRATIONS[present..] {
            connection.run_migration(migration)?;
        }
        connection.execute("DELETE FROM schema_version", &[])?;
        let version = MIGRATIONS.len() as i64;
        connection.execute("INSERT INTO schema_version (version) VALUES (?1)", params![version])?;
        Ok(connection.batch("COMMIT")?)
    })();
    if outcome.is_err() && connection.is_in_transaction() {
        connection.batch("ROLLBACK")?;
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::MIGRATIONS;

    /// `lazuli gc` removes runs, and with them what belongs to them; a table that does not say what
    /// becomes of its rows would stop it.
    #[test]
    fn what_refers_to_what_may_go_says_what_becomes_of_it() {
        for line in MIGRATIONS.iter().flat_map(|migration| migration.lines()) {
            let Some((_, target)) = line.split_once(" REFERENCES ") else { continue };
            let table = target.split([' ', ',', '(']).next().unwrap_or_default();
            let stays = ["workspaces", "experiments"].contains(&table);
            assert!(stays || target.contains("ON DELETE"), "{line}");
        }
    }
}
