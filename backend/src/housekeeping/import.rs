use std::sync::Arc;

use lazuli_domain::ImportReport;

use super::Teller;
use super::archive::each_line;
use super::staging::{Staged, blobs_of};
use crate::app::App;
use crate::clock::now_ms;
use crate::error::Result;
use crate::store::copy::from_json;
use crate::store::experiment_copy::{CopyIn, announce};

/// Brings an experiment in, all of it or nothing; runs that came before are left as they are.
pub async fn import(
    app: &Arc<App>,
    workspace: String,
    name: Option<String>,
    staged: Staged,
    teller: &Teller<ImportReport>,
) -> Result<ImportReport> {
    if let Some(name) = &name {
        lazuli_domain::check_name("experiment", name)?;
    }
    let archive = staged.check("experiment").await?;
    let (leases, bytes) = blobs_of(app, &staged, &archive, |done, total| {
        teller.progress("keeping files", done, total)
    })
    .await?;
    teller.progress("keeping rows", 0, 1);
    app.store
        .write(move |write| {
            let mut rows = CopyIn::new(write, &workspace, name, now_ms())?;
            for part in &archive.tables {
                let mut has_begun = false;
                each_line(&staged.file, part, |line| {
                    let row = from_json(line)?;
                    if std::mem::replace(&mut has_begun, true) {
                        return rows.row(row);
                    }
                    rows.begin(&part.name, &row)
                })?;
            }
            let (experiment, runs, present) = rows.finish()?;
            announce(write, &workspace, &experiment, &runs)?;
            write.after_commit(move || drop(leases));
            Ok(ImportReport {
                experiment,
                runs: runs.len() as u64,
                present,
                blobs: archive.blobs.len() as u64,
                bytes,
                missing: archive.missing,
            })
        })
        .await
}
