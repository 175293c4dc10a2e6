//! The database, SQLite or PostgreSQL. SQL is written here and nowhere else.
//!
//! [`Store::write`] hands a closure to the one writer thread, which puts everything that waits into
//! one transaction (one fsync) and answers after the commit. [`Store::read`] runs a closure on a
//! connection of its own; readers never wait for the writer. The files beside this one hold the
//! statements, one file per kind of thing; they know nothing of threads and transactions.

pub mod access_tokens;
pub mod artifacts;
pub mod backup;
mod columns;
pub mod compute;
pub mod copy;
pub mod dataset_uses;
pub mod datasets;
pub mod datastores;
pub mod deletion;
pub mod entries;
pub mod environments;
mod error;
pub mod events;
pub mod experiment_copy;
pub mod experiments;
pub mod gc;
pub mod inputs;
pub mod jobs;
pub mod logged_models;
pub mod metrics;
pub mod migrations;
pub mod models;
pub mod parts;
pub mod proxied_artifacts;
mod readers;
mod recent;
pub mod registered_models;
pub mod runs;
pub mod schema;
pub mod search;
pub mod secrets;
pub mod snapshots;
mod sql;
mod stretches;
mod thinning;
pub mod workspaces;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

pub use error::StoreError;
use readers::Readers;
pub use recent::Recent;
pub use sql::{Connection, Owned, PostgresAddress};
use writer::Writer;
pub use writer::{EventScope, Write};

use crate::error::{Error, Result};

/// Which database.
#[derive(Clone, Debug)]
pub enum Place {
    /// A file, made when it is not there.
    Sqlite(PathBuf),
    /// A database on a server, which must exist; its tables are made.
    Postgres(Box<PostgresAddress>),
}

impl Place {
    /// A connection that writes; there is one.
    fn open(&self) -> Result<Connection> {
        self.open_in_place_of(None)
    }

    /// The same after the connection was `lost`.
    fn open_in_place_of(&self, lost: Option<&Connection>) -> Result<Connection> {
        let lost = lost.and_then(|lost| match lost {
            Connection::Sqlite(_) => None,
            Connection::Postgres(lost) => Some(&**lost),
        });
        Ok(match self {
            Self::Sqlite(path) => Connection::Sqlite(sql::SqliteConnection::open(path)?),
            Self::Postgres(address) => {
                Connection::Postgres(Box::new(sql::PostgresConnection::open(address, lost)?))
            }
        })
    }

    fn open_for_reading(&self) -> Result<Connection> {
        Ok(match self {
            Self::Sqlite(path) => {
                Connection::Sqlite(sql::SqliteConnection::open_for_reading(path)?)
            }
            Self::Postgres(address) => {
                Connection::Postgres(Box::new(sql::PostgresConnection::open_for_reading(address)?))
            }
        })
    }
}

pub struct Store {
    place: Place,
    writer: Writer,
    readers: Arc<Readers>,
    recent: Arc<Recent>,
}

impl Store {
    /// Opens the database, bringing it up to date first. Blocks.
    pub fn open(place: Place) -> Result<Store> {
        if !sql::is_safe_sqlite() {
            return Err(Error::Defect(format!(
                "SQLite {} may lose committed data (its WAL-reset race was mended in 3.51.3); build \
                 with the bundled one",
                *sql::SQLITE_VERSION
            )));
        }
        let connection = place.open()?;
        migrations::apply(&connection)?;
        let newest = events::last_sequence(&connection)?;
        let recent = Arc::new(Recent::new(newest));
        Ok(Store {
            writer: Writer::start(place.clone(), connection, Arc::clone(&recent))?,
            readers: Arc::new(Readers::new(place.clone())),
            place,
            recent,
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
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.readers.read(work).await
    }

    /// Which database this is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The newest committed events, for who listens.
    pub fn recent(&self) -> &Recent {
        &self.recent
    }

    /// Commits what waits and closes the files. Later writes are refused.
    pub async fn close(&self) -> Result<()> {
        let readers = Arc::clone(&self.readers);
        tokio::task::spawn_blocking(move || readers.close())
            .await
            .map_err(|panic| Error::Defect(format!("closing the readers broke down: {panic}")))?;
        self.writer.close().await
    }
}

impl std::fmt::Display for Place {
    /// Without a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(_) => write!(f, "SQLite {}", *sql::SQLITE_VERSION),
            Self::Postgres(address) => write!(f, "PostgreSQL, {address}"),
        }
    }
}
