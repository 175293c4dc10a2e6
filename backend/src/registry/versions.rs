use std::sync::Arc;

use lazuli_domain::{
    ApiError, Artifact, EventKind, Model, ModelFile, ModelPatch, StringMap, artifact_path, stage,
};
use serde_json::{Value, json};

use super::models::{draft, insert, say_about};
use super::proxy::{self, VERSIONS};
use super::registered::{changed, check_tags};
use super::source::{Source, Which, files_at};
use super::tell;
use crate::app::App;
use crate::clock::now_ms;
use crate::error::{Error, Result};
use crate::store::models::VersionRow;
use crate::store::{self, Connection, Write, registered_models as names};
use crate::tracking;

/// The tag in which MLflow keeps as what a logged model was registered.
const REGISTERED_AS: &str = "mlflow.modelVersions";
/// So many versions may each name another one as their source.
const MOST_STEPS: usize = 100;

/// A version as an MLflow client announces it.
#[derive(Clone, Debug, Default)]
pub struct NewVersion {
    pub workspace: String,
    pub name: String,
    /// Where its files lie.
    pub source: String,
    pub run_id: Option<String>,
    pub model_id: Option<String>,
    pub run_link: String,
    pub description: String,
    pub tags: StringMap,
}

/// Keeps the next version of a name that must exist, with the files that lie at its source now.
pub async fn create_version(app: &Arc<App>, new: NewVersion) -> Result<Model> {
    check_tags(&new.tags)?;
    if let Source::Run { run_id, .. } = Source::parse(&new.source) {
        // What the run has logged until now was logged before.
        tracking::drain(app, &run_id).await?;
    }
    app.store
        .write(move |write| {
            let registered = names::key(write, &new.workspace, &new.name)?;
            let new = with_lineage(write, new)?;
            let source = Source::parse(&new.source);
            check_claim(write, &new, &source)?;
            let mut files = files_at(write, &new.workspace, &source)?;
            if files.is_empty()
                && let Some(model_id) = &new.model_id
            {
                let source = Source::LoggedModel { model_id: model_id.clone() };
                files = files_at(write, &new.workspace, &source)?;
            }
            let mut model = draft(&new.workspace, &new.name, files);
            let run = match &new.run_id {
                Some(run_id) => store::runs::find_head(write, run_id)?,
                None => None,
            };
            model.description = new.description;
            model.tags = new.tags;
            model.source = new.source;
            model.run_link = new.run_link;
            model.run_id = new.run_id;
            model.model_id = new.model_id;
            let model = insert(write, registered, &model, run.map(|run| run.key))?;
            if let Some(model_id) = &model.model_id {
                remember(write, model_id, &model)?;
            }
            Ok(model)
        })
        .await
}

/// What is known of a version that is made of another one, or of a logged model.
fn with_lineage(write: &Write<'_>, mut new: NewVersion) -> Result<NewVersion> {
    match Source::parse(&new.source) {
        Source::Version { name, which } => {
            let version = match which {
                Which::Number(number) => Some(number),
                Which::Latest => None,
                Which::Alias(alias) => {
                    let key = names::key(write, &new.workspace, &name)?;
                    Some(names::alias(write, key, &alias)?.ok_or_else(|| no_alias(&alias))?)
                }
                Which::Stage(wanted) => Some(newest_in(write, &new.workspace, &name, &wanted)?),
            };
            let row = store::models::row(write, &new.workspace, &name, version)?;
            new.source = format!("models:/{name}/{}", row.model.version);
            new.run_id = new.run_id.or(row.model.run_id);
            new.model_id = new.model_id.or(row.model.model_id);
        }
        Source::LoggedModel { model_id } => {
            let (_, model) = store::logged_models::get(write, &model_id)?;
            new.run_id = new.run_id.or(Some(model.source_run_id).filter(|it| !it.is_empty()));
            new.model_id = new.model_id.or(Some(model_id));
        }
        _ => {
            if let Some(model_id) = &new.model_id {
                let (_, model) = store::logged_models::get(write, model_id)?;
                new.run_id = new.run_id.or(Some(model.source_run_id).filter(|it| !it.is_empty()));
            }
        }
    }
    Ok(new)
}

fn newest_in(connection: &Connection, workspace: &str, name: &str, wanted: &str) -> Result<u64> {
    let key = names::key(connection, workspace, name)?;
    let latest = store::models::latest_of_stages(connection, &[key])?.remove(&key);
    let found = latest
        .unwrap_or_default()
        .into_iter()
        .find(|model| model.stage.eq_ignore_ascii_case(wanted))
        .ok_or_else(|| ApiError::not_found("version in stage", &format!("{name}/{wanted}")))?;
    Ok(found.version)
}

/// A source that lies in one run or logged model is not said to come from another one.
fn check_claim(connection: &Connection, new: &NewVersion, source: &Source) -> Result<()> {
    let (field, holder, claimed) = match source {
        Source::Run { run_id, .. } => ("run_id", run_id.clone(), &new.run_id),
        Source::LoggedModel { model_id } => ("model_id", model_id.clone(), &new.model_id),
        Source::Proxied(path) => match proxy::Place::parse(path) {
            Ok(proxy::Place::Run { run_id, .. }) => ("run_id", run_id, &new.run_id),
            Ok(proxy::Place::LoggedModel { model_id, .. }) => ("model_id", model_id, &new.model_id),
            // What is no path of the tree is not read either.
            _ => return Ok(()),
        },
        Source::Version { .. } | Source::Elsewhere => return Ok(()),
    };
    let is_here = match field {
        "run_id" => store::runs::find_head(connection, &holder)?.is_some(),
        _ => store::logged_models::find(connection, &holder)?.is_some(),
    };
    if is_here && claimed.as_ref() != Some(&holder) {
        let text: String = new.source.chars().take(300).collect();
        return Err(ApiError::invalid(format!(
            "Invalid model version source: '{text}'. The {field} request parameter must identify the \
             resource that contains the source."
        ))
        .into());
    }
    Ok(())
}

/// Writes into the logged model's tag that it was registered.
fn remember(write: &Write<'_>, model_id: &str, version: &Model) -> Result<()> {
    let Some((key, mut model)) = store::logged_models::find(write, model_id)? else {
        return Ok(());
    };
    let tag = model.tags.get(REGISTERED_AS).map(String::as_str).unwrap_or_default();
    let mut known: Vec<Value> = serde_json::from_str(tag).unwrap_or_default();
    let this = json!({"name": version.name, "version": version.version});
    if !known.contains(&this) {
        known.push(this);
    }
    // As Python writes it: clients compare the text.
    let written: Vec<String> = known
        .iter()
        .map(|it| format!("{{\"name\": {}, \"version\": {}}}", it["name"], it["version"]))
        .collect();
    model.tags.insert(REGISTERED_AS.to_owned(), format!("[{}]", written.join(", ")));
    store::logged_models::set_tags(write, key, &model.tags)
}

/// Changes description, stage or tags: all of it, or nothing.
pub async fn patch_version(
    app: &Arc<App>,
    workspace: String,
    name: String,
    version: u64,
    patch: ModelPatch,
) -> Result<Model> {
    check_tags(&patch.set_tags)?;
    let stage = patch.stage.as_deref().map(known_stage).transpose()?;
    app.store
        .write(move |write| {
            let mut row = store::models::row(write, &workspace, &name, Some(version))?;
            if say_about(&mut row.model, &patch)? {
                store::models::set_about(write, row.key, &row.model, now_ms())?;
            }
            if let Some(stage) = stage {
                if patch.archive_others {
                    store::models::archive_others(write, &row, stage, now_ms())?;
                }
                store::models::set_stage(write, row.key, stage, now_ms())?;
                names::touch(write, row.registered, now_ms())?;
            }
            if let Some(description) = &patch.description {
                store::models::set_description(write, row.key, description, now_ms())?;
            }
            if !patch.set_tags.is_empty() || !patch.remove_tags.is_empty() {
                let tags = changed(row.model.tags, patch.set_tags, &patch.remove_tags);
                store::models::set_tags(write, row.key, &tags)?;
            }
            store::models::get(write, &workspace, &name, Some(version))
        })
        .await
}

fn known_stage(name: &str) -> Result<&'static str, ApiError> {
    stage(name).ok_or_else(|| {
        let shown: String = name.chars().take(60).flat_map(char::escape_default).collect();
        ApiError::invalid(format!("`{shown}` is no stage"))
            .hint(format!("use one of {}", Model::STAGES.join(", ")))
    })
}

/// Hides a version until it is restored; its number is not given again.
pub async fn delete_version(
    app: &Arc<App>,
    workspace: String,
    name: String,
    version: u64,
) -> Result<()> {
    app.store
        .write(move |write| {
            let row = store::models::row(write, &workspace, &name, Some(version))?;
            names::touch(write, row.registered, now_ms())?;
            store::models::set_deleted(write, &row, Some(now_ms()))?;
            tell(write, &workspace, EventKind::ModelDeleted { name, version: Some(version) })
        })
        .await
}

/// Brings a version back, and its name if that is deleted too.
pub async fn restore_version(
    app: &Arc<App>,
    workspace: String,
    name: String,
    version: u64,
) -> Result<Model> {
    app.store
        .write(move |write| {
            let Some(row) = store::models::find_deleted(write, &workspace, &name, version)? else {
                // Says what there is, when it is not there at all.
                store::models::row(write, &workspace, &name, Some(version))?;
                return Err(ApiError::conflict(format!(
                    "version {version} of `{name}` is not deleted"
                ))
                .into());
            };
            store::models::set_deleted(write, &row, None)?;
            names::show(write, row.registered)?;
            let model = store::models::get(write, &workspace, &name, Some(version))?;
            tell(write, &workspace, EventKind::ModelRegistered { name, version })?;
            Ok(model)
        })
        .await
}

/// The newest version of each of these stages; of every stage when none is named.
pub async fn latest_versions(
    app: &Arc<App>,
    workspace: String,
    name: String,
    stages: Vec<String>,
) -> Result<Vec<Model>> {
    let stages =
        stages.iter().map(|stage| known_stage(stage)).collect::<Result<Vec<_>, ApiError>>()?;
    app.store
        .read(move |database| {
            let mut latest = names::get(database, &workspace, &name)?.latest;
            latest.retain(|model| stages.is_empty() || stages.contains(&model.stage.as_str()));
            Ok(latest)
        })
        .await
}

/// Where an MLflow client finds the files: below `model-versions/` of the proxy, or, for a version
/// whose files are not kept here, where it was said that they lie.
pub async fn location(
    app: &Arc<App>,
    workspace: String,
    name: String,
    version: u64,
) -> Result<String> {
    app.store
        .read(move |database| {
            let mut row = store::models::row(database, &workspace, &name, Some(version))?;
            for _ in 0..MOST_STEPS {
                if !row.model.files.is_empty() {
                    let root = folder_of_model(&row.model.files);
                    return Ok(format!("mlflow-artifacts:/{VERSIONS}/{}{root}", row.key));
                }
                match source_version(database, &workspace, &row)? {
                    Some(next) => row = next,
                    None => return Ok(row.model.source),
                }
            }
            Ok(row.model.source)
        })
        .await
}

fn source_version(
    connection: &Connection,
    workspace: &str,
    row: &VersionRow,
) -> Result<Option<VersionRow>> {
    match Source::parse(&row.model.source) {
        Source::Version { name, which: Which::Number(version) } => {
            store::models::find(connection, workspace, &name, Some(version))
        }
        _ => Ok(None),
    }
}

/// `/folder` when all files lie in one folder that is an MLflow model: Lazuli keeps the name of the
/// folder that was registered, MLflow looks for `MLmodel` at the root.
fn folder_of_model(files: &[ModelFile]) -> String {
    let Some((folder, _)) = files.first().and_then(|file| file.path.split_once('/')) else {
        return String::new();
    };
    let is_below =
        |file: &ModelFile| file.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let model = format!("{folder}/MLmodel");
    let is_model = files.iter().any(|file| file.path == model) && files.iter().all(is_below);
    if is_model { format!("/{folder}") } else { String::new() }
}

/// A file of the version, as MLflow's clients name it.
pub async fn version_artifact(
    app: &Arc<App>,
    workspace: String,
    name: String,
    version: u64,
    path: String,
) -> Result<Artifact> {
    let path = artifact_path(&path)?;
    let location = location(app, workspace, name.clone(), version).await?;
    let missing = || {
        Error::from(
            ApiError::not_found("artifact", &path)
                .hint(format!("version {version} of `{name}` has no such file here")),
        )
    };
    match Source::parse(&location) {
        Source::Proxied(root) => {
            let whole = format!("{}/{path}", root.trim_matches('/'));
            proxy::proxied(app, whole.trim_matches('/').to_owned()).await
        }
        source @ (Source::Run { .. } | Source::LoggedModel { .. }) => {
            // Nothing lay there when it was registered; perhaps something does now.
            let files = app.store.read(move |database| files_at(database, "", &source)).await?;
            let file = files.into_iter().find(|file| file.path == path).ok_or_else(missing)?;
            Ok(Artifact {
                path: file.path,
                size: file.size,
                sha256: file.sha256,
                created_at_ms: now_ms(),
            })
        }
        _ => Err(missing()),
    }
}

fn no_alias(alias: &str) -> ApiError {
    ApiError::invalid(format!("Registered model alias {alias} not found."))
}
