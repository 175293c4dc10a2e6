use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

use crate::error::{Error, FileContext, Result};

/// Read at once: large enough that a disk is read at its speed, small enough that many readers stay
/// small.
const CHUNK: usize = 256 * 1024;

/// Bytes that can be read from any place on: a blob, wherever it is kept, or a file on this machine.
pub struct Content {
    size: u64,
    source: Source,
}

enum Source {
    File(File),
}

impl Content {
    pub fn of_file(file: File) -> std::io::Result<Content> {
        Ok(Content { size: file.metadata()?.len(), source: Source::File(file) })
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
        }
    }

    /// The same as one piece, for what is small.
    pub async fn bytes(self, start: u64, length: u64) -> Result<Vec<u8>> {
        let Source::File(mut file) = self.source;
        tokio::task::spawn_blocking(move || -> std::io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            file.seek(SeekFrom::Start(start))?;
            file.take(length).read_to_end(&mut bytes)?;
            Ok(bytes)
        })
        .await
        .map_err(|panic| Error::Defect(format!("reading a file broke down: {panic}")))?
        .while_trying(|| "reading a file".into())
    }
}
