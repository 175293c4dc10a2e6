use std::sync::Arc;

use axum::extract::{Path, State};
use lazuli_domain::{ErrorKind, LoggedModel, LoggedModelStatus, ModelMetric, StringMap};
use serde::Serialize;
use serde_json::{Value, json};

use super::artifacts::{file_infos, safe};
use super::error::{Answer, Failure};
use super::wire::{Double, KeyValue, Message, Reply, done, pairs};
use super::{Scope, validate};
use crate::app::App;
use crate::error::Error;
use crate::registry::{self, Dataset, LoggedModelSearch};
use crate::tracking::mlflow as tracking;

/// The wire's words, in the order of their numbers from 0.
const STATUSES: [&str; 4] = [
    "LOGGED_MODEL_STATUS_UNSPECIFIED",
    "LOGGED_MODEL_PENDING",
    "LOGGED_MODEL_READY",
    "LOGGED_MODEL_UPLOAD_FAILED",
];
const USUAL_PAGE: i64 = 50;
const LARGEST_PAGE: i64 = 1000;

pub async fn create(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    mut message: Message,
) -> Answer<Reply<Value>> {
    let text =
        |field: &str| -> Answer<String> { Ok(message.text(field)?.unwrap_or_default().to_owned()) };
    let experiment = message.required_text("experiment_id")?.to_owned();
    let (name, model_type) = (text("name")?, text("model_type")?);
    let source_run_id = text("source_run_id")?;
    let tags = validate::tags(&mut message, |_tag, key, value| tag(key, value))?;
    let new = registry::NewLoggedModel {
        // Makes the experiment that is always there, when it was not used yet.
        experiment_id: tracking::experiment(&app, workspace, experiment).await?.id,
        name: Some(name).filter(|name| !name.is_empty()),
        model_type,
        source_run_id,
        tags,
        parameters: parameters(&mut message)?,
    };
    Ok(one(registry::create_logged_model(&app, new).await?))
}

pub async fn get(
    State(app): State<Arc<App>>,
    Path(Named { model_id }): Path<Named>,
    message: Message,
) -> Answer<Reply<Value>> {
    let with_deleted = message.boolean("allow_deleted")?.unwrap_or(false);
    let found = registry::logged_model(&app, model_id.clone(), with_deleted).await;
    Ok(one(found.map_err(|error| no_model(error, &model_id))?))
}

pub async fn finalize(
    State(app): State<Arc<App>>,
    Path(Named { model_id }): Path<Named>,
    message: Message,
) -> Answer<Reply<Value>> {
    let status = status(&message)?;
    let found = registry::finalize_logged_model(&app, model_id.clone(), status).await;
    Ok(one(found.map_err(|error| no_model(error, &model_id))?))
}

pub async fn delete(
    State(app): State<Arc<App>>,
    Path(Named { model_id }): Path<Named>,
) -> Answer<Reply<Value>> {
    let deleted = registry::delete_logged_model(&app, model_id.clone()).await;
    deleted.map_err(|error| no_model(error, &model_id))?;
    Ok(done())
}

pub async fn set_tags(
    State(app): State<Arc<App>>,
    Path(Named { model_id }): Path<Named>,
    mut message: Message,
) -> Answer<Reply<Value>> {
    let tags = validate::tags(&mut message, |_tag, key, value| tag(key, value))?;
    let found = registry::set_logged_model_tags(&app, model_id.clone(), tags).await;
    Ok(one(found.map_err(|error| no_model(error, &model_id))?))
}

pub async fn delete_tag(
    State(app): State<Arc<App>>,
    Path(NamedTag { model_id, tag }): Path<NamedTag>,
) -> Answer<Reply<Value>> {
    registry::remove_logged_model_tag(&app, model_id, tag).await?;
    Ok(done())
}

pub async fn log_parameters(
    State(app): State<Arc<App>>,
    Path(Named { model_id }): Path<Named>,
    mut message: Message,
) -> Answer<Reply<Value>> {
    let parameters = parameters(&mut message)?;
    let found = registry::add_logged_model_parameters(&app, model_id.clone(), parameters).await;
    found.map_err(|error| no_model(error, &model_id))?;
    Ok(done())
}

pub async fn search(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    mut message: Message,
) -> Answer<Reply<Value>> {
    let experiments = message.texts("experiment_ids")?;
    if experiments.is_empty() {
        return Err(message.missing("experiment_ids"));
    }
    let limit = message.integer("max_results")?.filter(|most| *most > 0).unwrap_or(USUAL_PAGE);
    let dataset = |message: &Message| -> Answer<Dataset> {
        let name = message.text("dataset_name")?.unwrap_or_default().to_owned();
        let digest = message.text("dataset_digest")?.unwrap_or_default().to_owned();
        Ok(Dataset { name, digest })
    };
    let mut datasets = Vec::new();
    for given in message.take_messages("datasets")? {
        let dataset = dataset(&given)?;
        if dataset.name.is_empty() {
            return Err(Failure::invalid(
                "`dataset_name` in the `datasets` clause must be specified.",
            ));
        }
        datasets.push(dataset);
    }
    let mut order = Vec::new();
    for by in message.take_messages("order_by")? {
        let field = by.required_text("field_name")?;
        let ascending = by.boolean("ascending")?.unwrap_or(true);
        order.push(registry::logged_model_order(field, ascending, dataset(&by)?)?);
    }
    let cursor = message.text("page_token")?.filter(|it| !it.is_empty());
    let filter = message.text("filter")?.unwrap_or_default();
    let search = LoggedModelSearch {
        workspace,
        // Ids that are no numbers are of no experiment.
        experiments: experiments.iter().filter_map(|id| id.parse().ok()).collect(),
        datasets,
        order,
        limit: usize::try_from(limit.min(LARGEST_PAGE)).unwrap_or(1),
        query: registry::logged_model_query(filter, cursor)?,
    };
    let page = registry::search_logged_models(&app, search).await?;
    let mut reply = json!({});
    if !page.items.is_empty() {
        let models: Vec<_> = page.items.into_iter().map(ModelMessage::from).collect();
        reply["models"] = json!(models);
    }
    if let Some(token) = page.next_cursor {
        reply["next_page_token"] = json!(token);
    }
    Ok(Reply(reply))
}

/// What a folder of the model's files holds.
pub async fn list_artifacts(
    State(app): State<Arc<App>>,
    Path(Named { model_id }): Path<Named>,
    message: Message,
) -> Answer<Reply<Value>> {
    let folder = message.text("artifact_directory_path")?.unwrap_or_default();
    let folder = if folder.is_empty() { String::new() } else { safe(folder)? };
    let found = registry::logged_model(&app, model_id.clone(), false).await;
    let model = found.map_err(|error| no_model(error, &model_id))?;
    let root = registry::artifact_uri(&model);
    let files = match registry::proxy_path(&root) {
        Some(path) => {
            let path = format!("{path}/{folder}");
            registry::list_proxied(&app, path.trim_end_matches('/').to_owned()).await?
        }
        None => Vec::new(),
    };
    let mut reply = file_infos(&folder, files);
    reply["root_uri"] = json!(root);
    Ok(Reply(reply))
}

/// The route's `{model_id}`; the address may also name a workspace.
#[derive(serde::Deserialize)]
pub struct Named {
    pub model_id: String,
}

#[derive(serde::Deserialize)]
pub struct NamedTag {
    model_id: String,
    tag: String,
}

fn status(message: &Message) -> Answer<LoggedModelStatus> {
    let number = match message.integer("status") {
        Ok(Some(number)) => usize::try_from(number).ok(),
        Ok(None) => return Err(message.missing("status")),
        Err(_) => {
            let word = message.required_text("status")?;
            STATUSES.iter().position(|known| *known == word)
        }
    };
    number
        .and_then(|number| LoggedModelStatus::ALL.get(number).copied())
        .ok_or_else(|| message.invalid("status", &format!("use one of {}", STATUSES.join(", "))))
}

fn tag(key: &str, value: &str) -> Answer<()> {
    validate::length("key", validate::LONGEST_KEY, key)?;
    validate::length("value", validate::LONGEST_TAG, value)
}

fn parameters(message: &mut Message) -> Answer<StringMap> {
    let mut parameters = StringMap::new();
    for parameter in message.take_messages("params")? {
        let key = parameter.required_text("key")?;
        let value = parameter.text("value")?.unwrap_or_default();
        validate::length("key", validate::LONGEST_KEY, key)?;
        validate::length("value", validate::LONGEST_PARAMETER, value)?;
        parameters.insert(key.to_owned(), value.to_owned());
    }
    Ok(parameters)
}

/// In MLflow's words, when the model is what is not there.
pub fn no_model(error: Error, model_id: &str) -> Failure {
    match error {
        Error::Refused(refusal) if refusal.kind == ErrorKind::NotFound => {
            Failure::missing(format!("Logged model with ID '{model_id}' not found."))
        }
        error => error.into(),
    }
}

fn one(model: LoggedModel) -> Reply<Value> {
    Reply(json!({"model": ModelMessage::from(model)}))
}

/// A logged model as it travels.
#[derive(Serialize)]
struct ModelMessage {
    info: InfoMessage,
    data: DataMessage,
}

#[derive(Serialize)]
struct InfoMessage {
    model_id: String,
    experiment_id: String,
    name: String,
    creation_timestamp_ms: i64,
    last_updated_timestamp_ms: i64,
    artifact_uri: String,
    status: &'static str,
    model_type: String,
    source_run_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<KeyValue>,
}

#[derive(Serialize)]
struct DataMessage {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    params: Vec<KeyValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<MetricMessage>,
}

#[derive(Serialize)]
struct MetricMessage {
    key: String,
    value: Double,
    timestamp: i64,
    step: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    dataset_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    dataset_digest: String,
    model_id: String,
    run_id: String,
}

impl From<LoggedModel> for ModelMessage {
    fn from(model: LoggedModel) -> Self {
        let artifact_uri = registry::artifact_uri(&model);
        let metric = |metric: ModelMetric| MetricMessage {
            key: metric.name,
            value: Double(metric.value.as_f64()),
            timestamp: metric.time_ms,
            step: metric.step,
            dataset_name: metric.dataset_name,
            dataset_digest: metric.dataset_digest,
            model_id: model.model_id.clone(),
            run_id: metric.run_id,
        };
        let metrics = model.metrics.into_iter().map(metric).collect();
        let status = LoggedModelStatus::ALL
            .iter()
            .zip(STATUSES)
            .find_map(|(status, word)| (*status == model.status).then_some(word))
            .unwrap_or(STATUSES[0]);
        ModelMessage {
            info: InfoMessage {
                model_id: model.model_id,
                experiment_id: model.experiment_id.to_string(),
                name: model.name,
                creation_timestamp_ms: model.created_at_ms,
                last_updated_timestamp_ms: model.updated_at_ms,
                artifact_uri,
                status,
                model_type: model.model_type,
                source_run_id: model.source_run_id,
                tags: pairs(model.tags),
            },
            data: DataMessage { params: pairs(model.parameters), metrics },
        }
    }
}
