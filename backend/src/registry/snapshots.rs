use std::sync::Arc;

use lazuli_domain::{
    ApiError, NewSnapshot, Snapshot, SnapshotCreated, SnapshotFile, artifact_path,
};
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::blobs::check_digest;
use crate::clock::now_ms;
use crate::error::Result;
use crate::home::hex;
use crate::store;

/// Keeps the snapshot when all its files are there; else says which are missing.
pub async fn create_snapshot(app: &Arc<App>, new: NewSnapshot) -> Result<SnapshotCreated> {
    let mut files = checked(new.files)?;
    files.sort_by(|one, other| one.path.cmp(&other.path));
    if let Some(pair) = files.windows(2).find(|pair| pair[0].path == pair[1].path) {
        return Err(ApiError::invalid(format!("the file `{}` is named twice", pair[0].path)).into());
    }
    let snapshot_id = snapshot_id(&files);
    let (mut missing, mut leases) = (Vec::new(), Vec::new());
    for file in &mut files {
        match app.blobs.hold(&file.sha256).await? {
            Some(blob) => {
                file.size = blob.size;
                leases.push(blob.lease);
            }
            None if !missing.contains(&file.sha256) => missing.push(file.sha256.clone()),
            None => {}
        }
    }
    if missing.is_empty() {
        let snapshot = Snapshot {
            snapshot_id: snapshot_id.clone(),
            size: files.iter().map(|file| file.size).sum(),
            files,
            created_at_ms: now_ms(),
        };
        app.store
            .write(move |write| {
                write.after_commit(move || drop(leases));
                store::snapshots::put(write, &snapshot)
            })
            .await?;
    }
    Ok(SnapshotCreated { snapshot_id, missing })
}

pub async fn snapshot(app: &Arc<App>, snapshot_id: String) -> Result<Snapshot> {
    app.store.read(move |database| store::snapshots::get(database, &snapshot_id)).await
}

fn checked(files: Vec<SnapshotFile>) -> Result<Vec<SnapshotFile>> {
    files
        .into_iter()
        .map(|file| {
            check_digest(&file.sha256)?;
            Ok(SnapshotFile { path: artifact_path(&file.path)?, ..file })
        })
        .collect()
}

/// The same files give the same id: sorted `mode sha256 path` lines, hashed.
fn snapshot_id(files: &[SnapshotFile]) -> String {
    let mut hash = Sha256::new();
    for file in files {
        let mode = if file.executable { "755" } else { "644" };
        hash.update(format!("{mode} {} {}\n", file.sha256, file.path));
    }
    hex(&hash.finalize())
}
