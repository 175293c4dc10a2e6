//! All rows out, and all rows in.

use std::io::Write as _;

use lazuli_domain::ApiError;

use super::copy::{Inserter, each_row, to_json};
use super::schema::{self, Table};
use super::sql::{Owned, params};
use super::{Connection, Write, columns};
use crate::error::{FileContext, Result};

/// An archive has its own word for the version. Access tokens open this daemon and no other, as its own
/// token does, and a restore must not bring back one that was revoked since.
const NOT_COPIED: [&str; 2] = ["schema_version", "access_tokens"];
/// Rows that every home has.
const ALWAYS_THERE: [&str; 3] = ["workspaces", "events", "event_counter"];

/// Every table that a backup holds.
pub fn tables(connection: &Connection) -> Result<Vec<Table>> {
    let mut tables = schema::tables(connection)?;
    tables.retain(|table| !NOT_COPIED.contains(&table.name.as_str()));
    Ok(tables)
}

/// Writes the rows of a table to a file, with the names of its columns before them.
pub fn dump(connection: &Connection, table: &Table, file: &std::fs::File) -> Result<()> {
    let mut out = std::io::BufWriter::with_capacity(1 << 20, file);
    let writing = || format!("writing the rows of `{}`", table.name);
    let names: Vec<Owned> = table.columns.iter().cloned().map(Owned::Text).collect();
    writeln!(out, "{}", to_json(&names)).while_trying(writing)?;
    each_row(connection, table, None, |row| {
        writeln!(out, "{}", to_json(&row)).while_trying(writing)
    })?;
    out.flush().while_trying(writing)
}

/// True when there is something that a restore would take away.
pub fn has_data(connection: &Connection) -> Result<bool> {
    for table in tables(connection)? {
        if ALWAYS_THERE.contains(&table.name.as_str()) {
            continue;
        }
        let sql = format!("SELECT count(*) FROM {}", table.name);
        if connection.value::<i64>(&sql, &[])? > 0 {
            return Ok(true);
        }
    }
    Ok(connection.value::<i64>("SELECT count(*) FROM workspaces", &[])? > 1)
}

/// Takes every row away. What is put in its place must come in the same write.
pub fn clear(write: &Write<'_>) -> Result<()> {
    if matches!(&**write, Connection::Sqlite(_)) {
        write.batch("PRAGMA defer_foreign_keys = ON")?;
    }
    for table in tables(write)?.iter().rev() {
        write.execute(&format!("DELETE FROM {}", table.name), &[])?;
    }
    Ok(())
}

/// A place for the rows of a table, whose columns are given as the archive has them.
pub fn inserter<'a>(
    write: &'a Write<'_>,
    known: &[Table],
    name: &str,
    columns: &[Owned],
) -> Result<Inserter<'a>> {
    let columns: Vec<String> = columns
        .iter()
        .filter_map(|column| match column {
            Owned::Text(name) => Some(name.clone()),
            _ => None,
        })
        .collect();
    // Names from a file must not become SQL unless they are ours.
    let table = known.iter().find(|table| table.name == name);
    match table {
        Some(table) if table.columns == columns => Ok(Inserter::new(write, name, &columns)),
        _ => Err(ApiError::invalid(format!(
            "the archive holds a table `{}` that this version does not know",
            name.chars().take(60).flat_map(char::escape_default).collect::<String>()
        ))
        .hint("use the version of Lazuli that wrote it")
        .into()),
    }
}

/// Puts right what counts on its own: keys to be given, and the numbers of events, which never come
/// twice.
pub fn finish(write: &Write<'_>, last_event: u64) -> Result<()> {
    write.execute(
        "UPDATE event_counter SET last = ?1 WHERE last < ?1",
        params![last_event as i64],
    )?;
    if let Connection::Postgres(_) = &**write {
        for table in tables(write)? {
            if table.primary_key == ["key"] {
                let name = &table.name;
                let sql = format!(
                    "SELECT setval(pg_get_serial_sequence('{name}', 'key'),
                        (SELECT coalesce(max(key), 1) FROM {name}))"
                );
                write.value::<i64>(&sql, &[])?;
            }
        }
    }
    Ok(())
}

/// Runs, experiments, versions of models and of datasets, secrets.
pub fn totals(connection: &Connection) -> Result<[u64; 5]> {
    let mut totals = [0; 5];
    let tables = ["runs", "experiments", "models", "dataset_versions", "secrets"];
    for (total, table) in totals.iter_mut().zip(tables) {
        *total = columns::count(connection.value(&format!("SELECT count(*) FROM {table}"), &[])?);
    }
    Ok(totals)
}
