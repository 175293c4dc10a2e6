//! Where an MLflow client says that a version's files lie, and which files these are.
//!
//! Only what this daemon keeps is ever read: artifacts of runs and of logged models, files of other
//! versions, and files of the artifact proxy. Any other address is text.

use lazuli_domain::{ApiError, ModelFile, artifact_path};

use super::proxy::{Place, proxy_path};
use super::{decodings, sorted_without_doubles};
use crate::error::Result;
use crate::store::{self, Connection};

/// A source, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `runs:/RUN/PATH`
    Run { run_id: String, path: String },
    /// `models:/m-…`
    LoggedModel { model_id: String },
    /// `models:/NAME/…` or `models:/NAME@ALIAS`
    Version { name: String, which: Which },
    /// `mlflow-artifacts:/PATH`, without a host.
    Proxied(String),
    /// Kept as it is and never read.
    Elsewhere,
}

/// Which version of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    Number(u64),
    Alias(String),
    Stage(String),
    Latest,
}

impl Source {
    pub fn parse(source: &str) -> Source {
        let Some((scheme, rest)) = source.split_once(':') else { return Source::Elsewhere };
        // Two slashes name a host: `mlflow-artifacts://other:5000/…` lies there, not here.
        let path = match rest.strip_prefix('/') {
            Some(path) if !path.starts_with('/') => path,
            None if rest.is_empty() => rest,
            _ => return Source::Elsewhere,
        };
        match scheme {
            "runs" => match path.split_once('/') {
                Some((run_id, path)) if !run_id.is_empty() => {
                    Source::Run { run_id: run_id.to_owned(), path: path.to_owned() }
                }
                _ => Source::Elsewhere,
            },
            "models" => of_model(path),
            "mlflow-artifacts" => Source::Proxied(path.to_owned()),
            _ => Source::Elsewhere,
        }
    }
}

fn of_model(path: &str) -> Source {
    let which = match path.split_once('/') {
        None => match path.split_once('@') {
            None if path.starts_with("m-") => {
                return Source::LoggedModel { model_id: path.to_owned() };
            }
            Some((name, alias)) if !name.is_empty() && !alias.is_empty() => {
                (name, Which::Alias(alias.to_owned()))
            }
            _ => return Source::Elsewhere,
        },
        Some((name, suffix)) if name.is_empty() || suffix.is_empty() || suffix.contains('/') => {
            return Source::Elsewhere;
        }
        Some((name, suffix)) => match suffix.parse() {
            Ok(number) => (name, Which::Number(number)),
            Err(_) if suffix.eq_ignore_ascii_case("latest") => (name, Which::Latest),
            Err(_) => (name, Which::Stage(suffix.to_owned())),
        },
    };
    Source::Version { name: which.0.to_owned(), which: which.1 }
}

/// Refuses a source that climbs: no reader of it, here or elsewhere, shall be led out of the folder
/// that it names.
pub fn check_source(source: &str) -> Result<(), ApiError> {
    let refused = || {
        let shown: String = source.chars().take(200).flat_map(char::escape_default).collect();
        Err(ApiError::invalid(format!(
            "Invalid model version source: '{shown}'. If supplying a source as an http, https, local \
             file path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be provided \
             without relative path references present. Please provide an absolute path."
        )))
    };
    let Some(decoded) = decodings(source).and_then(|mut levels| levels.pop()) else {
        return refused();
    };
    let path = decoded.split(['?', '#']).next().unwrap_or(&decoded);
    let climbs = decoded.split(['/', '\\']).any(|part| part == "..")
        || path.split('/').any(|part| part == ".")
        || decoded.chars().any(char::is_control);
    match climbs {
        true => refused(),
        false => Ok(()),
    }
}

/// The files that lie there now; none where nothing does.
pub(super) fn files_at(
    connection: &Connection,
    workspace: &str,
    source: &Source,
) -> Result<Vec<ModelFile>> {
    match source {
        Source::Run { run_id, path } => {
            let files = files_of_run(connection, run_id, path)?;
            if !files.is_empty() {
                return Ok(files);
            }
            // MLflow 3 gives the address of a run to what it logs as a model of its own.
            match store::logged_models::newest_of_run(connection, run_id, path)? {
                Some(model_id) => files_of_logged_model(connection, &model_id),
                None => Ok(files),
            }
        }
        Source::LoggedModel { model_id } => files_of_logged_model(connection, model_id),
        Source::Version { name, which: Which::Number(version) } => {
            match store::models::find(connection, workspace, name, Some(*version))? {
                Some(row) => Ok(row.model.files),
                None => Ok(Vec::new()),
            }
        }
        Source::Proxied(path) => files_of_proxy(connection, path),
        Source::Version { .. } | Source::Elsewhere => Ok(Vec::new()),
    }
}

fn files_of_run(connection: &Connection, run_id: &str, path: &str) -> Result<Vec<ModelFile>> {
    let Some(head) = store::runs::find_head(connection, run_id)? else { return Ok(Vec::new()) };
    let path = match artifact_path(path) {
        Ok(path) => path,
        Err(_) if path.trim_matches(['/', '.']).is_empty() => String::new(),
        Err(_) => return Ok(Vec::new()),
    };
    if let Some(artifact) = store::artifacts::find(connection, head.key, &path)? {
        return Ok(vec![named(last_part(&path), artifact.size, artifact.sha256)]);
    }
    let below = folder(&path);
    let files = store::artifacts::list(connection, head.key, &below)?
        .into_iter()
        .map(|artifact| named(&artifact.path[below.len()..], artifact.size, artifact.sha256))
        .collect();
    sorted_without_doubles(files)
}

fn files_of_logged_model(connection: &Connection, model_id: &str) -> Result<Vec<ModelFile>> {
    match store::logged_models::find(connection, model_id)? {
        Some((_, model)) => match proxy_path(&super::logged_models::artifact_uri(&model)) {
            Some(path) => below(connection, path),
            None => Ok(Vec::new()),
        },
        None => Ok(Vec::new()),
    }
}

fn files_of_proxy(connection: &Connection, path: &str) -> Result<Vec<ModelFile>> {
    match Place::parse(path) {
        Ok(Place::Run { run_id, path, .. }) => files_of_run(connection, &run_id, &path),
        Ok(Place::Version { key, .. }) => match store::models::find_by_key(connection, key)? {
            Some(row) => Ok(row.model.files),
            None => Ok(Vec::new()),
        },
        Ok(Place::LoggedModel { path, .. } | Place::Loose { path }) => {
            if let Some(artifact) = store::proxied_artifacts::find(connection, &path)? {
                return Ok(vec![named(last_part(&path), artifact.size, artifact.sha256)]);
            }
            below(connection, &path)
        }
        Err(_) => Ok(Vec::new()),
    }
}

/// Of the proxy's own files.
fn below(connection: &Connection, path: &str) -> Result<Vec<ModelFile>> {
    let below = folder(path);
    Ok(store::proxied_artifacts::list(connection, &below)?
        .into_iter()
        .map(|artifact| named(&artifact.path[below.len()..], artifact.size, artifact.sha256))
        .collect())
}

fn folder(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}/") }
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn named(path: &str, size: u64, sha256: String) -> ModelFile {
    ModelFile { path: path.to_owned(), size, sha256 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        let run = |run_id: &str, path: &str| Source::Run {
            run_id: run_id.to_owned(),
            path: path.to_owned(),
        };
        let version = |name: &str, which| Source::Version { name: name.to_owned(), which };
        for (text, wanted) in [
            ("runs:/r1/model", run("r1", "model")),
            ("runs:/r1/a/b", run("r1", "a/b")),
            ("models:/m-12ab", Source::LoggedModel { model_id: "m-12ab".to_owned() }),
            ("models:/churn/3", version("churn", Which::Number(3))),
            ("models:/churn/latest", version("churn", Which::Latest)),
            ("models:/churn/Staging", version("churn", Which::Stage("Staging".to_owned()))),
            ("models:/churn@best", version("churn", Which::Alias("best".to_owned()))),
            ("mlflow-artifacts:/1/r/artifacts/m", Source::Proxied("1/r/artifacts/m".to_owned())),
            ("mlflow-artifacts:", Source::Proxied(String::new())),
            ("mlflow-artifacts://host:5000/1", Source::Elsewhere),
            ("file:///etc/passwd", Source::Elsewhere),
            ("/etc/passwd", Source::Elsewhere),
            ("s3://bucket/key", Source::Elsewhere),
            ("models:/a/b/c", Source::Elsewhere),
            ("models:/", Source::Elsewhere),
        ] {
            assert_eq!(Source::parse(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_source_that_climbs_is_refused() {
        for good in [
            "mlflow-artifacts:/models/foo///bar",
            "mlflow-artifacts://host:9000/models/artifact/..../",
            "s3://bucket/100%25",
            "models:/a b/1",
        ] {
            assert_eq!(check_source(good), Ok(()), "{good}");
        }
        for bad in [
            "mlflow-artifacts://host:9000/models/../../../",
            "mlflow-artifacts://host:9000/models/..%2f..%2fartifacts",
            "mlflow-artifacts:/models/%252e%252e/x",
            "mlflow-artifacts://host:9000/models/artifact%00",
            "http://host/a?x=/../y",
            "dbfs:/r/artifacts/a%3f/../../..",
            "runs:/r/./x",
            "runs:/r/a\\..\\b",
        ] {
            assert!(check_source(bad).is_err(), "{bad}");
        }
    }
}
