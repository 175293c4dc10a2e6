use std::sync::Arc;

use axum::extract::State;
use lazuli_domain::{ErrorKind, Model, ModelPatch, StringMap, stage};
use serde::Serialize;
use serde_json::{Value, json};

use super::error::{Answer, Failure};
use super::registered_models::{model_name, no_name, tag};
use super::wire::{KeyValue, Message, Reply, done, pairs};
use super::{Scope, validate};
use crate::app::App;
use crate::error::Error;
use crate::registry;

const MOST_VERSIONS: i64 = 200_000;
const LONGEST_ALIAS: usize = 255;
const PROMPT_TAG: &str = "mlflow.prompt.is_prompt";

pub async fn create(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    mut message: Message,
) -> Answer<Reply<Value>> {
    let name = model_name(&message, "name")?;
    let source = message.required_text("source")?.to_owned();
    let text = |field: &str| -> Answer<Option<String>> {
        Ok(message.text(field)?.filter(|text| !text.is_empty()).map(str::to_owned))
    };
    let (run_id, model_id) = (text("run_id")?, text("model_id")?);
    let (run_link, description) = (text("run_link")?, text("description")?);
    let tags = validate::tags(&mut message, |_tag, key, value| tag(key, value))?;
    if !is_prompt(&tags) {
        check_source(&source, model_id.is_some())?;
    }
    let new = registry::NewVersion {
        workspace,
        name: name.clone(),
        source,
        run_id,
        model_id,
        run_link: run_link.unwrap_or_default(),
        description: description.unwrap_or_default(),
        tags,
    };
    let model = registry::create_version(&app, new).await;
    Ok(one(model.map_err(|error| no_such_source(error, &name))?))
}

/// What is not there is the name, or what the source names.
fn no_such_source(error: Error, name: &str) -> Failure {
    match &error {
        Error::Refused(refusal) if refusal.message != format!("model `{name}` not found") => {
            error.into()
        }
        _ => no_name(error, name),
    }
}

/// Refuses a path of a machine, and an address that climbs.
fn check_source(source: &str, has_model: bool) -> Answer<()> {
    let scheme = source.split_once(':').map_or("", |(scheme, _)| scheme);
    let is_local = scheme.eq_ignore_ascii_case("file")
        || scheme.len() < 2
        || !scheme.chars().all(|it| it.is_ascii_alphanumeric() || "+-.".contains(it));
    if is_local {
        let field = if has_model { "model_id" } else { "run_id" };
        return Err(Failure::invalid(format!(
            "Invalid model version source: '{source}'. To use a local path as a model version source, the \
             {field} request parameter has to be specified and the local path has to be contained within \
             the artifact directory of the run specified by the {field}."
        )));
    }
    Ok(registry::check_source(source)?)
}

pub async fn get(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let (name, version) = named(&message)?;
    let found = registry::model(&app, workspace, name.clone(), Some(version)).await;
    Ok(one(found.map_err(|error| no_version(error, &name, version))?))
}

pub async fn update(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let description = message.text("description")?.unwrap_or_default().to_owned();
    let patch = ModelPatch { description: Some(description), ..ModelPatch::default() };
    Ok(one(patched(&app, workspace, &message, patch).await?))
}

pub async fn transition_stage(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let wanted = message.required_text("stage")?;
    let stage = stage_name(wanted)?;
    let archive_others = message.boolean("archive_existing_versions")?.unwrap_or(false);
    if archive_others && !Model::ACTIVE_STAGES.contains(&stage) {
        return Err(Failure::invalid(format!(
            "Model version transition cannot archive existing model versions because '{wanted}' is not an \
             Active stage. Valid stages are ['Staging', 'Production']"
        )));
    }
    let patch =
        ModelPatch { stage: Some(stage.to_owned()), archive_others, ..ModelPatch::default() };
    Ok(one(patched(&app, workspace, &message, patch).await?))
}

pub async fn delete(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let (name, version) = named(&message)?;
    let deleted = registry::delete_version(&app, workspace, name.clone(), version).await;
    deleted.map_err(|error| no_version(error, &name, version))?;
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
        limit: max_results(&message, MOST_VERSIONS, MOST_VERSIONS)?,
        cursor: message.text("page_token")?.filter(|it| !it.is_empty()).map(str::to_owned),
    };
    let page = registry::search_versions(&app, asked).await?;
    Ok(several(page.items, page.next_cursor))
}

pub async fn download_uri(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let (name, version) = named(&message)?;
    let found = registry::location(&app, workspace, name.clone(), version).await;
    let location = found.map_err(|error| no_version(error, &name, version))?;
    Ok(Reply(json!({"artifact_uri": location})))
}

pub async fn set_tag(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let key = message.required_text("key")?.to_owned();
    let value = message.text("value")?.unwrap_or_default().to_owned();
    tag(&key, &value)?;
    let mut patch = ModelPatch::default();
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
    let patch = ModelPatch { remove_tags: vec![key], ..ModelPatch::default() };
    patched(&app, workspace, &message, patch).await?;
    Ok(done())
}

async fn patched(
    app: &Arc<App>,
    workspace: String,
    message: &Message,
    patch: ModelPatch,
) -> Answer<Model> {
    let (name, version) = named(message)?;
    let changed = registry::patch_version(app, workspace, name.clone(), version, patch).await;
    changed.map_err(|error| no_version(error, &name, version))
}

fn named(message: &Message) -> Answer<(String, u64)> {
    let name = model_name(message, "name")?;
    Ok((name, version_number(message)?))
}

/// A version travels as text.
pub fn version_number(message: &Message) -> Answer<u64> {
    let text = match message.integer("version") {
        Ok(Some(number)) => number.to_string(),
        _ => message.required_text("version")?.to_owned(),
    };
    match text.trim().parse::<i64>() {
        // No version is below 1; 0 is not there either.
        Ok(number) => Ok(u64::try_from(number).unwrap_or(0)),
        Err(_) => {
            Err(Failure::invalid(format!("Parameter 'version' must be an integer, got '{text}'.")))
        }
    }
}

pub fn stage_name(name: &str) -> Answer<&'static str> {
    stage(name).ok_or_else(|| {
        let shown: String = name.chars().take(60).collect();
        Failure::invalid(format!(
            "Invalid Model Version stage: {shown}. Value must be one of {}.",
            Model::STAGES.join(", ")
        ))
    })
}

pub fn alias_name(alias: &str) -> Answer<String> {
    let is_plain = |character: char| character.is_alphanumeric() || "_-".contains(character);
    if !alias.chars().all(is_plain) {
        let shown: String = alias.chars().take(60).collect();
        return Err(Failure::invalid(format!(
            "Invalid alias name: '{shown}'. Names may only contain alphanumerics, underscores (_), and \
             dashes (-)."
        )));
    }
    validate::length("Registered model alias name", LONGEST_ALIAS, alias)?;
    Ok(alias.to_owned())
}

/// `latest` and `v3` point already.
pub fn check_not_reserved(alias: &str) -> Answer<()> {
    if alias.eq_ignore_ascii_case("latest") {
        return Err(Failure::invalid("'latest' alias name (case insensitive) is reserved."));
    }
    match lazuli_domain::check_alias(alias) {
        Ok(()) => Ok(()),
        Err(_) => Err(Failure::invalid(format!("Version alias name '{alias}' is reserved."))),
    }
}

pub fn is_prompt(tags: &StringMap) -> bool {
    tags.get(PROMPT_TAG).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

pub fn max_results(message: &Message, default: i64, most: i64) -> Answer<usize> {
    let wanted = message.integer("max_results")?.unwrap_or(default);
    if wanted < 1 {
        return Err(Failure::invalid(format!(
            "Invalid value for max_results. It must be a positive integer, but got {wanted}"
        )));
    }
    if wanted > most {
        return Err(Failure::invalid(format!(
            "Invalid value for request parameter max_results. It must be at most {most}, but got value \
             {wanted}"
        )));
    }
    usize::try_from(wanted).map_err(|_| message.invalid("max_results", "it is too large"))
}

/// In MLflow's words, when the version is what is not there.
pub fn no_version(error: Error, name: &str, version: u64) -> Failure {
    match error {
        Error::Refused(refusal) if refusal.kind == ErrorKind::NotFound => {
            Failure::missing(format!("Model Version (name={name}, version={version}) not found"))
        }
        error => error.into(),
    }
}

pub fn one(model: Model) -> Reply<Value> {
    Reply(json!({"model_version": VersionMessage::from(model)}))
}

pub fn several(models: Vec<Model>, next_page_token: Option<String>) -> Reply<Value> {
    let mut reply = json!({});
    if !models.is_empty() {
        let models: Vec<_> = models.into_iter().map(VersionMessage::from).collect();
        reply["model_versions"] = json!(models);
    }
    if let Some(token) = next_page_token {
        reply["next_page_token"] = json!(token);
    }
    Reply(reply)
}

/// A version as it travels.
#[derive(Serialize)]
pub struct VersionMessage {
    name: String,
    version: String,
    creation_timestamp: i64,
    last_updated_timestamp: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    user_id: String,
    current_stage: String,
    description: String,
    source: String,
    run_id: String,
    run_link: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<KeyValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_id: Option<String>,
}

impl From<Model> for VersionMessage {
    fn from(model: Model) -> Self {
        VersionMessage {
            name: model.name,
            version: model.version.to_string(),
            creation_timestamp: model.created_at_ms,
            last_updated_timestamp: model.updated_at_ms,
            user_id: model.user,
            current_stage: model.stage,
            description: model.description,
            source: model.source,
            run_id: model.run_id.unwrap_or_default(),
            run_link: model.run_link,
            status: "READY",
            tags: pairs(model.tags),
            aliases: model.aliases,
            model_id: model.model_id,
        }
    }
}
