//! Large files, in pieces: what breaks goes on where it stopped.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::time::Duration;

use lazuli_domain::{ApiError, ErrorKind, NewUpload, Upload};

use super::artifacts::Counted;
use super::transport::{Body, Failure};
use super::{Client, Progress, checked, encode, parse};
use crate::{Error, Result};

/// A file from this size on is worth the three requests of an upload in pieces.
pub(super) const LARGE: u64 = 16 << 20;
/// So often the connection may break without a byte having arrived in between.
pub(super) const MOST_FAILURES: u32 = 8;
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl Client {
    /// Sends the file, which must hold what `new` says of it, by an upload that begins at `place`.
    pub(super) fn upload(
        &self,
        place: &str,
        new: &NewUpload,
        content: &mut File,
        mut progress: Option<Progress<'_>>,
    ) -> Result<Upload> {
        let mut client = self.clone();
        let mut upload: Upload = client.post(place, new)?;
        let target = format!("/api/uploads/{}", encode(&upload.upload_id));
        let mut failures = 0;
        loop {
            if upload.artifact.is_some() || upload.file.is_some() {
                return Ok(upload);
            }
            let reached = upload.offset;
            let problem = match client.send_rest(&target, &upload, content, &mut progress) {
                Ok(went_on) => {
                    upload = went_on;
                    continue;
                }
                Err(Broken::For(error)) => return Err(error),
                Err(Broken::Later(error)) => error,
                Err(Broken::Now(failure)) => client.explain(failure),
            };
            // The connection broke, the daemon went away, or the store behind it: ask the present
            // daemon how far it is.
            loop {
                failures += 1;
                if failures > MOST_FAILURES {
                    return Err(problem);
                }
                std::thread::sleep(pause(failures));
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
            Ok(response) => checked(response).and_then(parse).map_err(|error| {
                // All of it has come; what cannot take it now may do so later.
                match length == 0 && error.kind() == ErrorKind::Unavailable {
                    true => Broken::Later(error),
                    false => Broken::For(error),
                }
            }),
            Err(Failure::Source(cause)) => Err(Broken::For(self.explain(Failure::Source(cause)))),
            Err(failure) => Err(Broken::Now(failure)),
        }
    }

    /// A client of the daemon that runs now.
    pub(super) fn found_again(&self) -> Result<Client> {
        if self.starts_daemon {
            return Self::connect_to(&self.home);
        }
        Self::connect_existing_to(&self.home)?.ok_or_else(|| {
            ApiError::unavailable("no daemon is there").hint("`lazuli status` shows it").into()
        })
    }
}

/// How long to wait after so many failures.
pub(super) fn pause(failures: u32) -> Duration {
    (Duration::from_millis(50) * 2_u32.saturating_pow(failures)).min(LONGEST_PAUSE)
}

pub(super) fn became_nothing() -> Error {
    ApiError::new(ErrorKind::Internal, "the upload has become something else than was asked").into()
}

enum Broken {
    /// Only for now.
    Now(Failure),
    /// What is behind the daemon does not answer.
    Later(Error),
    /// For good, and why.
    For(Error),
}
