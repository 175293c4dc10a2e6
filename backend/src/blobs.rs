//! Files by content: `blobs/<2 hex>/<sha256>`.
//!
//! A blob appears under its name only when it is whole and on disk: it is written to `blobs/tmp/`,
//! hashed on the way, fsynced and renamed. Whatever breaks before the rename (a full disk, a client
//! that goes away) takes the temporary file with it.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use lazuli_domain::ApiError;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

use crate::error::{Error, FileContext, Result};
use crate::home::hex;

/// Chunks of a body that may wait for the disk: memory stays bounded whatever the file's size.
const CHUNKS_IN_FLIGHT: usize = 8;
/// Left free on the disk for the database.
const RESERVE: u64 = 16 << 20;

#[derive(Clone, Debug)]
pub struct Blobs {
    folder: PathBuf,
}

/// A blob that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    pub sha256: String,
    pub size: u64,
}

impl Blobs {
    /// Takes `folder` and removes what a dead daemon left half written.
    pub fn open(folder: PathBuf) -> Result<Blobs> {
        let unfinished = folder.join("tmp");
        for entry in fs::read_dir(&unfinished)
            .while_trying(|| format!("reading `{}`", unfinished.display()))?
        {
            let path = entry.while_trying(|| "reading the blobs".into())?.path();
            fs::remove_file(&path).while_trying(|| format!("removing `{}`", path.display()))?;
        }
        Ok(Blobs { folder })
    }

    pub fn path(&self, sha256: &str) -> PathBuf {
        self.folder.join(&sha256[..2.min(sha256.len())]).join(sha256)
    }

    /// The size of the blob, if it is there. `sha256` must have passed [`check_digest`].
    pub fn size(&self, sha256: &str) -> Option<u64> {
        fs::metadata(self.path(sha256)).ok().map(|metadata| metadata.len())
    }

    /// Receives a request's body. With `expected`, only that content is kept.
    pub async fn receive<E: std::fmt::Display>(
        &self,
        mut body: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin,
        announced_size: Option<u64>,
        expected: Option<&str>,
    ) -> Result<Blob> {
        self.check_room(announced_size.unwrap_or(0))?;
        let (chunks, mut received) = mpsc::channel::<Option<Bytes>>(CHUNKS_IN_FLIGHT);
        let blobs = self.clone();
        let expected = expected.map(str::to_owned);
        let writing = tokio::task::spawn_blocking(move || {
            let mut blob = blobs.begin()?;
            loop {
                match received.blocking_recv() {
                    Some(Some(chunk)) => blob.write(&chunk)?,
                    Some(None) => return blob.finish(expected.as_deref()),
                    // The sender was dropped with the request: the file goes with `blob`.
                    None => return Err(Error::BrokenUpload("the client went away".into())),
                }
            }
        });
        let mut broken = None;
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(chunk) => {
                    // The writer stopped: its error says why.
                    if chunks.send(Some(chunk)).await.is_err() {
                        break;
                    }
                }
                Err(error) => {
                    broken = Some(error.to_string());
                    break;
                }
            }
        }
        if broken.is_none() {
            let _writer_stopped = chunks.send(None).await;
        }
        drop(chunks);
        let written = writing
            .await
            .map_err(|error| Error::Defect(format!("writing a blob broke down: {error}")))?;
        match (written, broken) {
            (Err(Error::BrokenUpload(_)), Some(reason)) => Err(Error::BrokenUpload(reason)),
            (written, _) => written,
        }
    }

    /// Keeps a copy of a file. Blocks.
    pub fn store_file(&self, path: &Path) -> Result<Blob> {
        let mut file = File::open(path).while_trying(|| format!("opening `{}`", path.display()))?;
        let mut blob = self.begin()?;
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let read =
                file.read(&mut buffer).while_trying(|| format!("reading `{}`", path.display()))?;
            if read == 0 {
                return blob.finish(None);
            }
            blob.write(&buffer[..read])?;
        }
    }

    /// Opens the blob with its size. Blocks for the time of an `open`.
    pub fn open_blob(&self, sha256: &str) -> Result<(File, u64)> {
        let path = self.path(sha256);
        let open = || -> std::io::Result<(File, u64)> {
            let file = File::open(&path)?;
            let size = file.metadata()?.len();
            Ok((file, size))
        };
        match open() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(ApiError::not_found("blob", sha256).into())
            }
            opened => opened.while_trying(|| format!("opening `{}`", path.display())),
        }
    }

    /// Refuses at once what cannot fit, instead of after gigabytes.
    pub fn check_room(&self, size: u64) -> Result<()> {
        let Some(free) = free_space(&self.folder) else { return Ok(()) };
        if size > 0 && size.saturating_add(RESERVE) > free {
            return Err(Error::File {
                action: format!(
                    "keeping {size} bytes (the disk of `{}` has {free} left)",
                    self.folder.display()
                ),
                source: std::io::ErrorKind::StorageFull.into(),
            });
        }
        Ok(())
    }

    fn begin(&self) -> Result<UnfinishedBlob> {
        let file = NamedTempFile::new_in(self.folder.join("tmp"))
            .while_trying(|| "beginning a blob".into())?;
        Ok(UnfinishedBlob { folder: self.folder.clone(), file, hash: Sha256::new(), size: 0 })
    }
}

/// Refuses what is not the lower-case hex form of a SHA-256; only such a text may become a path.
pub fn check_digest(sha256: &str) -> Result<()> {
    if sha256.len() == 64 && sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(());
    }
    let shown: String = sha256.chars().take(70).flat_map(char::escape_default).collect();
    Err(ApiError::invalid(format!("`{shown}` is not a SHA-256 digest"))
        .hint("give 64 lower-case hexadecimal digits")
        .into())
}

struct UnfinishedBlob {
    folder: PathBuf,
    file: NamedTempFile,
    hash: Sha256,
    size: u64,
}

impl UnfinishedBlob {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all(bytes)
            .while_trying(|| format!("writing a blob of more than {} bytes", self.size))?;
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    fn finish(self, expected: Option<&str>) -> Result<Blob> {
        let sha256 = hex(&self.hash.finalize());
        if let Some(expected) = expected
            && expected != sha256
        {
            return Err(ApiError::invalid(format!(
                "the content has the digest {sha256}, not {expected}"
            ))
            .hint("the file changed while it was sent; send it again")
            .into());
        }
        let blob = Blob { size: self.size, sha256 };
        let parent = self.folder.join(&blob.sha256[..2]);
        let target = parent.join(&blob.sha256);
        let keep = || -> std::io::Result<()> {
            if target.exists() {
                return Ok(());
            }
            self.file.as_file().sync_all()?;
            if !parent.exists() {
                fs::create_dir_all(&parent)?;
                File::open(&self.folder)?.sync_all()?;
            }
            self.file.persist(&target)?;
            File::open(&parent)?.sync_all()
        };
        keep().while_trying(|| format!("keeping a blob of {} bytes", blob.size))?;
        Ok(blob)
    }
}

fn free_space(folder: &Path) -> Option<u64> {
    let path = std::ffi::CString::new(folder.as_os_str().as_bytes()).ok()?;
    let mut facts = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: `path` ends with NUL and `facts` is large enough for what the call writes.
    let answer = unsafe { libc::statvfs(path.as_ptr(), facts.as_mut_ptr()) };
    if answer != 0 {
        return None;
    }
    // SAFETY: the call succeeded, so it has written `facts`.
    let facts = unsafe { facts.assume_init() };
    Some(facts.f_bavail.saturating_mul(facts.f_frsize))
}
