use std::sync::Arc;

use super::backup::{Chunks, send, temporary};
use crate::app::App;
use crate::error::Result;
use crate::store::{self, experiment_copy};

/// An archive under way, and what is known of it.
pub struct Export {
    pub chunks: Chunks,
    pub runs: u64,
    /// Runs that go on and are left out.
    pub left_out: u64,
}

/// One experiment in an archive: its runs that have ended, with everything they hold.
pub async fn export(app: &Arc<App>, workspace: String, name: String) -> Result<Export> {
    let reading = app.exclusion.read()?;
    let folder = app.home.path().to_owned();
    let copied = app
        .store
        .read(move |database| {
            let key = store::experiments::key(database, &workspace, &name)?;
            experiment_copy::copy_out(database, key, || temporary(&folder))
        })
        .await?;
    let mut digests: Vec<String> = copied.digests.into_iter().collect();
    digests.sort_unstable();
    let chunks = send(app, "experiment", copied.tables, digests, reading);
    Ok(Export { chunks, runs: copied.runs, left_out: copied.left_out })
}
