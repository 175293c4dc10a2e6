//! Copies of files from object stores, shared by runs: `mounts/` in the home. A copy is named after what
//! it is a copy of, its place, size and time, so another content has another name.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use lazuli::client::StoreName;
use lazuli::domain::DatasetFile;
use sha2::{Digest, Sha256};

use super::Place;
use crate::end::Stopped;

/// A copy that no run has used for so long goes.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub fn open(place: Place<'_>) -> Result<Cache, Stopped> {
        let folder = place.daemon.home().path().join("mounts");
        fs::create_dir_all(&folder)
            .map_err(|error| Stopped::io("make the folder", &folder, error))?;
        sweep(&folder);
        Ok(Cache { folder })
    }

    /// The copy, downloaded when it is not there.
    pub fn copy_of(
        &self,
        place: Place<'_>,
        datastore: &str,
        path: &str,
        file: &DatasetFile,
    ) -> Result<PathBuf, Stopped> {
        let store = StoreName { workspace: &place.job.workspace, datastore };
        let what = format!("`{path}` of datastore `{datastore}` cannot be fetched");
        let known = place.ask(&what, |client| client.datastore(store))?;
        let facts = format!(
            "{}\0{:?}\0{}\0{path}\0{}\0{}",
            place.job.workspace, known.place, known.created_at_ms, file.size, file.modified_at_ms
        );
        let copy = self.folder.join(format!("{:x}", Sha256::digest(facts)));
        let is_whole = fs::metadata(&copy).is_ok_and(|copy| copy.len() == file.size);
        if is_whole {
            // A run uses it: it is young again.
            let touched = File::open(&copy).and_then(|copy| copy.set_modified(SystemTime::now()));
            if let Err(error) = touched {
                tracing::warn!("`{}` was not touched: {error}", copy.display());
            }
            return Ok(copy);
        }
        place.ask(&what, |client| client.download_stored_file(store, path, &copy, None))?;
        fs::set_permissions(&copy, Permissions::from_mode(0o444))
            .map_err(|error| Stopped::io("close to writers", &copy, error))?;
        Ok(copy)
    }
}

fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let is_old = modified
            .is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age > KEPT));
        if is_old && let Err(error) = fs::remove_file(entry.path()) {
            tracing::warn!("`{}` was not removed: {error}", entry.path().display());
        }
    }
}
