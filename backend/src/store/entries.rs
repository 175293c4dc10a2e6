//! Tags, properties and parameters of a run: keys with texts.

use lazuli_domain::StringMap;
use rusqlite::{Connection, OptionalExtension, params};

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

    fn table(self) -> &'static str {
        match self {
            Self::Tag => "run_tags",
            Self::Property => "run_properties",
            Self::Parameter => "run_parameters",
        }
    }
}

pub fn all(connection: &Connection, kind: EntryKind, run: i64) -> Result<StringMap> {
    let sql = format!("SELECT key, value FROM {} WHERE run = ?1", kind.table());
    let mut statement = connection.prepare_cached(&sql)?;
    let entries = statement.query_map([run], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(entries.collect::<Result<StringMap, _>>()?)
}

pub fn get(
    connection: &Connection,
    kind: EntryKind,
    run: i64,
    key: &str,
) -> Result<Option<String>> {
    let sql = format!("SELECT value FROM {} WHERE run = ?1 AND key = ?2", kind.table());
    Ok(connection
        .prepare_cached(&sql)?
        .query_row(params![run, key], |row| row.get(0))
        .optional()?)
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
    connection.prepare_cached(&sql)?.execute(params![run, key, value])?;
    Ok(())
}

pub fn remove(connection: &Connection, kind: EntryKind, run: i64, key: &str) -> Result<()> {
    let sql = format!("DELETE FROM {} WHERE run = ?1 AND key = ?2", kind.table());
    connection.prepare_cached(&sql)?.execute(params![run, key])?;
    Ok(())
}
