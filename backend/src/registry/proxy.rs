//! Files as MLflow's artifact proxy addresses them: one tree for everything.
//!
//! - `<experiment>/<run>/artifacts/…` are the run's artifacts, the same rows as everywhere;
//! - `<experiment>/models/<model_id>/artifacts/…` are a logged model's;
//! - `model-versions/<key>/…` are the files of a registered version, which never change;
//! - anything else is a file of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use lazuli_domain::{ApiError, Artifact, EventKind, ModelFile, artifact_path};

use super::decodings;
use crate::app::App;
use crate::blobs::Blob;
use crate::clock::now_ms;
use crate::error::Result;
use crate::store::{self, Connection, Write, runs::RunHead};

/// Where the files of registered versions are.
pub const VERSIONS: &str = "model-versions";

/// What a path of the proxy means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `path` is relative to the run's artifacts; empty: their root.
    Run {
        experiment: i64,
        run_id: String,
        path: String,
    },
    /// `path` is the whole path.
    LoggedModel {
        model_id: String,
        path: String,
    },
    /// `path` is relative to the version's files.
    Version {
        key: i64,
        path: String,
    },
    Loose {
        path: String,
    },
}

/// What a folder holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    /// `None`: a folder.
    pub size: Option<u64>,
}

impl Place {
    /// Reads a path that was percent-decoded once. Whatever more decoding would make of it must be
    /// harmless as well: somebody behind us may decode again.
    pub fn parse(path: &str) -> Result<Place, ApiError> {
        let path = safe_path(path)?;
        let parts: Vec<&str> = path.split('/').collect();
        Ok(match parts[..] {
            [experiment, "models", model_id, "artifacts", ..] if is_number(experiment) => {
                Place::LoggedModel { model_id: model_id.to_owned(), path }
            }
            [experiment, run_id, "artifacts", ref rest @ ..]
                if is_number(experiment) && run_id != "traces" =>
            {
                Place::Run {
                    experiment: experiment.parse().map_err(|_| unknown(&path))?,
                    run_id: run_id.to_owned(),
                    path: rest.join("/"),
                }
            }
            [VERSIONS, key, ref rest @ ..] => Place::Version {
                key: key.parse().map_err(|_| unknown(&path))?,
                path: rest.join("/"),
            },
            _ => Place::Loose { path },
        })
    }
}

/// Receives a file for that place.
pub async fn put_proxied<E: std::fmt::Display>(
    app: &Arc<App>,
    path: &str,
    body: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin,
    announced_size: Option<u64>,
) -> Result<Artifact> {
    let place = Place::parse(path)?;
    let asked = place.clone();
    // What cannot be kept is refused before it travels.
    app.store.read(move |database| check_writable(database, &asked).map(drop)).await?;
    let blob = app.blobs.receive(body, announced_size, None).await?;
    app.store.write(move |write| keep(write, &place, blob)).await
}

/// Puts content that is there already at that place.
pub(super) fn keep(write: &mut Write<'_>, place: &Place, blob: Blob) -> Result<Artifact> {
    let owner = check_writable(write, place)?;
    let (Place::Run { path, .. }
    | Place::LoggedModel { path, .. }
    | Place::Version { path, .. }
    | Place::Loose { path }) = place;
    let artifact = Artifact {
        path: path.clone(),
        size: blob.size,
        sha256: blob.sha256,
        created_at_ms: now_ms(),
    };
    match owner {
        Owner::Run(run) => {
            store::artifacts::put(write, run.key, &artifact)?;
            let path = artifact.path.clone();
            write.event(&run.scope(), EventKind::ArtifactAdded { path })?;
        }
        Owner::LoggedModel(model) => {
            store::proxied_artifacts::put(write, &artifact, Some(model))?;
        }
        Owner::Nobody => store::proxied_artifacts::put(write, &artifact, None)?,
    }
    write.after_commit(move || drop(blob.lease));
    Ok(artifact)
}

/// The file at that place.
pub async fn proxied(app: &Arc<App>, path: String) -> Result<Artifact> {
    let place = Place::parse(&path)?;
    app.store.read(move |database| find(database, &place)).await
}

/// What the folder at that place holds, by name; nothing where there is none. The empty path is the
/// root, which shows the files of their own.
pub async fn list_proxied(app: &Arc<App>, path: String) -> Result<Vec<Listed>> {
    if path.is_empty() || path == "." {
        return app
            .store
            .read(|database| Ok(children("", store::proxied_artifacts::list(database, "")?)))
            .await;
    }
    let place = Place::parse(&path)?;
    app.store
        .read(move |database| {
            Ok(match place {
                Place::Run { experiment, run_id, path } => {
                    let run = run_of(database, experiment, &run_id)?;
                    let folder = folder(&path);
                    children(&folder, store::artifacts::list(database, run.key, &folder)?)
                }
                Place::Version { key, path } => {
                    children(&folder(&path), version_files(database, key)?)
                }
                Place::LoggedModel { path, .. } | Place::Loose { path } => {
                    let folder = folder(&path);
                    children(&folder, store::proxied_artifacts::list(database, &folder)?)
                }
            })
        })
        .await
}

/// Removes the file, or the folder with all that is in it.
pub async fn remove_proxied(app: &Arc<App>, path: &str) -> Result<()> {
    let place = Place::parse(path)?;
    app.store
        .write(move |write| match &place {
            Place::Run { experiment, run_id, path } => {
                let run = run_of(write, *experiment, run_id)?;
                store::artifacts::remove(write, run.key, path)?;
                write.event(&run.scope(), EventKind::RunUpdated)
            }
            Place::Version { .. } => Err(never_changes().into()),
            Place::LoggedModel { path, .. } | Place::Loose { path } => {
                store::proxied_artifacts::remove(write, path)?;
                Ok(())
            }
        })
        .await
}

fn find(connection: &Connection, place: &Place) -> Result<Artifact> {
    let (found, path, has_below) = match place {
        Place::Run { experiment, run_id, path } => {
            let run = run_of(connection, *experiment, run_id)?;
            let found = store::artifacts::find(connection, run.key, path)?;
            let has_below = found.is_none()
                && !store::artifacts::list(connection, run.key, &folder(path))?.is_empty();
            (found, path, has_below)
        }
        Place::Version { key, path } => {
            let files = version_files(connection, *key)?;
            let has_below = files.iter().any(|file| file.path.starts_with(&folder(path)));
            (files.into_iter().find(|file| file.path == *path), path, has_below)
        }
        Place::LoggedModel { path, .. } | Place::Loose { path } => {
            let found = store::proxied_artifacts::find(connection, path)?;
            let has_below = found.is_none()
                && !store::proxied_artifacts::list(connection, &folder(path))?.is_empty();
            (found, path, has_below)
        }
    };
    match found {
        Some(artifact) => Ok(artifact),
        None if has_below => Err(ApiError::invalid(format!("`{path}` is a folder, not a file"))
            .hint("name a file in it, or list it")
            .into()),
        None => Err(ApiError::not_found("artifact", path)
            .hint("no such artifact; check the path, or list the folder it should be in")
            .into()),
    }
}

/// Whose file it is.
pub(super) enum Owner {
    Run(RunHead),
    /// By its key.
    LoggedModel(i64),
    Nobody,
}

/// Refuses what is no place for a file.
pub(super) fn check_writable(connection: &Connection, place: &Place) -> Result<Owner> {
    match place {
        Place::Version { .. } => Err(never_changes().into()),
        Place::Run { experiment, run_id, path } => {
            let run = run_of(connection, *experiment, run_id)?;
            if run.deleted_at_ms.is_some() {
                return Err(ApiError::invalid(format!(
                    "The run {run_id} must be in the 'active' state. Current state is deleted."
                ))
                .into());
            }
            check_free(path, &|path| {
                Ok(store::artifacts::find(connection, run.key, path)?.is_some())
            })?;
            let taken = !store::artifacts::list(connection, run.key, &folder(path))?.is_empty();
            check_no_folder(path, taken)?;
            Ok(Owner::Run(run))
        }
        Place::LoggedModel { path, .. } | Place::Loose { path } => {
            let owner = match place {
                Place::LoggedModel { model_id, .. } => {
                    Owner::LoggedModel(store::logged_models::get(connection, model_id)?.0)
                }
                _ => Owner::Nobody,
            };
            check_free(path, &|path| {
                Ok(store::proxied_artifacts::find(connection, path)?.is_some())
            })?;
            let taken = !store::proxied_artifacts::list(connection, &folder(path))?.is_empty();
            check_no_folder(path, taken)?;
            Ok(owner)
        }
    }
}

/// No part of the way to `path` is a file: a client could not lay it out.
fn check_free(path: &str, is_file: &dyn Fn(&str) -> Result<bool>) -> Result<()> {
    for (end, _) in path.match_indices('/') {
        if is_file(&path[..end])? {
            return Err(ApiError::invalid(format!(
                "`{}` is a file, so `{path}` cannot lie below it",
                &path[..end]
            ))
            .hint("choose another path")
            .into());
        }
    }
    Ok(())
}

fn check_no_folder(path: &str, has_below: bool) -> Result<(), ApiError> {
    if path.is_empty() {
        return Err(ApiError::invalid("the path ends before the name of a file"));
    }
    match has_below {
        true => {
            Err(ApiError::invalid(format!("`{path}` is a folder, so no file can take its place"))
                .hint("choose another path"))
        }
        false => Ok(()),
    }
}

fn run_of(connection: &Connection, experiment: i64, run_id: &str) -> Result<RunHead> {
    match store::runs::find_head(connection, run_id)? {
        Some(run) if run.experiment_key == experiment => Ok(run),
        _ => Err(ApiError::not_found("run", run_id)
            .hint(format!("experiment {experiment} has no such run"))
            .into()),
    }
}

fn version_files(connection: &Connection, key: i64) -> Result<Vec<Artifact>> {
    let Some(row) = store::models::find_by_key(connection, key)? else {
        return Err(ApiError::not_found("model version", &format!("{VERSIONS}/{key}")).into());
    };
    let created_at_ms = row.model.created_at_ms;
    let artifact =
        |ModelFile { path, size, sha256 }| Artifact { path, size, sha256, created_at_ms };
    Ok(row.model.files.into_iter().map(artifact).collect())
}

fn children(folder: &str, artifacts: Vec<Artifact>) -> Vec<Listed> {
    let mut names: BTreeMap<String, Option<u64>> = BTreeMap::new();
    for artifact in artifacts {
        let Some(rest) = artifact.path.strip_prefix(folder) else { continue };
        match rest.split_once('/') {
            Some((name, _)) => names.insert(name.to_owned(), None),
            None => names.insert(rest.to_owned(), Some(artifact.size)),
        };
    }
    names.into_iter().map(|(name, size)| Listed { name, size }).collect()
}

fn folder(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}/") }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn unknown(path: &str) -> ApiError {
    ApiError::not_found("artifact", path)
}

fn never_changes() -> ApiError {
    ApiError::conflict("the files of a registered model never change")
        .hint("register the next version")
}

/// Where the files of a run lie.
pub struct RunRoot {
    /// As clients are told.
    pub uri: String,
    /// In the tree.
    pub path: String,
}

/// The run is named by its whole id. A client may have wanted another place for the files of its
/// experiment: then what Lazuli itself keeps of the run is still in the tree.
pub async fn root_of_run(app: &Arc<App>, run_id: String) -> Result<RunRoot> {
    app.store
        .read(move |database| {
            let Some(run) = store::runs::find_head(database, &run_id)? else {
                return Err(ApiError::not_found("run", &run_id).into());
            };
            let own = format!("{}/{run_id}/artifacts", run.experiment_key);
            let experiment = store::experiments::get_by_key(database, run.experiment_key)?;
            let uri = match experiment.artifact_location {
                Some(location) => format!("{}/{run_id}/artifacts", location.trim_end_matches('/')),
                None => format!("mlflow-artifacts:/{own}"),
            };
            let path = proxy_path(&uri).map_or(own, str::to_owned);
            Ok(RunRoot { path, uri })
        })
        .await
}

/// The path of an address of the tree; `None` for an address of something else.
pub fn proxy_path(uri: &str) -> Option<&str> {
    uri.strip_prefix("mlflow-artifacts:/").filter(|path| !path.starts_with('/'))
}

/// The path in its plain form, if it leads nowhere else however often it is decoded.
pub fn safe_path(path: &str) -> Result<String, ApiError> {
    let refused = || {
        // MLflow's words, to the letter: its clients compare them.
        ApiError::invalid("Invalid path")
    };
    // Joined to a folder, what stands behind an empty part would begin at the root, and behind the
    // letter of a drive on another disk.
    let is_drive = |part: &str| part.chars().nth(1) == Some(':');
    let is_harmless = |level: &String| {
        !level.contains(['#', ';', '\\'])
            && !level.contains("//")
            && !level.split('/').any(is_drive)
            && artifact_path(level).is_ok()
    };
    match decodings(path) {
        Some(levels) if levels.iter().all(is_harmless) => artifact_path(path),
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let loose = |path: &str| Place::Loose { path: path.to_owned() };
        let run = |path: &str| Place::Run {
            experiment: 3,
            run_id: "r1".to_owned(),
            path: path.to_owned(),
        };
        for (path, wanted) in [
            ("3/r1/artifacts/a/b.txt", run("a/b.txt")),
            ("3/r1/artifacts", run("")),
            ("3/r1/./artifacts/x/", run("x")),
            (
                "3/models/m-1/artifacts/MLmodel",
                Place::LoggedModel {
                    model_id: "m-1".to_owned(),
                    path: "3/models/m-1/artifacts/MLmodel".to_owned(),
                },
            ),
            ("model-versions/7/m/x", Place::Version { key: 7, path: "m/x".to_owned() }),
            ("3/traces/tr-1/artifacts/t.json", loose("3/traces/tr-1/artifacts/t.json")),
            ("dir/b.txt", loose("dir/b.txt")),
            ("100%.txt", loose("100%.txt")),
            ("with space & ünïcode/€.json", loose("with space & ünïcode/€.json")),
        ] {
            assert_eq!(Place::parse(path).unwrap(), wanted, "{path}");
        }
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for path in [
            "../x",
            "a/../../x",
            "/etc/passwd",
            "3/r1/artifacts//etc/passwd",
            "a/%2fetc/passwd",
            "%2e%2e/x",
            "a/%2e%2e%2f%2e%2e/x",
            "%252e%252e/x",
            "%25252e%25252e%25252fx",
            "a%2f..%2fb",
            "%2fetc/passwd",
            "a#b",
            "a%23b",
            "a;b",
            "..;/x",
            "a%3bb",
            "a\\..\\b",
            "a%5c..%5cb",
            "c:/x",
            "3/r1/artifacts/c:/x",
            "a\0b",
            "a%00b",
            "a%0ab",
            "",
            ".",
            &"a/".repeat(1000),
            &format!("%{}2e", "25".repeat(30)),
        ] {
            let refused = Place::parse(path).unwrap_err();
            assert!(refused.message.starts_with("Invalid path"), "{path}: {refused}");
        }
    }
}
