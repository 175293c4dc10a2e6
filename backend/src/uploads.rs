//! Uploads in pieces: `blobs/uploads/<id>/` holds what has come of a file (`content`) and what it is
//! to become (`upload.json`), so that an upload outlives the daemon.
//!
//! A piece is written under the lock of its upload, one chunk at a time: a connection that hangs
//! half open holds no lock, and who comes anew goes on beside it. The digest is computed on the way;
//! after a restart what is there is read once more.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use dashmap::DashMap;
use lazuli_domain::{ApiError, Artifact, NewUpload, StoredFile, Upload};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use crate::error::{Error, FileContext, Result};
use crate::home::{hex, random, write_private};

/// An upload of which nothing more came for so long is given up.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
const BUFFER: usize = 1 << 20;

pub struct Uploads {
    folder: PathBuf,
    open: DashMap<String, Arc<Mutex<Session>>>,
}

/// Where a file goes that comes in pieces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadPlace {
    Run { run_id: String },
    Datastore { workspace: String, name: String },
}

/// What an upload has become.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Become {
    Artifact(Artifact),
    File(StoredFile),
}

/// What is kept of an upload beside its content.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct About {
    place: UploadPlace,
    path: String,
    size: u64,
    sha256: Option<String>,
    overwrite: bool,
    /// After a power cut the end of the content may be zeros that were never sent.
    boot_id: Option<String>,
    became: Option<Become>,
}

impl About {
    fn describe(&self, upload_id: &str, offset: u64, expires: SystemTime) -> Upload {
        let (run_id, datastore) = match &self.place {
            UploadPlace::Run { run_id } => (Some(run_id.clone()), None),
            UploadPlace::Datastore { name, .. } => (None, Some(name.clone())),
        };
        let (artifact, file) = match self.became.clone() {
            Some(Become::Artifact(artifact)) => (Some(artifact), None),
            Some(Become::File(file)) => (None, Some(file)),
            None => (None, None),
        };
        Upload {
            upload_id: upload_id.to_owned(),
            run_id,
            datastore,
            path: self.path.clone(),
            size: self.size,
            sha256: self.sha256.clone(),
            offset,
            expires_at_ms: epoch_ms(expires),
            artifact,
            file,
        }
    }
}

pub struct Session {
    upload_id: String,
    folder: PathBuf,
    about: About,
    offset: u64,
    /// Of the first `offset` bytes; `None` until somebody needs it again after a restart.
    hash: Option<Sha256>,
    is_gone: bool,
}

/// What an upload was when it was whole.
pub struct Whole {
    pub place: UploadPlace,
    pub path: String,
    pub overwrite: bool,
    /// Lies in a folder that goes with the upload.
    pub content: PathBuf,
    pub sha256: String,
    pub size: u64,
}

impl Uploads {
    /// Finds the uploads that an earlier daemon left open.
    pub fn open(folder: PathBuf) -> Result<Uploads> {
        fs::create_dir_all(&folder).while_trying(|| format!("making `{}`", folder.display()))?;
        let uploads = Uploads { folder, open: DashMap::new() };
        let reading = || format!("reading `{}`", uploads.folder.display());
        for entry in fs::read_dir(&uploads.folder).while_trying(reading)? {
            let path = entry.while_trying(reading)?.path();
            match Session::load(&path) {
                Some(session) => uploads.add(session),
                // Begun and not told to anybody, or damaged.
                None => remove(&path),
            }
        }
        uploads.sweep()?;
        Ok(uploads)
    }

    /// A new upload, or the open one of the same content for the same place.
    pub async fn begin(&self, place: &UploadPlace, new: &NewUpload) -> Result<Arc<Mutex<Session>>> {
        if new.sha256.is_some() {
            let open: Vec<_> = self.open.iter().map(|entry| Arc::clone(entry.value())).collect();
            for session in open {
                if session.lock().await.is_for(place, new) {
                    return Ok(session);
                }
            }
        }
        let upload_id = hex(&random::<16>()?);
        let session = Session {
            folder: self.folder.join(&upload_id),
            upload_id: upload_id.clone(),
            about: About {
                place: place.clone(),
                path: new.path.clone(),
                size: new.size,
                sha256: new.sha256.clone(),
                overwrite: new.overwrite,
                boot_id: crate::process::boot_id(),
                became: None,
            },
            offset: 0,
            hash: Some(Sha256::new()),
            is_gone: false,
        };
        let session = blocking(move || session.make()).await?;
        self.add(session);
        self.get(&upload_id)
    }

    pub fn get(&self, upload_id: &str) -> Result<Arc<Mutex<Session>>> {
        match self.open.get(upload_id) {
            Some(session) => Ok(Arc::clone(session.value())),
            None => {
                let shown: String = upload_id.chars().take(64).collect();
                Err(ApiError::not_found("upload", &shown)
                    .hint("it may have expired; begin it anew and send the whole file")
                    .into())
            }
        }
    }

    /// What is known of an upload that somebody else is about to complete: all of it has come.
    pub fn describe_whole(&self, upload_id: &str) -> Result<Upload> {
        self.get(upload_id)?;
        let path = self.folder.join(upload_id).join("upload.json");
        let text = fs::read(&path).while_trying(|| "reading what an upload is".into())?;
        let about: About = serde_json::from_slice(&text)
            .map_err(|error| Error::Defect(format!("`{}` is damaged: {error}", path.display())))?;
        Ok(about.describe(upload_id, about.size, SystemTime::now() + PATIENCE))
    }

    /// Gives the upload up.
    pub async fn discard(&self, upload_id: &str) -> Result<()> {
        let session = self.get(upload_id)?;
        let mut session = session.lock().await;
        self.forget(&mut session);
        Ok(())
    }

    /// Removes what nothing came for in a long time; returns how many and their bytes.
    pub fn sweep(&self) -> Result<(u64, u64)> {
        let (mut uploads, mut bytes) = (0, 0);
        let open: Vec<_> = self.open.iter().map(|entry| Arc::clone(entry.value())).collect();
        for session in open {
            // One that is locked is being written.
            let Ok(mut session) = session.try_lock() else { continue };
            if session.is_expired() {
                uploads += 1;
                bytes += session.offset;
                self.forget(&mut session);
            }
        }
        Ok((uploads, bytes))
    }

    /// The upload is over, one way or the other.
    pub fn forget(&self, session: &mut Session) {
        session.is_gone = true;
        remove(&session.folder);
        self.open.remove(&session.upload_id);
    }

    fn add(&self, session: Session) {
        self.open.insert(session.upload_id.clone(), Arc::new(Mutex::new(session)));
    }
}

impl Session {
    pub fn describe(&self) -> Upload {
        let offset = if self.is_complete() { self.about.size } else { self.offset };
        self.about.describe(&self.upload_id, offset, self.last_change() + PATIENCE)
    }

    pub fn is_complete(&self) -> bool {
        self.about.became.is_some()
    }

    /// Writes bytes that begin at `at` in the file. Those that are there already are skipped: the
    /// answer to them may have been lost. Blocks. After an error nothing of them is there, and on a
    /// full disk nothing of the whole upload: `forget` it.
    pub fn write(&mut self, at: u64, bytes: &[u8]) -> Result<()> {
        self.check_open()?;
        if at > self.offset {
            return Err(self.out_of_step(at).into());
        }
        let known = usize::try_from(self.offset - at).unwrap_or(usize::MAX).min(bytes.len());
        let new = &bytes[known..];
        if new.is_empty() {
            return Ok(());
        }
        if self.offset + new.len() as u64 > self.about.size {
            return Err(ApiError::invalid(format!(
                "the upload was announced with {} bytes, and more came",
                self.about.size
            ))
            .hint("begin an upload of the right size")
            .into());
        }
        self.catch_up()?;
        let path = self.content();
        let offset = self.offset;
        let append = || -> std::io::Result<()> {
            let mut file = File::options().write(true).open(&path)?;
            file.seek(SeekFrom::Start(offset))?;
            file.write_all(new).inspect_err(|_| {
                // Half of it may have been written.
                if let Err(error) = file.set_len(offset) {
                    tracing::error!(%error, path = %path.display(), "an upload was not cut back");
                }
            })
        };
        append().while_trying(|| format!("writing an upload of {} bytes", self.about.size))?;
        if let Some(hash) = &mut self.hash {
            hash.update(new);
        }
        self.offset += new.len() as u64;
        Ok(())
    }

    /// What was received is on disk when this returns. Blocks.
    pub fn sync(&self) -> Result<()> {
        if self.is_gone || self.is_complete() {
            return Ok(());
        }
        File::open(self.content())
            .and_then(|file| file.sync_data())
            .while_trying(|| "keeping an upload on disk".into())
    }

    /// The content, checked. Blocks.
    pub fn whole(&mut self) -> Result<Whole> {
        self.check_open()?;
        if self.offset != self.about.size {
            return Err(self.out_of_step(self.about.size).into());
        }
        self.catch_up()?;
        let sha256 = hex(&self.hash.clone().unwrap_or_default().finalize());
        if let Some(expected) = &self.about.sha256
            && *expected != sha256
        {
            return Err(ApiError::invalid(format!(
                "the content has the digest {sha256}, not {expected}"
            ))
            .hint("the file changed while it was sent; begin its upload anew")
            .into());
        }
        Ok(Whole {
            place: self.about.place.clone(),
            path: self.about.path.clone(),
            overwrite: self.about.overwrite,
            content: self.content(),
            sha256,
            size: self.about.size,
        })
    }

    /// What the upload has become, which is told to who asks again. Blocks.
    pub fn completed(&mut self, became: Become) -> Result<()> {
        self.about.became = Some(became);
        self.save()
    }

    fn is_for(&self, place: &UploadPlace, new: &NewUpload) -> bool {
        let about = &self.about;
        !self.is_gone
            && !self.is_complete()
            && about.place == *place
            && about.overwrite == new.overwrite
            && (&about.path, about.size, &about.sha256) == (&new.path, new.size, &new.sha256)
    }

    fn make(self) -> Result<Session> {
        let make = || -> std::io::Result<()> {
            fs::create_dir(&self.folder)?;
            File::create_new(self.content()).map(drop)
        };
        let made = make().while_trying(|| "beginning an upload".into()).and_then(|()| self.save());
        if let Err(error) = made {
            remove(&self.folder);
            return Err(error);
        }
        Ok(self)
    }

    fn save(&self) -> Result<()> {
        let text = serde_json::to_vec(&self.about)
            .map_err(|error| Error::Defect(format!("an upload has no JSON form: {error}")))?;
        write_private(&self.folder.join("upload.json"), &text)
            .while_trying(|| "keeping what an upload is".into())
    }

    fn load(folder: &Path) -> Option<Session> {
        let about: About =
            serde_json::from_slice(&fs::read(folder.join("upload.json")).ok()?).ok()?;
        let upload_id = folder.file_name()?.to_str()?.to_owned();
        let mut session = Session {
            upload_id,
            folder: folder.to_owned(),
            about,
            offset: 0,
            hash: None,
            is_gone: false,
        };
        if !session.is_complete() {
            let content = File::options().write(true).open(session.content()).ok()?;
            if session.about.boot_id == crate::process::boot_id() {
                session.offset = content.metadata().ok()?.len().min(session.about.size);
            } else {
                content.set_len(0).ok()?;
            }
        }
        Some(session)
    }

    /// Has the digest of what is there, reading it when this process has not received it.
    fn catch_up(&mut self) -> Result<()> {
        if self.hash.is_some() {
            return Ok(());
        }
        let read = || -> std::io::Result<Sha256> {
            let mut hash = Sha256::new();
            let mut content = File::open(self.content())?.take(self.offset);
            let mut buffer = vec![0; BUFFER];
            loop {
                match content.read(&mut buffer)? {
                    0 => return Ok(hash),
                    count => hash.update(&buffer[..count]),
                }
            }
        };
        self.hash = Some(read().while_trying(|| "reading an upload".into())?);
        Ok(())
    }

    fn check_open(&self) -> Result<(), ApiError> {
        if self.is_gone {
            return Err(ApiError::not_found("upload", &self.upload_id)
                .hint("it was given up; begin it anew and send the whole file"));
        }
        if self.is_complete() {
            let path = &self.about.path;
            return Err(ApiError::conflict(format!("the upload is complete: it is `{path}`")));
        }
        Ok(())
    }

    fn out_of_step(&self, at: u64) -> ApiError {
        ApiError::conflict(format!("{} bytes of the upload have come, not {at}", self.offset))
            .hint(format!("go on at offset {}", self.offset))
    }

    fn is_expired(&self) -> bool {
        SystemTime::now().duration_since(self.last_change()).is_ok_and(|age| age > PATIENCE)
    }

    fn last_change(&self) -> SystemTime {
        [self.content(), self.folder.join("upload.json")]
            .iter()
            .filter_map(|path| fs::metadata(path).ok()?.modified().ok())
            .max()
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }

    fn content(&self) -> PathBuf {
        self.folder.join("content")
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|panic| Error::Defect(format!("work on an upload broke down: {panic}")))?
}

fn remove(folder: &Path) {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(%error, path = %folder.display(), "an upload was not removed");
        }
        _ => {}
    }
}

fn epoch_ms(time: SystemTime) -> i64 {
    let elapsed = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}
