//! Files of a folder of this machine.
//!
//! A file appears under its name when it is whole and fsynced: it is written beside its place under a
//! name that nobody lists, and renamed. No path leaves the folder, by a link neither: what a link
//! leads out to is not listed and not opened.

mod walk;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use lazuli_domain::{ApiError, StoredFile, shown};
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

use super::files::{FileList, StoredContent};
use super::told::Teller;
use crate::blobs::Content;
use crate::error::{Error, FileContext, Result};
use crate::uploads::Whole;

/// Chunks of a body that may wait for the disk: memory stays bounded whatever the file's size.
const CHUNKS_IN_FLIGHT: usize = 8;
/// What is being written is called so, and listed nowhere.
const UNFINISHED: &str = ".lazuli-part";
const COPIED_AT_ONCE: usize = 1 << 20;

#[derive(Clone)]
pub struct Folder {
    root: PathBuf,
    teller: Teller,
}

impl Folder {
    pub fn new(path: &str, teller: Teller) -> Folder {
        Folder { root: PathBuf::from(path), teller }
    }

    pub async fn list(&self, list: FileList) -> Result<(Vec<StoredFile>, bool)> {
        let folder = self.clone();
        blocking(move || {
            let mut files = Vec::new();
            let mut has_more = false;
            walk::walk(&folder, &list, &mut |file| {
                if files.len() == list.limit {
                    has_more = true;
                    return false;
                }
                files.push(file);
                true
            })?;
            Ok((files, has_more))
        })
        .await
    }

    pub async fn head(&self, path: &str) -> Result<StoredFile> {
        let (folder, path) = (self.clone(), path.to_owned());
        blocking(move || {
            let place = folder.existing(&path)?;
            let metadata =
                fs::metadata(&place).map_err(|error| folder.unreadable(&path, &error))?;
            folder.stored(&path, &metadata)
        })
        .await
    }

    pub async fn content(&self, path: &str) -> Result<StoredContent> {
        let (folder, path) = (self.clone(), path.to_owned());
        blocking(move || {
            let place = folder.existing(&path)?;
            let open = || -> std::io::Result<(Content, fs::Metadata)> {
                let file = File::open(&place)?;
                let metadata = file.metadata()?;
                Ok((Content::of_file(file)?, metadata))
            };
            let (content, metadata) = open().map_err(|error| folder.unreadable(&path, &error))?;
            let file = folder.stored(&path, &metadata)?;
            Ok(StoredContent { content, tag: format!("{:x}-{:x}", file.size, file.modified_at_ms) })
        })
        .await
    }

    pub async fn write<E: std::fmt::Display>(
        &self,
        path: &str,
        mut body: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin + Send,
        size: Option<u64>,
        overwrite: bool,
    ) -> Result<StoredFile> {
        let (chunks, mut received) = mpsc::channel::<Option<Bytes>>(CHUNKS_IN_FLIGHT);
        let (folder, path) = (self.clone(), path.to_owned());
        let writing = tokio::task::spawn_blocking(move || -> Result<StoredFile> {
            let mut unfinished = folder.begin(&path, overwrite)?;
            loop {
                match received.blocking_recv() {
                    Some(Some(chunk)) => unfinished
                        .write_all(&chunk)
                        .while_trying(|| format!("writing `{}`", shown(&path, 200)))?,
                    Some(None) => break,
                    // The sender was dropped with the request: the file goes with it.
                    None => return Err(Error::BrokenUpload("the client went away".into())),
                }
            }
            folder.keep(unfinished, &path, overwrite)
        });
        let mut broken = None;
        let mut came = 0;
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(chunk) => {
                    came += chunk.len() as u64;
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
        if broken.is_none() && size.is_some_and(|size| size > came) && !chunks.is_closed() {
            broken = Some(format!("{came} bytes came"));
        }
        if broken.is_none() {
            let _writer_stopped = chunks.send(None).await;
        }
        drop(chunks);
        let written = writing
            .await
            .map_err(|panic| Error::Defect(format!("writing a file broke down: {panic}")))?;
        match (written, broken) {
            (Err(Error::BrokenUpload(_)), Some(reason)) => Err(Error::BrokenUpload(reason)),
            (written, _) => written,
        }
    }

    /// Takes a file that was received elsewhere: renamed where that is the same disk, else copied.
    pub async fn adopt(&self, whole: &Whole) -> Result<StoredFile> {
        let (folder, path) = (self.clone(), whole.path.clone());
        let (content, overwrite) = (whole.content.clone(), whole.overwrite);
        blocking(move || {
            let mut unfinished = folder.begin(&path, overwrite)?;
            let failed = || format!("keeping `{}`", shown(&path, 200));
            // The temporary file's own name stays what is renamed and, when it breaks, removed.
            if fs::rename(&content, unfinished.path()).is_ok() {
                let file = File::open(unfinished.path()).while_trying(failed)?;
                file.sync_all().while_trying(failed)?;
            } else {
                let mut from = std::io::BufReader::with_capacity(
                    COPIED_AT_ONCE,
                    File::open(&content).while_trying(failed)?,
                );
                std::io::copy(&mut from, &mut unfinished).while_trying(failed)?;
            }
            let file = folder.keep(unfinished, &path, overwrite)?;
            match fs::remove_file(&content) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    tracing::warn!(%error, path = %content.display(), "an upload was not removed");
                }
                _ => {}
            }
            Ok(file)
        })
        .await
    }

    pub async fn delete(&self, path: &str) -> Result<()> {
        let (folder, path) = (self.clone(), path.to_owned());
        blocking(move || {
            let place = folder.existing(&path)?;
            let metadata =
                fs::metadata(&place).map_err(|error| folder.unreadable(&path, &error))?;
            folder.stored(&path, &metadata)?;
            // A link is removed, not what it leads to.
            let named = folder.parent(&path)?.join(last_name(&path));
            fs::remove_file(&named)
                .and_then(|()| File::open(named.parent().unwrap_or(&named))?.sync_all())
                .map_err(|error| folder.unreadable(&path, &error))
        })
        .await
    }

    /// Begins a file beside its place.
    fn begin(&self, path: &str, overwrite: bool) -> Result<NamedTempFile> {
        let parent = self.made_parent(path)?;
        match fs::symlink_metadata(parent.join(last_name(path))) {
            Ok(there) if there.is_dir() => {
                return Err(ApiError::conflict(format!(
                    "`{}` is a folder in datastore `{}`",
                    shown(path, 200),
                    self.teller.name
                ))
                .hint("choose another path")
                .into());
            }
            Ok(_) if !overwrite => return Err(self.teller.is_there(path).into()),
            _ => {}
        }
        tempfile::Builder::new()
            .prefix(".")
            .suffix(UNFINISHED)
            // As a file that somebody else would write: the data may be shared.
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(&parent)
            .while_trying(|| format!("writing into `{}`", parent.display()))
    }

    fn keep(&self, unfinished: NamedTempFile, path: &str, overwrite: bool) -> Result<StoredFile> {
        let parent = unfinished.path().parent().unwrap_or(&self.root).to_owned();
        let place = parent.join(last_name(path));
        let failed = || format!("keeping `{}`", shown(path, 200));
        unfinished.as_file().sync_all().while_trying(failed)?;
        let kept = match overwrite {
            true => unfinished.persist(&place),
            false => unfinished.persist_noclobber(&place),
        };
        match kept {
            Ok(_) => {}
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(self.teller.is_there(path).into());
            }
            Err(error) => return Err(error.error).while_trying(failed),
        }
        File::open(&parent).and_then(|parent| parent.sync_all()).while_trying(failed)?;
        let metadata = fs::metadata(&place).while_trying(failed)?;
        self.stored(path, &metadata)
    }

    /// The place of something that is there, with every link on the way followed.
    fn existing(&self, path: &str) -> Result<PathBuf> {
        let root = self.whole_root(path)?;
        let place = root.join(path);
        let whole = place.canonicalize().map_err(|error| self.unreadable(path, &error))?;
        if !whole.starts_with(&root) {
            return Err(self.leads_out(path).into());
        }
        Ok(whole)
    }

    fn whole_root(&self, path: &str) -> Result<PathBuf> {
        match self.root.canonicalize() {
            Ok(root) => Ok(root),
            // One that every workspace has is made with its first file.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(self.teller.no_such_file(path).into())
            }
            Err(error) => Err(self.unreadable("", &error)),
        }
    }

    fn parent(&self, path: &str) -> Result<PathBuf> {
        match path.rsplit_once('/') {
            Some((parent, _)) => self.existing(parent),
            None => self.whole_root(path),
        }
    }

    /// The folder of a file that is to be written, made where it is missing.
    fn made_parent(&self, path: &str) -> Result<PathBuf> {
        if !self.root.exists() {
            fs::create_dir_all(&self.root)
                .while_trying(|| format!("making the folder `{}`", self.root.display()))?;
        }
        let root = self.whole_root(path)?;
        let mut folder = root.clone();
        let Some((parents, _)) = path.rsplit_once('/') else { return Ok(folder) };
        for name in parents.split('/') {
            let next = folder.join(name);
            match fs::create_dir(&next) {
                Ok(()) => {
                    let synced = File::open(&folder).and_then(|parent| parent.sync_all());
                    synced.while_trying(|| format!("making the folder `{}`", next.display()))?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(self.unreadable(path, &error)),
            }
            folder = next.canonicalize().map_err(|error| self.unreadable(path, &error))?;
            if !folder.starts_with(&root) {
                return Err(self.leads_out(path).into());
            }
            if !folder.is_dir() {
                return Err(self.below_a_file(path).into());
            }
        }
        Ok(folder)
    }

    fn stored(&self, path: &str, metadata: &fs::Metadata) -> Result<StoredFile> {
        if !metadata.is_file() {
            let error = self.teller.no_such_file(path);
            return Err(match metadata.is_dir() {
                true => error.hint("it is a folder"),
                false => error.hint("it is something else than a file"),
            }
            .into());
        }
        Ok(described(path, metadata))
    }

    fn unreadable(&self, path: &str, error: &std::io::Error) -> Error {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::NotFound => self.teller.no_such_file(path).into(),
            ErrorKind::NotADirectory => self.below_a_file(path).into(),
            _ => ApiError::unavailable(format!(
                "`{}` in datastore `{}` cannot be reached: {error}",
                shown(path, 200),
                self.teller.name
            ))
            .hint("see who may read and write there")
            .into(),
        }
    }

    fn below_a_file(&self, path: &str) -> ApiError {
        let message = format!(
            "`{}` in datastore `{}` would lie below a file",
            shown(path, 200),
            self.teller.name
        );
        ApiError::new(lazuli_domain::ErrorKind::NotFound, message).hint("choose another path")
    }

    fn leads_out(&self, path: &str) -> ApiError {
        ApiError::invalid(format!(
            "`{}` leads out of datastore `{}` by a link",
            shown(path, 200),
            self.teller.name
        ))
        .hint("register the folder it leads to as a datastore of its own")
    }
}

fn described(path: &str, metadata: &fs::Metadata) -> StoredFile {
    let modified = metadata.modified().ok();
    let since = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    StoredFile {
        path: path.to_owned(),
        size: metadata.len(),
        modified_at_ms: since
            .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
    }
}

fn last_name(path: &str) -> &Path {
    Path::new(path.rsplit('/').next().unwrap_or(path))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|panic| Error::Defect(format!("work on a folder broke down: {panic}")))?
}
