use std::sync::Arc;

use axum::extract::State;
use lazuli_domain::Experiment;
use serde::Serialize;
use serde_json::{Value, json};

use super::error::Answer;
use super::wire::{KeyValue, Message, Reply, done, lifecycle_stage, pairs};
use super::{Scope, VIEWS, validate, view};
use crate::app::App;
use crate::tracking::mlflow as tracking;

/// Of one answer.
const MOST_EXPERIMENTS: i64 = 50_000;

pub async fn create(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    mut message: Message,
) -> Answer<Reply<Value>> {
    let name = message.required_text("name")?.to_owned();
    let location = message.text("artifact_location")?.filter(|location| !location.is_empty());
    let location = location.map(validate::artifact_location).transpose()?;
    validate::experiment_name(&name)?;
    let tags =
        validate::tags(&mut message, |_tag, key, value| validate::experiment_tag(key, value))?;
    let id = tracking::create_experiment(&app, workspace, name, location, tags).await?;
    Ok(Reply(json!({"experiment_id": id.to_string()})))
}

pub async fn get(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let id = message.required_text("experiment_id")?.to_owned();
    Ok(one(tracking::experiment(&app, workspace, id).await?))
}

pub async fn get_by_name(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let name = message.required_text("experiment_name")?.to_owned();
    Ok(one(tracking::experiment_by_name(&app, workspace, name).await?))
}

pub async fn search(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let limit = message.integer("max_results")?.filter(|limit| *limit != 0).unwrap_or(1000);
    if !(1..=MOST_EXPERIMENTS).contains(&limit) {
        return Err(message.invalid(
            "max_results",
            &format!("It must be a positive integer, at most {MOST_EXPERIMENTS}"),
        ));
    }
    let view = view(message.choice("view_type", &VIEWS)?);
    let order_by = message.texts("order_by")?;
    let filter = message.text("filter")?.unwrap_or_default();
    let token = message.text("page_token")?.filter(|token| !token.is_empty());
    let limit = limit as usize;
    let page = tracking::search_experiments(&app, workspace, filter, &order_by, view, limit, token)
        .await?;
    let mut answer = json!({});
    if !page.items.is_empty() {
        let experiments: Vec<ExperimentMessage> =
            page.items.into_iter().map(ExperimentMessage::from).collect();
        answer["experiments"] = json!(experiments);
    }
    if let Some(token) = page.next_cursor {
        answer["next_page_token"] = token.into();
    }
    Ok(Reply(answer))
}

pub async fn update(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let id = message.required_text("experiment_id")?.to_owned();
    let name = message.required_text("new_name")?.to_owned();
    validate::experiment_name(&name)?;
    tracking::rename_experiment(&app, workspace, id, name).await?;
    Ok(done())
}

pub async fn set_tag(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let id = message.required_text("experiment_id")?.to_owned();
    let key = message.required_text("key")?.to_owned();
    let value = message.text("value")?.unwrap_or_default().to_owned();
    validate::experiment_tag(&key, &value)?;
    tracking::set_experiment_tag(&app, workspace, id, key, value).await?;
    Ok(done())
}

pub async fn delete(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let id = message.required_text("experiment_id")?.to_owned();
    tracking::delete_experiment(&app, workspace, id).await?;
    Ok(done())
}

pub async fn restore(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let id = message.required_text("experiment_id")?.to_owned();
    tracking::restore_experiment(&app, workspace, id).await?;
    Ok(done())
}

pub async fn delete_tag(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let id = message.required_text("experiment_id")?.to_owned();
    let key = message.required_text("key")?.to_owned();
    tracking::delete_experiment_tag(&app, workspace, id, key).await?;
    Ok(done())
}

fn one(experiment: Experiment) -> Reply<Value> {
    Reply(json!({"experiment": ExperimentMessage::from(experiment)}))
}

/// An experiment as it travels.
#[derive(Serialize)]
pub struct ExperimentMessage {
    experiment_id: String,
    artifact_location: String,
    name: String,
    lifecycle_stage: &'static str,
    last_update_time: i64,
    creation_time: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<KeyValue>,
}

impl From<Experiment> for ExperimentMessage {
    fn from(experiment: Experiment) -> Self {
        let location = artifact_location(experiment.id, experiment.artifact_location.as_deref());
        ExperimentMessage {
            experiment_id: experiment.id.to_string(),
            artifact_location: location,
            name: experiment.name,
            lifecycle_stage: lifecycle_stage(experiment.deleted_at_ms),
            last_update_time: experiment.updated_at_ms,
            creation_time: experiment.created_at_ms,
            tags: pairs(experiment.tags),
        }
    }
}

/// Where the files of the experiment's runs lie: here, unless a client wanted another place.
pub fn artifact_location(experiment: i64, chosen: Option<&str>) -> String {
    match chosen {
        Some(location) => location.trim_end_matches('/').to_owned(),
        None => format!("mlflow-artifacts:/{experiment}"),
    }
}
