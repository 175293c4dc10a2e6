//! Files that come down and files that go up.

use std::path::{Path, PathBuf};

use lazuli::Result;
use lazuli::client::Download;
use lazuli_domain::{ApiError, ErrorKind, download_path};

use crate::show::{byte_size, count};
use crate::{Context, Talk, hash};

/// A file to be downloaded: its name below the folder and its size.
pub(crate) struct Wanted {
    pub name: String,
    pub size: u64,
}

/// Downloads the files into the folder. Nothing is written when one of them is there already and
/// may not be replaced.
pub(crate) fn download(
    context: &Context,
    talk: &mut dyn Talk,
    files: &[Wanted],
    folder: &str,
    force: bool,
    open: &dyn Fn(&str) -> Result<Download>,
) -> Result<Vec<PathBuf>> {
    let folder = context.path(folder);
    let places: Vec<PathBuf> = files
        .iter()
        .map(|file| download_path(&folder, &file.name))
        .collect::<Result<_, ApiError>>()?;
    if let Some(there) = places.iter().find(|place| place.exists()).filter(|_| !force) {
        return Err(ApiError::conflict(format!("`{}` exists already", there.display()))
            .hint("replace it with `--force`, or choose another folder with `--to`")
            .into());
    }
    let total = files.iter().map(|file| file.size).sum();
    let mut before = 0;
    for (file, place) in files.iter().zip(&places) {
        let mut progress = |done: u64| talk.transfer("downloading", before + done, total);
        open(&file.name)?.save(place, Some(&mut progress))?;
        before += file.size;
    }
    talk.transfer("downloading", total, total);
    Ok(places)
}

pub(crate) fn downloaded(files: &[Wanted], folder: &str) -> String {
    let size = files.iter().map(|file| file.size).sum();
    let number = count(files.len() as u64, "file");
    format!("downloaded {number} ({}) to `{folder}`", byte_size(size))
}

/// A file or the files of a folder, with names that begin with the path's last part.
pub(crate) fn named_by_last_part(context: &Context, path: &str) -> Result<Vec<(String, PathBuf)>> {
    let place = context.path(path);
    let metadata = std::fs::metadata(&place).map_err(|error| missing(&place, path, &error))?;
    let whole = place.canonicalize().map_err(|error| hash::unreadable(&place, &error))?;
    let last = whole.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
        ApiError::invalid(format!("`{path}` has no name that could be kept"))
            .hint("name a file or a folder")
    })?;
    if metadata.is_file() {
        return Ok(vec![(last.to_owned(), whole)]);
    }
    let files = below(&whole)?;
    if files.is_empty() {
        return Err(ApiError::invalid(format!("the folder `{path}` holds no file"))
            .hint("name a folder with files in it")
            .into());
    }
    Ok(files.into_iter().map(|(name, file)| (format!("{last}/{name}"), file)).collect())
}

/// All files below a folder, hidden ones too, by their names in it.
fn below(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let walk = ignore::WalkBuilder::new(folder)
        .standard_filters(false)
        .follow_links(true)
        .sort_by_file_name(std::ffi::OsStr::cmp)
        .build();
    let mut files = Vec::new();
    for entry in walk {
        let entry = entry.map_err(|error| {
            ApiError::unavailable(format!("the folder cannot be read: {error}"))
                .hint("check its permissions")
        })?;
        if entry.file_type().is_some_and(|kind| kind.is_file()) {
            let relative = entry.path().strip_prefix(folder).unwrap_or(entry.path());
            let name = relative.to_str().ok_or_else(|| {
                ApiError::invalid(format!("the name of `{}` is no UTF-8 text", relative.display()))
                    .hint("rename it")
            })?;
            files.push((lazuli_domain::artifact_path(name)?, entry.into_path()));
        }
    }
    Ok(files)
}

/// A file that is not there, with the one that was probably meant.
pub(crate) fn missing(place: &Path, path: &str, error: &std::io::Error) -> lazuli::Error {
    if error.kind() != std::io::ErrorKind::NotFound {
        return hash::unreadable(place, error);
    }
    let folder = place.parent().unwrap_or(Path::new("."));
    let wanted = place.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let neighbours: Vec<String> = std::fs::read_dir(folder)
        .map(|entries| {
            let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            names.collect()
        })
        .unwrap_or_default();
    let hint = match lazuli_commands::nearest(wanted, neighbours.iter().map(String::as_str)) {
        Some(right) => {
            format!("did you mean `{}`?", Path::new(path).with_file_name(right).display())
        }
        None => "relative paths start at the current folder".to_owned(),
    };
    ApiError::new(ErrorKind::NotFound, format!("`{path}` does not exist")).hint(hint).into()
}
