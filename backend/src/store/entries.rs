//! Tags, properties and parameters of a run: keys with texts.

use lazuli_domain::StringMap;

use super::Connection;
use super::sql::params;
use crate::error::Result;

/// Which of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    Tag,
    Property,
    Parameter,
}

impl EntryKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Property => "property",
            Self::Parameter => "parameter",
        }
    }

    pub(super) fn table(self) -> &'static str {
        match self {
            Self::Tag => "run_tags",
            Self::Property => "run_properties",
            Self::Parameter => "run_parameters",
        }
    }
}

pub fn all(connection: &Connection, kind: EntryKind, run: i64) -> Result<StringMap> {
    let sql = format!("SELECT key, value FROM {} WHERE run = ?1", kind.table());
    let mut entries = StringMap::new();
    connection.each(&sql, params![run], |row| {
        entries.insert(row.get(0)?, row.get(1)?);
        Ok(true)
    })?;
    Ok(entries)
}

pub fn get(
    connection: &Connection,
    kind: EntryKind,
    run: i64,
    key: &str,
) -> Result<Option<String>> {
    let sql = format!("SELECT value FROM {} WHERE run = ?1 AND key = ?2", kind.table());
    connection.find(&sql, params![run, key])
}

pub fn set(
    connection: &Connection,
    kind: EntryKind,
    run: i64,
    key: &str,
    value: &str,
) -> Result<()> {
    let sql = format!(
        "INSERT INTO {} (run, key, value) VALUES (?1, ?2, ?3)
         ON CONFLICT (run, key) DO UPDATE SET value = excluded.value",
        kind.table()
    );
    connection.execute(&sql, params![run, key, value])?;
    Ok(())
}

/// False when it was not there.
pub fn remove(connection: &Connection, kind: EntryKind, run: i64, key: &str) -> Result<bool> {
    let sql = format!("DELETE FROM {} WHERE run = ?1 AND key = ?2", kind.table());
    Ok(connection.execute(&sql, params![run, key])? > 0)
}
