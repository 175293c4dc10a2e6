//! Which Pythons there are, and what is to be known of one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::Config;
use crate::end::Stopped;

/// `3.8`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minor(pub u32, pub u32);

impl Minor {
    /// Our own package needs it.
    pub const OLDEST: Minor = Minor(3, 8);

    /// Of `3.8`, `3.8.13`, `3.8.*`; `None` for `3` and what is no version.
    pub fn parse(text: &str) -> Option<Minor> {
        let mut parts = text.trim().split('.');
        Some(Minor(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }
}

impl std::fmt::Display for Minor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// What an environment depends on besides its packages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interpreter {
    /// The program itself, where the given one is only a stand-in for it.
    pub executable: PathBuf,
    pub implementation: String,
    pub version: String,
    pub platform: String,
}

impl Interpreter {
    pub fn minor(&self) -> Minor {
        Minor::parse(&self.version).unwrap_or(Minor::OLDEST)
    }

    /// Asks the program, or remembers what it said: asking takes longer than all else when an
    /// environment is there already.
    pub fn of(path: &Path, environments: &Path) -> Result<Interpreter, Stopped> {
        let note = note_of(path, environments);
        if let Some(note) = &note
            && let Ok(text) = fs::read(note)
            && let Ok(known) = serde_json::from_slice(&text)
        {
            return Ok(known);
        }
        let known = ask(path)?;
        if let Some(note) = &note
            && let Err(error) = keep(note, &known)
        {
            // It is asked again the next time.
            tracing::warn!("`{}` cannot be written: {error}", note.display());
        }
        Ok(known)
    }
}

fn ask(path: &Path) -> Result<Interpreter, Stopped> {
    const PROGRAM: &str = "import json, platform, sys, sysconfig
print(json.dumps({'executable': sys.executable, 'implementation': sys.implementation.name,
    'version': platform.python_version(), 'platform': sysconfig.get_platform()}))";
    let failed = |reason: String| {
        let message = format!("the Python interpreter `{}` does not work", path.display());
        Stopped::failed(message, reason)
    };
    let output = Command::new(path)
        .args(["-I", "-c", PROGRAM])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))
}

/// Where it is kept what this program said, as long as the program is the same. A script that only
/// chooses an interpreter may choose another one tomorrow; of it nothing is kept.
fn note_of(path: &Path, environments: &Path) -> Option<PathBuf> {
    let mut file = File::open(path).ok()?;
    let mut beginning = [0; 4];
    file.read_exact(&mut beginning).ok()?;
    if beginning != *b"\x7fELF" {
        return None;
    }
    let facts = file.metadata().ok()?;
    let identity = format!(
        "{}\n{}\n{}\n{}\n{}",
        path.display(),
        facts.dev(),
        facts.ino(),
        facts.size(),
        facts.mtime_nsec() + facts.mtime() * 1_000_000_000
    );
    let name = format!("{:x}.json", Sha256::digest(identity));
    Some(environments.join("interpreters").join(name))
}

fn keep(note: &Path, known: &Interpreter) -> std::io::Result<()> {
    let folder = note.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&file, known)?;
    file.persist(note)?;
    Ok(())
}

/// The Python of who submits, or the first on the `PATH`.
pub fn given(interpreter: Option<&str>, config: &Config) -> Result<PathBuf, Stopped> {
    match interpreter {
        Some(path) if Path::new(path).is_file() => Ok(PathBuf::from(path)),
        Some(path) => Err(Stopped::failed(
            format!("the Python interpreter `{path}` does not exist on this machine"),
            "hint: name one that does, or none to use `python3`".to_owned(),
        )),
        None => config.find_program("python3").ok_or_else(|| {
            Stopped::failed(
                "no `python3` was found on the PATH of the Lazuli daemon",
                "hint: install Python 3.9 or newer, or name an interpreter".to_owned(),
            )
        }),
    }
}

/// Python programs by their versions, as their names tell them: one for each.
pub fn present(config: &Config) -> BTreeMap<Minor, PathBuf> {
    let mut found = BTreeMap::new();
    // Whole installations first: what stands on the `PATH` may be a script that chooses among them.
    for folder in config.python_installations() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            // `3.8.18` of pyenv, `cpython-3.8.20-linux-x86_64-gnu` of uv.
            let version = name.strip_prefix("cpython-").unwrap_or(&name);
            let Some(minor) = Minor::parse(version) else { continue };
            let program = entry.path().join(format!("bin/python{minor}"));
            if program.is_file() {
                found.entry(minor).or_insert(program);
            }
        }
    }
    for folder in &config.search_path {
        let is_shims = folder.file_name().is_some_and(|name| name == "shims");
        for minor in (Minor::OLDEST.1..40).map(|minor| Minor(3, minor)) {
            let program = folder.join(format!("python{minor}"));
            if !is_shims && !found.contains_key(&minor) && program.is_file() {
                found.insert(minor, program);
            }
        }
    }
    found
}

/// The version that comes nearest to the one wanted, of those that are there: the next newer one,
/// else the newest.
pub fn nearest(wanted: Minor, present: impl Iterator<Item = Minor>) -> Option<Minor> {
    let mut usable: Vec<Minor> = present.filter(|minor| *minor >= Minor::OLDEST).collect();
    usable.sort();
    let newer = usable.iter().find(|minor| **minor >= wanted);
    newer.or_else(|| usable.last()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_newer_python_is_nearest_and_none_is_too_old() {
        let present = [Minor(3, 6), Minor(3, 8), Minor(3, 11)];
        let nearest = |wanted| super::nearest(wanted, present.into_iter());
        assert_eq!(nearest(Minor(3, 6)), Some(Minor(3, 8)));
        assert_eq!(nearest(Minor(3, 9)), Some(Minor(3, 11)));
        assert_eq!(nearest(Minor(3, 13)), Some(Minor(3, 11)));
        assert_eq!(super::nearest(Minor(3, 6), [Minor(3, 7)].into_iter()), None);
    }

    #[test]
    fn what_a_program_said_is_asked_once() {
        let folder = tempfile::tempdir().unwrap();
        let python = Command::new("python3")
            .args(["-c", "import sys; print(sys.executable)"])
            .output()
            .expect("python3 is there");
        let python = PathBuf::from(String::from_utf8(python.stdout).unwrap().trim());
        let known = Interpreter::of(&python, folder.path()).unwrap();
        let note = note_of(&python, folder.path()).expect("a program of this system");
        assert!(note.is_file());
        fs::write(
            &note,
            serde_json::to_vec(&Interpreter { version: "3.99.0".into(), ..known }).unwrap(),
        )
        .unwrap();
        assert_eq!(Interpreter::of(&python, folder.path()).unwrap().version, "3.99.0");
    }
}
