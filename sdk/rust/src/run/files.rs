use std::path::{Path, PathBuf};

use lazuli_domain::{ApiError, Artifact, ErrorKind, artifact_path, download_path};

use super::Run;
use crate::Result;

impl Run {
    /// Keeps a local file with the run: `run.upload_file("outputs/model.onnx", "model.onnx")?`.
    pub fn upload_file(&self, name: &str, file: impl AsRef<Path>) -> Result<()> {
        let name = artifact_path(name)?;
        self.client()?.put_artifact_file(&self.run_id, &name, file.as_ref(), None).map(drop)
    }

    /// Keeps everything below a folder with the run, below `name`.
    pub fn upload_folder(&self, name: &str, folder: impl AsRef<Path>) -> Result<()> {
        let folder = folder.as_ref();
        if !folder.is_dir() {
            let message = format!("the folder `{}` is not there", folder.display());
            return Err(ApiError::new(ErrorKind::NotFound, message)
                .hint("check the path; relative ones start at the current folder")
                .into());
        }
        let files = crate::folder::files_below(folder)?;
        // All names first: a bad one must not leave half of the folder behind.
        let files = files
            .into_iter()
            .map(|(relative, file)| Ok((artifact_path(&format!("{name}/{relative}"))?, file)))
            .collect::<Result<Vec<(String, PathBuf)>>>()?;
        files.into_iter().try_for_each(|(name, file)| self.upload_file(&name, file))
    }

    /// The files kept with the run.
    pub fn files(&self) -> Result<Vec<Artifact>> {
        self.client()?.artifacts(&self.run_id, "")
    }

    /// Writes a file of the run to `target`, or into it when it is a folder, and returns the path.
    pub fn download_file(&self, name: &str, target: impl AsRef<Path>) -> Result<PathBuf> {
        let name = artifact_path(name)?;
        let target = target.as_ref();
        let into_folder = target.is_dir() || target.as_os_str().as_encoded_bytes().ends_with(b"/");
        let last_part = name.rsplit('/').next().unwrap_or(&name);
        let file = if into_folder { target.join(last_part) } else { target.to_owned() };
        self.client()?.download_artifact(&self.run_id, &name, &file, None)?;
        Ok(file)
    }

    /// Writes the files whose names begin with `prefix` below a folder, under their whole names.
    pub fn download_files(&self, prefix: &str, folder: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
        let client = self.client()?;
        let mut written = Vec::new();
        for artifact in client.artifacts(&self.run_id, prefix)? {
            let file = download_path(folder.as_ref(), &artifact.path)?;
            client.download_artifact(&self.run_id, &artifact.path, &file, None)?;
            written.push(file);
        }
        Ok(written)
    }
}
