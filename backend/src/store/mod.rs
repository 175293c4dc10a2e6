//! The database. SQL is written here and nowhere else.
//!
//! [`Store::write`] hands a closure to the one writer thread, which puts everything that waits into
//! one transaction (one fsync) and answers after the commit. [`Store::read`] runs a closure on a
//! connection of its own; readers never wait for the writer. The files beside this one hold the
//! statements, one file per kind of thing; they know nothing of threads and transactions.

pub mod artifacts;
mod columns;
pub mod entries;
mod error;
pub mod events;
pub mod experiments;
pub mod jobs;
pub mod metrics;
mod migrations;
pub mod models;
mod readers;
pub mod runs;
pub mod secrets;
pub mod snapshots;
pub mod workspaces;
mod writer;

use std::path::Path;
use std::sync::Arc;

pub use error::StoreError;
use readers::Readers;
use tokio::sync::watch;
use writer::Writer;
pub use writer::{EventScope, Write};

use crate::error::{Error, Result};

/// First SQLite without the race in which a WAL reset loses committed transactions.
const OLDEST_SAFE_SQLITE: i32 = 3_051_003;

pub struct Store {
    writer: Writer,
    readers: Arc<Readers>,
    last_event: watch::Receiver<u64>,
}

impl Store {
    /// Opens the database, bringing it up to date first.
    pub fn open(path: &Path) -> Result<Store> {
        if rusqlite::version_number() < OLDEST_SAFE_SQLITE {
            return Err(Error::Defect(format!(
                "SQLite {} may lose committed data (its WAL-reset race was mended in 3.51.3); build \
                 with the bundled one",
                rusqlite::version()
            )));
        }
        let mut connection = open_for_writing(path)?;
        migrations::apply(&mut connection)?;
        let newest = events::last_sequence(&connection)?;
        let (last_event_tx, last_event) = watch::channel(newest);
        Ok(Store {
            writer: Writer::start(connection, last_event_tx)?,
            readers: Arc::new(Readers::new(path.to_owned())),
            last_event,
        })
    }

    /// Runs `work` in the next group commit; the answer comes after it is on disk. An error of
    /// `work` undoes what it did and nothing else.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        F: FnOnce(&mut Write<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.writer.write(work).await
    }

    /// Runs `work` on a reading connection; it sees one moment of the database.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        F: FnOnce(&rusqlite::Connection) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.readers.read(work).await
    }

    /// Says the sequence number of the newest committed event, and every change of it.
    pub fn last_event(&self) -> watch::Receiver<u64> {
        self.last_event.clone()
    }

    /// Commits what waits and closes the files. Later writes are refused.
    pub async fn close(&self) -> Result<()> {
        self.readers.close();
        self.writer.close().await
    }
}

pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

fn open_for_writing(path: &Path) -> Result<rusqlite::Connection> {
    let connection = rusqlite::Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // FULL: what was acknowledged survives a power cut, not only a crash of this process.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -2000)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}
