//! SQLite: one file, no server.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{OpenFlags, ToSql, params_from_iter};

use super::{Bind, Bound, Owned, Row, StoreError};
use crate::error::{Error, Result};

/// First SQLite without the race in which a WAL reset loses committed transactions.
const OLDEST_SAFE: i32 = 3_051_003;
/// Another process may hold the lock for a moment: a backup, a person with `sqlite3`.
const PATIENCE: Duration = Duration::from_secs(10);

pub static SQLITE_VERSION: std::sync::LazyLock<String> =
    std::sync::LazyLock::new(|| rusqlite::version().to_owned());

pub fn is_safe_sqlite() -> bool {
    rusqlite::version_number() >= OLDEST_SAFE
}

pub struct SqliteConnection(rusqlite::Connection);

impl SqliteConnection {
    /// The one that writes.
    pub fn open(path: &Path) -> Result<SqliteConnection> {
        let connection = rusqlite::Connection::open(path)?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        // FULL: what was acknowledged survives a power cut, not only a crash of this process.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "case_sensitive_like", true)?;
        connection.pragma_update(None, "cache_size", -4000)?;
        // Otherwise a statement is planned again for every value that is bound to it.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.set_prepared_statement_cache_capacity(128);
        Ok(SqliteConnection(connection))
    }

    pub fn open_for_reading(path: &Path) -> Result<SqliteConnection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = rusqlite::Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "case_sensitive_like", true)?;
        connection.pragma_update(None, "cache_size", -8000)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(SqliteConnection(connection))
    }

    pub(super) fn execute(&self, sql: &str, params: &[&dyn Bind]) -> rusqlite::Result<u64> {
        let mut statement = self.0.prepare_cached(sql)?;
        let changed = statement.execute(params_from_iter(bound(params)))?;
        Ok(changed as u64)
    }

    pub(super) fn each(
        &self,
        sql: &str,
        params: &[&dyn Bind],
        take: &mut dyn FnMut(&Row<'_>) -> Result<bool>,
    ) -> Result<()> {
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query(params_from_iter(bound(params)))?;
        while let Some(row) = rows.next()? {
            if !take(&Row::Sqlite(row))? {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn insert_all<const N: usize>(
        &self,
        table: &str,
        columns: [&str; N],
        rows: &[[Bound<'_>; N]],
    ) -> rusqlite::Result<()> {
        let places: Vec<String> = (1..=N).map(|place| format!("?{place}")).collect();
        let sql =
            format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), places.join(", "));
        let mut statement = self.0.prepare_cached(&sql)?;
        for row in rows {
            for (at, value) in row.iter().enumerate() {
                statement.raw_bind_parameter(at + 1, Parameter(*value))?;
            }
            statement.raw_execute()?;
        }
        Ok(())
    }

    pub(super) fn batch(&self, sql: &str) -> Result<(), StoreError> {
        Ok(self.0.execute_batch(sql)?)
    }

    pub(super) fn is_in_transaction(&self) -> bool {
        !self.0.is_autocommit()
    }

    pub(super) fn close(self) -> Result<(), StoreError> {
        self.0.close().map_err(|(_connection, error)| error.into())
    }

    /// For what only SQLite has: its online backup, its integrity check.
    pub fn inner(&self) -> &rusqlite::Connection {
        &self.0
    }
}

fn bound<'a>(params: &'a [&dyn Bind]) -> Vec<Parameter<'a>> {
    params.iter().map(|param| Parameter(param.bound())).collect()
}

struct Parameter<'a>(Bound<'a>);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Bound::Null => ValueRef::Null,
            Bound::Integer(value) => ValueRef::Integer(value),
            Bound::Real(value) => ValueRef::Real(value),
            Bound::Text(value) => ValueRef::Text(value.as_bytes()),
            Bound::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

pub(in crate::store) fn is_disk_full(error: &rusqlite::Error) -> bool {
    // A refused write to the WAL comes as an I/O error, not as SQLITE_FULL.
    error.sqlite_error().is_some_and(|error| {
        error.code == rusqlite::ErrorCode::DiskFull
            || error.extended_code == rusqlite::ffi::SQLITE_IOERR_WRITE
    })
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(StoreError::Sqlite(error))
    }
}

pub(super) fn owned(value: ValueRef<'_>) -> Owned {
    match value {
        ValueRef::Null => Owned::Null,
        ValueRef::Integer(value) => Owned::Integer(value),
        ValueRef::Real(value) => Owned::Real(value),
        ValueRef::Text(text) => Owned::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Owned::Bytes(bytes.to_vec()),
    }
}
