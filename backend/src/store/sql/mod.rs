//! One way to speak SQL to both databases.
//!
//! Statements are written once, in the part of SQL that SQLite and PostgreSQL share, with
//! parameters `?1`, `?2` … . [`Connection`] binds, runs and reads; what differs between the two is
//! in `sqlite.rs` and `postgres.rs` and nowhere else. Rules that keep a statement portable:
//!
//! - columns hold whole numbers (64 bits), doubles, texts or bytes; a key that the database counts
//!   comes back by `RETURNING key`;
//! - a parameter that is only compared with NULL is written `CAST(?1 AS TEXT)`;
//! - a prefix is a range: `x >= ?1 AND x < ?2` with [`after_prefix`];
//! - `LIKE` respects case and takes `ESCAPE '\'`; sums are cast, `CAST(sum(x) AS BIGINT)`;
//! - where NULLs may be ordered, `NULLS FIRST` or `NULLS LAST` stands in the statement.

mod dynamic;
mod postgres;
mod sqlite;
mod value;

pub use self::dynamic::{Dynamic, Owned};
pub(super) use self::postgres::is_lost;
pub use self::postgres::{PostgresAddress, PostgresConnection};
pub(super) use self::sqlite::is_disk_full;
pub use self::sqlite::{SQLITE_VERSION, SqliteConnection, is_safe_sqlite};
pub use self::value::{Bind, Bound, Column};

use super::StoreError;
use crate::error::Result;

/// Parameters of a statement, each by reference: `params![run, name]`.
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$(&$value as &dyn $crate::store::sql::Bind),*]
    };
}
pub(crate) use params;

/// A connection to the database; one thread uses it at a time.
pub enum Connection {
    Sqlite(SqliteConnection),
    Postgres(Box<PostgresConnection>),
}

/// A row while it is read.
pub enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a ::postgres::Row),
}

impl Row<'_> {
    /// The column at that place, counted from 0.
    pub fn get<T: Column>(&self, at: usize) -> Result<T> {
        T::read(self, at)
    }

    /// The same, whatever its type.
    pub fn owned(&self, at: usize) -> Result<Owned> {
        match self {
            Self::Sqlite(row) => Ok(sqlite::owned(row.get_ref(at)?)),
            Self::Postgres(row) => postgres::owned(row, at),
        }
    }
}

impl Connection {
    /// Runs a statement; says how many rows it changed.
    pub fn execute(&self, sql: &str, params: &[&dyn Bind]) -> Result<u64> {
        Ok(match self {
            Self::Sqlite(connection) => connection.execute(sql, params)?,
            Self::Postgres(connection) => connection.execute(sql, params)?,
        })
    }

    /// Calls `take` with every row, without holding them all; it says whether to go on.
    pub fn each(
        &self,
        sql: &str,
        params: &[&dyn Bind],
        mut take: impl FnMut(&Row<'_>) -> Result<bool>,
    ) -> Result<()> {
        match self {
            Self::Sqlite(connection) => connection.each(sql, params, &mut take),
            Self::Postgres(connection) => connection.each(sql, params, &mut take),
        }
    }

    /// Every row, as `read` makes it.
    pub fn rows<T>(
        &self,
        sql: &str,
        params: &[&dyn Bind],
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        self.each(sql, params, |row| {
            rows.push(read(row)?);
            Ok(true)
        })?;
        Ok(rows)
    }

    /// The first row, if there is one.
    pub fn row<T>(
        &self,
        sql: &str,
        params: &[&dyn Bind],
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut found = None;
        self.each(sql, params, |row| {
            found = Some(read(row)?);
            Ok(false)
        })?;
        Ok(found)
    }

    /// The first column of the first row, if there is one.
    pub fn find<T: Column>(&self, sql: &str, params: &[&dyn Bind]) -> Result<Option<T>> {
        self.row(sql, params, |row| row.get(0))
    }

    /// The first column of the row that a statement of this form always has (`count(*)`,
    /// `RETURNING key`).
    pub fn value<T: Column>(&self, sql: &str, params: &[&dyn Bind]) -> Result<T> {
        self.find(sql, params)?
            .ok_or_else(|| StoreError::Missing { statement: sql.to_owned() }.into())
    }

    /// Inserts rows of `columns` into `table`, by the quickest way that the database has.
    pub fn insert_all<const N: usize>(
        &self,
        table: &str,
        columns: [&str; N],
        rows: &[[Bound<'_>; N]],
    ) -> Result<()> {
        match self {
            Self::Sqlite(connection) => connection.insert_all(table, columns, rows)?,
            Self::Postgres(connection) => connection.insert_all(table, columns, rows)?,
        }
        Ok(())
    }

    /// Runs statements without parameters.
    pub fn batch(&self, sql: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => connection.batch(sql),
            Self::Postgres(connection) => connection.batch(sql),
        }
    }

    /// Begins a transaction that may write.
    pub fn begin(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => connection.batch("BEGIN IMMEDIATE"),
            Self::Postgres(connection) => connection.batch("BEGIN"),
        }
    }

    /// Begins a transaction whose reads all see one moment.
    pub fn begin_reading(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => connection.batch("BEGIN"),
            Self::Postgres(connection) => {
                connection.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            }
        }
    }

    /// False when the database ended the transaction by itself: a full disk makes SQLite do so.
    pub fn is_in_transaction(&self) -> bool {
        match self {
            Self::Sqlite(connection) => connection.is_in_transaction(),
            Self::Postgres(connection) => !connection.is_closed(),
        }
    }

    /// True when nothing more can be done with it: the server ended, or the network did.
    pub fn is_closed(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(connection) => connection.is_closed(),
        }
    }

    /// The members of the JSON object in `column`, as a table with the columns `key` and `value`.
    pub fn members_of(&self, column: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("json_each({column})"),
            Self::Postgres(_) => format!("jsonb_each_text(CAST({column} AS jsonb))"),
        }
    }

    /// `CREATE TABLE` and the like as this database spells them; see `migrations/`.
    pub fn run_migration(&self, sql: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => connection.batch(sql),
            Self::Postgres(connection) => connection.batch(&postgres::spelled(sql)),
        }
    }

    pub fn close(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => connection.close(),
            Self::Postgres(connection) => connection.close(),
        }
    }
}

/// The smallest text after every text that begins with `prefix`.
pub fn after_prefix(prefix: &str) -> String {
    format!("{prefix}\u{10FFFF}")
}
