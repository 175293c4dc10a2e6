//! Files of the daemon's machine that are in no datastore.

use std::path::Path;
use std::time::UNIX_EPOCH;

use lazuli_domain::{ApiError, DataPath, DatasetFile, Glob, StoredFile, shown};

use super::resolve::nothing;
use crate::error::{Error, FileContext, Result};

/// Deeper than any folder that people make; a link that leads back into itself ends here.
const DEEPEST: usize = 64;

/// The file, those below the folder, or those that match, by path.
pub async fn files(path: String) -> Result<Vec<DatasetFile>> {
    if !Path::new(&path).is_absolute() {
        return Err(ApiError::invalid(format!("the path `{}` is not absolute", shown(&path, 200)))
            .hint("begin it with `/`: the daemon is not where you are")
            .into());
    }
    tokio::task::spawn_blocking(move || find(&path))
        .await
        .map_err(|panic| Error::Defect(format!("looking for files broke down: {panic}")))?
}

fn find(path: &str) -> Result<Vec<DatasetFile>> {
    let named = Path::new(path);
    // As in a store whose root is `/`.
    let glob = match named.is_dir() {
        true => Glob::below(path)?,
        false => Glob::parse(path)?,
    };
    let mut found = Vec::new();
    match glob.is_wild() {
        true => collect(&Path::new("/").join(glob.folder()), DEEPEST, &mut found)?,
        false => collect(named, DEEPEST, &mut found)?,
    }
    found.retain(|file| glob.matches(&file.path));
    if found.is_empty() {
        return Err(nothing(path, "this machine")?.into());
    }
    found.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    let files = found.into_iter().map(|file| DatasetFile {
        relative_path: glob.relative(&file.path).to_owned(),
        at: DataPath::Local { local: format!("/{}", file.path) },
        size: file.size,
        modified_at_ms: file.modified_at_ms,
    });
    Ok(files.collect())
}

fn collect(path: &Path, depth: usize, found: &mut Vec<StoredFile>) -> Result<()> {
    let looking = || format!("looking at `{}`", path.display());
    let metadata = match std::fs::metadata(path) {
        // It is gone, or a link to nothing.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return Ok(()),
        metadata => metadata.while_trying(looking)?,
    };
    if metadata.is_dir() {
        if depth == 0 {
            return Ok(());
        }
        for entry in std::fs::read_dir(path).while_trying(looking)? {
            collect(&entry.while_trying(looking)?.path(), depth - 1, found)?;
        }
    } else if metadata.is_file()
        && let Some(name) = path.to_str()
    {
        let modified =
            metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        found.push(StoredFile {
            path: name.trim_start_matches('/').to_owned(),
            size: metadata.len(),
            modified_at_ms: modified.map_or(0, |age| age.as_millis() as i64),
        });
    }
    Ok(())
}
