//! Which tables there are, found out by itself: what is to be true of all of them (a backup, what
//! refers to a blob) must not forget the one that was added last.

use super::Connection;
use super::sql::params;
use crate::error::Result;

/// A table and its columns, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub columns: Vec<String>,
    /// The columns of its primary key, in their order.
    pub primary_key: Vec<String>,
}

impl Table {
    pub fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|known| known == column)
    }
}

/// In the order in which they were made: a table follows those that it refers to.
pub fn tables(connection: &Connection) -> Result<Vec<Table>> {
    let names = super::migrations::tables();
    let mut tables = Vec::with_capacity(names.len());
    for name in names {
        let name = name.to_owned();
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
        let primary_key = connection.rows(
            match connection {
                Connection::Sqlite(_) => {
                    "SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk"
                }
                Connection::Postgres(_) => {
                    "SELECT CAST(used.column_name AS TEXT)
                     FROM information_schema.key_column_usage AS used
                     JOIN information_schema.table_constraints AS made
                        ON made.constraint_name = used.constraint_name
                        AND made.table_schema = used.table_schema
                        AND made.table_name = used.table_name
                     WHERE made.constraint_type = 'PRIMARY KEY'
                        AND used.table_schema = current_schema() AND used.table_name = ?1
                     ORDER BY used.ordinal_position"
                }
            },
            params![name],
            |row| row.get(0),
        )?;
        tables.push(Table { name, columns, primary_key });
    }
    Ok(tables)
}
