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
            let connection = readers.take()?;
            // One transaction: every statement of `work` sees the same moment.
            connection.begin_reading()?;
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
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
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
