use std::sync::Arc;

use lazuli_domain::{ApiError, EventKind};
use serde_json::Value;

use super::active_head;
use crate::app::App;
use crate::error::Result;
use crate::store;
use crate::store::entries::{self, EntryKind};
use crate::store::inputs::{DatasetInput, DatasetUse, Direction, ModelLink};

/// Most uses in one answer, as MLflow has it.
const MOST_USES: usize = 1000;

/// Keeps what a run has read and which logged models it has read or made.
pub async fn log_inputs(
    app: &Arc<App>,
    workspace: String,
    run_id: String,
    datasets: Vec<DatasetInput>,
    models: Vec<(Direction, ModelLink)>,
) -> Result<()> {
    app.store
        .write(move |write| {
            let head = active_head(write, &workspace, &run_id)?;
            for input in &datasets {
                store::inputs::add_dataset(write, head.experiment_key, head.key, input)?;
            }
            for (direction, model) in &models {
                store::inputs::add_model(write, head.key, *direction, model)?;
            }
            write.event(&head.scope(), EventKind::RunUpdated)
        })
        .await
}

/// What the runs of these experiments have read.
pub async fn search_datasets(
    app: &Arc<App>,
    workspace: String,
    experiment_ids: Vec<String>,
) -> Result<Vec<DatasetUse>> {
    let experiments = super::experiments::keys(app, workspace, experiment_ids).await?;
    app.store
        .read(move |database| store::inputs::dataset_uses(database, &experiments, MOST_USES))
        .await
}

/// Adds the model to the tag in which MLflow 2 keeps a run's models.
pub async fn record_model(
    app: &Arc<App>,
    workspace: String,
    run_id: String,
    model: Value,
) -> Result<()> {
    const MODELS: &str = "mlflow.log-model.history";
    app.store
        .write(move |write| {
            let head = active_head(write, &workspace, &run_id)?;
            let present = entries::get(write, EntryKind::Tag, head.key, MODELS)?;
            let mut models = match present.as_deref().map(serde_json::from_str) {
                None => Vec::new(),
                Some(Ok(Value::Array(models))) => models,
                Some(_) => {
                    return Err(ApiError::invalid(format!(
                        "the tag `{MODELS}` of run `{run_id}` is no list of models"
                    ))
                    .hint("delete the tag and log the model again")
                    .into());
                }
            };
            models.push(model);
            let text = Value::Array(models).to_string();
            entries::set(write, EntryKind::Tag, head.key, MODELS, &text)?;
            write.event(&head.scope(), EventKind::RunUpdated)
        })
        .await
}
