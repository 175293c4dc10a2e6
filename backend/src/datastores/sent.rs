//! A file that is here whole, on its way to a store. Which parts are there is kept beside it, so that
//! a store, or a daemon, that goes away in between costs the parts under way and no others.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use object_store::PutPayload;
use object_store::multipart::PartId;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::objects::{AT_ONCE, MOST_PARTS, Objects, PART};
use super::told::is_unanswered;
use crate::error::{Error, FileContext, Result};
use crate::home::write_private;
use crate::uploads::Whole;

pub struct Sending {
    path: String,
    content: PathBuf,
    size: u64,
}

/// `sent.json` beside the content.
#[derive(Serialize, Deserialize)]
struct Sent {
    /// What the store calls the upload.
    id: String,
    part: u64,
    /// What it calls the parts that are there, in their order.
    parts: Vec<String>,
}

impl Sending {
    pub fn of(whole: &Whole) -> Sending {
        Sending { path: whole.path.clone(), content: whole.content.clone(), size: whole.size }
    }

    /// Sends what is missing and puts the file in its place.
    pub async fn send(&self, objects: &Objects, location: &Path) -> Result<()> {
        let first = match self.known() {
            Some(sent) => sent,
            None => self.begin(objects, location).await?,
        };
        match self.send_from(objects, location, first).await {
            // The store answered, and not as it should: it may have forgotten the upload. If the file
            // cannot be sent for another reason, that comes out again.
            Err(Broken::InStore(error)) if !is_unanswered(&error) => {
                let why = objects.teller.cause(&error);
                tracing::info!(why, "an upload into a store begins anew");
                let anew = self.begin(objects, location).await?;
                self.send_from(objects, location, anew)
                    .await
                    .map_err(|broken| broken.told(objects, &self.path))
            }
            outcome => outcome.map_err(|broken| broken.told(objects, &self.path)),
        }
    }

    async fn begin(&self, objects: &Objects, location: &Path) -> Result<Sent> {
        let begun = objects.client.parts.create_multipart(location).await;
        let id = begun.map_err(|error| objects.failed(&self.path, &error))?;
        let sent = Sent { id, part: PART.max(self.size.div_ceil(MOST_PARTS)), parts: Vec::new() };
        self.remember(&sent)?;
        Ok(sent)
    }

    async fn send_from(
        &self,
        objects: &Objects,
        location: &Path,
        mut sent: Sent,
    ) -> Result<(), Broken> {
        let parts = Arc::clone(&objects.client.parts);
        let (first, count) = (sent.parts.len() as u64, self.size.div_ceil(sent.part));
        let (id, part) = (sent.id.clone(), sent.part);
        let mut arriving = stream::iter(first..count)
            .map(|number| {
                let (parts, id) = (Arc::clone(&parts), id.clone());
                let from = number * part;
                let length = part.min(self.size - from);
                async move {
                    let bytes =
                        read(self.content.clone(), from, length).await.map_err(Broken::Here)?;
                    parts
                        .put_part(location, &id, number as usize, PutPayload::from(bytes))
                        .await
                        .map_err(Broken::InStore)
                }
            })
            .buffered(AT_ONCE);
        while let Some(arrived) = arriving.next().await {
            sent.parts.push(arrived?.content_id);
            self.remember(&sent).map_err(Broken::Here)?;
        }
        drop(arriving);
        let ids = sent.parts.into_iter().map(|content_id| PartId { content_id }).collect();
        parts.complete_multipart(location, &sent.id, ids).await.map(drop).map_err(Broken::InStore)
    }

    fn known(&self) -> Option<Sent> {
        serde_json::from_slice(&std::fs::read(self.notes()).ok()?).ok()
    }

    fn remember(&self, sent: &Sent) -> Result<()> {
        let text = serde_json::to_vec(sent)
            .map_err(|error| Error::Defect(format!("parts have no JSON form: {error}")))?;
        write_private(&self.notes(), &text).while_trying(|| "noting what was sent".into())
    }

    fn notes(&self) -> PathBuf {
        self.content.with_file_name("sent.json")
    }
}

enum Broken {
    InStore(object_store::Error),
    Here(Error),
}

impl Broken {
    fn told(self, objects: &Objects, path: &str) -> Error {
        match self {
            Broken::InStore(error) => objects.failed(path, &error),
            Broken::Here(error) => error,
        }
    }
}

/// So many bytes of a file.
pub async fn read(content: PathBuf, from: u64, length: u64) -> Result<Bytes> {
    tokio::task::spawn_blocking(move || {
        let read = || -> std::io::Result<Bytes> {
            let mut file = File::open(&content)?;
            file.seek(SeekFrom::Start(from))?;
            let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
            file.read_exact(&mut bytes)?;
            Ok(Bytes::from(bytes))
        };
        read().while_trying(|| "reading an upload to send".into())
    })
    .await
    .map_err(|panic| Error::Defect(format!("reading an upload broke down: {panic}")))?
}
