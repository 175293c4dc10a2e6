//! MLflow's logged models: what a run made, before anybody registers it.

use std::collections::HashMap;

use lazuli_domain::{ApiError, LoggedModel, LoggedModelStatus, ModelMetric, Number, StringMap};

use super::Connection;
use super::columns::{from_json, json, unreadable};
use super::sql::{Dynamic, Row, params};
use crate::error::Result;

const SELECT: &str = "SELECT logged_models.key, logged_models.model_id, logged_models.experiment,
        logged_models.name, logged_models.model_type, logged_models.source_run_id,
        logged_models.status, logged_models.created_at_ms, logged_models.updated_at_ms,
        logged_models.deleted_at_ms, logged_models.tags, logged_models.parameters,
        experiments.artifact_location
    FROM logged_models JOIN experiments ON experiments.key = logged_models.experiment";

/// Models that one statement reads.
const MOST_AT_ONCE: usize = 500;

pub fn insert(connection: &Connection, model: &LoggedModel) -> Result<()> {
    connection.execute(
        "INSERT INTO logged_models (model_id, experiment, name, model_type, source_run_id, status,
            created_at_ms, updated_at_ms, tags, parameters)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            model.model_id,
            model.experiment_id,
            model.name,
            model.model_type,
            model.source_run_id,
            model.status.as_str(),
            model.created_at_ms,
            model.updated_at_ms,
            json(&model.tags)?,
            json(&model.parameters)?,
        ],
    )?;
    Ok(())
}

/// Also when it is deleted.
pub fn find(connection: &Connection, model_id: &str) -> Result<Option<(i64, LoggedModel)>> {
    let key: Option<i64> =
        connection.find("SELECT key FROM logged_models WHERE model_id = ?1", params![model_id])?;
    let Some(key) = key else { return Ok(None) };
    Ok(with_keys(connection, &[key])?.pop().map(|model| (key, model)))
}

/// Key and model; one that is deleted is not there.
pub fn get(connection: &Connection, model_id: &str) -> Result<(i64, LoggedModel)> {
    match find(connection, model_id)? {
        Some((key, model)) if model.deleted_at_ms.is_none() => Ok((key, model)),
        _ => Err(ApiError::not_found("logged model", model_id).into()),
    }
}

/// The id of the newest model of that name that the run made.
pub fn newest_of_run(connection: &Connection, run_id: &str, name: &str) -> Result<Option<String>> {
    connection.find(
        "SELECT model_id FROM logged_models
         WHERE source_run_id = ?1 AND name = ?2 AND deleted_at_ms IS NULL
         ORDER BY key DESC LIMIT 1",
        params![run_id, name],
    )
}

/// The models with these keys, in this order.
pub fn with_keys(connection: &Connection, keys: &[i64]) -> Result<Vec<LoggedModel>> {
    let mut found = HashMap::with_capacity(keys.len());
    for some in keys.chunks(MOST_AT_ONCE) {
        let mut query = Dynamic::new(SELECT);
        query.add_in(" WHERE logged_models.key", some);
        found.extend(connection.rows(query.sql(), &query.params(), of_row)?);
        let mut query = Dynamic::new(
            "SELECT model, logged_model_metrics.name, number, time_ms, step, runs.run_id,
                dataset_name, dataset_digest
             FROM logged_model_metrics JOIN runs ON runs.key = logged_model_metrics.run",
        );
        query.add_in(" WHERE model", some);
        query.add_text(" ORDER BY model, logged_model_metrics.name, time_ms, step");
        connection.each(query.sql(), &query.params(), |row| {
            if let Some(model) = found.get_mut(&row.get::<i64>(0)?) {
                model.metrics.push(metric_of_row(row)?);
            }
            Ok(true)
        })?;
    }
    Ok(keys.iter().filter_map(|key| found.remove(key)).collect())
}

pub fn set_status(
    connection: &Connection,
    key: i64,
    status: LoggedModelStatus,
    now_ms: i64,
) -> Result<()> {
    connection.execute(
        "UPDATE logged_models SET status = ?2, updated_at_ms = ?3 WHERE key = ?1",
        params![key, status.as_str(), now_ms],
    )?;
    Ok(())
}

pub fn set_tags(connection: &Connection, key: i64, tags: &StringMap) -> Result<()> {
    connection
        .execute("UPDATE logged_models SET tags = ?2 WHERE key = ?1", params![key, json(tags)?])?;
    Ok(())
}

pub fn set_parameters(connection: &Connection, key: i64, parameters: &StringMap) -> Result<()> {
    connection.execute(
        "UPDATE logged_models SET parameters = ?2 WHERE key = ?1",
        params![key, json(parameters)?],
    )?;
    Ok(())
}

/// Deletes (a time) or restores (`None`).
pub fn set_deleted(
    connection: &Connection,
    key: i64,
    deleted_at_ms: Option<i64>,
    now_ms: i64,
) -> Result<()> {
    connection.execute(
        "UPDATE logged_models SET deleted_at_ms = ?2, updated_at_ms = ?3 WHERE key = ?1",
        params![key, deleted_at_ms, now_ms],
    )?;
    Ok(())
}

/// Keeps a point of the run as one of the model's; a point that is sent again is there once.
pub fn log_metric(
    connection: &Connection,
    model: i64,
    run: i64,
    metric: &ModelMetric,
) -> Result<()> {
    connection.execute(
        "INSERT INTO logged_model_metrics (model, name, time_ms, step, run, number, dataset_name,
            dataset_digest)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (model, name, time_ms, step, run) DO UPDATE SET number = excluded.number,
            dataset_name = excluded.dataset_name, dataset_digest = excluded.dataset_digest",
        params![
            model,
            metric.name,
            metric.time_ms,
            metric.step,
            run,
            Some(metric.value.as_f64()).filter(|value| !value.is_nan()),
            metric.dataset_name,
            metric.dataset_digest,
        ],
    )?;
    Ok(())
}

fn metric_of_row(row: &Row<'_>) -> Result<ModelMetric> {
    Ok(ModelMetric {
        name: row.get(1)?,
        value: Number::Float(row.get::<Option<f64>>(2)?.unwrap_or(f64::NAN)),
        time_ms: row.get(3)?,
        step: row.get(4)?,
        run_id: row.get(5)?,
        dataset_name: row.get(6)?,
        dataset_digest: row.get(7)?,
    })
}

fn of_row(row: &Row<'_>) -> Result<(i64, LoggedModel)> {
    let status: String = row.get(6)?;
    let model = LoggedModel {
        model_id: row.get(1)?,
        experiment_id: row.get(2)?,
        artifact_location: row.get(12)?,
        name: row.get(3)?,
        model_type: row.get(4)?,
        source_run_id: row.get(5)?,
        status: LoggedModelStatus::parse(&status)
            .ok_or_else(|| unreadable("status", format!("`{status}`")))?,
        created_at_ms: row.get(7)?,
        updated_at_ms: row.get(8)?,
        deleted_at_ms: row.get(9)?,
        tags: from_json("tags", &row.get::<String>(10)?)?,
        parameters: from_json("parameters", &row.get::<String>(11)?)?,
        metrics: Vec::new(),
    };
    Ok((row.get(0)?, model))
}
