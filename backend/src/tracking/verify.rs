//! Whether everything that was logged to a run is there.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use lazuli_domain::RunVerification;

use super::runs::full_run_id;
use super::spool::drain;
use crate::app::App;
use crate::error::{Error, FileContext, Result};
use crate::store;
use crate::store::runs::Counters;

/// Reads what waits, then counts again in every place: the spool file, the run's own counters, the
/// summaries of its metrics and their histories.
pub async fn verify_run(app: &Arc<App>, given: String) -> Result<RunVerification> {
    let run_id = full_run_id(app, given).await?;
    drain(app, &run_id).await?;
    let mut counters = counters(app, &run_id).await?;
    if !counters.status.is_final() && !app.home.spool(&run_id).exists() {
        // It may have ended in this moment.
        counters = self::counters(app, &run_id).await?;
    }
    let (path, offset) = (app.home.spool(&run_id), counters.spool_offset);
    let spool = tokio::task::spawn_blocking(move || Spooled::count(&path, offset))
        .await
        .map_err(|panic| Error::Defect(format!("counting a spool broke down: {panic}")))??;
    Ok(compare(run_id, counters, spool))
}

async fn counters(app: &Arc<App>, run_id: &str) -> Result<Counters> {
    let run_id = run_id.to_owned();
    app.store.read(move |database| store::runs::counters(database, &run_id)).await
}

/// What a spool file holds.
#[derive(Default)]
struct Spooled {
    /// Records up to the offset that is committed, and after it.
    before: u64,
    after: u64,
    unfinished_bytes: u64,
}

impl Spooled {
    /// `None`: the run has ended and the file is gone.
    fn count(path: &Path, offset: u64) -> Result<Option<Spooled>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(Error::File {
                    action: format!("opening `{}`", path.display()),
                    source,
                });
            }
        };
        let mut spooled = Spooled::default();
        let read = || -> std::io::Result<()> {
            let mut lines = BufReader::with_capacity(1 << 20, file);
            let mut line = Vec::new();
            let mut at = 0;
            // What is logged from now on is another moment's.
            let size = lines.get_ref().metadata()?.len();
            let mut lines = lines.by_ref().take(size);
            while lines.read_until(b'\n', &mut line)? > 0 {
                let is_record = !line.trim_ascii().is_empty();
                let place = if at < offset { &mut spooled.before } else { &mut spooled.after };
                at += line.len() as u64;
                match line.ends_with(b"\n") {
                    true => *place += u64::from(is_record),
                    false => spooled.unfinished_bytes = line.len() as u64,
                }
                line.clear();
            }
            Ok(())
        };
        read().while_trying(|| format!("reading `{}`", path.display()))?;
        Ok(Some(spooled))
    }
}

fn compare(run_id: String, counters: Counters, spool: Option<Spooled>) -> RunVerification {
    let Counters { status, shipped, rejected, .. } = counters;
    let mut problems = Vec::new();
    let logged = match &spool {
        Some(spool) => {
            if spool.before != shipped {
                problems.push(format!(
                    "{shipped} records were read from the spool, which holds {} of them: it was \
                     removed or changed while the run went on",
                    spool.before
                ));
            }
            spool.before + spool.after
        }
        None if status.is_final() => shipped,
        None => {
            problems.push("the run goes on and its spool file is missing".to_owned());
            shipped
        }
    };
    if rejected > shipped {
        problems.push(format!("{rejected} records were rejected, {shipped} were read"));
    }
    if counters.points_stored != counters.points {
        problems.push(format!(
            "{} points were committed, the histories hold {}",
            counters.points, counters.points_stored
        ));
    }
    if counters.points_summed != counters.points_stored {
        problems.push(format!(
            "the summaries count {} points, the histories hold {}",
            counters.points_summed, counters.points_stored
        ));
    }
    RunVerification {
        run_id,
        status,
        logged,
        shipped,
        committed: shipped.saturating_sub(rejected),
        rejected,
        rejected_reason: counters.rejected_reason,
        unfinished_bytes: spool.map_or(0, |spool| spool.unfinished_bytes),
        points_from_records: counters.points_from_records,
        points_from_requests: counters.points.saturating_sub(counters.points_from_records),
        points_stored: counters.points_stored,
        agrees: problems.is_empty(),
        problems,
    }
}
