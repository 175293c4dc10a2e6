use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use lazuli_domain::{ApiError, RestoreReport};
use tokio::sync::mpsc;

use super::Teller;
use super::archive::{Archive, ArchiveWriter, each_line};
use super::staging::{Staged, blobs_of};
use crate::app::App;
use crate::error::{Error, FileContext, Result};
use crate::home::hex;
use crate::store::backup as stored;
use crate::store::copy::from_json;
use crate::store::{self, gc};
use crate::tracking;

/// Chunks that wait for who receives the archive.
const CHUNKS_IN_FLIGHT: usize = 8;

/// What an archive is received from.
pub type Chunks = mpsc::Receiver<std::io::Result<Bytes>>;

/// Everything in one archive, as it is at this moment. What is logged from now on is not in it.
pub async fn backup(app: &Arc<App>) -> Result<Chunks> {
    let reading = app.exclusion.read()?;
    for head in app.store.read(store::runs::alive).await? {
        tracking::drain(app, &head.run_id).await?;
    }
    let folder = app.home.path().to_owned();
    let (tables, digests) = app
        .store
        .read(move |database| {
            let mut dumped = Vec::new();
            for table in stored::tables(database)? {
                let file = temporary(&folder)?;
                stored::dump(database, &table, &file)?;
                dumped.push((table.name, file));
            }
            let everything = gc::referenced(database, i64::MIN, &Default::default())?;
            let mut digests: Vec<String> = everything.iter().map(|digest| hex(digest)).collect();
            digests.sort_unstable();
            Ok((dumped, digests))
        })
        .await?;
    Ok(send(app, "backup", tables, digests, reading))
}

/// Writes the archive while it is received.
pub(super) fn send(
    app: &Arc<App>,
    kind: &'static str,
    tables: Vec<(String, File)>,
    digests: Vec<String>,
    reading: tokio::sync::OwnedRwLockReadGuard<()>,
) -> Chunks {
    let (chunks, received) = mpsc::channel(CHUNKS_IN_FLIGHT);
    let app = Arc::clone(app);
    tokio::spawn(async move {
        let _no_blob_goes = reading;
        let failing = chunks.clone();
        let written = async {
            let mut archive = ArchiveWriter::begin(chunks, kind).await?;
            for (name, rows) in tables {
                archive.table(&name, rows).await?;
            }
            for sha256 in digests {
                archive.blob(&app.blobs, &sha256).await?;
            }
            archive.end().await
        };
        if let Err(error) = written.await {
            tracing::error!(error = &error as &dyn std::error::Error, "an archive broke off");
            // Whoever receives it must not take it for whole.
            let _gone = failing.send(Err(std::io::Error::other(error.to_string()))).await;
        }
    });
    received
}

/// Brings back what the archive holds, in the place of what is here: all of it, or nothing.
pub async fn restore(
    app: &Arc<App>,
    staged: Staged,
    force: bool,
    teller: &Teller<RestoreReport>,
) -> Result<RestoreReport> {
    let _alone = app.exclusion.remove()?;
    let archive = staged.check("backup").await?;
    refuse_unless(app, force).await?;
    // Files first: a row is never there before what it refers to.
    let (leases, bytes) = blobs_of(app, &staged, &archive, |done, total| {
        teller.progress("keeping files", done, total)
    })
    .await?;
    teller.progress("keeping rows", 0, 1);
    let (blobs, missing) = (archive.blobs.len() as u64, archive.missing.clone());
    let totals = app
        .store
        .write(move |write| {
            let last_event = store::events::last_sequence(write)?;
            stored::clear(write)?;
            let known = stored::tables(write)?;
            for part in &archive.tables {
                let mut rows = None;
                each_line(&staged.file, part, |line| {
                    let row = from_json(line)?;
                    match &mut rows {
                        None => rows = Some(stored::inserter(write, &known, &part.name, &row)?),
                        Some(rows) => rows.add(row)?,
                    }
                    Ok(())
                })?;
                if let Some(rows) = rows {
                    rows.finish()?;
                }
            }
            stored::finish(write, last_event)?;
            write.after_commit(move || drop(leases));
            stored::totals(write)
        })
        .await?;
    tracking::open_missing_spools(app).await?;
    app.job_changes.notify_one();
    let [runs, experiments, models, datasets, secrets] = totals;
    Ok(RestoreReport { runs, experiments, models, datasets, secrets, blobs, bytes, missing })
}

async fn refuse_unless(app: &Arc<App>, force: bool) -> Result<()> {
    let (alive, has_data) = app
        .store
        .read(|database| Ok((store::runs::alive(database)?, stored::has_data(database)?)))
        .await?;
    if let Some(head) = alive.first() {
        let run_id = &head.run_id;
        return Err(ApiError::conflict(format!(
            "nothing is restored while run `{run_id}` goes on"
        ))
        .hint(format!("end it first: `lazuli run cancel {run_id}`"))
        .into());
    }
    if has_data && !force {
        return Err(ApiError::conflict("there are runs, models, datasets or secrets here already")
            .hint("`--force` puts the backup in their place; `lazuli backup` keeps them first")
            .into());
    }
    Ok(())
}

pub(super) fn temporary(folder: &std::path::Path) -> Result<File> {
    tempfile::tempfile_in(folder)
        .while_trying(|| format!("making a file in `{}`", folder.display()))
}

impl Staged {
    /// Reads the archive through; nothing has changed when it is refused.
    pub async fn check(&self, kind: &'static str) -> Result<Archive> {
        let file = self.file.try_clone().while_trying(|| "reading the archive".into())?;
        tokio::task::spawn_blocking(move || Archive::check(&file, kind))
            .await
            .map_err(|panic| Error::Defect(format!("checking an archive broke down: {panic}")))?
    }
}
