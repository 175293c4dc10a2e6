use std::sync::Arc;

use lazuli_domain::search::{Attribute, Entity, Field};
use lazuli_domain::{ApiError, ErrorKind, Experiment, Page, StringMap};

use crate::app::App;
use crate::clock::now_ms;
use crate::error::Result;
use crate::store::experiments::DEFAULT_NAME;
use crate::store::search::{Query, Search, View};
use crate::store::{self, Connection, Write};

/// The id by which every client knows an experiment that is always there. In the default workspace
/// it is the key of that experiment; in others it is another name of the one called `Default`.
pub const DEFAULT_EXPERIMENT_ID: &str = "0";

/// Makes an experiment and returns its id; one of that name is a conflict, also when it is deleted.
pub async fn create_experiment(
    app: &Arc<App>,
    workspace: String,
    name: String,
    artifact_location: Option<String>,
    tags: StringMap,
) -> Result<i64> {
    app.store
        .write(move |write| {
            ensure_default(write, &workspace)?;
            check_free(write, &workspace, &name)?;
            let key = store::experiments::ensure(write, &workspace, &name, &tags, now_ms())?;
            if let Some(location) = &artifact_location {
                store::experiments::set_artifact_location(write, key, location)?;
            }
            Ok(key)
        })
        .await
}

/// The experiment with this id, also when it is deleted.
pub async fn experiment(app: &Arc<App>, workspace: String, id: String) -> Result<Experiment> {
    if names_default(&id) {
        return default_experiment(app, workspace).await;
    }
    app.store.read(move |database| find(database, &workspace, &id)).await
}

/// One page of experiments, those made last first unless another order is asked for.
pub async fn search_experiments(
    app: &Arc<App>,
    workspace: String,
    filter: &str,
    order_by: &[String],
    view: View,
    limit: usize,
    page_token: Option<&str>,
) -> Result<Page<Experiment>> {
    default_experiment(app, workspace.clone()).await?;
    let query = Query::parse(Entity::Experiment, filter, order_by, page_token)?;
    let newest_first = order_by.is_empty();
    let query = match newest_first {
        true => query.then_by(Field::Attribute(Attribute::Created), true),
        false => query,
    }
    .then_by(Field::Attribute(Attribute::Id), !newest_first);
    let search = Search { workspace, view, limit, query };
    app.store.read(move |database| store::search::experiments(database, &search)).await
}

/// The keys of those of these experiments that are there, also when they are deleted.
pub(super) async fn keys(app: &Arc<App>, workspace: String, ids: Vec<String>) -> Result<Vec<i64>> {
    let mut keys = Vec::with_capacity(ids.len());
    if ids.iter().any(|id| names_default(id)) {
        keys.push(default_experiment(app, workspace.clone()).await?.id);
    }
    app.store
        .read(move |database| {
            for id in ids.iter().filter(|id| !names_default(id)) {
                let key = key_of(id)?;
                if store::experiments::find_by_key(database, key)?
                    .is_some_and(|experiment| experiment.workspace == workspace)
                {
                    keys.push(key);
                }
            }
            keys.sort_unstable();
            keys.dedup();
            Ok(keys)
        })
        .await
}

/// Also when it is deleted.
pub async fn experiment_by_name(
    app: &Arc<App>,
    workspace: String,
    name: String,
) -> Result<Experiment> {
    if name == DEFAULT_NAME {
        default_experiment(app, workspace.clone()).await?;
    }
    app.store
        .read(move |database| match store::experiments::find(database, &workspace, &name)? {
            Some(experiment) => Ok(experiment),
            None => Err(ApiError::new(
                ErrorKind::NotFound,
                format!("Could not find experiment with name '{name}'"),
            )
            .into()),
        })
        .await
}

pub async fn rename_experiment(
    app: &Arc<App>,
    workspace: String,
    id: String,
    name: String,
) -> Result<()> {
    change(app, workspace, id, move |write, experiment| {
        if experiment.name != name {
            check_free(write, &experiment.workspace, &name)?;
        }
        store::experiments::rename(write, experiment.id, &name, now_ms())
    })
    .await
}

pub async fn set_experiment_tag(
    app: &Arc<App>,
    workspace: String,
    id: String,
    key: String,
    value: String,
) -> Result<()> {
    change(app, workspace, id, move |write, mut experiment| {
        experiment.tags.insert(key, value);
        store::experiments::set_tags(write, experiment.id, &experiment.tags, now_ms())
    })
    .await
}

pub async fn delete_experiment_tag(
    app: &Arc<App>,
    workspace: String,
    id: String,
    key: String,
) -> Result<()> {
    change(app, workspace, id, move |write, mut experiment| {
        if experiment.tags.remove(&key).is_none() {
            return Err(ApiError::new(
                ErrorKind::NotFound,
                format!("No tag with name: {key} in experiment with id {}", experiment.id),
            )
            .into());
        }
        store::experiments::set_tags(write, experiment.id, &experiment.tags, now_ms())
    })
    .await
}

/// Runs `work` on an experiment that is not deleted.
async fn change(
    app: &Arc<App>,
    workspace: String,
    id: String,
    work: impl FnOnce(&mut Write<'_>, Experiment) -> Result<()> + Send + 'static,
) -> Result<()> {
    app.store
        .write(move |write| {
            let experiment = ensured(write, &workspace, &id)?;
            check_active(&experiment)?;
            work(write, experiment)
        })
        .await
}

/// The experiment with this id; the default one is made when it is not there.
pub(super) fn ensured(write: &Write<'_>, workspace: &str, id: &str) -> Result<Experiment> {
    match names_default(id) {
        true => ensure_default(write, workspace),
        false => find(write, workspace, id),
    }
}

pub(super) fn check_active(experiment: &Experiment) -> Result<(), ApiError> {
    match experiment.deleted_at_ms {
        None => Ok(()),
        Some(_) => Err(ApiError::invalid(format!(
            "The experiment {} must be in the 'active' state. Current state is deleted.",
            experiment.id
        ))),
    }
}

/// True for the id that stands for the default experiment; no id stands for it as well.
pub(super) fn names_default(id: &str) -> bool {
    id.is_empty() || id == DEFAULT_EXPERIMENT_ID
}

/// The experiment that is always there: made when it is first asked for.
pub(super) async fn default_experiment(app: &Arc<App>, workspace: String) -> Result<Experiment> {
    let asked = workspace.clone();
    let found =
        app.store.read(move |database| store::experiments::default(database, &asked)).await?;
    match found {
        Some(experiment) => Ok(experiment),
        None => app.store.write(move |write| ensure_default(write, &workspace)).await,
    }
}

fn ensure_default(write: &Write<'_>, workspace: &str) -> Result<Experiment> {
    if let Some(experiment) = store::experiments::default(write, workspace)? {
        return Ok(experiment);
    }
    let no_tags = StringMap::new();
    let key = store::experiments::ensure(write, workspace, DEFAULT_NAME, &no_tags, now_ms())?;
    store::experiments::get_by_key(write, key)
}

fn find(connection: &Connection, workspace: &str, id: &str) -> Result<Experiment> {
    let key = key_of(id)?;
    match store::experiments::find_by_key(connection, key)? {
        Some(experiment) if experiment.workspace == workspace => Ok(experiment),
        _ => Err(ApiError::new(ErrorKind::NotFound, format!("No Experiment with id={key} exists"))
            .into()),
    }
}

fn key_of(id: &str) -> Result<i64, ApiError> {
    id.parse().map_err(|_no_number| {
        let id: String = id.chars().take(80).collect();
        ApiError::invalid(format!(
            "Invalid experiment ID '{id}'. Experiment ID must be a valid integer."
        ))
    })
}

fn check_free(connection: &Connection, workspace: &str, name: &str) -> Result<()> {
    match store::experiments::find(connection, workspace, name)? {
        None => Ok(()),
        Some(experiment) => {
            let state = match experiment.deleted_at_ms {
                None => "",
                Some(_) => " and is deleted",
            };
            Err(ApiError::conflict(format!("Experiment(name={name}) already exists{state}."))
                .into())
        }
    }
}
