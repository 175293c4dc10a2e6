//! `$LAZULI_HOME`: where everything lies, and who may read it.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use lazuli_domain::{ApiError, DaemonInfo};
use sha2::{Digest, Sha256};

use crate::error::{Error, FileContext, Result};

/// How the names of files begin that are not yet whole.
const UNFINISHED: &str = ".unfinished-";

/// The folder of one daemon.
#[derive(Clone, Debug)]
pub struct Home {
    path: PathBuf,
}

impl Home {
    /// Makes the folder and its parts, readable by its owner alone.
    pub fn open(path: &Path) -> Result<Home> {
        let home = Home { path: absolute(path)? };
        for folder in [
            home.path.clone(),
            home.blobs(),
            home.blobs().join("tmp"),
            home.spool_folder(),
            home.path.join("logs"),
            home.path.join("runs"),
            home.environments(),
        ] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)
                .while_trying(|| format!("making the folder `{}`", folder.display()))?;
        }
        // The folder may have been there before, made with another mode.
        fs::set_permissions(&home.path, Permissions::from_mode(0o700))
            .while_trying(|| format!("closing `{}` to others", home.path.display()))?;
        Ok(home)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn database(&self) -> PathBuf {
        self.path.join("lazuli.db")
    }

    pub fn blobs(&self) -> PathBuf {
        self.path.join("blobs")
    }

    pub fn environments(&self) -> PathBuf {
        self.path.join("environments")
    }

    /// Where a datastore lies that every workspace has.
    pub fn datastore(&self, workspace: &str, name: &str) -> PathBuf {
        self.path.join("datastores").join(file_name(workspace)).join(name)
    }

    pub fn spool_folder(&self) -> PathBuf {
        self.path.join("spool")
    }

    pub fn spool(&self, run_id: &str) -> PathBuf {
        self.spool_folder().join(format!("{run_id}.jsonl"))
    }

    /// Logs of a run that goes on.
    pub fn logs(&self, run_id: &str) -> PathBuf {
        self.path.join("logs").join(run_id)
    }

    /// Working folder of a script run.
    pub fn run_folder(&self, run_id: &str) -> PathBuf {
        self.path.join("runs").join(run_id)
    }

    /// Of environments that are made apart from any run.
    pub fn builds(&self) -> PathBuf {
        self.path.join("builds")
    }

    /// Where queries put what their memory does not hold.
    pub fn query_folder(&self) -> PathBuf {
        self.path.join("queries")
    }

    /// What is known of each machine that is reached by SSH.
    pub fn links(&self) -> PathBuf {
        self.path.join("links")
    }

    pub fn daemon_json(&self) -> PathBuf {
        self.path.join("daemon.json")
    }

    pub fn daemon_log(&self) -> PathBuf {
        self.path.join("daemon.log")
    }

    /// Browsers that are signed in to Studio.
    pub fn studio_sessions(&self) -> PathBuf {
        self.path.join("studio-sessions.json")
    }

    /// The bearer token, made at the first start.
    pub fn token(&self) -> Result<String> {
        let path = self.path.join("token");
        let token = read_or_make_private(&path, || Ok(hex(&random::<32>()?).into_bytes()))?;
        let token = String::from_utf8_lossy(&token).trim().to_owned();
        if token.len() != 64 || !token.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(damaged(&path, "64 hexadecimal digits").into());
        }
        Ok(token)
    }

    /// The key of the keyvault, made at the first start.
    pub fn secrets_key(&self) -> Result<[u8; 32]> {
        let path = self.path.join("key");
        let key = read_or_make_private(&path, || Ok(random::<32>()?.to_vec()))?;
        key.try_into().map_err(|_other_length| damaged(&path, "32 bytes").into())
    }

    /// Becomes the one daemon of this home, for as long as the file is held; `None`: another is.
    pub fn lock(&self) -> Result<Option<File>> {
        let path = self.path.join("daemon.lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .while_trying(|| format!("opening `{}`", path.display()))?;
        match file.try_lock() {
            Ok(()) => {
                self.remove_unfinished()?;
                Ok(Some(file))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => {
                Err(Error::File { action: format!("locking `{}`", path.display()), source })
            }
        }
    }

    /// Files that a killed daemon had written and not yet given their names.
    fn remove_unfinished(&self) -> Result<()> {
        let remove = || -> std::io::Result<()> {
            for entry in fs::read_dir(&self.path)? {
                let entry = entry?;
                if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                    fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        };
        remove()
            .while_trying(|| format!("removing what is unfinished in `{}`", self.path.display()))
    }

    /// Tells clients where the daemon is; by rename, so that nobody reads half of it.
    pub fn write_daemon_json(&self, info: &DaemonInfo) -> Result<()> {
        let text = serde_json::to_vec_pretty(info)
            .map_err(|error| Error::Defect(format!("daemon.json has no JSON form: {error}")))?;
        let path = self.daemon_json();
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.path)?;
            file.write_all(&text)?;
            file.persist(&path)?;
            Ok(())
        };
        write().while_trying(|| format!("writing `{}`", path.display()))
    }

    /// The port of the last daemon. The next one takes it again, because an address that was given
    /// to an MLflow client is to stay true.
    pub fn last_port(&self) -> Option<u16> {
        fs::read_to_string(self.path.join("port")).ok()?.trim().parse().ok()
    }

    pub fn keep_port(&self, port: u16) -> Result<()> {
        if self.last_port() == Some(port) {
            return Ok(());
        }
        let path = self.path.join("port");
        write_private(&path, format!("{port}\n").as_bytes())
            .while_trying(|| format!("writing `{}`", path.display()))
    }

    pub fn read_daemon_json(&self) -> Option<DaemonInfo> {
        serde_json::from_slice(&fs::read(self.daemon_json()).ok()?).ok()
    }

    pub fn remove_daemon_json(&self) -> Result<()> {
        match fs::remove_file(self.daemon_json()) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::File { action: "removing daemon.json".into(), source })
            }
            _ => Ok(()),
        }
    }
}

/// A workspace's name as the name of a folder: itself where that is possible, else what is left of it
/// with the beginning of its digest.
fn file_name(workspace: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    if workspace.len() <= 100 && !workspace.starts_with('.') && workspace.chars().all(is_plain) {
        return workspace.to_owned();
    }
    let left: String =
        workspace.chars().filter(|character| is_plain(*character)).take(60).collect();
    format!("{left}~{}", &hex(&Sha256::digest(workspace))[..16])
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Defect(format!("the system gives no random bytes: {error}")))?;
    Ok(bytes)
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).while_trying(|| format!("finding `{}`", path.display()))
}

fn damaged(path: &Path, wanted: &str) -> ApiError {
    ApiError::unavailable(format!("`{}` does not hold {wanted}", path.display()))
        .hint("put back the right file, or remove it and start anew")
}

fn read_or_make_private(path: &Path, make: impl FnOnce() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
    match fs::read(path) {
        Ok(bytes) => {
            fs::set_permissions(path, Permissions::from_mode(0o600))
                .while_trying(|| format!("closing `{}` to others", path.display()))?;
            Ok(bytes)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let bytes = make()?;
            write_private(path, &bytes).while_trying(|| format!("writing `{}`", path.display()))?;
            Ok(bytes)
        }
        Err(source) => Err(Error::File { action: format!("reading `{}`", path.display()), source }),
    }
}

/// Makes a folder, and those above it, that only their owner may enter.
pub fn make_private_folder(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file that only its owner may read, whole or not at all.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // A temporary file is 0600 from its first moment.
    let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_daemon_was_writing_is_removed_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(folder.path()).unwrap();
        let unfinished = folder.path().join(".unfinished-daemon");
        fs::write(&unfinished, "{").unwrap();
        let lock = home.lock().unwrap().expect("nobody else is here");
        assert!(!unfinished.exists());
        // Who is not the daemon removes nothing: the daemon may be writing.
        fs::write(&unfinished, "{").unwrap();
        assert!(home.lock().unwrap().is_none());
        assert!(unfinished.exists());
        drop(lock);
    }
}
