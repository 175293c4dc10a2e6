use std::sync::Arc;

use lazuli_domain::{Experiment, ExperimentPatch, NewExperiment, check_name};

use super::runs::check_entries;
use super::workspaces::changed;
use crate::app::App;
use crate::clock::now_ms;
use crate::error::Result;
use crate::store::entries::EntryKind;
use crate::store::{self, search::View};

pub async fn create_experiment(
    app: &Arc<App>,
    workspace: String,
    new: NewExperiment,
) -> Result<Experiment> {
    check_name("experiment", &new.name)?;
    app.store
        .write(move |write| {
            store::experiments::ensure(write, &workspace, &new.name, &new.tags, now_ms())?;
            store::experiments::get(write, &workspace, &new.name)
        })
        .await
}

/// Changes tags: all of it, or nothing.
pub async fn patch_experiment(
    app: &Arc<App>,
    workspace: String,
    name: String,
    patch: ExperimentPatch,
) -> Result<Experiment> {
    check_entries(EntryKind::Tag, &patch.set_tags)?;
    app.store
        .write(move |write| {
            let known = store::experiments::get(write, &workspace, &name)?;
            let tags = changed(known.tags, patch.set_tags, &patch.remove_tags);
            store::experiments::set_tags(write, known.id, &tags, now_ms())?;
            store::experiments::get(write, &workspace, &name)
        })
        .await
}

pub async fn list_experiments(
    app: &Arc<App>,
    workspace: String,
    view: View,
) -> Result<Vec<Experiment>> {
    app.store.read(move |database| store::experiments::list(database, &workspace, view)).await
}

pub async fn experiment(app: &Arc<App>, workspace: String, name: String) -> Result<Experiment> {
    app.store.read(move |database| store::experiments::get(database, &workspace, &name)).await
}
