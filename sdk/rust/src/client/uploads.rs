//! Large files, in pieces: what breaks goes on where it stopped.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::time::Duration;

use lazuli_domain::{ApiError, Artifact, ErrorKind, NewUpload, Upload};

use super::artifacts::Counted;
use super::transport::{Body, Failure};
use super::{Client, Progress, checked, encode, parse, run_target};
use crate::{Error, Result};

/// A file from this size on is worth the three requests of an upload in pieces.
pub(super) const LARGE: u64 = 16 << 20;
/// So often the connection may break without a byte having arrived in between.
const MOST_FAILURES: u32 = 8;
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl Client {
    /// Sends the file, which must hold what `new` says of it.
    pub(super) fn upload(
        &self,
        run_id: &str,
        new: &NewUpload,
        content: &mut File,
        mut progress: Option<Progress<'_>>,
    ) -> Result<Artifact> {
        let mut client = self.clone();
        let mut upload: Upload = client.post(&run_target(run_id, "/uploads"), new)?;
        let target = format!("/api/uploads/{}", encode(&upload.upload_id));
        let mut failures = 0;
        loop {
            if let Some(artifact) = upload.artifact {
                return Ok(artifact);
            }
            let reached = upload.offset;
            let failure = match client.send_rest(&target, &upload, content, &mut progress) {
                Ok(went_on) => {
                    upload = went_on;
                    continue;
                }
                Err(Broken::For(error)) => return Err(error),
                Err(Broken::Now(failure)) => failure,
            };
            // The connection broke, or the daemon went away: ask the present one how far it is.
            loop {
                failures += 1;
                if failures > MOST_FAILURES {
                    return Err(client.explain(failure));
                }
                std::thread::sleep(
                    (Duration::from_millis(50) * 2_u32.pow(failures)).min(LONGEST_PAUSE),
                );
                match client.found_again().and_then(|found| {
                    let upload: Upload = found.get(&target)?;
                    Ok((found, upload))
                }) {
                    Ok((found, asked)) => {
                        if asked.offset > reached {
                            failures = 0;
                        }
                        (client, upload) = (found, asked);
                        break;
                    }
                    Err(error) if error.kind() == ErrorKind::Unavailable => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }

    /// Sends what is missing, or completes what is whole.
    fn send_rest(
        &self,
        target: &str,
        upload: &Upload,
        content: &mut File,
        progress: &mut Option<Progress<'_>>,
    ) -> Result<Upload, Broken> {
        let length = upload.size - upload.offset;
        let sent = if length == 0 {
            self.attempt("POST", &format!("{target}/complete"), Body::Empty)
        } else {
            content
                .seek(SeekFrom::Start(upload.offset))
                .map_err(|error| Broken::For(Error::io("the file cannot be read", error)))?;
            let progress = progress.as_mut().map(|progress| &mut **progress as Progress<'_>);
            let mut reader = Counted { inner: content, count: upload.offset, progress };
            let body = Body::Stream { reader: &mut reader, length };
            self.attempt("PUT", &format!("{target}?offset={}", upload.offset), body)
        };
        match sent {
            Ok(response) => checked(response).and_then(parse).map_err(Broken::For),
            Err(Failure::Source(cause)) => Err(Broken::For(self.explain(Failure::Source(cause)))),
            Err(failure) => Err(Broken::Now(failure)),
        }
    }

    /// A client of the daemon that runs now.
    fn found_again(&self) -> Result<Client> {
        if self.starts_daemon {
            return Self::connect_to(&self.home);
        }
        Self::connect_existing_to(&self.home)?.ok_or_else(|| {
            ApiError::unavailable("no daemon is there").hint("`lazuli status` shows it").into()
        })
    }
}

enum Broken {
    /// Only for now.
    Now(Failure),
    /// For good, and why.
    For(Error),
}
