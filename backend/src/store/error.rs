use crate::error::Error;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The transaction in which this write stood could not be committed; nothing of it is kept.
    #[error("the commit failed: {message}")]
    Commit { message: String, disk_full: bool },
    #[error("column `{column}` holds what this version cannot read: {message}")]
    Unreadable { column: &'static str, message: String },
}

impl StoreError {
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Sqlite(error) => is_disk_full(error),
            Self::Commit { disk_full, .. } => *disk_full,
            Self::Unreadable { .. } => false,
        }
    }
}

pub(super) fn is_disk_full(error: &rusqlite::Error) -> bool {
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
