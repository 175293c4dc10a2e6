use std::collections::HashMap;

use lazuli_domain::search::{Names, RunFields};
use lazuli_domain::{ApiError, ProcessIdentity, Run, RunError, RunKind, RunStatus, StringMap};

use super::Connection;
use super::columns::{count, json, optional_from_json, run_kind, run_kind_name, status};
use super::entries::EntryKind;
use super::sql::{Dynamic, Row, after_prefix, params};
use super::writer::EventScope;
use super::{experiments, metrics, workspaces};
use crate::clock::now_ms;
use crate::error::Result;
use crate::nearest;

/// What decides about a run, without what was logged to it.
#[derive(Clone, Debug)]
pub struct RunHead {
    pub key: i64,
    pub run_id: String,
    pub workspace: String,
    pub experiment: String,
    pub kind: RunKind,
    pub status: RunStatus,
    pub owner: Option<ProcessIdentity>,
    pub spool_offset: u64,
    pub experiment_key: i64,
    pub deleted_at_ms: Option<i64>,
}

impl RunHead {
    /// Refuses to change what is deleted.
    pub fn check_present(&self) -> Result<(), ApiError> {
        if self.deleted_at_ms.is_some() {
            let run_id = &self.run_id;
            return Err(ApiError::conflict(format!("run `{run_id}` is deleted"))
                .hint(format!("bring it back with `lazuli run restore {run_id}`")));
        }
        Ok(())
    }

    pub fn scope(&self) -> EventScope {
        EventScope {
            workspace: self.workspace.clone(),
            experiment: Some(self.experiment.clone()),
            run_id: Some(self.run_id.clone()),
        }
    }
}

/// A row to be; the rest of a run comes later.
pub struct RunRow<'a> {
    pub run_id: &'a str,
    pub workspace: &'a str,
    pub experiment: i64,
    pub name: &'a str,
    pub kind: RunKind,
    pub status: RunStatus,
    pub parent: Option<i64>,
    pub user: &'a str,
    pub compute: &'a str,
    pub created_at_ms: i64,
    pub started_at_ms: Option<i64>,
    pub owner: Option<&'a ProcessIdentity>,
    pub snapshot_id: Option<&'a str>,
}

const SELECT: &str = "SELECT runs.key, runs.run_id, workspaces.name, experiments.name, runs.name,
        runs.kind, runs.status, parents.run_id, runs.user_name, runs.compute, runs.created_at_ms,
        runs.started_at_ms, runs.ended_at_ms, runs.error, runs.rejected_records,
        runs.rejected_reason, runs.deleted_at_ms, runs.activity, runs.snapshot_id
    FROM runs
    JOIN workspaces ON workspaces.key = runs.workspace
    JOIN experiments ON experiments.key = runs.experiment
    LEFT JOIN runs AS parents ON parents.key = runs.parent";

const SELECT_HEAD: &str = "SELECT runs.key, runs.run_id, workspaces.name, experiments.name,
        runs.kind, runs.status, runs.owner, runs.spool_offset, runs.experiment, runs.deleted_at_ms
    FROM runs
    JOIN workspaces ON workspaces.key = runs.workspace
    JOIN experiments ON experiments.key = runs.experiment";

pub fn insert(connection: &Connection, row: &RunRow<'_>) -> Result<i64> {
    let key = connection.value(
        "INSERT INTO runs (run_id, workspace, experiment, name, kind, status, parent, user_name,
            compute, created_at_ms, started_at_ms, owner, snapshot_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) RETURNING key",
        params![
            row.run_id,
            workspaces::key(connection, row.workspace)?,
            row.experiment,
            row.name,
            run_kind_name(row.kind),
            row.status.as_str(),
            row.parent,
            row.user,
            row.compute,
            row.created_at_ms,
            row.started_at_ms,
            row.owner.map(json).transpose()?,
            row.snapshot_id,
        ],
    )?;
    experiments::count_run(connection, row.experiment, 1, Some(row.created_at_ms))?;
    Ok(key)
}

/// The run with this id, or the only one whose id begins so.
pub fn head(connection: &Connection, given: &str) -> Result<RunHead> {
    let run_id = full_id(connection, given)?;
    match find_head(connection, &run_id)? {
        Some(head) => Ok(head),
        None => Err(ApiError::not_found("run", given).into()),
    }
}

/// The run with exactly this id, if there is one.
pub fn find_head(connection: &Connection, run_id: &str) -> Result<Option<RunHead>> {
    connection.row(&format!("{SELECT_HEAD} WHERE runs.run_id = ?1"), params![run_id], head_of_row)
}

pub fn head_by_key(connection: &Connection, key: i64) -> Result<Option<RunHead>> {
    connection.row(&format!("{SELECT_HEAD} WHERE runs.key = ?1"), params![key], head_of_row)
}

/// Runs that have not ended.
pub fn alive(connection: &Connection) -> Result<Vec<RunHead>> {
    connection.rows(
        &format!(
            "{SELECT_HEAD} WHERE runs.status NOT IN ('Completed', 'Failed', 'Canceled')
             ORDER BY runs.key"
        ),
        &[],
        head_of_row,
    )
}

pub fn get(connection: &Connection, given: &str) -> Result<Run> {
    let run_id = full_id(connection, given)?;
    let found =
        connection.rows(&format!("{SELECT} WHERE runs.run_id = ?1"), params![run_id], of_row)?;
    match filled(connection, found, &RunFields::all())?.pop() {
        Some(run) => Ok(run),
        None => Err(ApiError::not_found("run", given).into()),
    }
}

/// Runs in the order of these keys, with what `fields` asks for of what was logged to them.
pub(super) fn with_keys(
    connection: &Connection,
    keys: &[i64],
    fields: &RunFields,
) -> Result<Vec<Run>> {
    let mut found: HashMap<i64, Run> = HashMap::with_capacity(keys.len());
    for some in keys.chunks(MOST_AT_ONCE) {
        let mut query = Dynamic::new(SELECT);
        query.add_in(" WHERE runs.key", some);
        connection.each(query.sql(), &query.params(), |row| {
            found.extend([of_row(row)?]);
            Ok(true)
        })?;
    }
    let found = keys.iter().filter_map(|key| Some((*key, found.remove(key)?))).collect();
    filled(connection, found, fields)
}

/// Child runs, oldest first; without those that are deleted.
pub fn children(connection: &Connection, parent: i64, limit: usize) -> Result<Vec<Run>> {
    let found = connection.rows(
        &format!(
            "{SELECT} WHERE runs.parent = ?1 AND runs.deleted_at_ms IS NULL
             ORDER BY runs.key LIMIT ?2"
        ),
        params![parent, limit as i64],
        of_row,
    )?;
    filled(connection, found, &RunFields::all())
}

/// The runs with their tags, properties, parameters and metrics: one statement for each of these,
/// however many runs there are.
fn filled(connection: &Connection, found: Vec<(i64, Run)>, fields: &RunFields) -> Result<Vec<Run>> {
    let keys: Vec<i64> = found.iter().map(|(key, _)| *key).collect();
    let mut places = HashMap::with_capacity(keys.len());
    let mut runs = Vec::with_capacity(keys.len());
    for (place, (key, run)) in found.into_iter().enumerate() {
        places.insert(key, place);
        runs.push(run);
    }
    for some in keys.chunks(MOST_AT_ONCE) {
        for (kind, names) in [
            (EntryKind::Tag, &fields.tags),
            (EntryKind::Property, &fields.properties),
            (EntryKind::Parameter, &fields.parameters),
        ] {
            if names.is_none() {
                continue;
            }
            let mut query = Dynamic::new(format!("SELECT run, key, value FROM {}", kind.table()));
            query.add_in(" WHERE run", some);
            if let Names::Some(names) = names {
                query.add_in(" AND key", names);
            }
            connection.each(query.sql(), &query.params(), |row| {
                let run: &mut Run = &mut runs[places[&row.get::<i64>(0)?]];
                let entries = match kind {
                    EntryKind::Tag => &mut run.tags,
                    EntryKind::Property => &mut run.properties,
                    EntryKind::Parameter => &mut run.parameters,
                };
                entries.insert(row.get(1)?, row.get(2)?);
                Ok(true)
            })?;
        }
        if fields.metrics.is_none() {
            continue;
        }
        let names = match &fields.metrics {
            Names::Some(names) => Some(names.as_slice()),
            Names::None | Names::All => None,
        };
        for (key, summary) in metrics::summaries(connection, some, names)? {
            runs[places[&key]].metrics.push(summary);
        }
    }
    Ok(runs)
}

pub fn rename(connection: &Connection, run: i64, name: &str) -> Result<()> {
    connection.execute("UPDATE runs SET name = ?2 WHERE key = ?1", params![run, name])?;
    Ok(())
}

/// What the run waits for, in words; `None`: nothing any more. False when it is said already.
pub fn set_activity(connection: &Connection, run: i64, activity: Option<&str>) -> Result<bool> {
    let changed = connection.execute(
        "UPDATE runs SET activity = ?2
         WHERE key = ?1 AND coalesce(activity, '') <> coalesce(CAST(?2 AS TEXT), '')",
        params![run, activity],
    )?;
    Ok(changed > 0)
}

/// Moves the run on; the first status from which it works sets its start.
pub fn set_status(connection: &Connection, run: i64, status: RunStatus, now_ms: i64) -> Result<()> {
    connection.execute(
        "UPDATE runs SET status = ?2, activity = NULL,
                started_at_ms = CASE WHEN ?2 = 'Running' THEN coalesce(started_at_ms, ?3)
                                ELSE started_at_ms END
             WHERE key = ?1",
        params![run, status.as_str(), now_ms],
    )?;
    Ok(())
}

/// `ended_at_ms` is the time that a client gave, which stands as it is; without one it is now.
pub fn set_end(
    connection: &Connection,
    run: i64,
    status: RunStatus,
    error: Option<&RunError>,
    ended_at_ms: Option<i64>,
) -> Result<()> {
    connection.execute(
        // A clock that was set back meanwhile makes no run shorter than nothing.
        "UPDATE runs SET status = ?2, error = ?4, activity = NULL,
            ended_at_ms = CASE WHEN started_at_ms > ?3 THEN started_at_ms ELSE ?3 END
         WHERE key = ?1",
        params![run, status.as_str(), now_ms(), error.map(json).transpose()?],
    )?;
    match ended_at_ms {
        Some(_) => set_ended_at(connection, run, ended_at_ms),
        None => Ok(()),
    }
}

pub fn set_ended_at(connection: &Connection, run: i64, ended_at_ms: Option<i64>) -> Result<()> {
    connection
        .execute("UPDATE runs SET ended_at_ms = ?2 WHERE key = ?1", params![run, ended_at_ms])?;
    Ok(())
}

/// Takes the end back; the run gets a spool file anew, and what is counted in it begins at 0.
pub fn reopen(connection: &Connection, run: i64) -> Result<()> {
    connection.execute(
        "UPDATE runs SET ended_at_ms = NULL, error = NULL, spool_offset = 0, spool_records = 0,
            rejected_records = 0, rejected_reason = NULL
         WHERE key = ?1",
        params![run],
    )?;
    Ok(())
}

pub fn set_parent(connection: &Connection, run: i64, parent: i64) -> Result<()> {
    connection.execute("UPDATE runs SET parent = ?2 WHERE key = ?1", params![run, parent])?;
    Ok(())
}

/// True when `run` is `above`, or one of the runs below it.
pub fn is_below(connection: &Connection, run: i64, above: i64) -> Result<bool> {
    let found: i64 = connection.value(
        "WITH RECURSIVE line (key) AS (
            SELECT key FROM runs WHERE key = ?1
            UNION SELECT runs.parent FROM runs JOIN line ON runs.key = line.key
                WHERE runs.parent IS NOT NULL)
         SELECT count(*) FROM line WHERE key = ?2",
        params![run, above],
    )?;
    Ok(found > 0)
}

/// What was read from a spool more than before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Read {
    pub records: u64,
    pub points: u64,
}

/// How far the spool is committed, in bytes, and what the new part of it held.
pub fn set_spool_offset(connection: &Connection, run: i64, offset: u64, read: Read) -> Result<()> {
    connection.execute(
        "UPDATE runs SET spool_offset = ?2, spool_records = spool_records + ?3,
            spool_points = spool_points + ?4 WHERE key = ?1",
        params![run, offset as i64, read.records as i64, read.points as i64],
    )?;
    Ok(())
}

/// How far what the run logs on another machine has arrived, in bytes.
pub fn sent_offset(connection: &Connection, run: i64) -> Result<u64> {
    let sql = "SELECT sent_offset FROM sent_records WHERE run = ?1";
    let offset = connection.row(sql, params![run], |row| row.get::<i64>(0))?;
    Ok(offset.map_or(0, count))
}

pub fn set_sent_offset(connection: &Connection, run: i64, offset: u64) -> Result<()> {
    connection.execute(
        "INSERT INTO sent_records (run, sent_offset) VALUES (?1, ?2)
         ON CONFLICT (run) DO UPDATE SET sent_offset = excluded.sent_offset",
        params![run, offset as i64],
    )?;
    Ok(())
}

/// Points were committed, wherever they came from.
pub fn add_points(connection: &Connection, run: i64, points: u64) -> Result<()> {
    connection.execute(
        "UPDATE runs SET points = points + ?2 WHERE key = ?1",
        params![run, points as i64],
    )?;
    Ok(())
}

/// What is known of a run's records and points, each counted in its own place.
#[derive(Clone, Debug)]
pub struct Counters {
    pub status: RunStatus,
    pub spool_offset: u64,
    /// Records read from the spool.
    pub shipped: u64,
    pub rejected: u64,
    pub rejected_reason: Option<String>,
    /// Points as they were committed.
    pub points: u64,
    pub points_from_records: u64,
    /// Points as the metrics' summaries count them.
    pub points_summed: u64,
    /// Points that are there.
    pub points_stored: u64,
}

/// Reads the whole histories' index: for who wants to be sure, not for a list.
pub fn counters(connection: &Connection, run_id: &str) -> Result<Counters> {
    let counters = connection.row(
        "SELECT status, spool_offset, spool_records, rejected_records, rejected_reason, points,
            spool_points,
            (SELECT CAST(coalesce(sum(count), 0) AS BIGINT) FROM metrics WHERE run = runs.key),
            (SELECT count(*) FROM metric_points
             WHERE metric IN (SELECT key FROM metrics WHERE run = runs.key))
         FROM runs WHERE run_id = ?1",
        params![run_id],
        |row| {
            Ok(Counters {
                status: status(&row.get::<String>(0)?)?,
                spool_offset: count(row.get(1)?),
                shipped: count(row.get(2)?),
                rejected: count(row.get(3)?),
                rejected_reason: row.get(4)?,
                points: count(row.get(5)?),
                points_from_records: count(row.get(6)?),
                points_summed: count(row.get(7)?),
                points_stored: count(row.get(8)?),
            })
        },
    )?;
    match counters {
        Some(counters) => Ok(counters),
        None => Err(not_found(connection, run_id)?.into()),
    }
}

/// How far the spool is committed; nothing of a run that is not there.
pub fn spool_offset(connection: &Connection, run_id: &str) -> Result<u64> {
    let offset =
        connection.find("SELECT spool_offset FROM runs WHERE run_id = ?1", params![run_id])?;
    Ok(count(offset.unwrap_or(0)))
}

pub fn add_rejected(connection: &Connection, run: i64, records: u64, reason: &str) -> Result<()> {
    connection.execute(
        "UPDATE runs SET rejected_records = rejected_records + ?2, rejected_reason = ?3
             WHERE key = ?1",
        params![run, records as i64, reason],
    )?;
    Ok(())
}

/// Runs whose entries one statement reads.
const MOST_AT_ONCE: usize = 500;

const SHORTEST_PREFIX: usize = 4;

fn full_id(connection: &Connection, given: &str) -> Result<String> {
    let exact = connection.find("SELECT run_id FROM runs WHERE run_id = ?1", params![given])?;
    if let Some(run_id) = exact {
        return Ok(run_id);
    }
    if given.chars().count() < SHORTEST_PREFIX {
        return Err(ApiError::not_found("run", given)
            .hint(format!(
                "give the run's id or its first {SHORTEST_PREFIX} characters or more; `lazuli run list` shows the runs"
            ))
            .into());
    }
    let mut candidates: Vec<String> = connection.rows(
        "SELECT run_id FROM runs WHERE run_id >= ?1 AND run_id < ?2 ORDER BY key DESC LIMIT 4",
        params![given, after_prefix(given)],
        |row| row.get(0),
    )?;
    match candidates.len() {
        1 => Ok(candidates.remove(0)),
        0 => Err(not_found(connection, given)?.into()),
        several => {
            let shown: Vec<String> =
                candidates.iter().take(3).map(|run_id| format!("`{run_id}`")).collect();
            let more = if several > 3 { " and others" } else { "" };
            Err(ApiError::conflict(format!(
                "`{given}` is the beginning of several runs: {}{more}",
                shown.join(", ")
            ))
            .hint("give more of the run's id")
            .into())
        }
    }
}

fn not_found(connection: &Connection, given: &str) -> Result<ApiError> {
    let names: Vec<String> =
        connection
            .rows("SELECT run_id FROM runs ORDER BY key DESC LIMIT 500", &[], |row| row.get(0))?;
    let error = ApiError::not_found("run", given);
    Ok(match nearest::nearest(given, names.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`lazuli run list` shows the runs"),
    })
}

fn head_of_row(row: &Row<'_>) -> Result<RunHead> {
    Ok(RunHead {
        key: row.get(0)?,
        run_id: row.get(1)?,
        workspace: row.get(2)?,
        experiment: row.get(3)?,
        kind: run_kind(&row.get::<String>(4)?)?,
        status: status(&row.get::<String>(5)?)?,
        owner: optional_from_json("owner", row.get(6)?)?,
        spool_offset: count(row.get(7)?),
        experiment_key: row.get(8)?,
        deleted_at_ms: row.get(9)?,
    })
}

/// The run with its key, without what [`filled`] adds.
fn of_row(row: &Row<'_>) -> Result<(i64, Run)> {
    let run = Run {
        run_id: row.get(1)?,
        workspace: row.get(2)?,
        experiment: row.get(3)?,
        name: row.get(4)?,
        kind: run_kind(&row.get::<String>(5)?)?,
        status: status(&row.get::<String>(6)?)?,
        parent_run_id: row.get(7)?,
        user: row.get(8)?,
        compute: row.get(9)?,
        created_at_ms: row.get(10)?,
        started_at_ms: row.get(11)?,
        ended_at_ms: row.get(12)?,
        tags: StringMap::new(),
        properties: StringMap::new(),
        parameters: StringMap::new(),
        metrics: Vec::new(),
        activity: row.get(17)?,
        snapshot_id: row.get(18)?,
        error: optional_from_json("error", row.get(13)?)?,
        rejected_records: count(row.get(14)?),
        rejected_reason: row.get(15)?,
        deleted_at_ms: row.get(16)?,
    };
    Ok((row.get(0)?, run))
}
