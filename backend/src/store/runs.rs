use lazuli_domain::{ApiError, Page, ProcessIdentity, Run, RunError, RunKind, RunStatus};
use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{count, json, optional_from_json, run_kind, run_kind_name, status};
use super::entries::{self, EntryKind};
use super::writer::EventScope;
use super::{experiments, metrics, workspaces};
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
}

impl RunHead {
    pub fn scope(&self) -> EventScope {
        EventScope {
            workspace: self.workspace.clone(),
            experiment: Some(self.experiment.clone()),
            run_id: Some(self.run_id.clone()),
        }
    }
}

/// Which runs a list shows.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    pub experiment: Option<String>,
    pub status: Option<RunStatus>,
    /// Full id of the parent.
    pub parent: Option<String>,
    /// Only runs made before the one with this key.
    pub before: Option<i64>,
    pub limit: usize,
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
}

const SELECT: &str = "SELECT runs.key, runs.run_id, workspaces.name, experiments.name, runs.name,
        runs.kind, runs.status, parents.run_id, runs.user, runs.compute, runs.created_at_ms,
        runs.started_at_ms, runs.ended_at_ms, runs.error, runs.rejected_records,
        runs.rejected_reason
    FROM runs
    JOIN workspaces ON workspaces.key = runs.workspace
    JOIN experiments ON experiments.key = runs.experiment
    LEFT JOIN runs AS parents ON parents.key = runs.parent";

const SELECT_HEAD: &str = "SELECT runs.key, runs.run_id, workspaces.name, experiments.name,
        runs.kind, runs.status, runs.owner, runs.spool_offset
    FROM runs
    JOIN workspaces ON workspaces.key = runs.workspace
    JOIN experiments ON experiments.key = runs.experiment";

pub fn insert(connection: &Connection, row: &RunRow<'_>) -> Result<i64> {
    connection
        .prepare_cached(
            "INSERT INTO runs (run_id, workspace, experiment, name, kind, status, parent, user,
                compute, created_at_ms, started_at_ms, owner)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
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
        ])?;
    Ok(connection.last_insert_rowid())
}

/// The run with this id, or the only one whose id begins so.
pub fn head(connection: &Connection, given: &str) -> Result<RunHead> {
    let run_id = full_id(connection, given)?;
    let mut statement =
        connection.prepare_cached(&format!("{SELECT_HEAD} WHERE runs.run_id = ?1"))?;
    let mut rows = statement.query([run_id.as_str()])?;
    match rows.next()? {
        Some(row) => head_of_row(row),
        None => Err(ApiError::not_found("run", given).into()),
    }
}

/// The run with exactly this id, if there is one.
pub fn find_head(connection: &Connection, run_id: &str) -> Result<Option<RunHead>> {
    let mut statement =
        connection.prepare_cached(&format!("{SELECT_HEAD} WHERE runs.run_id = ?1"))?;
    let mut rows = statement.query([run_id])?;
    rows.next()?.map(head_of_row).transpose()
}

/// Runs that have not ended.
pub fn alive(connection: &Connection) -> Result<Vec<RunHead>> {
    let mut statement = connection.prepare_cached(&format!(
        "{SELECT_HEAD} WHERE runs.status NOT IN ('Completed', 'Failed', 'Canceled')
         ORDER BY runs.key"
    ))?;
    let mut rows = statement.query([])?;
    let mut heads = Vec::new();
    while let Some(row) = rows.next()? {
        heads.push(head_of_row(row)?);
    }
    Ok(heads)
}

pub fn get(connection: &Connection, given: &str) -> Result<Run> {
    let run_id = full_id(connection, given)?;
    let mut statement = connection.prepare_cached(&format!("{SELECT} WHERE runs.run_id = ?1"))?;
    let mut rows = statement.query([run_id.as_str()])?;
    match rows.next()? {
        Some(row) => of_row(connection, row),
        None => Err(ApiError::not_found("run", given).into()),
    }
}

/// Newest first.
pub fn list(connection: &Connection, workspace: &str, filter: &RunFilter) -> Result<Page<Run>> {
    let workspace_key = workspaces::key(connection, workspace)?;
    let experiment = match &filter.experiment {
        Some(name) => Some(experiments::key(connection, workspace, name)?),
        None => None,
    };
    let parent = match &filter.parent {
        Some(given) => Some(head(connection, given)?.key),
        None => None,
    };
    // Only the conditions that are asked for stand in the statement, so that SQLite picks the index
    // that fits them.
    let mut sql = format!("{SELECT} WHERE runs.workspace = ?1 AND runs.key < ?2");
    for (wanted, condition) in [
        (experiment.is_some(), " AND runs.experiment = ?3"),
        (parent.is_some(), " AND runs.parent = ?4"),
        (filter.status.is_some(), " AND runs.status = ?5"),
    ] {
        if wanted {
            sql.push_str(condition);
        }
    }
    sql.push_str(" ORDER BY runs.key DESC LIMIT ?6");
    let mut statement = connection.prepare_cached(&sql)?;
    statement.raw_bind_parameter(1, workspace_key)?;
    statement.raw_bind_parameter(2, filter.before.unwrap_or(i64::MAX))?;
    if let Some(experiment) = experiment {
        statement.raw_bind_parameter(3, experiment)?;
    }
    if let Some(parent) = parent {
        statement.raw_bind_parameter(4, parent)?;
    }
    if let Some(status) = filter.status {
        statement.raw_bind_parameter(5, status.as_str())?;
    }
    // One more than asked for tells whether another page follows.
    statement.raw_bind_parameter(6, filter.limit as i64 + 1)?;
    let mut rows = statement.raw_query();
    let mut items = Vec::new();
    let mut last_key = None;
    while let Some(row) = rows.next()? {
        if items.len() == filter.limit {
            return Ok(Page { items, next_cursor: last_key.map(|key: i64| key.to_string()) });
        }
        last_key = Some(row.get(0)?);
        items.push(of_row(connection, row)?);
    }
    Ok(Page { items, next_cursor: None })
}

/// Child runs, oldest first.
pub fn children(connection: &Connection, parent: i64, limit: usize) -> Result<Vec<Run>> {
    let mut statement = connection
        .prepare_cached(&format!("{SELECT} WHERE runs.parent = ?1 ORDER BY runs.key LIMIT ?2"))?;
    let mut rows = statement.query(params![parent, limit as i64])?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        items.push(of_row(connection, row)?);
    }
    Ok(items)
}

pub fn rename(connection: &Connection, run: i64, name: &str) -> Result<()> {
    connection
        .prepare_cached("UPDATE runs SET name = ?2 WHERE key = ?1")?
        .execute(params![run, name])?;
    Ok(())
}

/// Moves the run on; the first status from which it works sets its start.
pub fn set_status(connection: &Connection, run: i64, status: RunStatus, now_ms: i64) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE runs SET status = ?2,
                started_at_ms = CASE WHEN ?2 = 'Running' THEN coalesce(started_at_ms, ?3)
                                ELSE started_at_ms END
             WHERE key = ?1",
        )?
        .execute(params![run, status.as_str(), now_ms])?;
    Ok(())
}

pub fn set_end(
    connection: &Connection,
    run: i64,
    status: RunStatus,
    error: Option<&RunError>,
    now_ms: i64,
) -> Result<()> {
    connection
        .prepare_cached("UPDATE runs SET status = ?2, ended_at_ms = ?3, error = ?4 WHERE key = ?1")?
        .execute(params![run, status.as_str(), now_ms, error.map(json).transpose()?])?;
    Ok(())
}

pub fn set_spool_offset(connection: &Connection, run: i64, offset: u64) -> Result<()> {
    connection
        .prepare_cached("UPDATE runs SET spool_offset = ?2 WHERE key = ?1")?
        .execute(params![run, offset as i64])?;
    Ok(())
}

pub fn add_rejected(connection: &Connection, run: i64, records: u64, reason: &str) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE runs SET rejected_records = rejected_records + ?2, rejected_reason = ?3
             WHERE key = ?1",
        )?
        .execute(params![run, records as i64, reason])?;
    Ok(())
}

/// Script runs alive on that compute target.
pub fn alive_on(connection: &Connection, compute: &str) -> Result<u64> {
    let alive = connection
        .prepare_cached(
            "SELECT count(*) FROM runs
             WHERE status NOT IN ('Completed', 'Failed', 'Canceled') AND compute = ?1
                AND kind = 'script'",
        )?
        .query_row([compute], |row| row.get(0))?;
    Ok(count(alive))
}

const SHORTEST_PREFIX: usize = 4;

fn full_id(connection: &Connection, given: &str) -> Result<String> {
    let exact = connection
        .prepare_cached("SELECT run_id FROM runs WHERE run_id = ?1")?
        .query_row([given], |row| row.get::<_, String>(0))
        .optional()?;
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
    let mut statement = connection.prepare_cached(
        "SELECT run_id FROM runs WHERE run_id >= ?1 AND run_id < ?1 || char(0x10FFFF)
         ORDER BY key DESC LIMIT 4",
    )?;
    let mut candidates =
        statement.query_map([given], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
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
    let mut statement =
        connection.prepare_cached("SELECT run_id FROM runs ORDER BY key DESC LIMIT 500")?;
    let names = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    let error = ApiError::not_found("run", given);
    Ok(match nearest::nearest(given, names.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`lazuli run list` shows the runs"),
    })
}

fn head_of_row(row: &rusqlite::Row<'_>) -> Result<RunHead> {
    Ok(RunHead {
        key: row.get(0)?,
        run_id: row.get(1)?,
        workspace: row.get(2)?,
        experiment: row.get(3)?,
        kind: run_kind(&row.get::<_, String>(4)?)?,
        status: status(&row.get::<_, String>(5)?)?,
        owner: optional_from_json("owner", row.get(6)?)?,
        spool_offset: count(row.get(7)?),
    })
}

fn of_row(connection: &Connection, row: &rusqlite::Row<'_>) -> Result<Run> {
    let key: i64 = row.get(0)?;
    Ok(Run {
        run_id: row.get(1)?,
        workspace: row.get(2)?,
        experiment: row.get(3)?,
        name: row.get(4)?,
        kind: run_kind(&row.get::<_, String>(5)?)?,
        status: status(&row.get::<_, String>(6)?)?,
        parent_run_id: row.get(7)?,
        user: row.get(8)?,
        compute: row.get(9)?,
        created_at_ms: row.get(10)?,
        started_at_ms: row.get(11)?,
        ended_at_ms: row.get(12)?,
        tags: entries::all(connection, EntryKind::Tag, key)?,
        properties: entries::all(connection, EntryKind::Property, key)?,
        parameters: entries::all(connection, EntryKind::Parameter, key)?,
        metrics: metrics::summaries(connection, key)?,
        error: optional_from_json("error", row.get(13)?)?,
        rejected_records: count(row.get(14)?),
        rejected_reason: row.get(15)?,
    })
}
