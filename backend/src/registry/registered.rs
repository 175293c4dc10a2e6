use std::sync::Arc;

use lazuli_domain::{
    ApiError, EventKind, Model, RegisteredModel, RegisteredModelPatch, StringMap, check_alias,
    check_name,
};

use super::tell;
use crate::app::App;
use crate::clock::now_ms;
use crate::error::Result;
use crate::store::registered_models::{self as names, NewName};
use crate::store::{self};

/// Makes a name that has no version yet.
pub async fn create_name(
    app: &Arc<App>,
    workspace: String,
    name: String,
    description: String,
    tags: StringMap,
) -> Result<RegisteredModel> {
    check_name("model", &name)?;
    check_tags(&tags)?;
    app.store
        .write(move |write| {
            let new = NewName {
                workspace: &workspace,
                name: &name,
                description: &description,
                tags: &tags,
            };
            names::create(write, &new, now_ms())?;
            names::get(write, &workspace, &name)
        })
        .await
}

pub async fn registered_model(
    app: &Arc<App>,
    workspace: String,
    name: String,
) -> Result<RegisteredModel> {
    app.store.read(move |database| names::get(database, &workspace, &name)).await
}

/// Changes name, description, tags or aliases: all of it, or nothing.
pub async fn patch_name(
    app: &Arc<App>,
    workspace: String,
    name: String,
    patch: RegisteredModelPatch,
) -> Result<RegisteredModel> {
    if let Some(name) = &patch.name {
        check_name("model", name)?;
    }
    check_tags(&patch.set_tags)?;
    patch.set_aliases.keys().try_for_each(|alias| check_alias(alias))?;
    app.store
        .write(move |write| {
            let key = names::key(write, &workspace, &name)?;
            for (alias, version) in &patch.set_aliases {
                store::models::row(write, &workspace, &name, Some(*version))?;
                names::set_alias(write, key, alias, *version)?;
            }
            for alias in &patch.remove_aliases {
                names::remove_alias(write, key, alias)?;
            }
            if !patch.set_tags.is_empty() || !patch.remove_tags.is_empty() {
                let tags = names::get(write, &workspace, &name)?.tags;
                let tags = changed(tags, patch.set_tags, &patch.remove_tags);
                names::set_tags(write, key, &tags)?;
            }
            if let Some(description) = &patch.description {
                names::set_description(write, key, description, now_ms())?;
            }
            let name = match patch.name {
                Some(new_name) => {
                    names::rename(write, key, &new_name, now_ms())?;
                    new_name
                }
                None => name,
            };
            names::get(write, &workspace, &name)
        })
        .await
}

/// Hides the name and all its versions until they are restored.
pub async fn delete_name(app: &Arc<App>, workspace: String, name: String) -> Result<()> {
    app.store
        .write(move |write| {
            let key = names::key(write, &workspace, &name)?;
            names::delete(write, key, now_ms())?;
            tell(write, &workspace, EventKind::ModelDeleted { name, version: None })
        })
        .await
}

/// Brings back the name and the versions that were deleted with it.
pub async fn restore_name(
    app: &Arc<App>,
    workspace: String,
    name: String,
) -> Result<RegisteredModel> {
    app.store
        .write(move |write| {
            let Some((key, deleted_at_ms)) = names::find_deleted(write, &workspace, &name)? else {
                // Says which name is nearest, when it is not there at all.
                names::key(write, &workspace, &name)?;
                return Err(ApiError::conflict(format!("the model `{name}` is not deleted"))
                    .hint("name the version to restore, if it is a version that was deleted")
                    .into());
            };
            names::restore(write, key, deleted_at_ms)?;
            if let Some(row) = store::models::find(write, &workspace, &name, None)? {
                let version = row.model.version;
                tell(
                    write,
                    &workspace,
                    EventKind::ModelRegistered { name: name.clone(), version },
                )?;
            }
            names::get(write, &workspace, &name)
        })
        .await
}

/// The version that the alias points to; `None` when there is no such alias. `latest` is the newest.
pub async fn version_by_alias(
    app: &Arc<App>,
    workspace: String,
    name: String,
    alias: String,
) -> Result<Option<Model>> {
    app.store
        .read(move |database| {
            let key = names::key(database, &workspace, &name)?;
            let version = match names::alias(database, key, &alias)? {
                Some(version) => Some(version),
                None if alias.eq_ignore_ascii_case("latest") => None,
                None => return Ok(None),
            };
            Ok(store::models::find(database, &workspace, &name, version)?.map(|row| row.model))
        })
        .await
}

pub(crate) fn check_tags(tags: &StringMap) -> Result<(), ApiError> {
    for (key, value) in tags {
        let is_printable = !key.is_empty() && !key.chars().any(char::is_control);
        if !is_printable || key.chars().count() > 250 {
            return Err(ApiError::invalid("a tag's name has 1 to 250 printable characters"));
        }
        if value.contains('\0') {
            return Err(ApiError::invalid(format!("the value of the tag `{key}` contains a NUL"))
                .hint("leave the NUL character out"));
        }
    }
    Ok(())
}

pub(crate) fn changed(mut tags: StringMap, set: StringMap, remove: &[String]) -> StringMap {
    tags.extend(set);
    tags.retain(|key, _| !remove.contains(key));
    tags
}
