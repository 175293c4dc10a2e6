//! Datastores and their files.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use lazuli_domain::{
    ApiError, Datastore, DatastorePatch, ErrorKind, NewDatastore, NewUpload, Page, StoredFile,
    stored_path,
};

use super::artifacts::{Counted, open_file};
use super::transport::Body;
use super::uploads::{self, LARGE, MOST_FAILURES};
use super::{
    Client, Progress, checked, encode, encode_path, ignore_body, parse, query, workspace_target,
};
use crate::sha256;
use crate::transfer::in_parallel;
use crate::{Error, Result};

/// Which files of a datastore.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredFileQuery {
    /// Beginning of the path.
    pub prefix: String,
    /// A pattern of the whole path: `*` and `?` within a name, `**` over folders; empty: all.
    pub glob: String,
    /// At most so many: 1,000 when absent, never more than 10,000.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// What has become of many files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transferred {
    /// Those that were sent or received, in the order of their paths.
    pub files: Vec<StoredFile>,
    /// Paths of those that were there already and were left as they are.
    pub skipped: Vec<String>,
}

impl Transferred {
    /// Bytes sent or received.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

/// A datastore of a workspace, by its name.
#[derive(Clone, Copy, Debug)]
pub struct StoreName<'a> {
    pub workspace: &'a str,
    pub datastore: &'a str,
}

impl StoreName<'_> {
    fn target(&self, rest: &str) -> String {
        workspace_target(self.workspace, &format!("/datastores/{}{rest}", encode(self.datastore)))
    }

    fn file(&self, path: &str) -> Result<String> {
        Ok(self.target(&format!("/files/{}", encode_path(&stored_path(path)?))))
    }
}

impl Client {
    pub fn datastores(&self, workspace: &str) -> Result<Vec<Datastore>> {
        self.get(&workspace_target(workspace, "/datastores"))
    }

    pub fn datastore(&self, store: StoreName<'_>) -> Result<Datastore> {
        self.get(&store.target(""))
    }

    pub fn register_datastore(&self, workspace: &str, new: &NewDatastore) -> Result<Datastore> {
        self.post(&workspace_target(workspace, "/datastores"), new)
    }

    pub fn make_default_datastore(&self, store: StoreName<'_>) -> Result<Datastore> {
        self.send_json("PATCH", &store.target(""), &DatastorePatch { make_default: true })
    }

    /// What lies there stays there.
    pub fn unregister_datastore(&self, store: StoreName<'_>) -> Result<()> {
        ignore_body(self.send("DELETE", &store.target(""), Body::Empty)?)
    }

    /// A page of the datastore's files, sorted by path.
    pub fn stored_file_page(
        &self,
        store: StoreName<'_>,
        asked: &StoredFileQuery,
    ) -> Result<Page<StoredFile>> {
        let limit = asked.limit.map(|limit| limit.to_string());
        let given = |text: &'_ str| !text.is_empty();
        let parameters = [
            ("prefix", Some(asked.prefix.as_str()).filter(|text| given(text))),
            ("glob", Some(asked.glob.as_str()).filter(|text| given(text))),
            ("limit", limit.as_deref()),
            ("cursor", asked.cursor.as_deref()),
        ];
        self.get(&store.target(&format!("/files{}", query(&parameters))))
    }

    /// All of them.
    pub fn stored_files(
        &self,
        store: StoreName<'_>,
        asked: &StoredFileQuery,
    ) -> Result<Vec<StoredFile>> {
        let mut query = StoredFileQuery { limit: Some(10_000), ..asked.clone() };
        let mut files = Vec::new();
        loop {
            let page = self.stored_file_page(store, &query)?;
            files.extend(page.items);
            query.cursor = page.next_cursor;
            if query.cursor.is_none() {
                return Ok(files);
            }
        }
    }

    /// Sends a file. A large one that is on its way when the connection breaks, or the store goes
    /// away, goes on where it stopped, in this call or in a later one.
    pub fn put_stored_file(
        &self,
        store: StoreName<'_>,
        path: &str,
        file: &Path,
        overwrite: bool,
        progress: Option<Progress<'_>>,
    ) -> Result<StoredFile> {
        let (mut content, size) = open_file(file)?;
        let read_again = |error| Error::io(format!("cannot read `{}`", file.display()), error);
        if size >= LARGE {
            let (sha256, size) = sha256::digest(&mut content).map_err(read_again)?;
            let path = stored_path(path)?;
            let new = NewUpload { path, size, sha256: Some(sha256), overwrite };
            let upload = self.upload(&store.target("/uploads"), &new, &mut content, progress)?;
            return upload.file.ok_or_else(uploads::became_nothing);
        }
        let target = format!("{}?overwrite={overwrite}", store.file(path)?);
        let mut progress = progress;
        let mut failures = 0;
        loop {
            content.rewind().map_err(read_again)?;
            let progress = progress.as_mut().map(|progress| &mut **progress as Progress<'_>);
            let mut reader = Counted { inner: &mut content, count: 0, progress };
            let body = Body::Stream { reader: &mut reader, length: size };
            match self.send("PUT", &target, body).and_then(parse) {
                // With `overwrite` sending it again does no harm.
                Err(error)
                    if overwrite
                        && error.kind() == ErrorKind::Unavailable
                        && failures < MOST_FAILURES =>
                {
                    failures += 1;
                    std::thread::sleep(uploads::pause(failures));
                }
                sent => return sent,
            }
        }
    }

    /// Writes a file of the datastore to `file`, which is there whole or not at all. When the
    /// connection breaks, or the store goes away, it goes on where it stopped.
    pub fn download_stored_file(
        &self,
        store: StoreName<'_>,
        path: &str,
        file: &Path,
        progress: Option<Progress<'_>>,
    ) -> Result<()> {
        let failed = |error| Error::io(format!("cannot write `{}`", file.display()), error);
        let Some(name) = file.file_name() else {
            return Err(ApiError::invalid(format!("`{}` names no file", file.display()))
                .hint("say which file to write, such as `data.csv`")
                .into());
        };
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut partial_name = name.to_owned();
        partial_name.push(format!(".{}.part", std::process::id()));
        let partial = file.with_file_name(partial_name);
        let mut output = File::create(&partial).map_err(failed)?;
        let target = store.file(path)?;
        let received = self.receive(&target, &mut output, &failed, progress);
        drop(output);
        let kept = received.and_then(|()| std::fs::rename(&partial, file).map_err(failed));
        if kept.is_err() {
            // The first error is the one to tell; a leftover is harmless.
            let _ = std::fs::remove_file(&partial);
        }
        kept
    }

    fn receive(
        &self,
        target: &str,
        output: &mut File,
        failed: &dyn Fn(std::io::Error) -> Error,
        mut progress: Option<Progress<'_>>,
    ) -> Result<()> {
        let mut client = self.clone();
        let (mut reached, mut failures) = (0_u64, 0);
        let mut tag: Option<String> = None;
        let mut buffer = vec![0; 256 << 10];
        loop {
            let range = format!("bytes={reached}-");
            let headers = [("range", range.as_str())];
            let headers = if reached > 0 { &headers[..] } else { &[] };
            let answer = match client.attempt_with("GET", target, headers, Body::Empty) {
                Ok(response) => checked(response),
                Err(failure) => Err(client.explain(failure)),
            };
            let problem = match answer {
                Ok(mut response) => {
                    let same = response.header("etag").map(str::to_owned) == tag;
                    if reached > 0 && (response.status != 206 || !same) {
                        // Another file is there now: from the beginning.
                        reached = 0;
                        tag = None;
                        output.rewind().and_then(|()| output.set_len(0)).map_err(failed)?;
                        if response.status == 206 {
                            continue;
                        }
                    }
                    tag = response.header("etag").map(str::to_owned);
                    let before = reached;
                    let broken = loop {
                        match response.body.read(&mut buffer) {
                            Ok(0) => return output.flush().map_err(failed),
                            Ok(count) => {
                                output.write_all(&buffer[..count]).map_err(failed)?;
                                reached += count as u64;
                                if let Some(progress) = &mut progress {
                                    progress(reached);
                                }
                            }
                            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                            Err(error) => break error,
                        }
                    };
                    if reached > before {
                        failures = 0;
                    }
                    Error::io("the download broke off", broken)
                }
                Err(error) if error.kind() == ErrorKind::Unavailable => error,
                Err(error) => return Err(error),
            };
            failures += 1;
            if failures > MOST_FAILURES {
                return Err(problem);
            }
            std::thread::sleep(uploads::pause(failures));
            if let Ok(found) = client.found_again() {
                client = found;
            }
        }
    }

    pub fn delete_stored_file(&self, store: StoreName<'_>, path: &str) -> Result<()> {
        ignore_body(self.send("DELETE", &store.file(path)?, Body::Empty)?)
    }

    /// Sends many files at once: each pair is a file and its path in the datastore. Without
    /// `overwrite` those that are there stay.
    pub fn upload_files(
        &self,
        store: StoreName<'_>,
        files: &[(PathBuf, String)],
        overwrite: bool,
        progress: Option<Progress<'_>>,
    ) -> Result<Transferred> {
        let sent = in_parallel(files, progress, &|(file, path), progress| {
            match self.put_stored_file(store, path, file, overwrite, Some(progress)) {
                Err(error) if !overwrite && error.kind() == ErrorKind::Conflict => {
                    // Only what is a file there; anything else is a mistake to tell.
                    let query = StoredFileQuery { glob: path.clone(), ..Default::default() };
                    match self.stored_file_page(store, &query)?.items.is_empty() {
                        false => Ok(Err(path.clone())),
                        true => Err(error),
                    }
                }
                sent => sent.map(Ok),
            }
        })?;
        Ok(sorted_out(sent))
    }

    /// Receives many files at once: each pair is a file of the datastore and where it goes. Without
    /// `overwrite` those that are there stay.
    pub fn download_files(
        &self,
        store: StoreName<'_>,
        files: &[(StoredFile, PathBuf)],
        overwrite: bool,
        progress: Option<Progress<'_>>,
    ) -> Result<Transferred> {
        let received = in_parallel(files, progress, &|(stored, file), progress| {
            if !overwrite && file.exists() {
                progress(stored.size);
                return Ok(Err(stored.path.clone()));
            }
            self.download_stored_file(store, &stored.path, file, Some(progress))?;
            Ok(Ok(stored.clone()))
        })?;
        Ok(sorted_out(received))
    }
}

fn sorted_out(outcomes: Vec<Result<StoredFile, String>>) -> Transferred {
    let mut transferred = Transferred::default();
    for outcome in outcomes {
        match outcome {
            Ok(file) => transferred.files.push(file),
            Err(path) => transferred.skipped.push(path),
        }
    }
    transferred
}
