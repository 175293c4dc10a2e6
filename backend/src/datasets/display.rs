//! What is shown of a dataset, and of the answer of a query.

use std::sync::Arc;

use lazuli_domain::{
    ApiError, Dataset, DatasetKind, SqlRequest, TableAsk, TableInput, TablePreview, TableProfile,
    TableQuery, TableStep,
};

use super::files::pinned;
use crate::app::App;
use crate::dataset_details::DatasetDetails;
use crate::error::{Error, Result};
use crate::{queries, store};

const ROWS: u64 = 10;
const FILES: usize = 8;
/// A table of files larger than this is profiled by its first rows: who displays it waits.
const LARGE: u64 = 64 << 20;
const ROWS_OF_LARGE: u64 = 100_000;
/// Of a query that is shown; more are read as an Arrow stream.
const MOST_ROWS: u64 = 1_000_000;

/// Everything that is shown of a version. When its rows cannot be read, it is said why.
pub async fn details(
    app: &Arc<App>,
    workspace: String,
    name: String,
    version: u64,
) -> Result<DatasetDetails> {
    let (row, uses) = app
        .store
        .read(move |database| {
            let row = store::datasets::row(database, &workspace, &name, Some(version))?;
            let uses = store::dataset_uses::of_dataset(database, row.key)?;
            Ok((row, uses))
        })
        .await?;
    let mut files = pinned(app, &row).await?;
    files.truncate(FILES);
    let mut details = DatasetDetails {
        dataset: row.dataset,
        preview: None,
        profile: None,
        profiled_rows: None,
        files,
        uses,
        problem: None,
    };
    if details.dataset.kind == DatasetKind::Tabular {
        match rows(app, &details.dataset).await {
            Ok((preview, profile, profiled_rows)) => {
                details.preview = Some(preview);
                details.profile = Some(profile);
                details.profiled_rows = profiled_rows;
            }
            Err(Error::Refused(problem)) => details.problem = Some(problem),
            Err(error) => return Err(error),
        }
    }
    Ok(details)
}

async fn rows(
    app: &Arc<App>,
    dataset: &Dataset,
) -> Result<(TablePreview, TableProfile, Option<u64>)> {
    let table = |steps: Vec<TableStep>| TableInput::Dataset {
        dataset_id: dataset.id.clone(),
        steps,
        timestamp: None,
        partition_timestamp: None,
    };
    let workspace = dataset.workspace.as_str();
    let (steps, profiled_rows) = match dataset.size > LARGE {
        true => (vec![TableStep::Take { count: ROWS_OF_LARGE }], Some(ROWS_OF_LARGE)),
        false => (Vec::new(), None),
    };
    let preview = TableQuery { table: table(Vec::new()), ask: TableAsk::Preview { rows: ROWS } };
    let profile = TableQuery { table: table(steps), ask: TableAsk::Profile };
    let (preview, profile) = futures_util::future::try_join(
        queries::ask_json(app, workspace, preview),
        queries::ask_json(app, workspace, profile),
    )
    .await?;
    Ok((preview, profile, profiled_rows))
}

/// The first rows that a SELECT answers.
pub async fn sql_rows(app: &Arc<App>, workspace: &str, asked: &SqlRequest) -> Result<TablePreview> {
    if asked.rows > MOST_ROWS {
        return Err(ApiError::invalid(format!("{} rows are too many to be shown", asked.rows))
            .hint(format!("ask for at most {MOST_ROWS}, or read them as an Arrow stream"))
            .into());
    }
    let table = TableInput::Sql { sql: asked.sql.clone() };
    let query = TableQuery { table, ask: TableAsk::Preview { rows: asked.rows } };
    queries::ask_json(app, workspace, query).await
}
