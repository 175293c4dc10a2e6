//! Which run read which version of a dataset, or made it; told from both ends.

use lazuli_domain::{DataDirection, DatasetUse};

use super::Connection;
use super::columns::{count, unreadable};
use super::sql::{Row, params};
use crate::error::Result;

const SELECT: &str = "SELECT runs.run_id, experiments.name, registered_datasets.name,
        dataset_versions.dataset_id, dataset_versions.version, dataset_uses.input_name,
        dataset_uses.direction
    FROM dataset_uses
    JOIN runs ON runs.key = dataset_uses.run
    JOIN experiments ON experiments.key = runs.experiment
    JOIN dataset_versions ON dataset_versions.key = dataset_uses.dataset
    JOIN registered_datasets ON registered_datasets.key = dataset_versions.registered";

/// Keeps the use; told again, it changes nothing.
pub fn add(
    connection: &Connection,
    run: i64,
    dataset: i64,
    input_name: &str,
    direction: DataDirection,
) -> Result<()> {
    connection.execute(
        "INSERT INTO dataset_uses (run, dataset, direction, input_name) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (run, dataset, direction, input_name) DO NOTHING",
        params![run, dataset, name_of(direction), input_name],
    )?;
    Ok(())
}

/// What the run read and made, by the names it has for them.
pub fn of_run(connection: &Connection, run: i64) -> Result<Vec<DatasetUse>> {
    connection.rows(
        &format!(
            "{SELECT} WHERE dataset_uses.run = ?1
             ORDER BY dataset_uses.direction, dataset_uses.input_name, registered_datasets.name,
                dataset_versions.version"
        ),
        params![run],
        of_row,
    )
}

/// Which runs read or made the version, the newest run first; without those that are deleted.
pub fn of_dataset(connection: &Connection, dataset: i64) -> Result<Vec<DatasetUse>> {
    connection.rows(
        &format!(
            "{SELECT} WHERE dataset_uses.dataset = ?1 AND runs.deleted_at_ms IS NULL
             ORDER BY dataset_uses.run DESC, dataset_uses.direction, dataset_uses.input_name"
        ),
        params![dataset],
        of_row,
    )
}

fn name_of(direction: DataDirection) -> &'static str {
    match direction {
        DataDirection::Input => "input",
        DataDirection::Output => "output",
    }
}

fn of_row(row: &Row<'_>) -> Result<DatasetUse> {
    let direction: String = row.get(6)?;
    Ok(DatasetUse {
        run_id: row.get(0)?,
        experiment: row.get(1)?,
        dataset: row.get(2)?,
        dataset_id: row.get(3)?,
        version: count(row.get(4)?),
        input_name: row.get(5)?,
        direction: [DataDirection::Input, DataDirection::Output]
            .into_iter()
            .find(|known| name_of(*known) == direction)
            .ok_or_else(|| unreadable("direction", format!("`{direction}`")))?,
    })
}
