use std::sync::Arc;

use lazuli_domain::{NewWorkspace, Workspace, check_name};

use crate::app::App;
use crate::clock::now_ms;
use crate::error::Result;
use crate::store;

pub async fn create_workspace(app: &Arc<App>, new: NewWorkspace) -> Result<Workspace> {
    check_name("workspace", &new.name)?;
    app.store
        .write(move |write| {
            store::workspaces::ensure(write, &new.name, &new.tags, now_ms())?;
            store::workspaces::get(write, &new.name)
        })
        .await
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
