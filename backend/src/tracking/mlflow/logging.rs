//! What clients log: committed together when they are answered, or not at all.

use std::sync::Arc;

use lazuli_domain::{ApiError, EventKind, MetricKind, ModelMetric};

use super::runs::parent_key;
use super::{PARENT, RUN_NAME, active_head};
use crate::app::App;
use crate::error::Result;
use crate::store::entries::{self, EntryKind};
use crate::store::metrics::NewPoint;
use crate::store::runs::RunHead;
use crate::store::{self, Write};
use crate::tracking::points::Points;

/// What is logged to a run in one request.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub points: Vec<LoggedPoint>,
    pub parameters: Vec<(String, String)>,
    pub tags: Vec<(String, String)>,
}

/// A point of a metric.
#[derive(Clone, Debug)]
pub struct LoggedPoint {
    pub name: String,
    pub value: f64,
    pub time_ms: i64,
    pub step: i64,
    /// The logged model that it is about.
    pub of: Option<Measured>,
}

/// What was measured, and on what.
#[derive(Clone, Debug)]
pub struct Measured {
    pub model_id: String,
    /// Empty: no dataset was named.
    pub dataset_name: String,
    pub dataset_digest: String,
}

/// Logs to a run that is not deleted, also when it has ended. What is there already, and only sent
/// again, is left out.
pub async fn log(app: &Arc<App>, workspace: String, run_id: String, batch: Batch) -> Result<()> {
    app.store
        .write(move |write| {
            let head = active_head(write, &workspace, &run_id)?;
            let has_entries = !batch.parameters.is_empty() || !batch.tags.is_empty();
            for (key, value) in &batch.parameters {
                set_parameter(write, &head, key, value)?;
            }
            add_points(write, &head, batch.points)?;
            for (key, value) in &batch.tags {
                set_tag(write, &head, key, value)?;
            }
            match has_entries {
                true => write.event(&head.scope(), EventKind::RunUpdated),
                false => Ok(()),
            }
        })
        .await
}

fn add_points(write: &mut Write<'_>, head: &RunHead, given: Vec<LoggedPoint>) -> Result<()> {
    if given.is_empty() {
        return Ok(());
    }
    let mut points = Points::new(head.key);
    for LoggedPoint { name, value, time_ms, step, of } in given {
        if let Some(Measured { model_id, dataset_name, dataset_digest }) = of {
            let (model, _) = store::logged_models::get(write, &model_id)?;
            let metric = ModelMetric {
                name: name.clone(),
                value: value.into(),
                time_ms,
                step,
                run_id: head.run_id.clone(),
                dataset_name,
                dataset_digest,
            };
            store::logged_models::log_metric(write, model, head.key, &metric)?;
        }
        let point = NewPoint { step: Some(step), time_ms, value: value.into() };
        points.take(write, name, MetricKind::Scalar, "", point)?;
    }
    points.forget_known(write)?;
    points.finish(write, head)?;
    Ok(())
}

fn set_parameter(write: &Write<'_>, head: &RunHead, key: &str, value: &str) -> Result<()> {
    match entries::get(write, EntryKind::Parameter, head.key, key)? {
        None => entries::set(write, EntryKind::Parameter, head.key, key, value),
        Some(present) if present == value => Ok(()),
        Some(present) => Err(ApiError::invalid(format!(
            "Changing param values is not allowed. Param with key='{key}' was already logged with \
             value='{present}' for run ID='{}'. Attempted logging new value '{value}'.",
            head.run_id
        ))
        .into()),
    }
}

/// Name and parent are columns.
fn set_tag(write: &Write<'_>, head: &RunHead, key: &str, value: &str) -> Result<()> {
    match key {
        RUN_NAME => store::runs::rename(write, head.key, value),
        PARENT => match parent_key(write, &head.workspace, value)? {
            Some(parent) if !store::runs::is_below(write, parent, head.key)? => {
                entries::remove(write, EntryKind::Tag, head.key, key)?;
                store::runs::set_parent(write, head.key, parent)
            }
            _ => entries::set(write, EntryKind::Tag, head.key, key, value),
        },
        _ => entries::set(write, EntryKind::Tag, head.key, key, value),
    }
}
