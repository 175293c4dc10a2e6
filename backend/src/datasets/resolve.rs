//! From the paths of a definition to the files that are there now.

use std::collections::HashSet;
use std::sync::Arc;

use lazuli_domain::{ApiError, DataPath, DatasetDefinition, DatasetFile, Glob, StoredFile, shown};

use super::{check, local, steps, web};
use crate::app::App;
use crate::datastores;
use crate::error::Result;

/// The files that the definition names, in the order in which they are read: path by path as they
/// are given, and those of one path by name.
pub async fn files_of_definition(
    app: &Arc<App>,
    workspace: &str,
    definition: &DatasetDefinition,
) -> Result<Vec<DatasetFile>> {
    check::definition(definition)?;
    let mut files = Vec::new();
    for path in definition.paths() {
        files.extend(files_at(app, workspace, path).await?);
    }
    if let DatasetDefinition::File(definition) = definition {
        let mut seen = HashSet::new();
        files.retain(|file: &DatasetFile| seen.insert(file.at.clone()));
        files = steps::apply(files, &definition.steps);
    }
    Ok(with_places_of_their_own(files))
}

async fn files_at(app: &Arc<App>, workspace: &str, path: &DataPath) -> Result<Vec<DatasetFile>> {
    match path {
        DataPath::Url { url } => Ok(vec![web::file(url).await?]),
        DataPath::Local { local } => local::files(local.clone()).await,
        DataPath::Datastore { datastore, path } => {
            let store = datastores::open(app, workspace, datastore).await?;
            let found = store.find(path).await?;
            if found.is_empty() {
                return Err(nothing(path, &format!("the datastore `{datastore}`"))?.into());
            }
            let files = found.into_iter().map(|found| {
                let StoredFile { path, size, modified_at_ms } = found.file;
                let at = DataPath::Datastore { datastore: datastore.clone(), path };
                DatasetFile { at, relative_path: found.relative_path, size, modified_at_ms }
            });
            Ok(files.collect())
        }
    }
}

/// A path that names no file.
pub(super) fn nothing(path: &str, place: &str) -> Result<ApiError> {
    let is_wild = Glob::parse(path)?.is_wild();
    let path = shown(path, 200);
    Ok(match is_wild {
        true => ApiError::not_found("file", &path).hint(format!(
            "nothing in {place} matches; `*` and `?` stand for parts of one name, `**` for folders"
        )),
        false => ApiError::not_found("file", &path)
            .hint(format!("{place} has neither a file nor a folder with files of that path")),
    })
}

/// Two files that would be put at one place are each put where their whole path says.
fn with_places_of_their_own(mut files: Vec<DatasetFile>) -> Vec<DatasetFile> {
    let mut taken = HashSet::new();
    let is_shared = files.iter().any(|file| !taken.insert(file.relative_path.as_str()));
    if is_shared {
        for file in &mut files {
            let whole = match &file.at {
                DataPath::Datastore { path, .. } => path.as_str(),
                DataPath::Url { url } => url.split(['?', '#']).next().unwrap_or_default(),
                DataPath::Local { local } => local.as_str(),
            };
            let whole = whole.split_once("://").map_or(whole, |(_, rest)| rest);
            file.relative_path = whole.trim_start_matches('/').to_owned();
        }
    }
    files
}
