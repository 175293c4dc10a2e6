//! Archives on their way in: kept in a file without a name until they are known to be whole.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;

use super::archive::{Archive, open};
use super::backup::temporary;
use crate::app::App;
use crate::blobs::Lease;
use crate::error::{Error, FileContext, Result};

const CHUNKS_IN_FLIGHT: usize = 8;

/// An archive that was received; it is gone with this.
pub struct Staged {
    pub(super) file: File,
}

/// Receives an archive.
pub async fn stage<E: std::fmt::Display>(
    app: &Arc<App>,
    mut body: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin,
    announced_size: Option<u64>,
) -> Result<Staged> {
    app.blobs.check_room(announced_size.unwrap_or(0))?;
    let mut file = temporary(app.home.path())?;
    let (chunks, mut received) = mpsc::channel::<Bytes>(CHUNKS_IN_FLIGHT);
    let writing = tokio::task::spawn_blocking(move || -> Result<File> {
        while let Some(chunk) = received.blocking_recv() {
            file.write_all(&chunk).while_trying(|| "receiving an archive".into())?;
        }
        file.seek(SeekFrom::Start(0)).while_trying(|| "receiving an archive".into())?;
        Ok(file)
    });
    let mut broken = None;
    while let Some(chunk) = body.next().await {
        match chunk {
            Ok(chunk) => {
                // The writer stopped: its error says why.
                if chunks.send(chunk).await.is_err() {
                    break;
                }
            }
            Err(error) => {
                broken = Some(error.to_string());
                break;
            }
        }
    }
    drop(chunks);
    let file = writing
        .await
        .map_err(|panic| Error::Defect(format!("receiving an archive broke down: {panic}")))??;
    match broken {
        Some(reason) => Err(Error::BrokenUpload(reason)),
        None => Ok(Staged { file }),
    }
}

/// Keeps the archive's files; they stay while the leases live. Says how many bytes they have.
pub(super) async fn blobs_of(
    app: &Arc<App>,
    staged: &Staged,
    archive: &Archive,
    tell: impl Fn(u64, u64),
) -> Result<(Vec<Lease>, u64)> {
    let mut leases = Vec::with_capacity(archive.blobs.len());
    let mut bytes = 0;
    app.blobs.check_room(archive.blobs.iter().map(|part| part.size).sum())?;
    for (done, part) in archive.blobs.iter().enumerate() {
        tell(done as u64, archive.blobs.len() as u64);
        bytes += part.size;
        let blob = match app.blobs.hold(&part.name).await? {
            Some(blob) => blob,
            None => app.blobs.store(open(&staged.file, part)?, Some(&part.name)).await?,
        };
        leases.push(blob.lease);
    }
    Ok((leases, bytes))
}
