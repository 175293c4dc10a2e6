//! Whether the data that a job names can be there, asked before the job is queued.

use std::collections::HashSet;
use std::path::{Component, Path};
use std::sync::Arc;

use lazuli_domain::{
    ApiError, DataPath, DatasetDefinition, Glob, InputMode, JobInputSource, JobSpec, TableSource,
    shown, stored_path,
};

use crate::app::App;
use crate::datastores;
use crate::error::Result;

/// Refuses a job whose inputs or outputs cannot be made ready.
pub async fn check(app: &Arc<App>, workspace: &str, spec: &JobSpec) -> Result<()> {
    let mut names = HashSet::new();
    for (what, name) in spec
        .inputs
        .iter()
        .map(|input| ("input", &input.name))
        .chain(spec.outputs.iter().map(|output| ("output", &output.name)))
    {
        check_word(what, name)?;
        if !names.insert(name) {
            return Err(ApiError::invalid(format!(
                "two of the job's inputs and outputs are called `{name}`"
            ))
            .hint("give each a name of its own")
            .into());
        }
    }
    for input in &spec.inputs {
        check_place("input", &input.name, input.path_on_compute.as_deref())?;
        let JobInputSource::Definition { definition } = &input.source else { continue };
        let is_table = matches!(definition, DatasetDefinition::Tabular(_));
        if is_table && input.mode != InputMode::Direct {
            return Err(ApiError::invalid(format!(
                "the input `{}` is a table, which has no files to put on a disk",
                input.name
            ))
            .hint("pass it with the mode `direct`, or pass a file dataset")
            .into());
        }
        for path in paths(definition) {
            if let DataPath::Datastore { datastore, path } = path {
                Glob::parse(path)?;
                check_datastore(app, workspace, datastore).await?;
            }
        }
    }
    for output in &spec.outputs {
        check_place("output", &output.name, output.path_on_compute.as_deref())?;
        check_datastore(app, workspace, &output.datastore).await?;
        stored_path(&output.path)?;
        for glob in &output.source_globs {
            Glob::parse(glob)?;
        }
        if let Some(registration) = &output.register {
            lazuli_domain::check_name("dataset", &registration.name)?;
        }
    }
    Ok(())
}

fn paths(definition: &DatasetDefinition) -> &[DataPath] {
    match definition {
        DatasetDefinition::File(files) => &files.paths,
        DatasetDefinition::Tabular(table) => match &table.source {
            TableSource::Delimited { paths, .. }
            | TableSource::JsonLines { paths, .. }
            | TableSource::Parquet { paths, .. } => paths,
            TableSource::Sql { .. } => &[],
        },
    }
}

/// It becomes part of the name of an environment variable.
fn check_word(what: &str, name: &str) -> Result<(), ApiError> {
    let is_word = !name.is_empty()
        && name.len() <= 200
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_word {
        return Ok(());
    }
    let name = shown(name, 60);
    Err(ApiError::invalid(format!("the {what} name `{name}` is no word"))
        .hint("use letters, digits and `_`"))
}

fn check_place(what: &str, name: &str, path: Option<&str>) -> Result<(), ApiError> {
    let Some(path) = path else { return Ok(()) };
    let climbs = Path::new(path).components().any(|part| part == Component::ParentDir);
    if path.is_empty() || climbs || path.chars().any(char::is_control) {
        return Err(ApiError::invalid(format!(
            "the {what} `{name}` has the path `{}` on the compute, which is no place",
            shown(path, 100)
        ))
        .hint("give an absolute path, or one below the source folder, without `..`"));
    }
    Ok(())
}

/// It must hold files.
async fn check_datastore(app: &Arc<App>, workspace: &str, name: &str) -> Result<()> {
    let known = datastores::get(app, workspace.to_owned(), name.to_owned()).await?;
    if known.place.is_database() {
        return Err(ApiError::invalid(format!("the datastore `{name}` holds tables, not files"))
            .hint("name a datastore of files")
            .into());
    }
    Ok(())
}
