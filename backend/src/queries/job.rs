//! From what a client asks to what a worker is given.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use lazuli_domain::{
    ApiError, DataPath, QueryJob, ResolvedTable, TableAsk, TableInput, TableQuery, TableSource,
    tables_of,
};

use crate::app::App;
use crate::datasets::{self, Beyond};
use crate::datastores;
use crate::error::{Error, Result};

/// The one table of a query without SQL.
const ALONE: &str = "table";

pub async fn of(app: &Arc<App>, workspace: &str, query: TableQuery) -> Result<QueryJob> {
    let (tables, sql) = match query.table {
        TableInput::Definition { definition } => {
            (alone(datasets::table_of_definition(app, workspace, definition).await?), None)
        }
        TableInput::Dataset { dataset_id, steps, timestamp, partition_timestamp } => {
            let beyond = Beyond { steps, timestamp, partition_timestamp };
            (alone(datasets::table_of_dataset(app, workspace, &dataset_id, beyond).await?), None)
        }
        TableInput::Sql { sql } => (named(app, workspace, &sql).await?, Some(sql)),
    };
    let mut datastores = BTreeMap::new();
    let mut wanted: Vec<String> = tables.values().flat_map(datastores_of).collect();
    if let TableAsk::Write { datastore, .. } = &query.ask {
        wanted.push(datastore.clone());
    }
    for name in wanted {
        if let Entry::Vacant(place) = datastores.entry(name) {
            let opened = datastores::with_credential(app, workspace, place.key()).await?;
            place.insert(opened);
        }
    }
    Ok(QueryJob { tables, sql, ask: query.ask, datastores })
}

fn alone(table: ResolvedTable) -> BTreeMap<String, ResolvedTable> {
    BTreeMap::from([(ALONE.to_owned(), table)])
}

/// The tables that the SQL names, under the names that it gives them.
async fn named(
    app: &Arc<App>,
    workspace: &str,
    sql: &str,
) -> Result<BTreeMap<String, ResolvedTable>> {
    let mut tables = BTreeMap::new();
    for table in tables_of(sql) {
        let resolved = datasets::table_of_name(app, workspace, &table.name, table.version).await;
        let resolved = resolved.map_err(|error| match error {
            Error::Refused(refusal) => Error::Refused(at(&table.text, refusal)),
            other => other,
        })?;
        tables.insert(table.text, resolved);
    }
    Ok(tables)
}

fn at(table: &str, error: ApiError) -> ApiError {
    match error.message.contains(table) {
        true => error,
        false => ApiError { message: format!("`FROM {table}`: {}", error.message), ..error },
    }
}

fn datastores_of(table: &ResolvedTable) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    if let TableSource::Sql { datastore, .. } = &table.definition.source {
        names.push(datastore.clone());
    }
    for file in &table.files {
        if let DataPath::Datastore { datastore, .. } = &file.at
            && !names.contains(datastore)
        {
            names.push(datastore.clone());
        }
    }
    names
}
