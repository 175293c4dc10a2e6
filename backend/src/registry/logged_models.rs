use std::sync::Arc;

use lazuli_domain::{ApiError, LoggedModel, LoggedModelStatus, StringMap};

use crate::app::App;
use crate::clock::now_ms;
use crate::error::Result;
use crate::home::{hex, random};
use crate::store::{self, logged_models as models};

/// A logged model as a client announces it.
#[derive(Clone, Debug, Default)]
pub struct NewLoggedModel {
    pub experiment_id: i64,
    /// A name is made up when none is given.
    pub name: Option<String>,
    pub model_type: String,
    pub source_run_id: String,
    pub tags: StringMap,
    pub parameters: StringMap,
}

/// Where its files lie: here, unless a client wanted another place for those of the experiment.
pub fn artifact_uri(model: &LoggedModel) -> String {
    let root = match &model.artifact_location {
        Some(location) => location.trim_end_matches('/').to_owned(),
        None => format!("mlflow-artifacts:/{}", model.experiment_id),
    };
    format!("{root}/models/{}/artifacts", model.model_id)
}

pub async fn create_logged_model(app: &Arc<App>, new: NewLoggedModel) -> Result<LoggedModel> {
    if let Some(name) = &new.name {
        check_logged_name(name)?;
    }
    let model_id = format!("m-{}", hex(&random::<16>()?));
    let name = match new.name {
        Some(name) => name,
        None => format!("model-{}", hex(&random::<4>()?)),
    };
    app.store
        .write(move |write| {
            let experiment = store::experiments::get_by_key(write, new.experiment_id)?;
            if experiment.deleted_at_ms.is_some() {
                return Err(ApiError::invalid(format!(
                    "The experiment {} must be in the 'active' state. Current state is deleted.",
                    new.experiment_id
                ))
                .into());
            }
            let model = LoggedModel {
                model_id,
                experiment_id: new.experiment_id,
                artifact_location: experiment.artifact_location,
                name,
                model_type: new.model_type,
                source_run_id: new.source_run_id,
                status: LoggedModelStatus::Pending,
                created_at_ms: now_ms(),
                updated_at_ms: now_ms(),
                deleted_at_ms: None,
                tags: new.tags,
                parameters: new.parameters,
                metrics: Vec::new(),
            };
            models::insert(write, &model)?;
            Ok(model)
        })
        .await
}

/// MLflow's rule: a name stands in addresses and in filters.
fn check_logged_name(name: &str) -> Result<(), ApiError> {
    let is_bad = |character: char| "/:.%\"'".contains(character) || character.is_control();
    if name.is_empty() || name.chars().any(is_bad) || name.chars().count() > 500 {
        let shown: String = name.chars().take(60).flat_map(char::escape_default).collect();
        return Err(ApiError::invalid(format!(
            "Invalid model name ('{shown}') provided. Model name must be a non-empty string and cannot \
             contain the following characters: ('/', ':', '.', '%', '\"', \"'\")"
        )));
    }
    Ok(())
}

pub async fn logged_model(
    app: &Arc<App>,
    model_id: String,
    with_deleted: bool,
) -> Result<LoggedModel> {
    app.store
        .read(move |database| match models::find(database, &model_id)? {
            Some((_, model)) if with_deleted || model.deleted_at_ms.is_none() => Ok(model),
            _ => Err(ApiError::not_found("logged model", &model_id).into()),
        })
        .await
}

pub async fn finalize_logged_model(
    app: &Arc<App>,
    model_id: String,
    status: LoggedModelStatus,
) -> Result<LoggedModel> {
    change(app, model_id, move |write, key, _| models::set_status(write, key, status, now_ms()))
        .await
}

pub async fn delete_logged_model(app: &Arc<App>, model_id: String) -> Result<()> {
    app.store
        .write(move |write| {
            let (key, _) = models::get(write, &model_id)?;
            models::set_deleted(write, key, Some(now_ms()), now_ms())
        })
        .await
}

pub async fn set_logged_model_tags(
    app: &Arc<App>,
    model_id: String,
    tags: StringMap,
) -> Result<LoggedModel> {
    change(app, model_id, move |write, key, mut model| {
        model.tags.extend(tags);
        models::set_tags(write, key, &model.tags)
    })
    .await
}

/// A tag that is not there is an error, as in MLflow.
pub async fn remove_logged_model_tag(
    app: &Arc<App>,
    model_id: String,
    tag: String,
) -> Result<LoggedModel> {
    change(app, model_id, move |write, key, mut model| {
        if model.tags.remove(&tag).is_none() {
            let id = &model.model_id;
            return Err(ApiError::new(
                lazuli_domain::ErrorKind::NotFound,
                format!("No tag with key '{tag}' found for model with ID '{id}'."),
            )
            .into());
        }
        models::set_tags(write, key, &model.tags)
    })
    .await
}

/// A parameter keeps its first value; the same again changes nothing.
pub async fn add_logged_model_parameters(
    app: &Arc<App>,
    model_id: String,
    parameters: StringMap,
) -> Result<LoggedModel> {
    change(app, model_id, move |write, key, mut model| {
        for (name, value) in parameters {
            match model.parameters.get(&name) {
                Some(present) if *present != value => {
                    return Err(ApiError::invalid(format!(
                        "the parameter `{name}` of the model has another value and never changes"
                    ))
                    .into());
                }
                _ => model.parameters.insert(name, value),
            };
        }
        models::set_parameters(write, key, &model.parameters)
    })
    .await
}

async fn change(
    app: &Arc<App>,
    model_id: String,
    work: impl FnOnce(&store::Write<'_>, i64, LoggedModel) -> Result<()> + Send + 'static,
) -> Result<LoggedModel> {
    app.store
        .write(move |write| {
            let (key, model) = models::get(write, &model_id)?;
            work(write, key, model)?;
            Ok(models::get(write, &model_id)?.1)
        })
        .await
}
