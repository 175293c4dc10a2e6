//! Temporary folders of a session. A kernel that is killed cannot clean up after itself, so the next
//! one does: a folder whose lock nobody holds belongs to nobody.

use std::fs::File;
use std::io;
use std::path::Path;

use tempfile::TempDir;

const LOCK: &str = "in-use";

/// Removed with everything in it when dropped.
pub struct SessionFolder {
    folder: TempDir,
    /// Locked as long as it is open, whatever ends the process.
    _lock: File,
}

impl SessionFolder {
    /// A new one, of those whose names begin so; the abandoned ones of them go.
    pub fn create(prefix: &str) -> io::Result<SessionFolder> {
        SessionFolder::create_in(&std::env::temp_dir(), prefix)
    }

    fn create_in(parent: &Path, prefix: &str) -> io::Result<SessionFolder> {
        remove_abandoned(parent, prefix);
        let folder = tempfile::Builder::new().prefix(prefix).tempdir_in(parent)?;
        // The lock appears locked: a folder without one is being made.
        let unfinished = folder.path().join("lock");
        let lock = File::create(&unfinished)?;
        lock.lock()?;
        std::fs::rename(&unfinished, folder.path().join(LOCK))?;
        Ok(SessionFolder { folder, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn remove_abandoned(parent: &Path, prefix: &str) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(prefix) {
            continue;
        }
        let Ok(lock) = File::open(entry.path().join(LOCK)) else { continue };
        if lock.try_lock().is_ok()
            && let Err(error) = std::fs::remove_dir_all(entry.path())
        {
            tracing::warn!(%error, folder = %entry.path().display(), "an old session's folder stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_a_killed_session_is_removed_by_the_next() {
        let parent = tempfile::tempdir().unwrap();
        let living = SessionFolder::create_in(parent.path(), "cells-").unwrap();
        let killed = SessionFolder::create_in(parent.path(), "cells-").unwrap();
        // What a kill leaves: the folder, and a lock that nobody holds.
        let SessionFolder { folder, _lock } = killed;
        let abandoned = folder.keep();
        drop(_lock);

        let next = SessionFolder::create_in(parent.path(), "cells-").unwrap();
        assert!(!abandoned.exists());
        assert!(living.folder.path().exists() && next.folder.path().exists());
    }
}
