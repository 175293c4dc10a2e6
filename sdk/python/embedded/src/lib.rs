//! The Python SDK travels inside the programs that start Python, the agent and the kernel, and is
//! unpacked once per content.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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

/// ipykernel with Lazuli's magics, by the unpacked SDK; `python_path` is Python's path without us.
pub fn kernel(
    program: &Path,
    sdk: &Path,
    connection_file: &Path,
    python_path: Option<&OsStr>,
) -> io::Result<Command> {
    let notebook = sdk.join("lazuli/notebook");
    let guard = notebook.join("pip_guard");
    let mut path = vec![sdk.to_owned(), guard.clone()];
    path.extend(python_path.into_iter().flat_map(std::env::split_paths));
    let mut command = Command::new(program);
    command
        .arg(notebook.join("child.py"))
        .arg(connection_file)
        .env("PYTHONPATH", std::env::join_paths(path).map_err(io::Error::other)?)
        .env("UV_OVERRIDE", guard.join("uv_overrides.txt"));
    Ok(command)
}

/// Whether it can import ipykernel. Nothing large is imported for that.
pub fn has_ipykernel(program: &Path) -> bool {
    const LOOK: &str =
        "import importlib.util, sys; sys.exit(importlib.util.find_spec('ipykernel') is None)";
    let asked = Command::new(program)
        .args(["-c", LOOK])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
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
