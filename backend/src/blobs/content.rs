use std::fs::File;
use std::io::{Seek, SeekFrom};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

use super::remote::Remote;
use crate::error::{FileContext, Result};

/// Read at once: large enough that a disk is read at its speed, small enough that many readers stay
/// small.
const CHUNK: usize = 256 * 1024;

/// Bytes that can be read from any place on: a blob, wherever it is kept, a file on this machine or one
/// of a datastore.
pub struct Content {
    size: u64,
    source: Source,
}

enum Source {
    File(File),
    Remote { remote: Remote, sha256: String },
    Else(Open),
}

/// Gives so many bytes from there on.
type Open = Box<dyn FnOnce(u64, u64) -> BoxStream<'static, std::io::Result<Bytes>> + Send>;

impl Content {
    pub fn of_file(file: File) -> std::io::Result<Content> {
        Ok(Content { size: file.metadata()?.len(), source: Source::File(file) })
    }

    /// What `open` gives when it is asked for a place and a length.
    pub fn of(
        size: u64,
        open: impl FnOnce(u64, u64) -> BoxStream<'static, std::io::Result<Bytes>> + Send + 'static,
    ) -> Content {
        Content { size, source: Source::Else(Box::new(open)) }
    }

    pub(super) fn of_remote(remote: Remote, sha256: &str, size: u64) -> Content {
        Content { size, source: Source::Remote { remote, sha256: sha256.to_owned() } }
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// `length` bytes from `start` on, piece by piece.
    pub async fn stream(
        self,
        start: u64,
        length: u64,
    ) -> Result<BoxStream<'static, std::io::Result<Bytes>>> {
        match self.source {
            Source::File(mut file) => {
                if start > 0 {
                    file.seek(SeekFrom::Start(start)).while_trying(|| "reading a file".into())?;
                }
                let file = tokio::fs::File::from_std(file).take(length);
                Ok(ReaderStream::with_capacity(file, CHUNK).boxed())
            }
            Source::Remote { remote, sha256 } => remote.stream(&sha256, start, length).await,
            Source::Else(open) => Ok(open(start, length)),
        }
    }

    /// The same as one piece, for what is small.
    pub async fn bytes(self, start: u64, length: u64) -> Result<Vec<u8>> {
        let length = length.min(self.size.saturating_sub(start));
        let mut pieces = self.stream(start, length).await?;
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        while let Some(piece) = pieces.next().await {
            bytes.extend_from_slice(&piece.while_trying(|| "reading a file".into())?);
        }
        Ok(bytes)
    }
}
