use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use lazuli_domain::StoredFile;

use super::{Folder, UNFINISHED, described};
use crate::datastores::files::FileList;
use crate::error::Result;

/// What a dead daemon left half written is removed when it is older than this.
const LEFT: Duration = Duration::from_secs(24 * 3600);

/// Calls `take` with the files of the list in the order of their paths (as bytes), until it says
/// false.
pub fn walk(
    folder: &Folder,
    list: &FileList,
    take: &mut dyn FnMut(StoredFile) -> bool,
) -> Result<()> {
    // What is not there has no files.
    let Ok(root) = folder.root.canonicalize() else { return Ok(()) };
    let begin = list.folder();
    let place = root.join(begin);
    // A folder that a link leads out to has none either.
    let is_inside = place.canonicalize().is_ok_and(|whole| whole.starts_with(&root));
    if !is_inside || !place.is_dir() {
        return Ok(());
    }
    let prefix = if begin.is_empty() { String::new() } else { format!("{begin}/") };
    let mut open = vec![entries(folder, &place, &prefix)?.into_iter()];
    while let Some(entries_here) = open.last_mut() {
        let Some(entry) = entries_here.next() else {
            open.pop();
            continue;
        };
        if entry.is_folder {
            // All of it may be sorted before what is asked for.
            let is_before = list
                .after
                .as_ref()
                .is_some_and(|after| !after.starts_with(&entry.path) && entry.path < *after);
            if !is_before && may_hold(&entry.path, &list.prefix) {
                open.push(entries(folder, &entry.place, &entry.path)?.into_iter());
            }
            continue;
        }
        if list.matches(&entry.path)
            && let Some(file) = file(&root, &entry)
            && !take(file)
        {
            return Ok(());
        }
    }
    Ok(())
}

struct Entry {
    /// From the root; a folder's ends with `/`, which is what its files are sorted by.
    path: String,
    place: PathBuf,
    is_folder: bool,
}

fn entries(folder: &Folder, place: &Path, prefix: &str) -> Result<Vec<Entry>> {
    let failed = |error: std::io::Error| folder.unreadable(prefix, &error);
    let mut entries = Vec::new();
    for entry in fs::read_dir(place).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Ok(name) = entry.file_name().into_string() else {
            tracing::warn!(path = %entry.path().display(), "a file whose name is no UTF-8 is not listed");
            continue;
        };
        if name.starts_with('.') && name.ends_with(UNFINISHED) {
            remove_when_left(&entry);
            continue;
        }
        // Links to folders are not followed, for they may lead back.
        let is_folder = entry.file_type().map_err(failed)?.is_dir();
        let slash = if is_folder { "/" } else { "" };
        entries.push(Entry {
            path: format!("{prefix}{name}{slash}"),
            place: entry.path(),
            is_folder,
        });
    }
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(entries)
}

/// The file, unless it is something else, gone, or what a link leads out to.
fn file(root: &Path, entry: &Entry) -> Option<StoredFile> {
    let metadata = fs::symlink_metadata(&entry.place).ok()?;
    if metadata.is_file() {
        return Some(described(&entry.path, &metadata));
    }
    if metadata.is_symlink() {
        let whole = entry.place.canonicalize().ok().filter(|whole| whole.starts_with(root))?;
        let metadata = fs::metadata(whole).ok().filter(fs::Metadata::is_file)?;
        return Some(described(&entry.path, &metadata));
    }
    None
}

fn may_hold(folder: &str, prefix: &str) -> bool {
    folder.starts_with(prefix) || prefix.starts_with(folder)
}

fn remove_when_left(entry: &DirEntry) {
    let is_old = entry
        .metadata()
        .and_then(|metadata| metadata.modified())
        .is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age > LEFT));
    if is_old && let Err(error) = fs::remove_file(entry.path()) {
        tracing::warn!(%error, path = %entry.path().display(), "a file left half written stays");
    }
}
