//! Files by content: `blobs/<2 hex>/<sha256>`, on this machine or in an object store.
//!
//! A blob appears under its name only when it is whole and on disk: it is written to `blobs/tmp/`,
//! hashed on the way, fsynced and renamed. Whatever breaks before the rename (a full disk, a client
//! that goes away) takes the temporary file with it. For an object store the temporary file is what is
//! sent: its digest is known then, and so is the name, which such a store cannot change afterwards.

mod content;
mod leases;
mod remote;

use std::fs::{self, DirBuilder, File};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use lazuli_domain::ApiError;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

use crate::error::{Error, FileContext, Result};
use crate::home::{Home, hex};
use crate::storage::BlobPlace;

pub use content::Content;
use leases::Leases;
pub use leases::{Lease, Sweep};
use remote::Remote;
pub(crate) use remote::told;

/// Chunks of a body that may wait for the disk: memory stays bounded whatever the file's size.
const CHUNKS_IN_FLIGHT: usize = 8;
/// Left free on the disk for the database.
const RESERVE: u64 = 16 << 20;
/// A blob that somebody found to be there counts as new again when it is older than this.
const WORTH_A_TOUCH: Duration = Duration::from_secs(600);

#[derive(Clone)]
pub struct Blobs {
    /// Where blobs are, or wait to be sent.
    folder: PathBuf,
    remote: Option<Remote>,
    leases: Arc<Leases>,
}

/// A blob that is there, and stays while this lives.
#[derive(Debug)]
pub struct Blob {
    pub sha256: String,
    pub size: u64,
    pub lease: Lease,
}

/// What a sweep finds that nobody refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundBlob {
    pub sha256: String,
    pub size: u64,
}

impl Blobs {
    /// Takes the folder, or the store, and removes what a dead daemon left half written.
    pub async fn open(home: &Home, place: BlobPlace) -> Result<Blobs> {
        let (folder, remote) = match place {
            BlobPlace::Folder(folder) => (folder, None),
            BlobPlace::Store(address) => (home.blobs(), Some(Remote::open(&address)?)),
        };
        if let Some(remote) = &remote {
            remote.check().await?;
        }
        let unfinished = folder.join("tmp");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&unfinished)
            .while_trying(|| format!("making the folder `{}`", unfinished.display()))?;
        for entry in fs::read_dir(&unfinished)
            .while_trying(|| format!("reading `{}`", unfinished.display()))?
        {
            let path = entry.while_trying(|| "reading the blobs".into())?.path();
            fs::remove_file(&path).while_trying(|| format!("removing `{}`", path.display()))?;
        }
        Ok(Blobs { folder, remote, leases: Arc::default() })
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
        let mut blob = self.begin()?;
        let writing = tokio::task::spawn_blocking(move || {
            loop {
                match received.blocking_recv() {
                    Some(Some(chunk)) => blob.write(&chunk)?,
                    Some(None) => return Ok(blob),
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
            (Err(error), _) => Err(error),
            (Ok(blob), _) => self.keep(blob, expected).await,
        }
    }

    /// Keeps a copy of a file.
    pub async fn store_file(&self, path: &Path) -> Result<Blob> {
        let file = File::open(path).while_trying(|| format!("opening `{}`", path.display()))?;
        self.store(file, None).await
    }

    /// Keeps what the reader gives. With `expected`, only that content is kept.
    pub async fn store(
        &self,
        mut content: impl Read + Send + 'static,
        expected: Option<&str>,
    ) -> Result<Blob> {
        let mut blob = self.begin()?;
        let blob = blocking(move || {
            let mut buffer = vec![0; 256 * 1024];
            loop {
                match content.read(&mut buffer).while_trying(|| "reading a file".into())? {
                    0 => return Ok(blob),
                    count => blob.write(&buffer[..count])?,
                }
            }
        })
        .await?;
        self.keep(blob, expected).await
    }

    /// Makes a file of the same file system a blob; the caller has read its digest.
    pub async fn adopt(&self, file: PathBuf, sha256: &str, size: u64) -> Result<Blob> {
        let lease = self.leases.take(sha256).await;
        if let Some(remote) = &self.remote {
            if remote.size(sha256).await?.is_none() {
                let content =
                    File::open(&file).while_trying(|| format!("opening `{}`", file.display()))?;
                remote.put(sha256, content, size).await?;
            }
            fs::remove_file(&file).while_trying(|| format!("removing `{}`", file.display()))?;
            return Ok(Blob { sha256: sha256.to_owned(), size, lease });
        }
        let (folder, target) = (self.folder.clone(), self.path(sha256));
        blocking(move || {
            if touched(&target)?.is_some() {
                return fs::remove_file(&file)
                    .while_trying(|| format!("removing `{}`", file.display()));
            }
            let keep = || -> std::io::Result<()> {
                File::open(&file)?.sync_all()?;
                let parent = made_parent(&folder, &target)?;
                fs::rename(&file, &target)?;
                File::open(parent)?.sync_all()
            };
            keep().while_trying(|| format!("keeping a blob of {size} bytes"))
        })
        .await?;
        Ok(Blob { sha256: sha256.to_owned(), size, lease })
    }

    /// The blob, if it is there: it stays while the answer lives. `sha256` must have passed
    /// [`check_digest`].
    pub async fn hold(&self, sha256: &str) -> Result<Option<Blob>> {
        let lease = self.leases.take(sha256).await;
        let size = self.size(sha256).await?;
        Ok(size.map(|size| Blob { sha256: sha256.to_owned(), size, lease }))
    }

    /// Begins to remember which blobs somebody is about to refer to; to be called before the
    /// references are read.
    pub fn begin_sweep(&self) -> Sweep {
        self.leases.begin_sweep()
    }

    /// The blobs that were written before that time and of which `is_wanted` says so.
    pub async fn find(
        &self,
        before: SystemTime,
        is_wanted: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Result<Vec<FoundBlob>> {
        if let Some(remote) = &self.remote {
            return remote.find(before, is_wanted).await;
        }
        let folder = self.folder.clone();
        blocking(move || {
            let mut found = Vec::new();
            for (name, path) in entries(&folder)? {
                // Not `tmp` and `uploads`.
                if name.len() != 2 {
                    continue;
                }
                for (sha256, path) in entries(&path)? {
                    let metadata = fs::metadata(&path)
                        .while_trying(|| format!("looking at `{}`", path.display()))?;
                    let is_old = metadata.modified().is_ok_and(|time| time <= before);
                    if is_old && is_wanted(&sha256) {
                        found.push(FoundBlob { sha256, size: metadata.len() });
                    }
                }
            }
            Ok(found)
        })
        .await
    }

    /// Removes the blob, unless somebody has held it since the sweep began; false: it stays.
    pub async fn remove(&self, sweep: &Sweep, sha256: &str) -> Result<bool> {
        if !sweep.begin_removal(sha256) {
            return Ok(false);
        }
        let path = self.path(sha256);
        let removed = match &self.remote {
            Some(remote) => remote.remove(sha256).await,
            None => {
                blocking(move || {
                    fs::remove_file(&path).while_trying(|| format!("removing `{}`", path.display()))
                })
                .await
            }
        };
        sweep.removed(sha256);
        removed.map(|()| true)
    }

    /// Opens the blob for reading.
    pub async fn open_blob(&self, sha256: &str) -> Result<Content> {
        if let Some(remote) = &self.remote {
            return match remote.size(sha256).await? {
                Some(size) => Ok(Content::of_remote(remote.clone(), sha256, size)),
                None => Err(ApiError::not_found("blob", sha256).into()),
            };
        }
        let path = self.path(sha256);
        let missing = ApiError::not_found("blob", sha256);
        blocking(move || match File::open(&path).and_then(Content::of_file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(missing.into()),
            opened => opened.while_trying(|| format!("opening `{}`", path.display())),
        })
        .await
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

    /// Where uploads in pieces lie: in the same file system as what they become.
    pub fn uploads_folder(&self) -> PathBuf {
        self.folder.join("uploads")
    }

    async fn size(&self, sha256: &str) -> Result<Option<u64>> {
        match &self.remote {
            Some(remote) => remote.size(sha256).await,
            None => {
                let path = self.path(sha256);
                blocking(move || touched(&path)).await
            }
        }
    }

    fn path(&self, sha256: &str) -> PathBuf {
        self.folder.join(&sha256[..2.min(sha256.len())]).join(sha256)
    }

    fn begin(&self) -> Result<UnfinishedBlob> {
        let file = NamedTempFile::new_in(self.folder.join("tmp"))
            .while_trying(|| "beginning a blob".into())?;
        Ok(UnfinishedBlob { file, hash: Sha256::new(), size: 0 })
    }

    /// Puts what is whole in its place.
    async fn keep(&self, blob: UnfinishedBlob, expected: Option<&str>) -> Result<Blob> {
        let UnfinishedBlob { file, hash, size } = blob;
        let sha256 = hex(&hash.finalize());
        if let Some(expected) = expected
            && expected != sha256
        {
            return Err(ApiError::invalid(format!(
                "the content has the digest {sha256}, not {expected}"
            ))
            .hint("the file changed while it was sent; send it again")
            .into());
        }
        let lease = self.leases.take(&sha256).await;
        if let Some(remote) = &self.remote {
            if remote.size(&sha256).await?.is_none() {
                let content = file.reopen().while_trying(|| "reading a blob to send".into())?;
                remote.put(&sha256, content, size).await?;
            }
            return Ok(Blob { sha256, size, lease });
        }
        let (folder, target) = (self.folder.clone(), self.path(&sha256));
        blocking(move || {
            let keep = || -> std::io::Result<()> {
                file.as_file().sync_all()?;
                let parent = made_parent(&folder, &target)?;
                file.persist(&target)?;
                File::open(parent)?.sync_all()
            };
            if touched(&target)?.is_some() {
                return Ok(());
            }
            keep().while_trying(|| format!("keeping a blob of {size} bytes"))
        })
        .await?;
        Ok(Blob { sha256, size, lease })
    }
}

/// Names and paths in a folder.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let read = || -> std::io::Result<Vec<(String, PathBuf)>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            // No blob has another name.
            if let Ok(name) = entry.file_name().into_string() {
                entries.push((name, entry.path()));
            }
        }
        Ok(entries)
    };
    read().while_trying(|| format!("reading `{}`", folder.display()))
}

/// The folder of a blob's name, made when it is not there.
fn made_parent(folder: &Path, target: &Path) -> std::io::Result<PathBuf> {
    let parent = target.parent().unwrap_or(folder);
    if !parent.exists() {
        fs::create_dir_all(parent)?;
        File::open(folder)?.sync_all()?;
    }
    Ok(parent.to_owned())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|panic| Error::Defect(format!("work on a blob broke down: {panic}")))?
}

/// The size of the blob, if it is there. It counts as new from now on: who was told that it is there
/// may refer to it in a later request.
fn touched(path: &Path) -> Result<Option<u64>> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata.while_trying(|| format!("looking for `{}`", path.display()))?,
    };
    let now = SystemTime::now();
    let age = metadata.modified().ok().and_then(|time| now.duration_since(time).ok());
    if age.is_some_and(|age| age > WORTH_A_TOUCH) {
        File::open(path)
            .and_then(|file| file.set_modified(now))
            .while_trying(|| format!("touching `{}`", path.display()))?;
    }
    Ok(Some(metadata.len()))
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
