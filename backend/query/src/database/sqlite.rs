//! SQLite: a file, read by the library that the daemon keeps its own rows with.

use std::path::Path;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use lazuli_domain::{ApiError, ColumnType, ErrorKind};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::mpsc;

use super::{PIECE, no_columns, streamed};
use crate::error::{Result, clean};
use crate::text::read::Bytestream;

/// A database file, opened for reading.
#[derive(Clone, Debug)]
pub struct Sqlite {
    pub name: String,
    pub path: String,
    pub query: String,
    pub timeout: Duration,
}

impl Sqlite {
    fn connect(&self) -> Result<Connection> {
        if !Path::new(&self.path).is_file() {
            return Err(ApiError::new(
                ErrorKind::NotFound,
                format!("the file `{}` of the database `{}` is not there", self.path, self.name),
            )
            .hint("put it back, or register the datastore again with the right path"));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(&self.path, flags).map_err(|error| self.failed(&error))?;
        connection.busy_timeout(Duration::from_secs(10)).map_err(|error| self.failed(&error))?;
        Ok(connection)
    }

    pub fn columns(&self) -> Result<Vec<(String, Option<ColumnType>)>> {
        let connection = self.connect()?;
        let statement = connection.prepare(&self.query).map_err(|error| self.failed(&error))?;
        if statement.column_count() == 0 {
            return Err(no_columns(&self.name));
        }
        Ok(statement
            .columns()
            .map(|column| {
                // Only what SQLite has no values for: the others say themselves what they are.
                let declared = column.decl_type().unwrap_or_default().to_ascii_uppercase();
                let known = match declared.split('(').next().unwrap_or_default().trim() {
                    "DATE" | "DATETIME" | "TIMESTAMP" => {
                        Some(ColumnType::Datetime { formats: Vec::new() })
                    }
                    "BOOLEAN" | "BOOL" => Some(ColumnType::Boolean),
                    _ => None,
                };
                (column.name().to_owned(), known)
            })
            .collect())
    }

    fn send(&self, pieces: &mpsc::Sender<Result<Bytes>>) -> Result<()> {
        let connection = self.connect()?;
        let failed = |error: rusqlite::Error| self.failed(&error);
        // Ends with this function, whose end of the channel it waits for, or at the given time.
        let (_done_tx, done) = std::sync::mpsc::channel::<()>();
        let (interrupt, timeout) = (connection.get_interrupt_handle(), self.timeout);
        std::thread::spawn(move || {
            if done.recv_timeout(timeout) == Err(RecvTimeoutError::Timeout) {
                interrupt.interrupt();
            }
        });
        let mut statement = connection.prepare(&self.query).map_err(failed)?;
        let count = statement.column_count();
        let mut rows = statement.query([]).map_err(failed)?;
        let mut piece = Vec::with_capacity(PIECE + 1024);
        while let Some(row) = rows.next().map_err(failed)? {
            for place in 0..count {
                if place > 0 {
                    piece.push(b',');
                }
                write(&mut piece, row.get_ref(place).map_err(failed)?);
            }
            piece.push(b'\n');
            if piece.len() >= PIECE {
                let full = std::mem::replace(&mut piece, Vec::with_capacity(PIECE + 1024));
                if pieces.blocking_send(Ok(full.into())).is_err() {
                    return Ok(());
                }
            }
        }
        if !piece.is_empty() {
            let _gone = pieces.blocking_send(Ok(piece.into()));
        }
        Ok(())
    }

    fn failed(&self, error: &rusqlite::Error) -> ApiError {
        let name = &self.name;
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::OperationInterrupted) => ApiError::unavailable(format!(
                "the query to the database `{name}` took longer than {} seconds",
                self.timeout.as_secs()
            ))
            .hint("give it more time with `query_timeout`, or ask for less"),
            Some(rusqlite::ErrorCode::NotADatabase) => {
                ApiError::invalid(format!("the file `{}` is no SQLite database", self.path))
                    .hint("register the datastore again with the right path")
            }
            _ => ApiError::invalid(format!(
                "the database `{name}` refuses the query: {}",
                clean(&error.to_string())
            ))
            .hint("try the query in `sqlite3`"),
        }
    }
}

impl Bytestream for Sqlite {
    fn open(&self) -> BoxStream<'static, Result<Bytes>> {
        let this = self.clone();
        streamed(move |pieces| this.send(pieces))
    }
}

/// Text between quotes, a blob as hexadecimal digits. NULL is a word: an empty line would be no record.
fn write(line: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => line.extend_from_slice(b"NULL"),
        ValueRef::Integer(value) => line.extend_from_slice(value.to_string().as_bytes()),
        ValueRef::Real(value) => {
            // A whole number stays a float.
            line.extend_from_slice(format!("{value:?}").as_bytes());
        }
        ValueRef::Text(text) => {
            let text = String::from_utf8_lossy(text).replace('"', "\"\"");
            line.push(b'"');
            line.extend_from_slice(text.as_bytes());
            line.push(b'"');
        }
        ValueRef::Blob(bytes) => {
            line.push(b'"');
            bytes.iter().for_each(|byte| line.extend_from_slice(format!("{byte:02x}").as_bytes()));
            line.push(b'"');
        }
    }
}
