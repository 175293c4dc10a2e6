use std::sync::Arc;

use axum::extract::State;
use lazuli_domain::{NewSnapshot, Snapshot, SnapshotCreated};

use super::error::Answer;
use super::extract::{Json, Path};
use crate::app::App;
use crate::registry;

/// Makes the snapshot when all its files are there as blobs; else names the missing ones.
#[utoipa::path(post, path = "/api/snapshots", tag = "snapshots", responses((status = 200, body = SnapshotCreated)))]
pub async fn create(
    State(app): State<Arc<App>>,
    Json(new): Json<NewSnapshot>,
) -> Answer<Json<SnapshotCreated>> {
    Ok(Json(registry::create_snapshot(&app, new).await?))
}

#[utoipa::path(get, path = "/api/snapshots/{snapshot_id}", tag = "snapshots", responses((status = 200, body = Snapshot)))]
pub async fn get(
    State(app): State<Arc<App>>,
    Path(snapshot_id): Path<String>,
) -> Answer<Json<Snapshot>> {
    Ok(Json(registry::snapshot(&app, snapshot_id).await?))
}
