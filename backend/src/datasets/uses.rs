//! Lineage: which run read which version, or made it.

use std::sync::Arc;

use lazuli_domain::{
    ApiError, DataDirection, DatasetUse, EventKind, JobInputSource, JobSpec, NewDatasetUse,
    check_name,
};

use crate::app::App;
use crate::error::Result;
use crate::store::{self, Connection, Write, dataset_uses as stored};

/// Keeps that the run uses the version, which is of its own workspace; all that it uses.
pub async fn add_use(app: &Arc<App>, given: String, new: NewDatasetUse) -> Result<Vec<DatasetUse>> {
    if !new.input_name.is_empty() {
        check_name("input", &new.input_name)?;
    }
    app.store
        .write(move |write| {
            let head = store::runs::head(write, &given)?;
            head.check_present()?;
            let row = store::datasets::by_id(write, &head.workspace, &new.dataset_id)?;
            stored::add(write, head.key, row.key, &new.input_name, new.direction)?;
            write.event(&head.scope(), EventKind::RunUpdated)?;
            stored::of_run(write, head.key)
        })
        .await
}

pub async fn uses_of_run(app: &Arc<App>, given: String) -> Result<Vec<DatasetUse>> {
    app.store
        .read(move |database| {
            let head = store::runs::head(database, &given)?;
            stored::of_run(database, head.key)
        })
        .await
}

pub async fn uses_of_dataset(
    app: &Arc<App>,
    workspace: String,
    name: String,
    version: u64,
) -> Result<Vec<DatasetUse>> {
    app.store
        .read(move |database| {
            let row = store::datasets::row(database, &workspace, &name, Some(version))?;
            stored::of_dataset(database, row.key)
        })
        .await
}

/// Keeps which registered versions the job reads. One that is not there refuses the job.
pub fn input_datasets(write: &Write<'_>, workspace: &str, run: i64, spec: &JobSpec) -> Result<()> {
    for input in &spec.inputs {
        if let JobInputSource::Dataset { dataset_id } = &input.source {
            let key = of_input(write, workspace, &input.name, dataset_id)?;
            stored::add(write, run, key, &input.name, DataDirection::Input)?;
        }
    }
    Ok(())
}

fn of_input(connection: &Connection, workspace: &str, input: &str, id: &str) -> Result<i64> {
    match store::datasets::by_id(connection, workspace, id) {
        Err(crate::Error::Refused(missing)) => Err(ApiError {
            message: format!("the input `{input}` cannot be read: {}", missing.message),
            ..missing
        }
        .into()),
        found => Ok(found?.key),
    }
}
