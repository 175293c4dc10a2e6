//! Histories of metrics.

use std::sync::Arc;

use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Scope;
use super::error::{Answer, Failure};
use super::runs::MetricMessage;
use super::wire::{Double, Message, Reply};
use crate::app::App;
use crate::store::metrics::StepRange;
use crate::tracking::mlflow::{self as tracking, ClientPoint, RunPoints};

/// Points of one answer of several runs.
const MOST_POINTS: usize = 25_000;
const MOST_RUNS: usize = 100;
/// Points of each run where they are sampled.
const MOST_SAMPLED: i64 = 2500;

#[derive(Serialize)]
pub struct HistoryAnswer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<MetricMessage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

pub async fn history(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<HistoryAnswer>> {
    let run_id = message.run_id()?.to_owned();
    let name = message.required_text("metric_key")?.to_owned();
    let limit = match message.integer("max_results")? {
        Some(limit) if limit <= 0 => {
            return Err(Failure::invalid(format!(
                "Invalid value {limit} for parameter 'max_results' supplied. It must be a positive \
                 integer."
            )));
        }
        limit => limit.map(|limit| limit as usize),
    };
    let offset = match message.text("page_token")? {
        Some(token) if !token.is_empty() => offset_of(token, &run_id, &name)?,
        _ => 0,
    };
    let asked = (run_id.clone(), name.clone());
    let (points, next) =
        tracking::history(&app, workspace, asked.0, asked.1, limit, offset).await?;
    let next_page_token = next.map(|offset| token(offset, &run_id, &name));
    let metrics = messages(&name, None, points);
    Ok(Reply(HistoryAnswer { metrics, next_page_token }))
}

pub async fn bulk(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<Value>> {
    let run_ids = message.texts("run_id")?;
    if run_ids.is_empty() {
        return Err(Failure::invalid(
            "GetMetricHistoryBulk request must specify at least one run_id.",
        ));
    }
    if run_ids.len() > MOST_RUNS {
        return Err(Failure::invalid(format!(
            "GetMetricHistoryBulk request cannot specify more than {MOST_RUNS} run_ids. Received {} \
             run_ids.",
            run_ids.len()
        )));
    }
    let Some(name) = message.text("metric_key")?.map(str::to_owned) else {
        return Err(Failure::invalid("GetMetricHistoryBulk request must specify a metric_key."));
    };
    let limit = message
        .integer("max_results")?
        .map_or(MOST_POINTS, |limit| usize::try_from(limit).unwrap_or(0).min(MOST_POINTS));
    let found = tracking::histories(&app, workspace, run_ids, name.clone(), limit).await?;
    Ok(Reply(json!({"metrics": of_runs(&name, found)})))
}

pub async fn bulk_interval(
    State(app): State<Arc<App>>,
    Scope(workspace): Scope,
    message: Message,
) -> Answer<Reply<HistoryAnswer>> {
    let run_ids = message.texts("run_ids")?;
    if run_ids.is_empty() {
        return Err(message.missing("run_ids"));
    }
    if run_ids.len() > MOST_RUNS {
        return Err(Failure::invalid(format!(
            "GetMetricHistoryBulkInterval request must specify at most {MOST_RUNS} run_ids. Received \
             {} run_ids.",
            run_ids.len()
        )));
    }
    let name = message.required_text("metric_key")?.to_owned();
    let (from, to) = (message.integer("start_step")?, message.integer("end_step")?);
    let most = message.integer("max_results")?.unwrap_or(MOST_SAMPLED);
    if !(1..=MOST_SAMPLED).contains(&most) {
        return Err(Failure::invalid(format!("max_results must be between 1 and {MOST_SAMPLED}.")));
    }
    match (from, to) {
        (Some(from), Some(to)) if from > to => {
            return Err(Failure::invalid(format!(
                "end_step must be greater than start_step. Found start_step={from} and \
                 end_step={to}."
            )));
        }
        (Some(_), None) | (None, Some(_)) => {
            return Err(Failure::invalid(
                "If either start step or end step are specified, both must be specified.",
            ));
        }
        _ => {}
    }
    let range = StepRange { from, to };
    let most = most as usize;
    let found =
        tracking::sampled_histories(&app, workspace, run_ids, name.clone(), range, most).await?;
    Ok(Reply(HistoryAnswer { metrics: of_runs(&name, found), next_page_token: None }))
}

fn of_runs(name: &str, found: Vec<RunPoints>) -> Vec<MetricMessage> {
    found.into_iter().flat_map(|run| messages(name, Some(&run.run_id), run.points)).collect()
}

fn messages(name: &str, run_id: Option<&str>, points: Vec<ClientPoint>) -> Vec<MetricMessage> {
    points
        .into_iter()
        .map(|point| MetricMessage {
            key: name.to_owned(),
            value: Double(point.value),
            timestamp: point.time_ms,
            step: point.step,
            run_id: run_id.map(str::to_owned),
        })
        .collect()
}

/// Where the next page begins. The token is of one history and of no other.
fn token(offset: usize, run_id: &str, name: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{offset}.{}", mark(run_id, name)))
}

fn offset_of(token: &str, run_id: &str, name: &str) -> Answer<usize> {
    let text = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let parts = text.as_deref().and_then(|text| text.split_once('.'));
    match parts.and_then(|(offset, of)| Some((offset.parse().ok()?, of))) {
        None => Err(Failure::invalid("Invalid page token: it is none that this server gave")),
        Some((_, of)) if of != mark(run_id, name) => {
            Err(Failure::invalid("Invalid page token: it belongs to another history"))
        }
        Some((offset, _)) => Ok(offset),
    }
}

fn mark(run_id: &str, name: &str) -> String {
    let digest = Sha256::new().chain_update(run_id).chain_update([0]).chain_update(name).finalize();
    URL_SAFE_NO_PAD.encode(&digest[..6])
}
