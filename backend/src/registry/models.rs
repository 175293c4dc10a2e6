use std::sync::Arc;

use lazuli_domain::{
    ApiError, EventKind, Model, ModelDataset, ModelFile, ModelPatch, ModelSource, ModelUsage,
    NewModel, ResourceConfiguration, StringMap, artifact_path, check_name, shown,
};
use serde::Deserialize;

use super::{checksum, sorted_without_doubles};
use crate::app::App;
use crate::blobs::{Lease, check_digest};
use crate::clock::now_ms;
use crate::error::Result;
use crate::store::{self, EventScope, Write, runs::RunHead};
use crate::tracking;

/// Registers the next version of a model. Its files must be blobs, or artifacts of a run: a model is
/// never read from a path on this machine.
pub async fn register_model(app: &Arc<App>, workspace: String, new: NewModel) -> Result<Model> {
    check_name("model", &new.name)?;
    for key in new.tags.keys().chain(new.properties.keys()) {
        check_name("tag", key)?;
    }
    check_usage(&new.usage)?;
    if let ModelSource::Run { run_id, .. } = &new.source {
        let run_id = tracking::full_run_id(app, run_id.clone()).await?;
        tracking::drain(app, &run_id).await?;
    }
    let (uploaded, leases) = match &new.source {
        ModelSource::Blobs(files) => check_uploaded(app, files).await?,
        ModelSource::Run { .. } => (Vec::new(), Vec::new()),
    };
    app.store
        .write(move |write| {
            let (files, run) = match &new.source {
                ModelSource::Blobs(_) => (uploaded, None),
                ModelSource::Run { run_id, path } => {
                    let (files, run) = files_of_run(write, run_id, path)?;
                    (files, Some(run))
                }
            };
            let mut model = draft(&workspace, &new.name, files);
            model.description = new.description;
            model.tags = new.tags;
            model.properties = new.properties;
            model.framework = new.framework;
            model.framework_version = new.framework_version;
            model.usage = new.usage;
            model.run_id = run.as_ref().map(|run| run.run_id.clone());
            let registered =
                store::registered_models::ensure(write, &workspace, &new.name, now_ms())?;
            write.after_commit(move || drop(leases));
            insert(write, registered, &model, run.map(|run| run.key))
        })
        .await
}

/// A version of these files that nobody has said anything about.
pub(super) fn draft(workspace: &str, name: &str, files: Vec<ModelFile>) -> Model {
    Model {
        workspace: workspace.to_owned(),
        name: name.to_owned(),
        version: 0,
        description: String::new(),
        tags: StringMap::new(),
        properties: StringMap::new(),
        framework: None,
        framework_version: None,
        usage: ModelUsage::default(),
        run_id: None,
        experiment: None,
        created_at_ms: now_ms(),
        size: files.iter().map(|file| file.size).sum(),
        checksum: checksum(&files),
        files,
        stage: Model::NO_STAGE.to_owned(),
        aliases: Vec::new(),
        user: String::new(),
        source: String::new(),
        run_link: String::new(),
        model_id: None,
        updated_at_ms: 0,
        deleted_at_ms: None,
    }
}

/// Keeps the draft as the next version, and says so.
pub(super) fn insert(
    write: &mut Write<'_>,
    registered: i64,
    draft: &Model,
    run: Option<i64>,
) -> Result<Model> {
    let (_, version) = store::models::insert(write, registered, draft, run)?;
    let model = store::models::get(write, &draft.workspace, &draft.name, Some(version))?;
    // An event that names a run goes to those who listen to that run, which must be here.
    let scope = EventScope {
        workspace: model.workspace.clone(),
        experiment: model.experiment.clone(),
        run_id: model.run_id.clone().filter(|_| run.is_some()),
    };
    write.event(&scope, EventKind::ModelRegistered { name: model.name.clone(), version })?;
    Ok(model)
}

/// Which models a list shall hold.
#[derive(Clone, Debug, Default)]
pub struct ModelFilter {
    pub name: Option<String>,
    pub run_id: Option<String>,
    pub dataset_id: Option<String>,
    pub tags: Vec<WantedEntry>,
    pub properties: Vec<WantedEntry>,
    /// Only the newest of each name that is there.
    pub latest: bool,
    /// Those that are deleted, instead of those that are not.
    pub deleted: bool,
}

/// A key, or a key with its value.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum WantedEntry {
    Key(String),
    Pair(String, String),
}

impl WantedEntry {
    fn is_in(&self, entries: &StringMap) -> bool {
        match self {
            Self::Key(key) => entries.contains_key(key),
            Self::Pair(key, value) => entries.get(key) == Some(value),
        }
    }
}

/// By name, newest version first.
pub async fn list_models(
    app: &Arc<App>,
    workspace: String,
    wanted: ModelFilter,
) -> Result<Vec<Model>> {
    app.store
        .read(move |database| {
            let name = wanted.name.as_deref();
            let mut found = match wanted.deleted {
                true => store::models::list_deleted(database, &workspace, name)?,
                false => store::models::list(database, &workspace, name)?,
            };
            if wanted.latest {
                found.dedup_by(|later, newest| later.name == newest.name);
            }
            found.retain(|model| {
                let uses = |id: &String| model.usage.datasets.iter().any(|it| it.dataset_id == *id);
                wanted.run_id.as_ref().is_none_or(|id| model.run_id.as_ref() == Some(id))
                    && wanted.dataset_id.as_ref().is_none_or(uses)
                    && wanted.tags.iter().all(|entry| entry.is_in(&model.tags))
                    && wanted.properties.iter().all(|entry| entry.is_in(&model.properties))
            });
            Ok(found)
        })
        .await
}

/// Checks what is said about a model's use.
fn check_usage(usage: &ModelUsage) -> Result<(), ApiError> {
    usage.datasets.iter().try_for_each(check_dataset)?;
    usage.resource_configuration.as_ref().map_or(Ok(()), check_resources)
}

fn check_dataset(dataset: &ModelDataset) -> Result<(), ApiError> {
    match dataset.dataset_id.is_empty() {
        true => Err(ApiError::invalid(format!(
            "the dataset for `{}` has no id",
            shown(&dataset.purpose, 60)
        ))
        .hint("register the dataset first")),
        false => Ok(()),
    }
}

fn check_resources(resources: &ResourceConfiguration) -> Result<(), ApiError> {
    for (what, number) in [("cpu", resources.cpu), ("memory_in_gb", resources.memory_in_gb)] {
        if number.is_some_and(|number| !number.is_finite() || number < 0.0) {
            return Err(ApiError::invalid(format!("`{what}` of a model's resources is negative"))
                .hint("give a number of 0 or more"));
        }
    }
    Ok(())
}

/// What a patch says of a version besides description, stage and tags; false when it says nothing.
pub(super) fn say_about(model: &mut Model, patch: &ModelPatch) -> Result<bool> {
    let said = model.clone();
    for (key, value) in &patch.add_properties {
        check_name("property", key)?;
        match model.properties.get(key) {
            Some(present) if present != value => {
                return Err(ApiError::conflict(format!(
                    "the property `{}` is `{}` and never changes",
                    shown(key, 60),
                    shown(present, 60)
                ))
                .hint("use a tag: tags may change, a property may not")
                .into());
            }
            _ => drop(model.properties.insert(key.clone(), value.clone())),
        }
    }
    let set = |field: &mut Option<String>, given: &Option<String>| {
        if given.is_some() {
            field.clone_from(given);
        }
    };
    set(&mut model.framework, &patch.framework);
    set(&mut model.framework_version, &patch.framework_version);
    set(&mut model.usage.sample_input_dataset_id, &patch.sample_input_dataset_id);
    set(&mut model.usage.sample_output_dataset_id, &patch.sample_output_dataset_id);
    if let Some(resources) = &patch.resource_configuration {
        check_resources(resources)?;
        model.usage.resource_configuration = Some(resources.clone());
    }
    for dataset in &patch.add_datasets {
        check_dataset(dataset)?;
        if !model.usage.datasets.contains(dataset) {
            model.usage.datasets.push(dataset.clone());
        }
    }
    Ok(*model != said)
}

/// That version, or the newest.
pub async fn model(
    app: &Arc<App>,
    workspace: String,
    name: String,
    version: Option<u64>,
) -> Result<Model> {
    app.store.read(move |database| store::models::get(database, &workspace, &name, version)).await
}

pub async fn model_file(
    app: &Arc<App>,
    workspace: String,
    name: String,
    version: u64,
    path: String,
) -> Result<ModelFile> {
    let path = artifact_path(&path)?;
    let model = model(app, workspace, name, Some(version)).await?;
    let count = model.files.len();
    match model.files.into_iter().find(|file| file.path == path) {
        Some(file) => Ok(file),
        None => Err(ApiError::not_found("file", &path)
            .hint(format!("version {version} of `{}` has {count} files", model.name))
            .into()),
    }
}

/// The files with their sizes, and what keeps their content until it is referred to.
async fn check_uploaded(app: &App, files: &[ModelFile]) -> Result<(Vec<ModelFile>, Vec<Lease>)> {
    if files.is_empty() {
        return Err(ApiError::invalid("a model needs at least one file").into());
    }
    let (mut checked, mut leases) = (Vec::with_capacity(files.len()), Vec::new());
    for file in files {
        check_digest(&file.sha256)?;
        let path = artifact_path(&file.path)?;
        let Some(blob) = app.blobs.hold(&file.sha256).await? else {
            return Err(ApiError::invalid(format!(
                "the content of `{path}` (sha256 {}) was not uploaded",
                file.sha256
            ))
            .hint("send it with `PUT /api/blobs/{sha256}` first")
            .into());
        };
        checked.push(ModelFile { path, size: blob.size, sha256: blob.sha256 });
        leases.push(blob.lease);
    }
    Ok((sorted_without_doubles(checked)?, leases))
}

/// The artifact, or those below the folder, of that path; with the run.
fn files_of_run(write: &Write<'_>, run_id: &str, path: &str) -> Result<(Vec<ModelFile>, RunHead)> {
    let path = artifact_path(path)?;
    let head = store::runs::head(write, run_id)?;
    let last_part = path.rsplit('/').next().unwrap_or(&path).to_owned();
    if let Some(artifact) = store::artifacts::find(write, head.key, &path)? {
        let file = ModelFile { path: last_part, size: artifact.size, sha256: artifact.sha256 };
        return Ok((vec![file], head));
    }
    let below = format!("{path}/");
    let files: Vec<ModelFile> = store::artifacts::list(write, head.key, &below)?
        .into_iter()
        .map(|artifact| ModelFile {
            path: format!("{last_part}/{}", &artifact.path[below.len()..]),
            size: artifact.size,
            sha256: artifact.sha256,
        })
        .collect();
    if files.is_empty() {
        // Says which artifact is nearest.
        store::artifacts::get(write, head.key, &path)?;
    }
    Ok((sorted_without_doubles(files)?, head))
}
