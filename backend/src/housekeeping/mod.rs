//! What is done to a home as a whole: what nothing refers to any more is removed, everything is
//! copied away and brought back.
//!
//! Work that reads every blob and work that removes some exclude each other ([`Exclusion`]).

mod archive;
mod backup;
mod export;
mod gc;
mod import;
mod staging;
mod tar;

use std::sync::Arc;

use lazuli_domain::{ApiError, Line, Progress};
use serde::Serialize;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, mpsc};

use crate::error::Result;

pub use backup::{Chunks, backup, restore};
pub use export::export;
pub use gc::gc;
pub use import::import;
pub use staging::stage;

/// Who reads all blobs, or removes some.
#[derive(Default)]
pub struct Exclusion(Arc<RwLock<()>>);

impl Exclusion {
    /// For as long as it lives no blob is removed.
    pub fn read(&self) -> Result<OwnedRwLockReadGuard<()>> {
        Ok(Arc::clone(&self.0).try_read_owned().map_err(|_busy| busy("blobs are being removed"))?)
    }

    /// One at a time, and while nobody reads.
    pub fn remove(&self) -> Result<OwnedRwLockWriteGuard<()>> {
        let busy = |_| busy("a backup, an export or another clean-up is going on");
        Ok(Arc::clone(&self.0).try_write_owned().map_err(busy)?)
    }
}

fn busy(what: &str) -> ApiError {
    ApiError::conflict(what.to_owned()).hint("try again when it is over")
}

/// Tells who waits how far the work is. Nobody has to listen.
#[derive(Clone)]
pub struct Teller<T>(mpsc::Sender<Line<T>>);

impl<T: Serialize> Teller<T> {
    pub fn new() -> (Teller<T>, mpsc::Receiver<Line<T>>) {
        let (sender, receiver) = mpsc::channel(16);
        (Teller(sender), receiver)
    }

    /// Said when there is room: work does not wait for who reads slowly.
    pub fn progress(&self, doing: &str, done: u64, total: u64) {
        let _full_or_gone =
            self.0.try_send(Line::Progress(Progress { doing: doing.to_owned(), done, total }));
    }

    pub async fn end(self, result: Result<T, ApiError>) {
        let _gone = self.0.send(result.map_or_else(Line::Failed, Line::Done)).await;
    }
}
