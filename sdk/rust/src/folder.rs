use std::path::{Path, PathBuf};

use lazuli_domain::ApiError;

use crate::{Error, Result};

/// All files below a folder, sorted: path relative to it with `/`, and place. Links to files are
/// followed, links to folders are not, since they may lead back.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    collect(folder, "", &mut files)?;
    files.sort();
    Ok(files)
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> Result<()> {
    let failed = |error| Error::io(format!("cannot read the folder `{}`", folder.display()), error);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let place = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            let message = format!("the file name `{}` is not UTF-8", place.display());
            return Err(ApiError::invalid(message).hint("rename the file").into());
        };
        if entry.file_type().map_err(failed)?.is_dir() {
            collect(&place, &format!("{prefix}{name}/"), files)?;
        } else if place.is_file() {
            files.push((format!("{prefix}{name}"), place));
        }
    }
    Ok(())
}
