use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

use lazuli_domain::{ApiError, Artifact, ArtifactPage, NewUpload, artifact_path};

use super::transport::{Body, Response, ResponseBody};
use super::{Client, Progress, encode_path, parse, query, run_target};
use crate::sha256::{self, Sha256};
use crate::{Error, Result};

/// Which artifacts of a run to list, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArtifactQuery {
    /// Beginning of the name.
    pub prefix: String,
    /// What lies in a folder below the prefix is one entry of `folders`.
    pub by_folder: bool,
    /// At most so many: 1,000 when absent, never more than 10,000.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Client {
    /// The run's artifacts whose names begin with `prefix`; all when it is empty.
    pub fn artifacts(&self, run_id: &str, prefix: &str) -> Result<Vec<Artifact>> {
        let mut query = ArtifactQuery { prefix: prefix.to_owned(), ..ArtifactQuery::default() };
        let mut artifacts = Vec::new();
        loop {
            let page = self.artifact_page(run_id, &query)?;
            artifacts.extend(page.items);
            query.cursor = page.next_cursor;
            if query.cursor.is_none() {
                return Ok(artifacts);
            }
        }
    }

    /// A page of the run's artifacts.
    pub fn artifact_page(&self, run_id: &str, asked: &ArtifactQuery) -> Result<ArtifactPage> {
        let limit = asked.limit.map(|limit| limit.to_string());
        let parameters = [
            ("prefix", Some(asked.prefix.as_str()).filter(|prefix| !prefix.is_empty())),
            ("delimiter", asked.by_folder.then_some("/")),
            ("limit", limit.as_deref()),
            ("cursor", asked.cursor.as_deref()),
        ];
        self.get(&run_target(run_id, &format!("/artifacts{}", query(&parameters))))
    }

    /// Keeps the next `length` bytes of `reader` as the artifact `name`.
    pub fn put_artifact(
        &self,
        run_id: &str,
        name: &str,
        reader: &mut dyn Read,
        length: u64,
        progress: Option<Progress<'_>>,
    ) -> Result<Artifact> {
        let target = artifact_target(run_id, name)?;
        let mut reader = Counted { inner: reader, count: 0, progress };
        parse(self.send("PUT", &target, Body::Stream { reader: &mut reader, length })?)
    }

    /// Keeps a file as the artifact `name`: nothing else than what the file holds now. A large one
    /// that is on its way when the connection breaks goes on where it stopped, in this call or in a
    /// later one.
    pub fn put_artifact_file(
        &self,
        run_id: &str,
        name: &str,
        file: &Path,
        progress: Option<Progress<'_>>,
    ) -> Result<Artifact> {
        let (mut content, length) = open_file(file)?;
        let read_again = |error| Error::io(format!("cannot read `{}`", file.display()), error);
        let (sha256, hashed) = sha256::digest(&mut content).map_err(read_again)?;
        if length.min(hashed) >= super::uploads::LARGE {
            let new = NewUpload {
                path: artifact_path(name)?,
                size: hashed,
                sha256: Some(sha256),
                overwrite: false,
            };
            let place = run_target(run_id, "/uploads");
            let upload = self.upload(&place, &new, &mut content, progress)?;
            return upload.artifact.ok_or_else(super::uploads::became_nothing);
        }
        content.rewind().map_err(read_again)?;
        let target = format!("{}?sha256={sha256}", artifact_target(run_id, name)?);
        let mut reader = Counted { inner: &mut content, count: 0, progress };
        parse(self.send("PUT", &target, Body::Stream { reader: &mut reader, length: hashed })?)
    }

    pub fn get_artifact(&self, run_id: &str, name: &str) -> Result<Download> {
        let response = self.send("GET", &artifact_target(run_id, name)?, Body::Empty)?;
        Ok(Download::new(response))
    }

    /// Writes the artifact to `file`, which is there whole or not at all.
    pub fn download_artifact(
        &self,
        run_id: &str,
        name: &str,
        file: &Path,
        progress: Option<Progress<'_>>,
    ) -> Result<()> {
        self.get_artifact(run_id, name)?.save(file, progress)
    }
}

/// Content that is being received. Reading fails when the connection breaks off.
#[derive(Debug)]
pub struct Download {
    size: Option<u64>,
    sha256: Option<String>,
    body: ResponseBody,
}

impl Download {
    pub(super) fn new(response: Response) -> Download {
        let sha256 = response.header("etag").map(|tag| tag.trim_matches('"').to_owned());
        Download { size: response.body.length(), sha256, body: response.body }
    }

    /// Bytes in all, where the daemon says so.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    pub fn sha256(&self) -> Option<&str> {
        self.sha256.as_deref()
    }

    /// Writes the content to `file`, which is there whole or not at all. Folders on the way are
    /// made.
    pub fn save(mut self, file: &Path, progress: Option<Progress<'_>>) -> Result<()> {
        let failed = |error| Error::io(format!("cannot write `{}`", file.display()), error);
        let Some(name) = file.file_name() else {
            return Err(ApiError::invalid(format!("`{}` names no file", file.display()))
                .hint("say which file to write, such as `model.pkl`")
                .into());
        };
        if file.is_dir() {
            return Err(ApiError::invalid(format!("`{}` is a folder", file.display()))
                .hint("say which file to write in it")
                .into());
        }
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut partial_name = name.to_owned();
        partial_name.push(format!(".{}.part", std::process::id()));
        let partial = file.with_file_name(partial_name);
        let written = self.write_to(&partial, progress).and_then(|()| {
            std::fs::rename(&partial, file)?;
            Ok(())
        });
        if let Err(error) = written {
            // The first error is the one to tell; a leftover is harmless.
            let _ = std::fs::remove_file(&partial);
            return Err(failed(error));
        }
        Ok(())
    }

    fn write_to(&mut self, file: &Path, progress: Option<Progress<'_>>) -> std::io::Result<()> {
        let mut output = File::create(file)?;
        let mut reader = Counted { inner: &mut self.body, count: 0, progress };
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 256 << 10];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    hash.update(&buffer[..count]);
                    output.write_all(&buffer[..count])?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        output.flush()?;
        match &self.sha256 {
            Some(expected) if *expected != hash.finish() => Err(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                "the content arrived damaged; download it again",
            )),
            _ => Ok(()),
        }
    }
}

impl Read for Download {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.body.read(buffer)
    }
}

/// Tells how far reading has come.
pub(super) struct Counted<'r, 'p> {
    pub inner: &'r mut dyn Read,
    pub count: u64,
    pub progress: Option<Progress<'p>>,
}

impl Read for Counted<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count += count as u64;
        if let Some(progress) = &mut self.progress {
            progress(self.count);
        }
        Ok(count)
    }
}

/// Opens a file to be sent, with its length.
pub(super) fn open_file(path: &Path) -> Result<(File, u64)> {
    let failed = |error| {
        Error::io(format!("cannot read `{}`", path.display()), error)
            .with_hint("check the path; relative ones start at the current folder")
    };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(ApiError::invalid(format!("`{}` is no file", path.display()))
            .hint("give a file; a folder is uploaded by `upload_folder`")
            .into());
    }
    Ok((file, metadata.len()))
}

fn artifact_target(run_id: &str, name: &str) -> Result<String> {
    Ok(run_target(run_id, &format!("/artifacts/{}", encode_path(&artifact_path(name)?))))
}
