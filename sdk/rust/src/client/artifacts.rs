use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use lazuli_domain::{ApiError, Artifact, artifact_path};

use super::transport::{Body, Response, ResponseBody};
use super::{Client, Progress, encode_path, parse, query, run_target};
use crate::{Error, Result};

impl Client {
    /// The run's artifacts whose names begin with `prefix`; all when it is empty.
    pub fn artifacts(&self, run_id: &str, prefix: &str) -> Result<Vec<Artifact>> {
        let prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
        self.get(&run_target(run_id, &format!("/artifacts{}", query(&[("prefix", prefix)]))))
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

    /// Keeps a file as the artifact `name`.
    pub fn put_artifact_file(
        &self,
        run_id: &str,
        name: &str,
        file: &Path,
        progress: Option<Progress<'_>>,
    ) -> Result<Artifact> {
        let (mut content, length) = open_file(file)?;
        self.put_artifact(run_id, name, &mut content, length, progress)
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
        std::io::copy(&mut reader, &mut output)?;
        output.flush()
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
pub(crate) fn open_file(path: &Path) -> Result<(File, u64)> {
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
