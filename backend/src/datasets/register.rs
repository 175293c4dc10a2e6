use std::sync::Arc;

use lazuli_domain::{ApiError, DataDirection, Dataset, EventKind, NewDataset};

use super::files::pin;
use super::{check, files_of_definition};
use crate::app::App;
use crate::clock::now_ms;
use crate::error::Result;
use crate::home::{hex, random};
use crate::registry::{changed, check_tags};
use crate::store::datasets::VersionRow;
use crate::store::runs::RunHead;
use crate::store::{self, EventScope, Write};

/// Registers a dataset: the next version of its name, or the newest one when that is the same.
/// Either all of it is kept or nothing.
pub async fn register(app: &Arc<App>, workspace: String, new: NewDataset) -> Result<Dataset> {
    check::dataset_name(&new.name)?;
    check_tags(&new.tags)?;
    let files = files_of_definition(app, &workspace, &new.definition).await?;
    let (asked, name) = (workspace.clone(), new.name.clone());
    let newest = app
        .store
        .read(move |database| store::datasets::find(database, &asked, &name, None))
        .await?;
    if let Some(newest) = &newest
        && !is_wanted(newest, &new)?
    {
        return existing(app, workspace, newest, new).await;
    }
    let list = pin(app, &files).await?;
    let draft = Dataset {
        workspace,
        id: new_id()?,
        name: new.name,
        version: 0,
        kind: new.definition.kind(),
        description: new.description,
        tags: new.tags,
        file_count: files.len() as u64,
        size: files.iter().map(|file| file.size).sum(),
        columns: None,
        definition: new.definition,
        run_id: new.run_id,
        created_at_ms: now_ms(),
        updated_at_ms: 0,
        deleted_at_ms: None,
    };
    let create_new_version = new.create_new_version;
    app.store
        .write(move |write| {
            let now = store::datasets::find(write, &draft.workspace, &draft.name, None)?;
            if now.is_some() && !create_new_version {
                // Somebody was quicker.
                return Err(taken(&draft.name).into());
            }
            let run = run_of(write, &draft.workspace, draft.run_id.as_deref())?;
            let (key, version) = store::datasets::insert(
                write,
                &draft,
                &list.sha256,
                run.as_ref().map(|it| it.key),
            )?;
            if let Some(run) = &run {
                store::dataset_uses::add(write, run.key, key, "", DataDirection::Output)?;
            }
            let scope = match run {
                Some(run) => run.scope(),
                None => EventScope {
                    workspace: draft.workspace.clone(),
                    experiment: None,
                    run_id: None,
                },
            };
            let name = draft.name.clone();
            write.event(&scope, EventKind::DatasetRegistered { name, version })?;
            write.after_commit(move || drop(list.lease));
            let made = store::datasets::row(write, &draft.workspace, &draft.name, Some(version))?;
            Ok(made.dataset)
        })
        .await
}

/// Whether a name that is taken gets another version: whenever one is asked for. The files may be the
/// same by name and size and yet say something else, so that nothing short of the asking tells.
fn is_wanted(newest: &VersionRow, new: &NewDataset) -> Result<bool> {
    if new.create_new_version {
        return Ok(true);
    }
    match newest.dataset.definition == new.definition {
        true => Ok(false),
        false => Err(taken(&new.name).into()),
    }
}

/// The version that is there already, with what was said of it now.
async fn existing(
    app: &Arc<App>,
    workspace: String,
    newest: &VersionRow,
    new: NewDataset,
) -> Result<Dataset> {
    let (name, version) = (newest.dataset.name.clone(), newest.dataset.version);
    app.store
        .write(move |write| {
            let row = store::datasets::row(write, &workspace, &name, Some(version))?;
            if !new.description.is_empty() && new.description != row.dataset.description {
                store::datasets::set_description(write, row.key, &new.description, now_ms())?;
            }
            let tags = changed(row.dataset.tags.clone(), new.tags, &[]);
            if tags != row.dataset.tags {
                store::datasets::set_tags(write, row.key, &tags, now_ms())?;
            }
            if let Some(run) = run_of(write, &workspace, new.run_id.as_deref())? {
                store::dataset_uses::add(write, run.key, row.key, "", DataDirection::Output)?;
            }
            Ok(store::datasets::row(write, &workspace, &name, Some(version))?.dataset)
        })
        .await
}

/// The run that registers it, which must be of the same workspace.
fn run_of(write: &Write<'_>, workspace: &str, run_id: Option<&str>) -> Result<Option<RunHead>> {
    let Some(run_id) = run_id else { return Ok(None) };
    let head = store::runs::head(write, run_id)?;
    match head.workspace == workspace {
        true => Ok(Some(head)),
        false => Err(ApiError::invalid(format!(
            "run `{}` belongs to the workspace `{}`",
            head.run_id, head.workspace
        ))
        .hint("register the dataset in the workspace of the run")
        .into()),
    }
}

fn taken(name: &str) -> ApiError {
    ApiError::conflict(format!("the dataset `{name}` exists already and is defined otherwise"))
        .hint("say `create_new_version` to register its next version, or choose another name")
}

/// A UUID, version 4 (RFC 9562).
fn new_id() -> Result<String> {
    let mut bytes = random::<16>()?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = hex(&bytes);
    let parts = [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]];
    Ok(parts.join("-"))
}
