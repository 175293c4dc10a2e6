//! A source folder by content.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use lazuli::Result;
use lazuli_domain::{ApiError, NewSnapshot, SnapshotFile, artifact_path};
use serde::Serialize;

use crate::show::{byte_size, count};
use crate::{Context, Talk, hash};

/// Snapshots above this size get a word of warning, as Azure ML refused them there.
const LARGE: u64 = 300 * 1_000_000;

/// Folders that no run needs, wherever they are.
const LEFT_OUT: [&str; 4] = [".git", "__pycache__", ".venv", ".ipynb_checkpoints"];

/// Folders of the run itself, at the top of its folder: it begins with them empty.
const MADE_BY_RUNS: [&str; 2] = ["outputs", "logs"];

/// What became of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CreatedSnapshot {
    pub snapshot_id: String,
    pub files: u64,
    pub size: u64,
}

/// Where a file's content is.
enum Content {
    File(PathBuf),
    Bytes(Vec<u8>),
}

/// Keeps the folder as a run gets it: without what its `.amlignore` (or, where there is none, its
/// `.gitignore`) names and without caches. `extra` files come on top of it.
pub fn create_snapshot(
    context: &Context,
    talk: &mut dyn Talk,
    folder: Option<&Path>,
    extra: Vec<(String, Vec<u8>)>,
) -> Result<CreatedSnapshot> {
    let mut contents: BTreeMap<String, (SnapshotFile, Content)> = BTreeMap::new();
    if let Some(folder) = folder {
        for (path, file) in list(folder, context.client.home().path())? {
            let (size, sha256) = hash::of_file(&file)?;
            let executable = std::fs::metadata(&file)
                .map_err(|error| hash::unreadable(&file, &error))?
                .permissions()
                .mode()
                & 0o100
                != 0;
            let entry = SnapshotFile { path: path.clone(), size, sha256, executable };
            contents.insert(path, (entry, Content::File(file)));
        }
    }
    for (path, bytes) in extra {
        let path = artifact_path(&path)?;
        let (size, sha256) = (bytes.len() as u64, hash::of_bytes(&bytes));
        let entry = SnapshotFile { path: path.clone(), size, sha256, executable: false };
        contents.insert(path, (entry, Content::Bytes(bytes)));
    }
    if contents.is_empty() {
        let shown = folder.unwrap_or(Path::new(".")).display().to_string();
        return Err(ApiError::invalid(format!("`{shown}` holds no file to take along"))
            .hint("look at its `.amlignore` or `.gitignore`")
            .into());
    }
    let files: Vec<SnapshotFile> = contents.values().map(|(file, _)| file.clone()).collect();
    let size = files.iter().map(|file| file.size).sum();
    if size > LARGE {
        talk.note(&format!(
            "the source folder has {}; name what the run does not need in `.amlignore`",
            byte_size(size)
        ));
    }
    let snapshot = NewSnapshot { files };
    let mut created = context.client.create_snapshot(&snapshot)?;
    if !created.missing.is_empty() {
        let missing: Vec<&(SnapshotFile, Content)> = created
            .missing
            .iter()
            .filter_map(|sha256| contents.values().find(|(file, _)| file.sha256 == *sha256))
            .collect();
        upload(context, talk, &missing)?;
        created = context.client.create_snapshot(&snapshot)?;
    }
    if !created.missing.is_empty() {
        return Err(ApiError::unavailable(format!(
            "the snapshot still misses {} after the upload",
            count(created.missing.len() as u64, "file")
        ))
        .hint("submit again")
        .into());
    }
    Ok(CreatedSnapshot {
        snapshot_id: created.snapshot_id,
        files: snapshot.files.len() as u64,
        size,
    })
}

fn upload(
    context: &Context,
    talk: &mut dyn Talk,
    missing: &[&(SnapshotFile, Content)],
) -> Result<()> {
    let total = missing.iter().map(|(file, _)| file.size).sum();
    let mut before = 0;
    for (file, content) in missing {
        let mut progress =
            |done: u64| talk.transfer("uploading the snapshot", before + done, total);
        match content {
            Content::File(path) => context.client.put_blob(
                &file.sha256,
                &mut hash::open(path)?,
                file.size,
                Some(&mut progress),
            ),
            Content::Bytes(bytes) => context.client.put_blob(
                &file.sha256,
                &mut Cursor::new(bytes),
                file.size,
                Some(&mut progress),
            ),
        }?;
        before += file.size;
    }
    talk.transfer("uploading the snapshot", total, total);
    Ok(())
}

/// The files to take along: name in the snapshot and where it is.
pub(crate) fn list(folder: &Path, home: &Path) -> Result<Vec<(String, PathBuf)>> {
    let root = folder.canonicalize().map_err(|error| hash::unreadable(folder, &error))?;
    if !root.is_dir() {
        return Err(ApiError::invalid(format!("`{}` is no folder", folder.display()))
            .hint("name the folder that holds the script")
            .into());
    }
    let has_own_list = root.join(".amlignore").is_file();
    let home = home.canonicalize().unwrap_or_else(|_| home.to_owned());
    let walk_root = root.clone();
    let walk = WalkBuilder::new(&root)
        .standard_filters(false)
        .git_ignore(!has_own_list)
        .require_git(false)
        .add_custom_ignore_filename(".amlignore")
        .follow_links(true)
        .sort_by_file_name(std::ffi::OsStr::cmp)
        .filter_entry(move |entry| {
            let name = entry.file_name().to_string_lossy();
            let at_top = entry.path().parent() == Some(&walk_root);
            entry.depth() == 0
                || !(LEFT_OUT.contains(&name.as_ref())
                    || at_top && MADE_BY_RUNS.contains(&name.as_ref())
                    || entry.path() == home
                    || entry.path().join("pyvenv.cfg").is_file())
        })
        .build();
    let mut files = Vec::new();
    for entry in walk {
        let entry = entry.map_err(|error| {
            ApiError::unavailable(format!("the folder cannot be read: {error}"))
                .hint("mend it, or name it in `.amlignore`")
        })?;
        let relative = entry.path().strip_prefix(&root).unwrap_or(entry.path());
        if entry.path_is_symlink() {
            let target = entry.path().canonicalize();
            let target = target.map_err(|error| hash::unreadable(entry.path(), &error))?;
            if !target.starts_with(&root) {
                return Err(ApiError::invalid(format!(
                    "the link `{}` leads out of the source folder",
                    relative.display()
                ))
                .hint("copy what it points to, or name it in `.amlignore`")
                .into());
            }
        }
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let Some(name) = relative.to_str() else {
            return Err(ApiError::invalid(format!(
                "the name of `{}` is no UTF-8 text",
                relative.display()
            ))
            .hint("rename it, or name it in `.amlignore`")
            .into());
        };
        files.push((artifact_path(name)?, entry.into_path()));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let listed = list(folder, &folder.join("home")).unwrap();
        listed.into_iter().map(|(name, _)| name).collect()
    }

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn caches_outputs_and_the_home_stay_behind() {
        let folder = folder(&[
            ("train.py", ""),
            ("lib/outputs/a.txt", ""),
            (".env", ""),
            (".git/config", ""),
            ("lib/__pycache__/a.pyc", ""),
            (".venv/bin/python", ""),
            ("env/pyvenv.cfg", ""),
            ("outputs/model.pkl", ""),
            ("logs/a.log", ""),
            ("home/lazuli.db", ""),
        ]);
        assert_eq!(names(folder.path()), [".env", "lib/outputs/a.txt", "train.py"]);
    }

    #[test]
    fn gitignore_counts_where_there_is_no_amlignore() {
        let folder = folder(&[(".gitignore", "data/\n"), ("data/a.csv", ""), ("train.py", "")]);
        assert_eq!(names(folder.path()), [".gitignore", "train.py"]);
        std::fs::write(folder.path().join(".amlignore"), "*.md\n").unwrap();
        std::fs::write(folder.path().join("read.md"), "").unwrap();
        assert_eq!(names(folder.path()), [".amlignore", ".gitignore", "data/a.csv", "train.py"]);
    }

    #[test]
    fn a_link_that_leads_out_is_refused_and_one_that_stays_is_followed() {
        let folder = folder(&[("src/a.py", "")]);
        std::os::unix::fs::symlink("src/a.py", folder.path().join("b.py")).unwrap();
        assert_eq!(names(folder.path()), ["b.py", "src/a.py"]);
        std::os::unix::fs::symlink("/etc", folder.path().join("etc")).unwrap();
        let error = list(folder.path(), Path::new("/home")).unwrap_err();
        assert_eq!(error.message(), "the link `etc` leads out of the source folder");
    }
}
