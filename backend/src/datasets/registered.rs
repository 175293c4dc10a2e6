//! What is registered: found, listed, changed, deleted and brought back.

use std::sync::Arc;

use lazuli_domain::{ApiError, Dataset, DatasetPatch, EventKind, Page};

use super::files::not_a_cursor;
use crate::app::App;
use crate::clock::now_ms;
use crate::error::Result;
use crate::registry::{changed, check_tags};
use crate::store::datasets::ListedDataset;
use crate::store::{self, EventScope, Write};

const LIMIT: usize = 100;
const LARGEST_LIMIT: usize = 10_000;

/// The newest version of each name that begins with `prefix`, by name. The cursor is the name that
/// ended the page before.
pub async fn list_datasets(
    app: &Arc<App>,
    workspace: String,
    prefix: String,
    cursor: Option<String>,
    limit: Option<usize>,
) -> Result<Page<ListedDataset>> {
    let limit = limit.unwrap_or(LIMIT).clamp(1, LARGEST_LIMIT);
    let found = app
        .store
        .read(move |database| {
            store::datasets::list(database, &workspace, &prefix, cursor.as_deref(), limit + 1)
        })
        .await?;
    Ok(page(found, limit, |last| last.name.clone()))
}

/// All versions of a name, the newest first. The cursor is the version that ended the page before.
pub async fn list_versions(
    app: &Arc<App>,
    workspace: String,
    name: String,
    cursor: Option<String>,
    limit: Option<usize>,
) -> Result<Page<Dataset>> {
    let limit = limit.unwrap_or(LIMIT).clamp(1, LARGEST_LIMIT);
    let below = match &cursor {
        None => None,
        Some(cursor) => Some(cursor.parse().map_err(|_| not_a_cursor(cursor))?),
    };
    let found = app
        .store
        .read(move |database| {
            store::datasets::versions(database, &workspace, &name, below, limit + 1)
        })
        .await?;
    Ok(page(found, limit, |last| last.version.to_string()))
}

fn page<T>(mut found: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String) -> Page<T> {
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| has_more).map(cursor);
    Page { items: found, next_cursor, total: None }
}

/// That version, or the newest.
pub async fn dataset(
    app: &Arc<App>,
    workspace: String,
    name: String,
    version: Option<u64>,
) -> Result<Dataset> {
    app.store
        .read(move |database| {
            Ok(store::datasets::row(database, &workspace, &name, version)?.dataset)
        })
        .await
}

pub async fn by_id(app: &Arc<App>, workspace: String, id: String) -> Result<Dataset> {
    app.store
        .read(move |database| Ok(store::datasets::by_id(database, &workspace, &id)?.dataset))
        .await
}

/// Changes description or tags: all of it, or nothing.
pub async fn patch_dataset(
    app: &Arc<App>,
    workspace: String,
    name: String,
    version: u64,
    patch: DatasetPatch,
) -> Result<Dataset> {
    check_tags(&patch.set_tags)?;
    app.store
        .write(move |write| {
            let row = store::datasets::row(write, &workspace, &name, Some(version))?;
            if let Some(description) = &patch.description {
                store::datasets::set_description(write, row.key, description, now_ms())?;
            }
            if !patch.set_tags.is_empty() || !patch.remove_tags.is_empty() {
                let tags = changed(row.dataset.tags, patch.set_tags, &patch.remove_tags);
                store::datasets::set_tags(write, row.key, &tags, now_ms())?;
            }
            Ok(store::datasets::row(write, &workspace, &name, Some(version))?.dataset)
        })
        .await
}

/// Hides the name and all its versions until they are restored. The files are left alone.
pub async fn delete_dataset(app: &Arc<App>, workspace: String, name: String) -> Result<()> {
    app.store
        .write(move |write| {
            store::datasets::delete(write, &workspace, &name, now_ms())?;
            tell(write, &workspace, EventKind::DatasetDeleted { name })
        })
        .await
}

/// Brings back the name and the versions that were deleted with it; the newest of them.
pub async fn restore_dataset(app: &Arc<App>, workspace: String, name: String) -> Result<Dataset> {
    app.store
        .write(move |write| {
            if !store::datasets::restore(write, &workspace, &name)? {
                return Err(ApiError::conflict(format!("the dataset `{name}` is not deleted"))
                    .hint(format!("`lazuli dataset versions {name}` shows what is there"))
                    .into());
            }
            let dataset = store::datasets::row(write, &workspace, &name, None)?.dataset;
            let version = dataset.version;
            tell(write, &workspace, EventKind::DatasetRegistered { name, version })?;
            Ok(dataset)
        })
        .await
}

fn tell(write: &mut Write<'_>, workspace: &str, kind: EventKind) -> Result<()> {
    let scope = EventScope { workspace: workspace.to_owned(), experiment: None, run_id: None };
    write.event(&scope, kind)
}
