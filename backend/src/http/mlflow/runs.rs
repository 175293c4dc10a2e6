use std::sync::Arc;

use axum::extract::State;
use lazuli_domain::search::mlflow_status;
use lazuli_domain::{MetricSummary, MetricValue, Run, RunStatus};
use serde::Serialize;
use serde_json::{Value, json};

use super::error::{Answer, Failure};
use super::experiments::artifact_location;
use super::inputs::{InputsMessage, OutputsMessage};
use super::wire::{Double, KeyValue, Message, Reply, done, lifecycle_stage, pairs};
use super::{Scope, VIEWS, validate, view};
use crate::app::App;
use crate::tracking::mlflow as tracking;
use crate::tracking::mlflow::{ClientRun, NewClientRun, PARENT, RUN_NAME, RunChange, RunQuestion};

const STATUSES: [&str; 5] = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"];
/// Most runs of one answer, and how many there are unless told.
const MOST_RUNS: i64 = 50_000;
const DEFAULT_RUNS: i64 = 1000;

pub async fn create(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    mut message: Message,
) -> Answer<Reply<Value>> {
    let tags = validate::tags(&mut message, |tag, key, _value| validate::tag_key(tag, key))?;
    let new = NewClientRun {
        experiment_id: message.text("experiment_id")?.unwrap_or_default().to_owned(),
        started_at_ms: message.integer("start_time")?,
        name: message
            .text("run_name")?
            .map(|name| validate::truncated(name, validate::LONGEST_TAG)),
        user: message.text("user_id")?.unwrap_or_default().to_owned(),
        tags: validate::truncated_tags(tags),
    };
    if let (Some(name), Some(tag)) = (&new.name, new.tags.get(RUN_NAME))
        && !name.is_empty()
        && name != tag
    {
        return Err(Failure::invalid(format!(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different \
             values (run_name='{name}', mlflow.runName='{tag}')."
        )));
    }
    Ok(one(tracking::create_run(&app, workspace, new).await?))
}

pub async fn get(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let run_id = message.run_id()?.to_owned();
    Ok(one(tracking::run(&app, workspace, run_id).await?))
}

pub async fn update(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let run_id = message.run_id()?.to_owned();
    let change = RunChange {
        ended_at_ms: message.integer("end_time")?,
        status: message.choice("status", &STATUSES)?.map(status),
        name: message
            .text("run_name")?
            .map(|name| validate::truncated(name, validate::LONGEST_TAG)),
    };
    let run = tracking::update_run(&app, workspace, run_id, change).await?;
    Ok(Reply(json!({"run_info": RunMessage::from(run).info})))
}

pub async fn search(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<SearchAnswer>> {
    let experiment_ids = message.texts("experiment_ids")?;
    let filter = message.text("filter")?.unwrap_or_default().to_owned();
    let limit = message.integer("max_results")?.unwrap_or(DEFAULT_RUNS);
    if !(1..=MOST_RUNS).contains(&limit) {
        return Err(message.invalid(
            "max_results",
            &format!("It must be a positive integer, at most {MOST_RUNS}"),
        ));
    }
    let asked = RunQuestion {
        experiment_ids,
        filter,
        order_by: message.texts("order_by")?,
        view: view(message.choice("run_view_type", &VIEWS)?),
        limit: limit as usize,
        page_token: message.text("page_token")?.filter(|it| !it.is_empty()).map(str::to_owned),
    };
    let page = tracking::search_runs(&app, workspace, asked).await?;
    Ok(Reply(SearchAnswer {
        runs: page.items.into_iter().map(RunMessage::from).collect(),
        next_page_token: page.next_cursor,
    }))
}

pub async fn delete(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let run_id = message.run_id()?.to_owned();
    tracking::delete_run(&app, workspace, run_id).await?;
    Ok(done())
}

pub async fn restore(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let run_id = message.run_id()?.to_owned();
    tracking::restore_run(&app, workspace, run_id).await?;
    Ok(done())
}

pub async fn delete_tag(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let run_id = message.run_id()?.to_owned();
    let key = message.required_text("key")?.to_owned();
    tracking::delete_tag(&app, workspace, run_id, key).await?;
    Ok(done())
}

fn status(word: &str) -> RunStatus {
    match word {
        "SCHEDULED" => RunStatus::Queued,
        "FINISHED" => RunStatus::Completed,
        "FAILED" => RunStatus::Failed,
        "KILLED" => RunStatus::Canceled,
        _ => RunStatus::Running,
    }
}

fn one(run: ClientRun) -> Reply<Value> {
    Reply(json!({"run": RunMessage::from(run)}))
}

#[derive(Serialize)]
pub struct SearchAnswer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runs: Vec<RunMessage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// A run as it travels.
#[derive(Serialize)]
pub struct RunMessage {
    info: InfoMessage,
    data: DataMessage,
    inputs: InputsMessage,
    outputs: OutputsMessage,
}

#[derive(Serialize)]
struct InfoMessage {
    run_id: String,
    run_uuid: String,
    run_name: String,
    experiment_id: String,
    user_id: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<i64>,
    artifact_uri: String,
    lifecycle_stage: &'static str,
}

#[derive(Serialize)]
struct DataMessage {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<MetricMessage>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    params: Vec<KeyValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<KeyValue>,
}

/// A point of a metric as it travels.
#[derive(Serialize)]
pub struct MetricMessage {
    pub key: String,
    pub value: Double,
    pub timestamp: i64,
    pub step: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
}

impl From<ClientRun> for RunMessage {
    fn from(ClientRun { run, around }: ClientRun) -> Self {
        let location = artifact_location(around.experiment, around.artifact_location.as_deref());
        let (info, data) = parts(run, around.experiment, &location);
        RunMessage {
            info,
            data,
            inputs: InputsMessage::new(around.datasets, around.models_read),
            outputs: OutputsMessage::from(around.models_made),
        }
    }
}

fn parts(run: Run, experiment: i64, location: &str) -> (InfoMessage, DataMessage) {
    let mut tags = run.tags;
    tags.insert(RUN_NAME.to_owned(), run.name.clone());
    if let Some(parent) = &run.parent_run_id {
        tags.insert(PARENT.to_owned(), parent.clone());
    }
    let info = InfoMessage {
        run_uuid: run.run_id.clone(),
        run_name: run.name,
        experiment_id: experiment.to_string(),
        user_id: run.user,
        status: mlflow_status(run.status),
        start_time: run.started_at_ms,
        end_time: run.ended_at_ms,
        artifact_uri: format!("{location}/{}/artifacts", run.run_id),
        lifecycle_stage: lifecycle_stage(run.deleted_at_ms),
        run_id: run.run_id,
    };
    let data = DataMessage {
        metrics: run.metrics.into_iter().filter_map(latest).collect(),
        params: pairs(run.parameters),
        tags: pairs(tags),
    };
    (info, data)
}

/// The newest point, of a metric that has numbers.
fn latest(summary: MetricSummary) -> Option<MetricMessage> {
    let MetricValue::Number(value) = summary.last.value else { return None };
    Some(MetricMessage {
        key: summary.name,
        value: Double(value.as_f64()),
        timestamp: summary.last.time_ms,
        step: summary.last.step,
        run_id: None,
    })
}
