//! What runs have read and made: datasets and logged models.

use std::sync::Arc;

use axum::extract::State;
use lazuli_domain::StringMap;
use serde::Serialize;
use serde_json::{Value, json};

use super::error::{Answer, Failure};
use super::wire::{KeyValue, Message, Reply, done, pairs};
use super::{Scope, validate};
use crate::app::App;
use crate::store::inputs::{Dataset, DatasetInput, Direction, ModelLink};
use crate::tracking::mlflow as tracking;

const MOST_EXPERIMENTS: usize = 20;

pub async fn log_inputs(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    mut message: Message,
) -> Answer<Reply<Value>> {
    let run_id = message.run_id()?.to_owned();
    let datasets: Vec<DatasetInput> =
        message.take_messages("datasets")?.into_iter().map(dataset_input).collect::<Answer<_>>()?;
    let models = models(&mut message, Direction::Input)?;
    tracking::log_inputs(&app, workspace, run_id, datasets, models).await?;
    Ok(done())
}

pub async fn log_outputs(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    mut message: Message,
) -> Answer<Reply<Value>> {
    let run_id = message.run_id()?.to_owned();
    if !message.has("models") {
        return Err(message.missing("models"));
    }
    let models = models(&mut message, Direction::Output)?;
    tracking::log_inputs(&app, workspace, run_id, Vec::new(), models).await?;
    Ok(done())
}

/// MLflow 2's way of saying that a run has a model.
pub async fn log_model(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let run_id = message.run_id()?.to_owned();
    let text = message.required_text("model_json")?;
    let Ok(Value::Object(mut model)) = serde_json::from_str(text) else {
        return Err(Failure::invalid(format!(
            "Malformed model info. \n {} \n is not a valid JSON.",
            validate::truncated(text, 500)
        )));
    };
    let missing: Vec<&str> = ["artifact_path", "flavors", "utc_time_created", "run_id"]
        .into_iter()
        .filter(|field| !model.contains_key(*field))
        .collect();
    if !missing.is_empty() {
        return Err(Failure::invalid(format!(
            "Model json is missing mandatory fields: {{'{}'}}",
            missing.join("', '")
        )));
    }
    model.retain(|key, _| {
        ["run_id", "utc_time_created", "artifact_path", "model_uuid", "flavors"]
            .contains(&key.as_str())
    });
    if let Some(Value::Object(flavors)) = model.get_mut("flavors") {
        // A flavor's configuration may be of any size.
        for flavor in flavors.values_mut().filter_map(Value::as_object_mut) {
            flavor.remove("config");
        }
    }
    tracking::record_model(&app, workspace, run_id, Value::Object(model)).await?;
    Ok(done())
}

pub async fn search_datasets(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let ids = message.texts("experiment_ids")?;
    if ids.is_empty() {
        return Err(Failure::invalid(
            "SearchDatasets request must specify at least one experiment_id.",
        ));
    }
    if ids.len() > MOST_EXPERIMENTS {
        return Err(Failure::invalid(format!(
            "SearchDatasets request cannot specify more than {MOST_EXPERIMENTS} experiment_ids. \
             Received {} experiment_ids.",
            ids.len()
        )));
    }
    let uses = tracking::search_datasets(&app, workspace, ids).await?;
    let summaries: Vec<Value> = uses
        .into_iter()
        .map(|used| {
            let mut summary = json!({
                "experiment_id": used.experiment.to_string(),
                "name": used.name,
                "digest": used.digest,
            });
            if let Some(context) = used.context {
                summary["context"] = context.into();
            }
            summary
        })
        .collect();
    Ok(match summaries.is_empty() {
        true => done(),
        false => Reply(json!({"dataset_summaries": summaries})),
    })
}

fn dataset_input(mut input: Message) -> Answer<DatasetInput> {
    let mut tags = StringMap::new();
    for tag in input.take_messages("tags")? {
        let key = tag.required_text("key")?;
        let Some(value) = tag.text("value")? else { return Err(tag.missing("value")) };
        validate::length("key", 255, key)?;
        validate::length("value", 500, value)?;
        tags.insert(key.to_owned(), value.to_owned());
    }
    let Some(dataset) = input.take_message("dataset")? else {
        return Err(Failure::invalid("Dataset cannot be None"));
    };
    let required = |name: &str, limit: usize| {
        let text = dataset.required_text(name)?;
        validate::length(name, limit, text)?;
        Ok::<_, Failure>(text.to_owned())
    };
    let optional = |name: &str, limit: usize| {
        let text = dataset.text(name)?;
        text.map_or(Ok(()), |text| validate::length(name, limit, text))?;
        Ok::<_, Failure>(text.map(str::to_owned))
    };
    Ok(DatasetInput {
        dataset: Dataset {
            name: required("name", 500)?,
            digest: required("digest", 36)?,
            source_type: required("source_type", 500)?,
            source: required("source", 65_535)?,
            columns: optional("schema", 1_048_575)?,
            profile: optional("profile", 16_777_215)?,
        },
        tags,
    })
}

fn models(message: &mut Message, direction: Direction) -> Answer<Vec<(Direction, ModelLink)>> {
    message
        .take_messages("models")?
        .iter()
        .map(|model| {
            let model_id = model.required_text("model_id")?.to_owned();
            let step = model.integer("step")?.unwrap_or(0);
            Ok((direction, ModelLink { model_id, step }))
        })
        .collect()
}

#[derive(Serialize)]
pub struct InputsMessage {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dataset_inputs: Vec<DatasetInputMessage>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    model_inputs: Vec<ModelMessage>,
}

#[derive(Serialize)]
struct DatasetInputMessage {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<KeyValue>,
    dataset: DatasetMessage,
}

#[derive(Serialize)]
struct DatasetMessage {
    name: String,
    digest: String,
    source_type: String,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
}

#[derive(Serialize)]
struct ModelMessage {
    model_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<i64>,
}

#[derive(Serialize)]
pub struct OutputsMessage {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    model_outputs: Vec<ModelMessage>,
}

impl InputsMessage {
    pub fn new(datasets: Vec<DatasetInput>, models: Vec<ModelLink>) -> InputsMessage {
        let dataset_inputs = datasets
            .into_iter()
            .map(|DatasetInput { dataset, tags }| DatasetInputMessage {
                tags: pairs(tags),
                dataset: DatasetMessage {
                    name: dataset.name,
                    digest: dataset.digest,
                    source_type: dataset.source_type,
                    source: dataset.source,
                    schema: dataset.columns,
                    profile: dataset.profile,
                },
            })
            .collect();
        let model_inputs = models
            .into_iter()
            .map(|model| ModelMessage { model_id: model.model_id, step: None })
            .collect();
        InputsMessage { dataset_inputs, model_inputs }
    }
}

impl From<Vec<ModelLink>> for OutputsMessage {
    fn from(models: Vec<ModelLink>) -> Self {
        let message =
            |model: ModelLink| ModelMessage { model_id: model.model_id, step: Some(model.step) };
        OutputsMessage { model_outputs: models.into_iter().map(message).collect() }
    }
}
