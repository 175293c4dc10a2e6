use lazuli_domain::ApiError;

use crate::store::StoreError;

/// Why a use case did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request cannot be granted; the caller reads why and what to do.
    #[error("{0}")]
    Refused(#[from] ApiError),
    #[error("the database failed")]
    Store(#[from] StoreError),
    #[error("{action} failed")]
    File {
        action: String,
        #[source]
        source: std::io::Error,
    },
    /// The sender of a body went away before its end.
    #[error("the upload broke off: {0}")]
    BrokenUpload(String),
    #[error("the daemon is shutting down")]
    ShuttingDown,
    /// Something that cannot be, was.
    #[error("{0}")]
    Defect(String),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// True when the reason is that a file system or a quota is full.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Store(error) => error.is_disk_full(),
            Self::File { source, .. } => matches!(
                source.kind(),
                std::io::ErrorKind::StorageFull
                    | std::io::ErrorKind::QuotaExceeded
                    | std::io::ErrorKind::FileTooLarge
            ),
            _ => false,
        }
    }
}

/// Says what was tried when the file system refused it.
pub trait FileContext<T> {
    fn while_trying(self, action: impl FnOnce() -> String) -> Result<T>;
}

impl<T> FileContext<T> for std::io::Result<T> {
    fn while_trying(self, action: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::File { action: action(), source })
    }
}
