//! Tables for the query worker: definitions with their files found.

use std::sync::Arc;

use lazuli_domain::{ApiError, DatasetDefinition, ResolvedTable, TableDefinition, TableStep};

use super::files::pinned;
use super::{check, files_of_definition};
use crate::app::App;
use crate::error::Result;
use crate::store::{self, datasets::VersionRow};

/// What is done to a registered table beyond its definition.
#[derive(Clone, Debug, Default)]
pub struct Beyond {
    pub steps: Vec<TableStep>,
    /// In place of the definition's, where given.
    pub timestamp: Option<String>,
    pub partition_timestamp: Option<String>,
}

/// The table of a registered version, by its id.
pub async fn table_of_dataset(
    app: &Arc<App>,
    workspace: &str,
    dataset_id: &str,
    beyond: Beyond,
) -> Result<ResolvedTable> {
    let (workspace, dataset_id) = (workspace.to_owned(), dataset_id.to_owned());
    let row = app
        .store
        .read(move |database| store::datasets::by_id(database, &workspace, &dataset_id))
        .await?;
    let mut table = resolved(app, row).await?;
    let definition = &mut table.definition;
    definition.steps.extend(beyond.steps);
    definition.timestamp = beyond.timestamp.or(definition.timestamp.take());
    definition.partition_timestamp =
        beyond.partition_timestamp.or(definition.partition_timestamp.take());
    check::table(definition)?;
    Ok(table)
}

/// The table of a name, in that version or the newest.
pub async fn table_of_name(
    app: &Arc<App>,
    workspace: &str,
    name: &str,
    version: Option<u64>,
) -> Result<ResolvedTable> {
    let (workspace, name) = (workspace.to_owned(), name.to_owned());
    let row = app
        .store
        .read(move |database| store::datasets::row(database, &workspace, &name, version))
        .await?;
    resolved(app, row).await
}

/// The table of what need not be registered, with the files that it finds now.
pub async fn table_of_definition(
    app: &Arc<App>,
    workspace: &str,
    definition: DatasetDefinition,
) -> Result<ResolvedTable> {
    let files = files_of_definition(app, workspace, &definition).await?;
    Ok(ResolvedTable { definition: tabular(definition, "the dataset")?, files, columns: None })
}

async fn resolved(app: &App, row: VersionRow) -> Result<ResolvedTable> {
    let files = pinned(app, &row).await?;
    let name = format!("`{}`", row.dataset.name);
    let definition = tabular(row.dataset.definition, &name)?;
    Ok(ResolvedTable { definition, files, columns: row.dataset.columns })
}

fn tabular(definition: DatasetDefinition, name: &str) -> Result<TableDefinition> {
    match definition {
        DatasetDefinition::Tabular(table) => Ok(table),
        DatasetDefinition::File(_) => {
            Err(ApiError::invalid(format!("{name} is a dataset of files and has no rows"))
                .hint(
                    "read its files, or register them as a table (delimited, JSON lines, Parquet)",
                )
                .into())
        }
    }
}
