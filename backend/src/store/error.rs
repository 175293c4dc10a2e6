#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("PostgreSQL: {}", told(.0))]
    Postgres(postgres::Error),
    /// The transaction in which this write stood could not be committed; nothing of it is kept.
    #[error("the commit failed: {message}")]
    Commit { message: String, disk_full: bool },
    /// The server is gone, or the way to it; the sentence says what that means for the caller.
    #[error("{message}")]
    Lost { message: String },
    #[error("column `{column}` holds what this version cannot read: {message}")]
    Unreadable { column: &'static str, message: String },
    #[error("a row is missing: {statement}")]
    Missing { statement: String },
}

impl StoreError {
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Sqlite(error) => super::sql::is_disk_full(error),
            Self::Postgres(error) => error.code() == Some(&postgres::error::SqlState::DISK_FULL),
            Self::Commit { disk_full, .. } => *disk_full,
            Self::Lost { .. } | Self::Unreadable { .. } | Self::Missing { .. } => false,
        }
    }

    /// True when the next attempt needs another connection.
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Postgres(error) => super::sql::is_lost(error),
            Self::Lost { .. } => true,
            Self::Sqlite(_)
            | Self::Commit { .. }
            | Self::Unreadable { .. }
            | Self::Missing { .. } => false,
        }
    }
}

/// The server's own words; the driver's alone say only "db error".
fn told(error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(told) => told.message().to_owned(),
        None => match std::error::Error::source(error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
    }
}
