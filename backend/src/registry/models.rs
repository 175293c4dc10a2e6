use std::sync::Arc;

use lazuli_domain::{
    ApiError, EventKind, Model, ModelFile, ModelSource, NewModel, StringMap, artifact_path,
    check_name,
};

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

pub async fn list_models(
    app: &Arc<App>,
    workspace: String,
    name: Option<String>,
    deleted: bool,
) -> Result<Vec<Model>> {
    app.store
        .read(move |database| match deleted {
            true => store::models::list_deleted(database, &workspace, name.as_deref()),
            false => store::models::list(database, &workspace, name.as_deref()),
        })
        .await
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
