use lazuli_domain::{ApiError, JobSpec, JobStage, ProcessIdentity, RunError, RunStatus};

use super::Connection;
use super::columns::{from_json, json, optional_from_json, status};
use super::sql::{Row, params};
use crate::error::Result;

/// A script run as the supervisor sees it.
#[derive(Clone, Debug)]
pub struct JobRecord {
    pub run_id: String,
    pub workspace: String,
    pub experiment: String,
    /// Of the run.
    pub status: RunStatus,
    pub parent_run_id: Option<String>,
    pub spec: JobSpec,
    pub stage: Option<JobStage>,
    /// Known from the agent's first report on, or as soon as the supervisor has started it.
    pub agent: Option<ProcessIdentity>,
    /// When the supervisor took it up; none: it waits.
    pub claimed_at_ms: Option<i64>,
}

const SELECT: &str = "SELECT runs.run_id, workspaces.name, experiments.name, runs.status,
        jobs.spec, jobs.stage, jobs.agent, jobs.claimed_at_ms, parents.run_id
    FROM jobs
    JOIN runs ON runs.key = jobs.run
    LEFT JOIN runs AS parents ON parents.key = runs.parent
    JOIN workspaces ON workspaces.key = runs.workspace
    JOIN experiments ON experiments.key = runs.experiment";

pub fn insert(connection: &Connection, run: i64, spec: &JobSpec) -> Result<()> {
    connection
        .execute("INSERT INTO jobs (run, spec) VALUES (?1, ?2)", params![run, json(spec)?])?;
    Ok(())
}

/// Jobs that nobody has taken up, oldest first.
pub fn queued(connection: &Connection) -> Result<Vec<JobRecord>> {
    select(
        connection,
        "WHERE jobs.claimed_at_ms IS NULL
            AND runs.status NOT IN ('Completed', 'Failed', 'Canceled') ORDER BY jobs.run",
    )
}

/// Jobs that were taken up and have not ended, oldest first.
pub fn active(connection: &Connection) -> Result<Vec<JobRecord>> {
    select(
        connection,
        "WHERE jobs.claimed_at_ms IS NOT NULL
            AND runs.status NOT IN ('Completed', 'Failed', 'Canceled') ORDER BY jobs.run",
    )
}

pub fn get(connection: &Connection, run: i64, run_id: &str) -> Result<JobRecord> {
    let found = connection.row(&format!("{SELECT} WHERE jobs.run = ?1"), params![run], of_row)?;
    found.ok_or_else(|| {
        ApiError::invalid(format!("run `{run_id}` is not a script run; it has no job")).into()
    })
}

pub fn claim(connection: &Connection, run: i64, now_ms: i64) -> Result<()> {
    connection
        .execute("UPDATE jobs SET claimed_at_ms = ?2 WHERE run = ?1", params![run, now_ms])?;
    Ok(())
}

pub fn set_agent(connection: &Connection, run: i64, agent: &ProcessIdentity) -> Result<()> {
    connection.execute("UPDATE jobs SET agent = ?2 WHERE run = ?1", params![run, json(agent)?])?;
    Ok(())
}

pub fn set_stage(connection: &Connection, run: i64, stage: JobStage) -> Result<()> {
    connection.execute("UPDATE jobs SET stage = ?2 WHERE run = ?1", params![run, json(&stage)?])?;
    Ok(())
}

pub fn set_declared_error(connection: &Connection, run: i64, error: &RunError) -> Result<()> {
    connection.execute(
        "UPDATE jobs SET declared_error = ?2 WHERE run = ?1",
        params![run, json(error)?],
    )?;
    Ok(())
}

/// What the script said of its own failure.
pub fn declared_error(connection: &Connection, run: i64) -> Result<Option<RunError>> {
    let text = connection.value("SELECT declared_error FROM jobs WHERE run = ?1", params![run])?;
    optional_from_json("declared_error", text)
}

fn select(connection: &Connection, condition: &str) -> Result<Vec<JobRecord>> {
    connection.rows(&format!("{SELECT} {condition}"), &[], of_row)
}

fn of_row(row: &Row<'_>) -> Result<JobRecord> {
    Ok(JobRecord {
        run_id: row.get(0)?,
        workspace: row.get(1)?,
        experiment: row.get(2)?,
        status: status(&row.get::<String>(3)?)?,
        spec: from_json("spec", &row.get::<String>(4)?)?,
        stage: optional_from_json("stage", row.get(5)?)?,
        agent: optional_from_json("agent", row.get(6)?)?,
        claimed_at_ms: row.get(7)?,
        parent_run_id: row.get(8)?,
    })
}
