//! Connections that only read.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::{Connection, Place};
use crate::error::{Error, Result};

/// More readers at once than cores would only share them.
const MOST_READERS: usize = 4;

pub(super) struct Readers {
    place: Place,
    /// Opened when first needed: an idle daemon has none.
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl Readers {
    pub(super) fn new(place: Place) -> Readers {
        Readers { place, idle: Mutex::new(Vec::new()), permits: Semaphore::new(MOST_READERS) }
    }

    pub(super) async fn read<T, F>(self: &Arc<Self>, work: F) -> Result<T>
    where
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let _permit = self.permits.acquire().await.map_err(|_closed| Error::ShuttingDown)?;
        let readers = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let connection = readers.begin()?;
            let result = work(&connection);
            connection.batch("COMMIT")?;
            readers.give_back(connection);
            result
        })
        .await
        .map_err(|panic| Error::Defect(format!("a read broke down: {panic}")))?
    }

    /// Blocks.
    pub(super) fn close(&self) {
        self.permits.close();
        self.forget_idle();
    }

    fn forget_idle(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A connection in a transaction, so that every statement sees the same moment.
    fn begin(&self) -> Result<Connection> {
        let connection = self.take()?;
        match connection.begin_reading() {
            // The server was restarted; the other idle connections are as dead.
            Err(error) if error.is_lost() => {
                self.forget_idle();
                let connection = self.place.open_for_reading()?;
                connection.begin_reading()?;
                Ok(connection)
            }
            begun => Ok(begun.map(|()| connection)?),
        }
    }

    fn take(&self) -> Result<Connection> {
        if let Some(connection) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(connection);
        }
        self.place.open_for_reading()
    }

    fn give_back(&self, connection: Connection) {
        if !self.permits.is_closed() && !connection.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        // A client of PostgreSQL says goodbye and waits, which an async thread must not.
        if idle.iter().any(|connection| matches!(connection, Connection::Postgres(_))) {
            std::thread::spawn(move || drop(idle));
        }
    }
}
