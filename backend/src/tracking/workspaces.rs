use std::sync::Arc;

use lazuli_domain::{NewWorkspace, StringMap, Workspace, WorkspacePatch, check_name};

use super::runs::check_entries;
use crate::app::App;
use crate::clock::now_ms;
use crate::error::Result;
use crate::store;
use crate::store::entries::EntryKind;

pub async fn create_workspace(app: &Arc<App>, new: NewWorkspace) -> Result<Workspace> {
    check_name("workspace", &new.name)?;
    app.store
        .write(move |write| {
            let made = store::workspaces::ensure(write, &new.name, &new.tags, now_ms())?;
            if made && !new.settings.is_null() {
                store::workspaces::set_about(write, &new.name, &new.tags, &new.settings)?;
            }
            store::workspaces::get(write, &new.name)
        })
        .await
}

/// Changes tags or settings: all of it, or nothing.
pub async fn patch_workspace(
    app: &Arc<App>,
    name: String,
    patch: WorkspacePatch,
) -> Result<Workspace> {
    check_entries(EntryKind::Tag, &patch.set_tags)?;
    app.store
        .write(move |write| {
            let known = store::workspaces::get(write, &name)?;
            let tags = changed(known.tags, patch.set_tags, &patch.remove_tags);
            let settings = patch.settings.unwrap_or(known.settings);
            store::workspaces::set_about(write, &name, &tags, &settings)?;
            store::workspaces::get(write, &name)
        })
        .await
}

/// Tags after a change.
pub(super) fn changed(mut tags: StringMap, set: StringMap, remove: &[String]) -> StringMap {
    tags.extend(set);
    tags.retain(|key, _| !remove.contains(key));
    tags
}

pub async fn list_workspaces(app: &Arc<App>) -> Result<Vec<Workspace>> {
    app.store.read(store::workspaces::list).await
}

pub async fn workspace(app: &Arc<App>, name: String) -> Result<Workspace> {
    app.store.read(move |database| store::workspaces::get(database, &name)).await
}

/// Workspaces, runs, runs alive, models.
pub async fn totals(app: &Arc<App>) -> Result<(u64, u64, u64, u64)> {
    app.store.read(store::workspaces::totals).await
}
