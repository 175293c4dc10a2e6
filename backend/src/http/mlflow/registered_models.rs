use std::sync::Arc;

use axum::extract::State;
use lazuli_domain::{ErrorKind, Model, RegisteredModel, RegisteredModelPatch};
use serde::Serialize;
use serde_json::{Value, json};

use super::error::{Answer, Failure};
use super::model_versions::{self, VersionMessage, alias_name, version_number};
use super::wire::{KeyValue, Message, Reply, done, pairs};
use super::{Scope, validate};
use crate::app::App;
use crate::error::Error;
use crate::registry;

const LONGEST_TAG: usize = 100_000;
const MOST_NAMES: i64 = 1000;

pub async fn create(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    mut message: Message,
) -> Answer<Reply<Value>> {
    let name = model_name(&message, "name")?;
    let description = message.text("description")?.unwrap_or_default().to_owned();
    let tags = validate::tags(&mut message, |_tag, key, value| tag(key, value))?;
    let is_prompt = model_versions::is_prompt(&tags);
    let asked = (workspace.clone(), name.clone());
    match registry::create_name(&app, asked.0, asked.1, description, tags).await {
        Ok(model) => Ok(one(model)),
        Err(Error::Refused(refusal)) if refusal.kind == ErrorKind::Conflict => {
            Err(taken(&app, workspace, name, is_prompt).await)
        }
        Err(error) => Err(error.into()),
    }
}

/// Says what the name is taken by.
async fn taken(app: &Arc<App>, workspace: String, name: String, is_prompt: bool) -> Failure {
    let present = registry::registered_model(app, workspace, name.clone()).await;
    let was_prompt = present.is_ok_and(|present| model_versions::is_prompt(&present.tags));
    let called = |is_prompt: bool| if is_prompt { "Prompt" } else { "Registered Model" };
    Failure::exists(if was_prompt == is_prompt {
        format!("{} (name={name}) already exists.", called(is_prompt))
    } else {
        format!(
            "Tried to create a {} with name '{name}', but the name is already taken by a {}. MLflow \
             does not allow creating a model and a prompt with the same name.",
            called(is_prompt).to_lowercase(),
            called(was_prompt).to_lowercase()
        )
    })
}

pub async fn get(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let name = model_name(&message, "name")?;
    let found = registry::registered_model(&app, workspace, name.clone()).await;
    Ok(one(found.map_err(|error| no_name(error, &name))?))
}

pub async fn update(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let description = message.text("description")?.unwrap_or_default().to_owned();
    let patch =
        RegisteredModelPatch { description: Some(description), ..RegisteredModelPatch::default() };
    Ok(one(patched(&app, workspace, &message, patch).await?))
}

pub async fn rename(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let new_name = model_name(&message, "new_name")?;
    let name = model_name(&message, "name")?;
    let patch =
        RegisteredModelPatch { name: Some(new_name.clone()), ..RegisteredModelPatch::default() };
    match registry::patch_name(&app, workspace, name.clone(), patch).await {
        Ok(model) => Ok(one(model)),
        Err(Error::Refused(refusal)) if refusal.kind == ErrorKind::Conflict => {
            let why = refusal.hint.unwrap_or_default();
            Err(Failure::exists(format!(
                "Registered Model (name={new_name}) already exists; {why}"
            )))
        }
        Err(error) => Err(no_name(error, &name)),
    }
}

pub async fn delete(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let name = model_name(&message, "name")?;
    let deleted = registry::delete_name(&app, workspace, name.clone()).await;
    deleted.map_err(|error| no_name(error, &name))?;
    Ok(done())
}

pub async fn search(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let asked = registry::Asked {
        workspace,
        filter: message.text("filter")?.unwrap_or_default().to_owned(),
        order_by: message.texts("order_by")?,
        limit: model_versions::max_results(&message, 100, MOST_NAMES)?,
        cursor: message.text("page_token")?.filter(|it| !it.is_empty()).map(str::to_owned),
    };
    let page = registry::search_names(&app, asked).await?;
    let mut reply = json!({});
    if !page.items.is_empty() {
        let models: Vec<_> = page.items.into_iter().map(NameMessage::from).collect();
        reply["registered_models"] = json!(models);
    }
    if let Some(token) = page.next_cursor {
        reply["next_page_token"] = json!(token);
    }
    Ok(Reply(reply))
}

pub async fn latest_versions(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let name = model_name(&message, "name")?;
    let stages = message.texts("stages")?;
    stages.iter().try_for_each(|stage| model_versions::stage_name(stage).map(drop))?;
    let found = registry::latest_versions(&app, workspace, name.clone(), stages).await;
    let models = found.map_err(|error| no_name(error, &name))?;
    Ok(model_versions::several(models, None))
}

pub async fn set_tag(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let key = message.required_text("key")?.to_owned();
    let value = message.text("value")?.unwrap_or_default().to_owned();
    tag(&key, &value)?;
    let mut patch = RegisteredModelPatch::default();
    patch.set_tags.insert(key, value);
    patched(&app, workspace, &message, patch).await?;
    Ok(done())
}

pub async fn delete_tag(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let key = message.required_text("key")?.to_owned();
    validate::key_name("key", &key)?;
    let patch = RegisteredModelPatch { remove_tags: vec![key], ..RegisteredModelPatch::default() };
    patched(&app, workspace, &message, patch).await?;
    Ok(done())
}

pub async fn set_alias(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let name = model_name(&message, "name")?;
    let alias = alias_name(message.required_text("alias")?)?;
    model_versions::check_not_reserved(&alias)?;
    let version = version_number(&message)?;
    let mut patch = RegisteredModelPatch::default();
    patch.set_aliases.insert(alias, version);
    let changed = registry::patch_name(&app, workspace, name.clone(), patch).await;
    changed.map_err(|error| model_versions::no_version(error, &name, version))?;
    Ok(done())
}

pub async fn delete_alias(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let alias = alias_name(message.required_text("alias")?)?;
    let patch =
        RegisteredModelPatch { remove_aliases: vec![alias], ..RegisteredModelPatch::default() };
    patched(&app, workspace, &message, patch).await?;
    Ok(done())
}

pub async fn get_by_alias(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let name = model_name(&message, "name")?;
    let alias = alias_name(message.required_text("alias")?)?;
    let found = registry::version_by_alias(&app, workspace, name.clone(), alias.clone()).await;
    match found.map_err(|error| no_name(error, &name))? {
        Some(model) => Ok(model_versions::one(model)),
        None if alias.eq_ignore_ascii_case("latest") => {
            Err(Failure::missing(format!("Latest version not found for model {name}.")))
        }
        None => Err(Failure::invalid(format!("Registered model alias {alias} not found."))),
    }
}

async fn patched(
    app: &Arc<App>,
    workspace: String,
    message: &Message,
    patch: RegisteredModelPatch,
) -> Answer<RegisteredModel> {
    let name = model_name(message, "name")?;
    let changed = registry::patch_name(app, workspace, name.clone(), patch).await;
    changed.map_err(|error| no_name(error, &name))
}

/// A name that an address `models:/NAME/VERSION` can hold.
pub fn model_name(message: &Message, field: &str) -> Answer<String> {
    let name = message.text(field)?.unwrap_or_default();
    if name.trim().is_empty() {
        return Err(message.missing(field));
    }
    if name.contains(['/', ':']) {
        return Err(Failure::invalid(format!(
            "Invalid model name '{name}'. Names cannot contain '/' or ':'."
        )));
    }
    if matches!(name, "." | "..") {
        return Err(message.invalid(
            field,
            "Names may be treated as files in certain cases, and must not resolve to other names when \
             treated as such.",
        ));
    }
    Ok(name.to_owned())
}

pub fn tag(key: &str, value: &str) -> Answer<()> {
    validate::key_name("key", key)?;
    validate::length("key", validate::LONGEST_KEY, key)?;
    validate::length("value", LONGEST_TAG, value)
}

/// In MLflow's words, when the name is what is not there.
pub fn no_name(error: Error, name: &str) -> Failure {
    match error {
        Error::Refused(refusal) if refusal.kind == ErrorKind::NotFound => {
            Failure::missing(format!("Registered Model with name={name} not found"))
        }
        error => error.into(),
    }
}

fn one(model: RegisteredModel) -> Reply<Value> {
    Reply(json!({"registered_model": NameMessage::from(model)}))
}

/// A registered model as it travels.
#[derive(Serialize)]
struct NameMessage {
    name: String,
    creation_timestamp: i64,
    last_updated_timestamp: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    latest_versions: Vec<VersionMessage>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<KeyValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<AliasMessage>,
}

#[derive(Serialize)]
struct AliasMessage {
    alias: String,
    version: String,
}

impl From<RegisteredModel> for NameMessage {
    fn from(model: RegisteredModel) -> Self {
        let alias =
            |(alias, version): (String, u64)| AliasMessage { alias, version: version.to_string() };
        NameMessage {
            name: model.name,
            creation_timestamp: model.created_at_ms,
            last_updated_timestamp: model.updated_at_ms,
            description: model.description,
            latest_versions: model.latest.into_iter().map(|it: Model| it.into()).collect(),
            tags: pairs(model.tags),
            aliases: model.aliases.into_iter().map(alias).collect(),
        }
    }
}
