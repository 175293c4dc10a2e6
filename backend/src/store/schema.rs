//! Which tables there are, asked of the database itself: what is to be true of all of them (a backup,
//! what refers to a blob) must not forget the one that was added last.

use super::Connection;
use super::sql::params;
use crate::error::Result;

/// A table and its columns, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub columns: Vec<String>,
}

impl Table {
    pub fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|known| known == column)
    }
}

/// By name.
pub fn tables(connection: &Connection) -> Result<Vec<Table>> {
    let names: Vec<String> = connection.rows(
        match connection {
            Connection::Sqlite(_) => {
                r"SELECT name FROM sqlite_master
                 WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name"
            }
            Connection::Postgres(_) => {
                "SELECT CAST(table_name AS TEXT) FROM information_schema.tables
                 WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'
                 ORDER BY table_name"
            }
        },
        &[],
        |row| row.get(0),
    )?;
    let mut tables = Vec::with_capacity(names.len());
    for name in names {
        let columns = connection.rows(
            match connection {
                Connection::Sqlite(_) => "SELECT name FROM pragma_table_info(?1) ORDER BY cid",
                Connection::Postgres(_) => {
                    "SELECT CAST(column_name AS TEXT) FROM information_schema.columns
                     WHERE table_schema = current_schema() AND table_name = ?1
                     ORDER BY ordinal_position"
                }
            },
            params![name],
            |row| row.get(0),
        )?;
        tables.push(Table { name, columns });
    }
    Ok(tables)
}
