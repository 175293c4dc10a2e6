use lazuli::Result;
use lazuli_domain::{Model, ModelPatch, RegisteredModelPatch};
use serde_json::json;

use super::find;
use crate::show::{count, pairs};
use crate::{Context, Outcome, Session};

/// A stage and what becomes of the versions that are in it.
pub(super) fn stage(
    context: &Context,
    session: &Session,
    name: &str,
    version: Option<u64>,
    patch: &ModelPatch,
) -> Result<Outcome> {
    let model = patched(context, session, name, version, patch)?;
    Outcome::new(format!("{} is in {}", called(&model), model.stage), &model)
}

pub(super) fn tag(
    context: &Context,
    session: &Session,
    name: &str,
    version: Option<u64>,
    patch: &ModelPatch,
) -> Result<Outcome> {
    let model = patched(context, session, name, version, patch)?;
    let text = match model.tags.is_empty() {
        true => format!("{} has no tags", called(&model)),
        false => format!("{}: {}", called(&model), pairs(&model.tags)),
    };
    Outcome::new(text, &model)
}

/// Points the alias to a version.
pub(super) fn set_alias(
    context: &Context,
    session: &Session,
    name: &str,
    alias: &str,
    version: Option<u64>,
) -> Result<Outcome> {
    let model = find(context, session, name, version)?;
    let mut patch = RegisteredModelPatch::default();
    patch.set_aliases.insert(alias.to_owned(), model.version);
    let registered =
        context.client.patch_registered_model(&model.workspace, &model.name, &patch)?;
    Outcome::new(
        format!("`{alias}` of model `{}` is version {}", model.name, model.version),
        &registered,
    )
}

pub(super) fn remove_alias(
    context: &Context,
    session: &Session,
    name: &str,
    alias: &str,
) -> Result<Outcome> {
    let patch = RegisteredModelPatch {
        remove_aliases: vec![alias.to_owned()],
        ..RegisteredModelPatch::default()
    };
    let registered = context.client.patch_registered_model(&session.workspace, name, &patch)?;
    Outcome::new(format!("model `{name}` has no alias `{alias}`"), &registered)
}

fn patched(
    context: &Context,
    session: &Session,
    name: &str,
    version: Option<u64>,
    patch: &ModelPatch,
) -> Result<Model> {
    let model = find(context, session, name, version)?;
    context.client.patch_model(&model.workspace, &model.name, model.version, patch)
}

pub(super) fn delete(
    context: &Context,
    session: &Session,
    name: &str,
    version: Option<u64>,
) -> Result<Outcome> {
    let workspace = &session.workspace;
    let (what, restore) = match version {
        Some(version) => {
            context.client.delete_model(workspace, name, version)?;
            (format!("version {version} of model `{name}`"), format!("{name} --version {version}"))
        }
        None => {
            context.client.delete_registered_model(workspace, name)?;
            (format!("model `{name}` with its versions"), name.to_owned())
        }
    };
    let restore = context.say(&format!("model restore {restore}"));
    Outcome::new(
        format!("deleted {what}; {restore} brings it back"),
        &json!({ "name": name, "version": version }),
    )
}

pub(super) fn restore(
    context: &Context,
    session: &Session,
    name: &str,
    version: Option<u64>,
) -> Result<Outcome> {
    let workspace = &session.workspace;
    match version {
        Some(version) => {
            let model = context.client.restore_model(workspace, name, version)?;
            Outcome::new(format!("restored version {version} of model `{name}`"), &model)
        }
        None => {
            let registered = context.client.restore_registered_model(workspace, name)?;
            let versions = context.client.models(workspace, Some(name))?.len() as u64;
            let text = format!("restored model `{name}` with {}", count(versions, "version"));
            Outcome::new(text, &registered)
        }
    }
}

fn called(model: &Model) -> String {
    format!("model `{}` version {}", model.name, model.version)
}
