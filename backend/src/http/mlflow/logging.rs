//! What clients log to a run: metrics, parameters and tags.

use std::sync::Arc;

use axum::extract::State;
use serde_json::Value;

use super::error::{Answer, Failure};
use super::wire::{Message, Reply, done};
use super::{Scope, validate};
use crate::app::App;
use crate::tracking::mlflow::{self as tracking, Batch, LoggedPoint, Measured};

/// Of metrics, parameters and tags together in one batch.
const MOST_ENTRIES: usize = 1000;
/// Of parameters, and of tags, in one batch.
const MOST_OF_A_KIND: usize = 100;

pub async fn metric(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let run_id = message.run_id()?.to_owned();
    let batch = Batch { points: vec![point(&message, "key")?], ..Batch::default() };
    tracking::log(&app, workspace, run_id, batch).await?;
    Ok(done())
}

pub async fn parameter(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let run_id = message.run_id()?.to_owned();
    let batch = Batch { parameters: vec![one_parameter(&message)?], ..Batch::default() };
    tracking::log(&app, workspace, run_id, batch).await?;
    Ok(done())
}

pub async fn tag(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let run_id = message.run_id()?.to_owned();
    let batch = Batch { tags: vec![one_tag(&message)?], ..Batch::default() };
    tracking::log(&app, workspace, run_id, batch).await?;
    Ok(done())
}

/// All of it is logged, or nothing.
pub async fn batch(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    mut message: Message,
) -> Answer<Reply<Value>> {
    let run_id = message.run_id()?.to_owned();
    let metrics = message.take_messages("metrics")?;
    let parameters = message.take_messages("params")?;
    let tags = message.take_messages("tags")?;
    for (what, limit, count) in [
        ("metrics", MOST_ENTRIES, metrics.len()),
        ("params", MOST_OF_A_KIND, parameters.len()),
        ("tags", MOST_OF_A_KIND, tags.len()),
        ("metrics, params, and tags", MOST_ENTRIES, metrics.len() + parameters.len() + tags.len()),
    ] {
        if count > limit {
            return Err(Failure::invalid(format!(
                "A batch logging request can contain at most {limit} {what}. Got {count} {what}. \
                 Please split up {what} across multiple requests and try again."
            )));
        }
    }
    let batch = Batch {
        points: metrics.iter().map(|metric| point(metric, "name")).collect::<Answer<_>>()?,
        parameters: parameters.iter().map(one_parameter).collect::<Answer<_>>()?,
        tags: tags.iter().map(one_tag).collect::<Answer<_>>()?,
    };
    check_unique(&batch.parameters)?;
    tracking::log(&app, workspace, run_id, batch).await?;
    Ok(done())
}

/// `named`: what MLflow's messages call the key there.
fn point(message: &Message, named: &str) -> Answer<LoggedPoint> {
    let name = message.required_text("key")?;
    let value = message.required_double("value")?;
    let time_ms = message.required_integer("timestamp")?;
    let step = message.integer("step")?.unwrap_or(0);
    validate::key_name(&message.path(named), name)?;
    validate::length("Metric name", validate::LONGEST_KEY, name)?;
    if time_ms < 0 {
        return Err(message.invalid(
            "timestamp",
            &format!(
                "metric '{name}' (value={value}). Timestamp must be a nonnegative long (64-bit integer) "
            ),
        ));
    }
    Ok(LoggedPoint { name: name.to_owned(), value, time_ms, step, of: measured(message)? })
}

/// The logged model that the metric is about, if the client names one.
fn measured(message: &Message) -> Answer<Option<Measured>> {
    let text =
        |field: &str| -> Answer<String> { Ok(message.text(field)?.unwrap_or_default().to_owned()) };
    let model_id = text("model_id")?;
    if model_id.is_empty() {
        return Ok(None);
    }
    let (dataset_name, dataset_digest) = (text("dataset_name")?, text("dataset_digest")?);
    Ok(Some(Measured { model_id, dataset_name, dataset_digest }))
}

fn one_parameter(message: &Message) -> Answer<(String, String)> {
    let key = message.required_text("key")?;
    let value = message.text("value")?.unwrap_or_default();
    validate::key_name(&message.path("key"), key)?;
    validate::length("Param key", validate::LONGEST_KEY, key)?;
    Ok((key.to_owned(), validate::truncated(value, validate::LONGEST_PARAMETER)))
}

fn one_tag(message: &Message) -> Answer<(String, String)> {
    let key = message.required_text("key")?;
    let value = message.text("value")?.unwrap_or_default();
    validate::tag_key(message, key)?;
    Ok((key.to_owned(), validate::truncated(value, validate::LONGEST_TAG)))
}

fn check_unique(parameters: &[(String, String)]) -> Answer<()> {
    let mut seen = std::collections::HashSet::new();
    let twice: Vec<&str> =
        parameters.iter().map(|(key, _)| key.as_str()).filter(|key| !seen.insert(*key)).collect();
    match twice.is_empty() {
        true => Ok(()),
        false => Err(Failure::invalid(format!(
            "Duplicate parameter keys have been submitted: ['{}']. Please ensure the request contains \
             only one param value per param key.",
            twice.join("', '")
        ))),
    }
}
