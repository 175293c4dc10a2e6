//! What a start of the daemon puts right after the last one's end, however that came.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use lazuli_domain::RunStatus;

use super::ending::{RunEnd, end_run, lock_spool, remove_file, remove_folder};
use super::runs::open_spool;
use super::spool::ingest_to_end;
use super::spool_watch::run_of;
use crate::app::App;
use crate::error::{FileContext, Result};
use crate::store;

/// Events kept for listeners that resume.
const KEPT_EVENTS: u64 = 100_000;

/// To be called before the daemon answers anybody.
pub async fn recover(app: &Arc<App>) -> Result<()> {
    open_missing_spools(app).await?;
    let alive = app.store.read(store::runs::alive).await?;
    let is_alive = |run_id: &str| alive.iter().any(|head| head.run_id == run_id);

    for path in entries(&app.home.spool_folder())? {
        match run_of(&path) {
            Some(run_id) if !is_alive(&run_id) => close_spool(app, run_id).await?,
            _ => {}
        }
    }
    for folder in [app.home.path().join("logs"), app.home.path().join("runs")] {
        for path in entries(&folder)? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !is_alive(name) {
                remove_folder(&path);
            }
        }
    }
    end_canceled_before_start(app).await?;
    app.store.write(|write| store::events::prune(write, KEPT_EVENTS)).await
}

/// No spool would mean "finished" to the writers of a run.
pub async fn open_missing_spools(app: &Arc<App>) -> Result<()> {
    for head in app.store.read(store::runs::alive).await? {
        if !app.home.spool(&head.run_id).exists() {
            open_spool(app, &head.run_id)?;
            let key = head.key;
            let nothing = store::runs::Read::default();
            app.store
                .write(move |write| store::runs::set_spool_offset(write, key, 0, nothing))
                .await?;
        }
    }
    Ok(())
}

/// The last daemon died between an end's commit and the removal of the spool, or before a run was
/// committed. What was logged in between was promised to its writer and is read.
async fn close_spool(app: &Arc<App>, run_id: String) -> Result<()> {
    let spool = lock_spool(app, &run_id)?;
    let path = app.home.spool(&run_id);
    app.store
        .write(move |write| {
            if let Some(spool) = &spool
                && store::runs::find_head(write, &run_id)?.is_some()
            {
                ingest_to_end(write, &run_id, spool)?;
            }
            write.after_commit(move || {
                remove_file(&path);
                drop(spool);
            });
            Ok(())
        })
        .await
}

/// Runs whose cancel was asked for before anybody took their job up.
async fn end_canceled_before_start(app: &Arc<App>) -> Result<()> {
    for job in app.store.read(store::jobs::queued).await? {
        if job.status == RunStatus::CancelRequested {
            end_run(app, &job.run_id, RunEnd::Canceled).await?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let read = || -> std::io::Result<Vec<_>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    };
    read().while_trying(|| format!("reading `{}`", folder.display()))
}
