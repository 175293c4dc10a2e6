use std::io::Read;

use lazuli_domain::ErrorKind;

use super::artifacts::Counted;
use super::transport::Body;
use super::{Client, Download, Progress, encode, ignore_body};
use crate::Result;

/// Content by its SHA-256, in lower-case hex.
impl Client {
    pub fn has_blob(&self, sha256: &str) -> Result<bool> {
        match self.send("HEAD", &blob_target(sha256), Body::Empty) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Stores the next `length` bytes of `reader`; the daemon refuses content of another digest.
    pub fn put_blob(
        &self,
        sha256: &str,
        reader: &mut dyn Read,
        length: u64,
        progress: Option<Progress<'_>>,
    ) -> Result<()> {
        let mut reader = Counted { inner: reader, count: 0, progress };
        let body = Body::Stream { reader: &mut reader, length };
        ignore_body(self.send("PUT", &blob_target(sha256), body)?)
    }

    pub fn get_blob(&self, sha256: &str) -> Result<Download> {
        Ok(Download::new(self.send("GET", &blob_target(sha256), Body::Empty)?))
    }
}

fn blob_target(sha256: &str) -> String {
    format!("/api/blobs/{}", encode(sha256))
}
