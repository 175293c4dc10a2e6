use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

use lazuli_domain::{
    ApiError, EventKind, Metric, MetricKind, NewRun, Run, RunKind, RunPatch, RunStatus, StringMap,
    check_name,
};

use super::spool::drain;
use crate::app::App;
use crate::clock::now_ms;
use crate::error::{FileContext, Result};
use crate::home::{hex, random};
use crate::store::entries::{self, EntryKind};
use crate::store::metrics::{MetricHeader, StepRange};
use crate::store::runs::RunRow;
use crate::store::{self, Write};

/// Children in one answer; a sweep may have more, its list is paged.
const MOST_CHILDREN: usize = 1000;

/// Starts an interactive run; it is running when this returns.
pub async fn create_run(app: &Arc<App>, workspace: String, new: NewRun) -> Result<Run> {
    check_name("experiment", &new.experiment)?;
    if let Some(name) = &new.name {
        check_name("run", name)?;
    }
    check_entries(EntryKind::Tag, &new.tags)?;
    check_entries(EntryKind::Property, &new.properties)?;
    if new.kind == RunKind::Script {
        return Err(ApiError::invalid("a script run needs a job")
            .hint("post the job to `/api/workspaces/{workspace}/jobs`")
            .into());
    }
    let run_id = new_run_id(&new.experiment)?;
    open_spool(app, &run_id)?;
    let created = run_id.clone();
    let result = app
        .store
        .write(move |write| {
            let now_ms = now_ms();
            if let Some(snapshot_id) = &new.snapshot_id {
                store::snapshots::get(write, snapshot_id)?;
            }
            let experiment = store::experiments::ensure(
                write,
                &workspace,
                &new.experiment,
                &StringMap::new(),
                now_ms,
            )?;
            let run = store::runs::insert(
                write,
                &RunRow {
                    run_id: &run_id,
                    workspace: &workspace,
                    experiment,
                    name: new.name.as_deref().unwrap_or(&run_id),
                    kind: new.kind,
                    status: RunStatus::Running,
                    parent: parent_key(write, new.parent_run_id.as_deref())?,
                    user: &new.user,
                    compute: "local",
                    created_at_ms: now_ms,
                    started_at_ms: Some(now_ms),
                    owner: new.owner.as_ref(),
                    snapshot_id: new.snapshot_id.as_deref(),
                },
            )?;
            set_all(write, EntryKind::Tag, run, &new.tags)?;
            set_all(write, EntryKind::Property, run, &new.properties)?;
            announce(write, &run_id)
        })
        .await;
    forget_spool_on_error(app, &created, result)
}

/// The run as it is now: what its processes have logged until this moment is in it.
pub async fn run(app: &Arc<App>, given: String) -> Result<Run> {
    let run_id = full_run_id(app, given).await?;
    drain(app, &run_id).await?;
    app.store.read(move |database| store::runs::get(database, &run_id)).await
}

/// Like [`run`], for who wants everything that was logged to be on disk.
pub async fn flush_run(app: &Arc<App>, given: String) -> Result<Run> {
    run(app, given).await
}

/// The id that `given` is, or begins.
pub async fn full_run_id(app: &Arc<App>, given: String) -> Result<String> {
    app.store.read(move |database| Ok(store::runs::head(database, &given)?.run_id)).await
}

pub async fn child_runs(app: &Arc<App>, given: String) -> Result<Vec<Run>> {
    app.store
        .read(move |database| {
            let head = store::runs::head(database, &given)?;
            store::runs::children(database, head.key, MOST_CHILDREN)
        })
        .await
}

pub async fn metrics(app: &Arc<App>, given: String) -> Result<Vec<Metric>> {
    let run_id = full_run_id(app, given).await?;
    drain(app, &run_id).await?;
    app.store
        .read(move |database| {
            let head = store::runs::head(database, &run_id)?;
            store::metrics::headers(database, head.key)?
                .into_iter()
                .map(|header| store::metrics::with_points(database, header))
                .collect()
        })
        .await
}

/// What a chart asks for: which steps, and how many points are enough.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sampling {
    pub steps: StepRange,
    /// None: every point in the range.
    pub most: Option<usize>,
}

pub async fn metric(
    app: &Arc<App>,
    given: String,
    name: String,
    sampling: Sampling,
) -> Result<Metric> {
    let run_id = full_run_id(app, given).await?;
    drain(app, &run_id).await?;
    app.store
        .read(move |database| {
            let head = store::runs::head(database, &run_id)?;
            let header = store::metrics::header(database, head.key, &run_id, &name)?;
            let mut points = Vec::new();
            match sampling.most {
                Some(most) if header.kind == MetricKind::Scalar => {
                    points = store::metrics::sampled(database, &header, sampling.steps, most)?;
                }
                _ => {
                    let all = (0, i64::MAX);
                    store::metrics::each_point(
                        database,
                        header.key,
                        header.kind,
                        all,
                        |_, point| {
                            if sampling.steps.holds(point.step) {
                                points.push(point);
                            }
                        },
                    )?;
                }
            }
            let MetricHeader { name, kind, description, count, .. } = header;
            Ok(Metric { name, kind, description, count, points })
        })
        .await
}

/// Changes name, tags, properties or parameters: all of it, or nothing.
pub async fn patch_run(app: &Arc<App>, given: String, patch: RunPatch) -> Result<Run> {
    if let Some(name) = &patch.name {
        check_name("run", name)?;
    }
    check_entries(EntryKind::Tag, &patch.set_tags)?;
    check_entries(EntryKind::Property, &patch.add_properties)?;
    check_entries(EntryKind::Parameter, &patch.add_parameters)?;
    let run_id = full_run_id(app, given).await?;
    // What was spooled before this request was said before it.
    drain(app, &run_id).await?;
    app.store
        .write(move |write| {
            let head = store::runs::head(write, &run_id)?;
            head.check_present()?;
            if let Some(name) = &patch.name {
                store::runs::rename(write, head.key, name)?;
            }
            set_all(write, EntryKind::Tag, head.key, &patch.set_tags)?;
            for key in &patch.remove_tags {
                entries::remove(write, EntryKind::Tag, head.key, key)?;
            }
            for (kind, added) in [
                (EntryKind::Property, &patch.add_properties),
                (EntryKind::Parameter, &patch.add_parameters),
            ] {
                for (key, value) in added {
                    write_once(write, kind, head.key, key, value)?;
                }
            }
            if patch != RunPatch::default() {
                write.event(&head.scope(), EventKind::RunUpdated)?;
            }
            store::runs::get(write, &run_id)
        })
        .await
}

/// Sets a property or parameter; a key that has another value is a conflict.
pub(super) fn write_once(
    write: &Write<'_>,
    kind: EntryKind,
    run: i64,
    key: &str,
    value: &str,
) -> Result<()> {
    match entries::get(write, kind, run, key)? {
        Some(present) if present == value => Ok(()),
        Some(present) => {
            let what = kind.as_str();
            Err(ApiError::conflict(format!(
                "the {what} `{key}` is `{}` and never changes",
                shortened(&present)
            ))
            .hint(format!("choose another key, or use a tag: tags may change, a {what} may not"))
            .into())
        }
        None => entries::set(write, kind, run, key, value),
    }
}

pub(super) fn set_all(
    write: &Write<'_>,
    kind: EntryKind,
    run: i64,
    added: &StringMap,
) -> Result<()> {
    added.iter().try_for_each(|(key, value)| entries::set(write, kind, run, key, value))
}

pub(super) fn check_entries(kind: EntryKind, entries: &StringMap) -> Result<()> {
    entries.iter().try_for_each(|(key, value)| check_entry(kind, key, value))
}

/// A key is a name; a value is any text without NUL, which no database keeps.
pub(super) fn check_entry(kind: EntryKind, key: &str, value: &str) -> Result<()> {
    let what = kind.as_str();
    check_name(what, key)?;
    if value.contains('\0') {
        return Err(ApiError::invalid(format!("the value of the {what} `{key}` contains a NUL"))
            .hint("leave the NUL character out")
            .into());
    }
    Ok(())
}

pub(super) fn parent_key(write: &Write<'_>, parent: Option<&str>) -> Result<Option<i64>> {
    let Some(given) = parent else { return Ok(None) };
    let head = store::runs::head(write, given)?;
    head.check_present()?;
    Ok(Some(head.key))
}

/// Tells listeners of a run that was just inserted, and returns it.
pub(super) fn announce(write: &mut Write<'_>, run_id: &str) -> Result<Run> {
    let head = store::runs::head(write, run_id)?;
    write.event(&head.scope(), EventKind::RunCreated)?;
    store::runs::get(write, run_id)
}

/// `<experiment>_<seconds>_<8 hex digits>`. The id is used in file names and by MLflow's clients, so
/// that only letters, digits, `-` and `_` of the experiment's name stand in it, and it does not begin
/// like an option of the shell's.
pub(super) fn new_run_id(experiment: &str) -> Result<String> {
    let readable: String = experiment
        .chars()
        .take(60)
        .map(|character| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => character,
            _ => '-',
        })
        .collect();
    let readable = readable.trim_start_matches(['_', '-']);
    let readable = if readable.is_empty() { "run" } else { readable };
    Ok(format!("{readable}_{}_{}", now_ms() / 1000, hex(&random::<4>()?)))
}

/// Makes the file to which the run's processes log.
pub(super) fn open_spool(app: &App, run_id: &str) -> Result<()> {
    let path = app.home.spool(run_id);
    OpenOptions::new()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map(drop)
        .while_trying(|| format!("making `{}`", path.display()))
}

/// A run that was not committed leaves no spool behind.
pub(super) fn forget_spool_on_error(app: &App, run_id: &str, result: Result<Run>) -> Result<Run> {
    if result.is_err()
        && let Err(error) = std::fs::remove_file(app.home.spool(run_id))
    {
        tracing::warn!(%error, run_id, "removing the spool of a run that was not made failed");
    }
    result
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 60 {
        return text.to_owned();
    }
    let beginning: String = text.chars().take(60).collect();
    format!("{beginning}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_id_is_a_file_name() {
        for experiment in ["diabetes", "../../etc", "Größe / Höhe", "...", &"x".repeat(200)] {
            let run_id = new_run_id(experiment).expect("random bytes are there");
            assert!(!run_id.contains('/') && !run_id.starts_with('.'), "{run_id}");
            assert!(run_id.len() < 90, "{run_id}");
        }
    }
}
