//! The Python SDK travels inside the programs that start Python, the agent and the kernel, and is
//! unpacked once per content.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use lazuli_domain::VERSION;
use sha2::{Digest, Sha256};

static SDK: Dir<'_> = include_dir!("$OUT_DIR/python");

/// The folder to put on `PYTHONPATH`. Its name holds the content's digest, so that it never
/// changes under a running script, not even while Lazuli itself is being developed.
pub fn unpack(home: &Path) -> io::Result<PathBuf> {
    let folder = home.join("python");
    let target = folder.join(format!("{VERSION}-{}", &digest()[..8]));
    if target.is_dir() {
        return Ok(target);
    }
    fs::create_dir_all(&folder)?;
    let partial = tempfile::Builder::new().prefix("tmp-").tempdir_in(&folder)?;
    SDK.extract(partial.path())?;
    match fs::rename(partial.path(), &target) {
        Ok(()) => {
            // It has another name now; there is nothing left to remove.
            let _moved = partial.keep();
            Ok(target)
        }
        // Another process was quicker.
        Err(_) if target.is_dir() => Ok(target),
        Err(error) => Err(error),
    }
}

fn digest() -> String {
    let mut digest = Sha256::new();
    add(&SDK, &mut digest);
    format!("{:x}", digest.finalize())
}

fn add(folder: &Dir<'_>, digest: &mut Sha256) {
    for entry in folder.entries() {
        match entry {
            include_dir::DirEntry::Dir(folder) => add(folder, digest),
            include_dir::DirEntry::File(file) => {
                digest.update(file.path().to_string_lossy().as_bytes());
                digest.update((file.contents().len() as u64).to_le_bytes());
                digest.update(file.contents());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_is_whole_and_of_this_version() {
        let home = tempfile::tempdir().unwrap();
        let folder = unpack(home.path()).unwrap();
        assert_eq!(unpack(home.path()).unwrap(), folder);
        for name in ["azureml/core/run.py", "lazuli/spool.py", "lazuli/notebook/child.py"] {
            assert!(folder.join(name).is_file(), "{name}");
        }
        let version = fs::read_to_string(folder.join("lazuli/version.py")).unwrap();
        assert!(version.contains(&format!("__version__ = \"{VERSION}\"")), "{version}");
    }
}
