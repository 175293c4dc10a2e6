//! Datasets that runs have read, and logged models that they have read or made.

use std::collections::HashMap;

use lazuli_domain::StringMap;

use super::Connection;
use super::columns::{from_json, json};
use super::sql::{Dynamic, Row, params};
use crate::error::Result;

/// A dataset as it was described.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    pub name: String,
    pub digest: String,
    pub source_type: String,
    pub source: String,
    /// MLflow's `schema`.
    pub columns: Option<String>,
    pub profile: Option<String>,
}

/// A dataset that a run has read.
#[derive(Clone, Debug, PartialEq)]
pub struct DatasetInput {
    pub dataset: Dataset,
    pub tags: StringMap,
}

/// A logged model that a run has read or made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelLink {
    pub model_id: String,
    pub step: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Input,
    Output,
}

impl Direction {
    fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}

/// What the runs of a list have read and made, and where their files lie.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Surroundings {
    pub experiment: i64,
    /// Of the experiment, where a client chose one.
    pub artifact_location: Option<String>,
    pub datasets: Vec<DatasetInput>,
    pub models_read: Vec<ModelLink>,
    pub models_made: Vec<ModelLink>,
}

/// A tag of this name says what a dataset was used for.
const CONTEXT: &str = "mlflow.data.context";

/// Keeps that the run has read the dataset; told again, the first statement stays.
pub fn add_dataset(
    connection: &Connection,
    experiment: i64,
    run: i64,
    input: &DatasetInput,
) -> Result<()> {
    let DatasetInput { dataset, tags } = input;
    connection.execute(
        "INSERT INTO datasets (experiment, name, digest, source_type, source, columns, profile)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (experiment, name, digest) DO NOTHING",
        params![
            experiment,
            dataset.name,
            dataset.digest,
            dataset.source_type,
            dataset.source,
            dataset.columns,
            dataset.profile
        ],
    )?;
    let key: i64 = connection.value(
        "SELECT key FROM datasets WHERE experiment = ?1 AND name = ?2 AND digest = ?3",
        params![experiment, dataset.name, dataset.digest],
    )?;
    connection.execute(
        "INSERT INTO run_datasets (run, dataset, context, tags) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (run, dataset) DO NOTHING",
        params![run, key, tags.get(CONTEXT), json(tags)?],
    )?;
    Ok(())
}

pub fn add_model(
    connection: &Connection,
    run: i64,
    direction: Direction,
    model: &ModelLink,
) -> Result<()> {
    connection.execute(
        "INSERT INTO run_models (run, direction, model_id, step) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (run, direction, model_id, step) DO NOTHING",
        params![run, direction.as_str(), model.model_id, model.step],
    )?;
    Ok(())
}

/// Of each of the runs with these ids: a few statements, however many runs there are.
pub fn surroundings(
    connection: &Connection,
    run_ids: &[&str],
) -> Result<HashMap<String, Surroundings>> {
    let mut found = HashMap::with_capacity(run_ids.len());
    for some in run_ids.chunks(MOST_AT_ONCE) {
        let mut query = Dynamic::new(
            "SELECT runs.key, runs.run_id, runs.experiment, experiments.artifact_location
             FROM runs JOIN experiments ON experiments.key = runs.experiment",
        );
        query.add_in(" WHERE runs.run_id", some);
        let mut runs: HashMap<i64, (String, Surroundings)> = HashMap::with_capacity(some.len());
        connection.each(query.sql(), &query.params(), |row| {
            let surroundings = Surroundings {
                experiment: row.get(2)?,
                artifact_location: row.get(3)?,
                ..Surroundings::default()
            };
            runs.insert(row.get(0)?, (row.get(1)?, surroundings));
            Ok(true)
        })?;
        let keys: Vec<i64> = runs.keys().copied().collect();
        fill(connection, &keys, &mut runs)?;
        found.extend(runs.into_values());
    }
    Ok(found)
}

fn fill(
    connection: &Connection,
    keys: &[i64],
    runs: &mut HashMap<i64, (String, Surroundings)>,
) -> Result<()> {
    let mut query = Dynamic::new(
        "SELECT run_datasets.run, datasets.name, datasets.digest, datasets.source_type,
            datasets.source, datasets.columns, datasets.profile, run_datasets.tags
         FROM run_datasets JOIN datasets ON datasets.key = run_datasets.dataset",
    );
    query.add_in(" WHERE run_datasets.run", keys);
    query.add_text(" ORDER BY run_datasets.run, run_datasets.dataset");
    connection.each(query.sql(), &query.params(), |row| {
        if let Some((_, surroundings)) = runs.get_mut(&row.get(0)?) {
            surroundings.datasets.push(input_of_row(row)?);
        }
        Ok(true)
    })?;
    let mut query = Dynamic::new("SELECT run, direction, model_id, step FROM run_models");
    query.add_in(" WHERE run", keys);
    query.add_text(" ORDER BY run, step, model_id");
    connection.each(query.sql(), &query.params(), |row| {
        if let Some((_, surroundings)) = runs.get_mut(&row.get(0)?) {
            let model = ModelLink { model_id: row.get(2)?, step: row.get(3)? };
            match row.get::<String>(1)? == Direction::Output.as_str() {
                true => surroundings.models_made.push(model),
                false => surroundings.models_read.push(model),
            }
        }
        Ok(true)
    })
}

/// A dataset of an experiment and what it was used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetUse {
    pub experiment: i64,
    pub name: String,
    pub digest: String,
    pub context: Option<String>,
}

/// What the runs of these experiments have read, each use once.
pub fn dataset_uses(
    connection: &Connection,
    experiments: &[i64],
    limit: usize,
) -> Result<Vec<DatasetUse>> {
    let mut query = Dynamic::new(
        "SELECT DISTINCT datasets.experiment, datasets.name, datasets.digest, run_datasets.context
         FROM datasets JOIN run_datasets ON run_datasets.dataset = datasets.key",
    );
    query.add_in(" WHERE datasets.experiment", experiments);
    query.add(" ORDER BY 1, 2, 3, 4 LIMIT ?", [limit as i64]);
    connection.rows(query.sql(), &query.params(), |row| {
        Ok(DatasetUse {
            experiment: row.get(0)?,
            name: row.get(1)?,
            digest: row.get(2)?,
            context: row.get(3)?,
        })
    })
}

/// Runs of one statement.
const MOST_AT_ONCE: usize = 500;

fn input_of_row(row: &Row<'_>) -> Result<DatasetInput> {
    Ok(DatasetInput {
        dataset: Dataset {
            name: row.get(1)?,
            digest: row.get(2)?,
            source_type: row.get(3)?,
            source: row.get(4)?,
            columns: row.get(5)?,
            profile: row.get(6)?,
        },
        tags: from_json("tags", &row.get::<String>(7)?)?,
    })
}
