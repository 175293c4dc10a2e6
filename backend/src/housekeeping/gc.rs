use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lazuli_domain::{GcReport, GcRequest};

use super::Teller;
use crate::app::App;
use crate::clock::now_ms;
use crate::environments;
use crate::error::Result;
use crate::store::gc as stored;

/// What nothing refers to and is younger may belong to somebody who is about to: a script that sends
/// its files before it says which of them are a snapshot or a model.
const YOUNG: Duration = Duration::from_secs(3600);

/// Removes for good what was deleted long ago, then what nothing refers to.
pub async fn gc(app: &Arc<App>, asked: GcRequest, teller: &Teller<GcReport>) -> Result<GcReport> {
    let _alone = app.exclusion.remove()?;
    let older_than_ms =
        i64::try_from(asked.older_than_seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
    let until_ms = now_ms().saturating_sub(older_than_ms).max(stored::GOING);
    let young_ms = now_ms() - YOUNG.as_millis() as i64;
    let mut report = GcReport { dry_run: asked.dry_run, ..GcReport::default() };

    let runs = app.store.read(move |database| stored::deleted_runs(database, until_ms)).await?;
    report.runs = runs.len() as u64;
    let mut gone_snapshots = HashSet::new();
    if asked.dry_run {
        let (experiments, models, datasets, snapshots) = app
            .store
            .read(move |database| {
                Ok((
                    stored::deleted_experiments(database, until_ms)?,
                    stored::deleted_models(database, until_ms)?,
                    stored::deleted_datasets(database, until_ms)?,
                    stored::unused_snapshots(database, young_ms, until_ms)?,
                ))
            })
            .await?;
        (report.experiments, report.models) = (experiments, models);
        report.datasets = datasets;
        report.snapshots = snapshots.len() as u64;
        gone_snapshots.extend(snapshots);
    } else {
        for (done, run) in runs.iter().copied().enumerate() {
            teller.progress("removing runs", done as u64, report.runs);
            while !app.store.write(move |write| stored::remove_run(write, run, until_ms)).await? {}
        }
        report.experiments =
            app.store.write(move |write| stored::remove_experiments(write, until_ms)).await?;
        report.models =
            app.store.write(move |write| stored::remove_models(write, until_ms)).await?;
        report.datasets =
            app.store.write(move |write| stored::remove_datasets(write, until_ms)).await?;
        report.snapshots =
            app.store.write(move |write| stored::remove_snapshots(write, young_ms)).await?;
        (report.uploads, report.bytes) = app.uploads.sweep()?;
        environments::remove_builds(app, until_ms).await?;
    }
    remove_environments(app, until_ms, &mut report).await?;
    remove_blobs(app, until_ms, gone_snapshots, &mut report, teller).await?;
    Ok(report)
}

/// Environments that no script has used since then; they are made anew when they are wanted.
async fn remove_environments(app: &Arc<App>, until_ms: i64, report: &mut GcReport) -> Result<()> {
    // A script that goes on uses the environment it began with.
    let oldest = app.store.read(stored::oldest_script_alive).await?;
    let until_ms = oldest.map_or(until_ms, |oldest| until_ms.min(oldest));
    let (environments, bytes) = environments::remove_unused(app, until_ms, report.dry_run).await?;
    report.environments = environments;
    report.bytes += bytes;
    Ok(())
}

async fn remove_blobs(
    app: &Arc<App>,
    until_ms: i64,
    gone_snapshots: HashSet<String>,
    report: &mut GcReport,
    teller: &Teller<GcReport>,
) -> Result<()> {
    // From here on every blob that somebody is about to refer to is remembered; only then are the
    // references read.
    let sweep = app.blobs.begin_sweep();
    let gone_until_ms = if report.dry_run { until_ms } else { i64::MIN };
    let referenced = app
        .store
        .read(move |database| stored::referenced(database, gone_until_ms, &gone_snapshots))
        .await?;
    let young = SystemTime::now() - YOUNG;
    let found = app
        .blobs
        .find(young, move |sha256| {
            stored::digest(sha256).is_some_and(|digest| !referenced.contains(&digest))
        })
        .await?;
    let total = found.len() as u64;
    for (done, blob) in found.into_iter().enumerate() {
        if done % 64 == 0 {
            teller.progress("removing blobs", done as u64, total);
        }
        if report.dry_run || app.blobs.remove(&sweep, &blob.sha256).await? {
            report.blobs += 1;
            report.bytes += blob.size;
        }
    }
    Ok(())
}
