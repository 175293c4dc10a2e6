use std::path::{Path, PathBuf};

use lazuli_domain::{DaemonInfo, SpoolRecord};

use crate::spool::{self, Appended};
use crate::{Error, Result};

/// `$LAZULI_HOME`, the folder that holds everything, and the places in it a client may touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    folder: PathBuf,
}

impl Home {
    /// The home of this process: `$LAZULI_HOME`, else `~/.lazuli`.
    pub fn from_environment() -> Result<Home> {
        crate::Config::from_environment()?.home()
    }

    pub fn at(folder: impl AsRef<Path>) -> Result<Home> {
        let folder = folder.as_ref();
        let folder = std::path::absolute(folder)
            .map_err(|error| Error::io(format!("`{}` is no folder", folder.display()), error))?;
        Ok(Home { folder })
    }

    pub fn path(&self) -> &Path {
        &self.folder
    }

    pub fn daemon_json(&self) -> PathBuf {
        self.folder.join("daemon.json")
    }

    pub fn daemon_log(&self) -> PathBuf {
        self.folder.join("daemon.log")
    }

    pub fn token_file(&self) -> PathBuf {
        self.folder.join("token")
    }

    /// Where a run's records are appended; see `lazuli_domain`'s spool module.
    pub fn spool_file(&self, run_id: &str) -> PathBuf {
        self.folder.join("spool").join(format!("{run_id}.jsonl"))
    }

    /// Whether a run takes records; the record, if there is one, is then appended.
    pub fn take_record(&self, run_id: &str, record: Option<&SpoolRecord>) -> Result<bool> {
        // It may come from another machine, and is to be no path.
        if run_id.contains(['/', '\0']) {
            return Ok(false);
        }
        let path = self.spool_file(run_id);
        match record {
            None => Ok(path.exists()),
            Some(record) => Ok(spool::append(&path, record)? == Appended::Yes),
        }
    }

    /// What the daemon of this home says of itself; `None` when none has been started or the last
    /// one ended cleanly. It may be out of date after a crash.
    pub fn daemon_info(&self) -> Result<Option<DaemonInfo>> {
        let path = self.daemon_json();
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(Error::io(format!("cannot read `{}`", path.display()), error));
            }
        };
        let info = serde_json::from_slice(&text).map_err(|error| {
            let message = format!("`{}` is not readable: {error}", path.display());
            let hint = "stop the daemon with `lazuli stop`, or remove the file if none runs";
            Error::caused_by(
                lazuli_domain::ApiError::new(lazuli_domain::ErrorKind::Internal, message)
                    .hint(hint),
                error,
            )
        })?;
        Ok(Some(info))
    }

    pub(crate) fn token(&self) -> Result<String> {
        let path = self.token_file();
        let token = std::fs::read_to_string(&path)
            .map_err(|error| Error::io(format!("cannot read `{}`", path.display()), error))?;
        Ok(token.trim().to_owned())
    }

    /// Makes the folder, for its owner only, when it is not there yet.
    pub(crate) fn create(&self) -> Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(|error| Error::io(format!("cannot make `{}`", self.folder.display()), error))
    }
}
