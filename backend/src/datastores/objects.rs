//! Files of an object store.
//!
//! What comes by a request is sent on in parts, two of which are in memory; a file that is here whole is
//! sent in parts that are remembered ([`super::sent`]). What is read is read in pieces too, each asked
//! for again when the store goes away in between. So memory stays flat and no file is too large.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use lazuli_domain::{OpenDatastore, StoredFile};
use object_store::multipart::PartId;
use object_store::path::Path;
use object_store::{
    GetOptions, GetRange, ObjectMeta, ObjectStoreExt, PutMode, PutOptions, PutPayload,
};

use super::files::{FileList, StoredContent};
use super::open::{Client, Tries};
use super::sent;
use super::told::{Teller, is_unanswered};
use super::validate::first_file;
use crate::blobs::Content;
use crate::error::{Error, Result};
use crate::uploads::Whole;

/// A part of a file. S3 asks for 5 MiB at least and takes 10,000 of them.
pub const PART: u64 = 8 << 20;
pub const MOST_PARTS: u64 = 9_000;
/// Parts of one file that are under way at a time.
pub const AT_ONCE: usize = 2;
/// How long a file that is being read waits for a store that went away.
const PATIENCE: Duration = Duration::from_secs(60);
/// Before it is asked again.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Clone)]
pub struct Objects {
    pub client: Client,
    pub teller: Arc<Teller>,
}

impl Objects {
    pub fn open(opened: &OpenDatastore, teller: Teller, tries: Tries) -> Result<Objects> {
        Ok(Objects { client: Client::open(opened, &teller, tries)?, teller: Arc::new(teller) })
    }

    pub async fn check(&self) -> Result<()> {
        first_file(&*self.client.store).await.map_err(|error| self.failed("", &error))
    }

    pub async fn list(&self, list: &FileList) -> Result<(Vec<StoredFile>, bool)> {
        let folder = self.path(list.folder())?;
        let prefix = Some(&folder).filter(|folder| !folder.as_ref().is_empty());
        let mut objects = match &list.after {
            Some(after) if self.client.lists_in_order => {
                self.client.store.list_with_offset(prefix, &self.path(after)?)
            }
            _ => self.client.store.list(prefix),
        };
        // One more than asked says whether there are more.
        let most = list.limit.saturating_add(1);
        let mut files: Vec<StoredFile> = Vec::new();
        while let Some(object) = objects.next().await {
            let object = object.map_err(|error| self.failed(list.folder(), &error))?;
            // An empty object that ends with a slash stands for a folder in some tools.
            if !list.matches(object.location.as_ref()) {
                continue;
            }
            files.push(described(&object));
            if self.client.lists_in_order && files.len() == most {
                break;
            }
            // What is sorted last is not wanted, and need not be held until the end.
            if files.len() >= most.saturating_mul(2).max(1024) {
                files.sort_by(|one, other| one.path.cmp(&other.path));
                files.truncate(most);
            }
        }
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let has_more = files.len() > list.limit;
        files.truncate(list.limit);
        Ok((files, has_more))
    }

    pub async fn head(&self, path: &str) -> Result<StoredFile> {
        let object = self
            .client
            .store
            .head(&self.path(path)?)
            .await
            .map_err(|error| self.failed(path, &error))?;
        Ok(described(&object))
    }

    pub async fn content(&self, path: &str) -> Result<StoredContent> {
        let location = self.path(path)?;
        let found =
            self.client.store.get(&location).await.map_err(|error| self.failed(path, &error))?;
        let meta = found.meta.clone();
        let tag = tag(&meta);
        let size = meta.size;
        let pieces = Pieces {
            objects: self.clone(),
            location,
            path: path.to_owned(),
            etag: meta.e_tag.clone(),
        };
        // A small file is in this answer already; a larger one is asked for in pieces.
        let small = if size <= PART {
            Some(found.bytes().await.map_err(|error| self.failed(path, &error))?)
        } else {
            None
        };
        let content = Content::of(size, move |start, length| match small {
            Some(bytes) => {
                let from = usize::try_from(start).unwrap_or(usize::MAX).min(bytes.len());
                let to =
                    from + usize::try_from(length).unwrap_or(usize::MAX).min(bytes.len() - from);
                stream::iter([Ok(bytes.slice(from..to))]).boxed()
            }
            None => pieces.stream(start, length),
        });
        Ok(StoredContent { content, tag })
    }

    pub async fn write<E: std::fmt::Display>(
        &self,
        path: &str,
        mut body: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin + Send,
        size: Option<u64>,
        overwrite: bool,
    ) -> Result<StoredFile> {
        if !overwrite {
            self.check_free(path).await?;
        }
        let location = self.path(path)?;
        let part = PART.max(size.unwrap_or(0).div_ceil(MOST_PARTS)) as usize;
        let first = next_part(&mut body, part).await?;
        if first.len() < part {
            if size.is_some_and(|size| size > first.len() as u64) {
                return Err(Error::BrokenUpload(format!("{} bytes came", first.len())));
            }
            return self.put_small(path, &location, first, overwrite).await;
        }
        let parts = &self.client.parts;
        let id =
            parts.create_multipart(&location).await.map_err(|error| self.failed(path, &error))?;
        let sent = self.write_parts(path, &location, &id, first, &mut body, part, size).await;
        let completed = match sent {
            Ok(sent) => parts
                .complete_multipart(&location, &id, sent)
                .await
                .map(drop)
                .map_err(|error| self.failed(path, &error)),
            Err(error) => Err(error),
        };
        if let Err(error) = completed {
            if let Err(error) = parts.abort_multipart(&location, &id).await {
                let error = self.teller.cause(&error);
                tracing::warn!(error, "the parts of a broken upload were not removed");
            }
            return Err(error);
        }
        self.head(path).await
    }

    /// Sends the parts, the next of which is received while the one before is on its way.
    #[allow(clippy::too_many_arguments, reason = "the two halves of `write`")]
    async fn write_parts<E: std::fmt::Display>(
        &self,
        path: &str,
        location: &Path,
        id: &str,
        first: Bytes,
        body: &mut (impl Stream<Item = std::result::Result<Bytes, E>> + Unpin + Send),
        part: usize,
        size: Option<u64>,
    ) -> Result<Vec<PartId>> {
        let id = id.to_owned();
        let mut sent = Vec::new();
        let mut under_way = VecDeque::new();
        let (mut next, mut came, mut count) = (first, 0, 0);
        let arrived = |result: std::result::Result<_, tokio::task::JoinError>| match result {
            Ok(Ok(part)) => Ok(part),
            Ok(Err(error)) => Err(self.failed(path, &error)),
            Err(panic) => Err(Error::Defect(format!("sending a part broke down: {panic}"))),
        };
        loop {
            came += next.len() as u64;
            let is_last = next.len() < part;
            if !next.is_empty() {
                let (parts, location, id) =
                    (Arc::clone(&self.client.parts), location.clone(), id.clone());
                under_way.push_back(AbortOnDrop(tokio::spawn(async move {
                    parts.put_part(&location, &id, count, PutPayload::from(next)).await
                })));
                count += 1;
            }
            if is_last {
                break;
            }
            if under_way.len() == AT_ONCE
                && let Some(mut oldest) = under_way.pop_front()
            {
                sent.push(arrived((&mut oldest.0).await)?);
            }
            next = next_part(body, part).await?;
        }
        while let Some(mut oldest) = under_way.pop_front() {
            sent.push(arrived((&mut oldest.0).await)?);
        }
        if size.is_some_and(|size| size > came) {
            return Err(Error::BrokenUpload(format!("{came} bytes came")));
        }
        Ok(sent)
    }

    async fn put_small(
        &self,
        path: &str,
        location: &Path,
        bytes: Bytes,
        overwrite: bool,
    ) -> Result<StoredFile> {
        let mode = if overwrite { PutMode::Overwrite } else { PutMode::Create };
        let options = PutOptions::from(mode);
        self.client
            .store
            .put_opts(location, PutPayload::from(bytes), options)
            .await
            .map_err(|error| self.failed(path, &error))?;
        self.head(path).await
    }

    /// Sends a file that came in pieces.
    pub async fn send(&self, whole: &Whole) -> Result<StoredFile> {
        let location = self.path(&whole.path)?;
        if !whole.overwrite {
            self.check_free(&whole.path).await?;
        }
        if whole.size <= PART {
            let content = whole.content.clone();
            let bytes = sent::read(content, 0, whole.size).await?;
            return self.put_small(&whole.path, &location, bytes, whole.overwrite).await;
        }
        // Goes on when whoever waits for it goes away.
        let (objects, at, kept) = (self.clone(), location.clone(), sent::Sending::of(whole));
        tokio::spawn(async move { kept.send(&objects, &at).await })
            .await
            .map_err(|panic| Error::Defect(format!("sending a file broke down: {panic}")))??;
        let file = self.head(&whole.path).await?;
        if let Err(error) = std::fs::remove_file(&whole.content) {
            tracing::warn!(%error, path = %whole.content.display(), "an upload was not removed");
        }
        Ok(file)
    }

    pub async fn delete(&self, path: &str) -> Result<()> {
        // Some stores do not say that there was nothing.
        self.head(path).await?;
        let deleted = self.client.store.delete(&self.path(path)?).await;
        deleted.map_err(|error| self.failed(path, &error))
    }

    pub fn failed(&self, path: &str, error: &object_store::Error) -> Error {
        self.teller.failed(path, error)
    }

    async fn check_free(&self, path: &str) -> Result<()> {
        match self.client.store.head(&self.path(path)?).await {
            Ok(_) => Err(self.teller.is_there(path).into()),
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed(path, &error)),
        }
    }

    /// As the file is called: nothing is encoded twice.
    fn path(&self, path: &str) -> Result<Path> {
        Path::parse(path).map_err(|error| self.failed(path, &error.into()))
    }
}

/// So many bytes of a body; fewer at its end.
async fn next_part<E: std::fmt::Display>(
    body: &mut (impl Stream<Item = std::result::Result<Bytes, E>> + Unpin),
    size: usize,
) -> Result<Bytes> {
    let mut part = BytesMut::new();
    while part.len() < size {
        match body.next().await {
            Some(Ok(chunk)) if part.is_empty() && chunk.len() >= size => {
                // Bodies come in small chunks; a large one comes from a test.
                return Ok(chunk);
            }
            Some(Ok(chunk)) => part.extend_from_slice(&chunk),
            Some(Err(error)) => return Err(Error::BrokenUpload(error.to_string())),
            None => break,
        }
    }
    Ok(part.freeze())
}

/// A task that ends with whoever waits for it.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A file that is read piece by piece.
struct Pieces {
    objects: Objects,
    location: Path,
    path: String,
    /// Of the file that was there at the beginning: another one is not mixed into it.
    etag: Option<String>,
}

impl Pieces {
    fn stream(self, start: u64, length: u64) -> BoxStream<'static, std::io::Result<Bytes>> {
        let end = start + length;
        let pieces = Arc::new(self);
        stream::iter((start..end).step_by(PART as usize))
            .map(move |from| {
                let pieces = Arc::clone(&pieces);
                async move { pieces.piece(from, end.min(from + PART)).await }
            })
            .buffered(AT_ONCE)
            .boxed()
    }

    /// Asks for a piece until somebody answers: the client's own tries are over within a second or
    /// two, sooner than a store is started again, and what was read before would be lost with it.
    async fn piece(&self, from: u64, to: u64) -> std::io::Result<Bytes> {
        let mut away = None;
        loop {
            match self.ask(from, to).await {
                Err(error)
                    if is_unanswered(&error)
                        && away.get_or_insert_with(Instant::now).elapsed() < PATIENCE =>
                {
                    tokio::time::sleep(PAUSE).await;
                }
                answer => {
                    return answer.map_err(|error| {
                        std::io::Error::other(self.objects.failed(&self.path, &error).to_string())
                    });
                }
            }
        }
    }

    async fn ask(&self, from: u64, to: u64) -> object_store::Result<Bytes> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(from..to)),
            if_match: self.etag.clone(),
            ..GetOptions::default()
        };
        self.objects.client.store.get_opts(&self.location, options).await?.bytes().await
    }
}

fn described(object: &ObjectMeta) -> StoredFile {
    StoredFile {
        path: object.location.as_ref().to_owned(),
        size: object.size,
        modified_at_ms: object.last_modified.timestamp_millis(),
    }
}

fn tag(object: &ObjectMeta) -> String {
    let tag = object.e_tag.as_deref().unwrap_or_default();
    let tag: String = tag.chars().filter(char::is_ascii_alphanumeric).take(80).collect();
    match tag.is_empty() {
        true => format!("{:x}-{:x}", object.size, object.last_modified.timestamp_millis()),
        false => tag,
    }
}
