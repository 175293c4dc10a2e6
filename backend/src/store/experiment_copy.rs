//! The rows of one experiment out, and in somewhere else: with other keys, in another workspace,
//! perhaps in another database.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufWriter, Write as _};

use lazuli_domain::{ApiError, EventKind, JobSpec, SnapshotFile, StringMap};

use super::columns::from_json as json_column;
use super::copy::{Inserter, each_row, to_json};
use super::schema::{self, Table};
use super::sql::{Bind, Owned, params};
use super::{Connection, EventScope, Write, experiments, runs, workspaces};
use crate::error::{Error, FileContext, Result};

/// What belongs to a run, by the column `run`.
const OF_RUN: [&str; 6] =
    ["run_tags", "run_properties", "run_parameters", "metrics", "artifacts", "jobs"];
/// What belongs to a metric, by the column `metric`.
const OF_METRIC: [&str; 2] = ["metric_points", "metric_stretches"];

/// What an archive of an experiment holds.
pub struct Copied {
    pub tables: Vec<(String, File)>,
    /// Digests of the files that its rows refer to.
    pub digests: HashSet<String>,
    pub runs: u64,
    /// Runs that go on, which are left out.
    pub left_out: u64,
}

struct Out {
    table: Table,
    file: BufWriter<File>,
}

impl Out {
    fn row(&mut self, row: &[Owned]) -> Result<()> {
        writeln!(self.file, "{}", to_json(row))
            .while_trying(|| format!("writing the rows of `{}`", self.table.name))
    }
}

/// Copies the experiment and its runs that have ended and are not deleted. `make` makes a file.
pub fn copy_out(
    connection: &Connection,
    experiment: i64,
    mut make: impl FnMut() -> Result<File>,
) -> Result<Copied> {
    let tables = schema::tables(connection)?;
    let mut begin = |name: &str| -> Result<Out> {
        let table = tables
            .iter()
            .find(|table| table.name == name)
            .cloned()
            .ok_or_else(|| Error::Defect(format!("there is no table `{name}`")))?;
        let mut out = Out { table, file: BufWriter::with_capacity(1 << 18, make()?) };
        let names: Vec<Owned> = out.table.columns.iter().cloned().map(Owned::Text).collect();
        out.row(&names)?;
        Ok(out)
    };
    let mut digests = HashSet::new();
    let mut experiments_out = begin("experiments")?;
    let table = experiments_out.table.clone();
    each_row(connection, &table, Some(("key", experiment)), |row| experiments_out.row(&row))?;

    let ended = "status IN ('Completed', 'Failed', 'Canceled')";
    let keys: Vec<i64> = connection.rows(
        &format!(
            "SELECT key FROM runs WHERE experiment = ?1 AND deleted_at_ms IS NULL AND {ended}
             ORDER BY key"
        ),
        params![experiment],
        |row| row.get(0),
    )?;
    let left_out: i64 = connection.value(
        &format!(
            "SELECT count(*) FROM runs WHERE experiment = ?1 AND deleted_at_ms IS NULL
                AND NOT ({ended})"
        ),
        params![experiment],
    )?;
    let mut runs_out = begin("runs")?;
    let mut of_run = OF_RUN.iter().map(|name| begin(name)).collect::<Result<Vec<Out>>>()?;
    let mut of_metric = OF_METRIC.iter().map(|name| begin(name)).collect::<Result<Vec<Out>>>()?;
    let mut snapshots = HashSet::new();
    for key in &keys {
        let table = runs_out.table.clone();
        each_row(connection, &table, Some(("key", *key)), |row| runs_out.row(&row))?;
        for out in &mut of_run {
            let table = out.table.clone();
            let at = |column: &str| table.columns.iter().position(|name| name == column);
            let (digest, spec) = (at("sha256"), at("spec"));
            each_row(connection, &table, Some(("run", *key)), |row| {
                if let Some(Owned::Text(sha256)) = digest.and_then(|at| row.get(at)) {
                    digests.insert(sha256.clone());
                }
                if let Some(Owned::Text(spec)) = spec.and_then(|at| row.get(at)) {
                    snapshots.insert(json_column::<JobSpec>("spec", spec)?.snapshot_id);
                }
                out.row(&row)
            })?;
        }
        let metrics: Vec<i64> = connection.rows(
            "SELECT key FROM metrics WHERE run = ?1 ORDER BY key",
            params![key],
            |row| row.get(0),
        )?;
        for metric in metrics {
            for out in &mut of_metric {
                let table = out.table.clone();
                each_row(connection, &table, Some(("metric", metric)), |row| out.row(&row))?;
            }
        }
    }
    let mut snapshots_out = begin("snapshots")?;
    for snapshot_id in &snapshots {
        let columns = snapshots_out.table.columns.join(", ");
        connection.each(
            &format!("SELECT {columns} FROM snapshots WHERE snapshot_id = ?1"),
            params![snapshot_id],
            |row| {
                let row: Vec<Owned> = (0..snapshots_out.table.columns.len())
                    .map(|at| row.owned(at))
                    .collect::<Result<_>>()?;
                snapshots_out.row(&row)?;
                Ok(true)
            },
        )?;
        for file in super::snapshots::get(connection, snapshot_id)?.files {
            let SnapshotFile { sha256, .. } = file;
            digests.insert(sha256);
        }
    }
    let mut copied = Vec::new();
    for out in [experiments_out, snapshots_out, runs_out].into_iter().chain(of_run).chain(of_metric)
    {
        let file = out
            .file
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)
            .while_trying(|| "writing rows".into())?;
        copied.push((out.table.name, file));
    }
    Ok(Copied {
        tables: copied,
        digests,
        runs: keys.len() as u64,
        left_out: super::columns::count(left_out),
    })
}

/// Takes rows in, table by table, in the order in which [`copy_out`] wrote them.
pub struct CopyIn<'a> {
    write: &'a Write<'a>,
    known: Vec<Table>,
    workspace: String,
    workspace_key: i64,
    name: Option<String>,
    now_ms: i64,
    /// Key and name of the experiment, once its row has come.
    experiment: Option<(i64, String)>,
    runs: HashMap<i64, i64>,
    metrics: HashMap<i64, i64>,
    pub new_runs: Vec<String>,
    pub present: u64,
    /// What is written in bulk, of the table that comes now.
    bulk: Option<Inserter<'a>>,
    table: Option<Table>,
}

impl<'a> CopyIn<'a> {
    pub fn new(
        write: &'a Write<'a>,
        workspace: &str,
        name: Option<String>,
        now_ms: i64,
    ) -> Result<CopyIn<'a>> {
        Ok(CopyIn {
            write,
            known: schema::tables(write)?,
            workspace: workspace.to_owned(),
            workspace_key: workspaces::key(write, workspace)?,
            name,
            now_ms,
            experiment: None,
            runs: HashMap::new(),
            metrics: HashMap::new(),
            new_runs: Vec::new(),
            present: 0,
            bulk: None,
            table: None,
        })
    }

    /// The rows that follow are of this table.
    pub fn begin(&mut self, name: &str, columns: &[Owned]) -> Result<()> {
        self.end()?;
        let table = self.known.iter().find(|table| table.name == name).cloned();
        let is_same = |table: &Table| {
            table.columns.len() == columns.len()
                && table
                    .columns
                    .iter()
                    .zip(columns)
                    .all(|(known, given)| matches!(given, Owned::Text(given) if given == known))
        };
        match table.filter(is_same) {
            Some(table) => {
                if OF_METRIC.contains(&name) || (OF_RUN.contains(&name) && name != "metrics") {
                    self.bulk = Some(Inserter::new(self.write, name, &table.columns));
                }
                self.table = Some(table);
                Ok(())
            }
            None => {
                Err(ApiError::invalid("the archive holds a table that this version does not know")
                    .hint("use the version of Lazuli that wrote it")
                    .into())
            }
        }
    }

    pub fn row(&mut self, mut row: Vec<Owned>) -> Result<()> {
        let Some(table) = self.table.clone() else { return Ok(()) };
        if row.len() != table.columns.len() {
            return Err(ApiError::invalid("the archive holds a row of another length").into());
        }
        match table.name.as_str() {
            "experiments" => self.experiment(&table, &row),
            "runs" => self.run(&table, row),
            "snapshots" => self.snapshot(&table, &row),
            "metrics" => {
                let Some(run) = self.moved(&table, &row, "run", &self.runs)? else { return Ok(()) };
                let old = integer(&table, &row, "key")?;
                set(&table, &mut row, "run", Owned::Integer(run))?;
                let new = self.insert(&table, row)?;
                self.metrics.insert(old, new);
                Ok(())
            }
            name => {
                let (column, keys) = match OF_METRIC.contains(&name) {
                    true => ("metric", &self.metrics),
                    false => ("run", &self.runs),
                };
                let Some(key) = self.moved(&table, &row, column, keys)? else { return Ok(()) };
                set(&table, &mut row, column, Owned::Integer(key))?;
                if name == "jobs" {
                    set(&table, &mut row, "agent", Owned::Null)?;
                }
                self.bulk.as_mut().map_or(Ok(()), |bulk| bulk.add(row))
            }
        }
    }

    /// Writes what is left; the name of the experiment.
    pub fn finish(mut self) -> Result<(String, Vec<String>, u64)> {
        self.end()?;
        match self.experiment {
            Some((_, name)) => Ok((name, self.new_runs, self.present)),
            None => Err(ApiError::invalid("the archive holds no experiment").into()),
        }
    }

    fn end(&mut self) -> Result<()> {
        self.table = None;
        self.bulk.take().map_or(Ok(()), Inserter::finish)
    }

    fn experiment(&mut self, table: &Table, row: &[Owned]) -> Result<()> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => text(table, row, "name")?,
        };
        lazuli_domain::check_name("experiment", &name)?;
        let tags: StringMap = json_column("tags", &text(table, row, "tags")?)?;
        let key = experiments::ensure(self.write, &self.workspace, &name, &tags, self.now_ms)?;
        self.experiment = Some((key, name));
        Ok(())
    }

    fn run(&mut self, table: &Table, mut row: Vec<Owned>) -> Result<()> {
        let Some((experiment, name)) = self.experiment.clone() else {
            return Err(ApiError::invalid("the archive holds runs before their experiment").into());
        };
        let old = integer(table, &row, "key")?;
        let old_id = text(table, &row, "run_id")?;
        let mut run_id = old_id.clone();
        if let Some(head) = runs::find_head(self.write, &run_id)? {
            if head.experiment_key == experiment {
                self.present += 1;
                return Ok(());
            }
            // Another experiment of this home has it: a copy gets an id of its own, and the same one
            // when it is brought in again.
            run_id = id_of_copy(&old_id, &self.workspace, &name);
            if runs::find_head(self.write, &run_id)?.is_some() {
                self.present += 1;
                return Ok(());
            }
        }
        if matches!(cell(table, &row, "name")?, Owned::Text(name) if *name == old_id) {
            set(table, &mut row, "name", Owned::Text(run_id.clone()))?;
        }
        let parent = match cell(table, &row, "parent")? {
            Owned::Integer(parent) => self.runs.get(parent).map(|key| Owned::Integer(*key)),
            _ => None,
        };
        let created_at_ms = integer(table, &row, "created_at_ms")?;
        for (column, value) in [
            ("run_id", Owned::Text(run_id.clone())),
            ("workspace", Owned::Integer(self.workspace_key)),
            ("experiment", Owned::Integer(experiment)),
            ("parent", parent.unwrap_or(Owned::Null)),
            ("owner", Owned::Null),
            ("deleted_at_ms", Owned::Null),
        ] {
            set(table, &mut row, column, value)?;
        }
        let key = self.insert(table, row)?;
        experiments::count_run(self.write, experiment, 1, Some(created_at_ms))?;
        self.runs.insert(old, key);
        self.new_runs.push(run_id);
        Ok(())
    }

    fn snapshot(&self, table: &Table, row: &[Owned]) -> Result<()> {
        let places: Vec<String> = (1..=row.len()).map(|at| format!("?{at}")).collect();
        let sql = format!(
            "INSERT INTO snapshots ({}) VALUES ({}) ON CONFLICT (snapshot_id) DO NOTHING",
            table.columns.join(", "),
            places.join(", ")
        );
        let bound: Vec<&dyn Bind> = row.iter().map(|value| value as &dyn Bind).collect();
        self.write.execute(&sql, &bound)?;
        Ok(())
    }

    /// Inserts the row under a new key.
    fn insert(&self, table: &Table, row: Vec<Owned>) -> Result<i64> {
        let (columns, values): (Vec<&str>, Vec<Owned>) = table
            .columns
            .iter()
            .map(String::as_str)
            .zip(row)
            .filter(|(column, _)| *column != "key")
            .unzip();
        let places: Vec<String> = (1..=values.len()).map(|at| format!("?{at}")).collect();
        let sql = format!(
            "INSERT INTO {} ({}) VALUES ({}) RETURNING key",
            table.name,
            columns.join(", "),
            places.join(", ")
        );
        let bound: Vec<&dyn Bind> = values.iter().map(|value| value as &dyn Bind).collect();
        self.write.value(&sql, &bound)
    }

    /// The key here of what the row belongs to; `None` when that was here already.
    fn moved(
        &self,
        table: &Table,
        row: &[Owned],
        column: &str,
        keys: &HashMap<i64, i64>,
    ) -> Result<Option<i64>> {
        Ok(keys.get(&integer(table, row, column)?).copied())
    }
}

/// Tells listeners of the runs that came in.
pub fn announce(write: &mut Write<'_>, workspace: &str, name: &str, runs: &[String]) -> Result<()> {
    for run_id in runs {
        let scope = EventScope {
            workspace: workspace.to_owned(),
            experiment: Some(name.to_owned()),
            run_id: Some(run_id.clone()),
        };
        write.event(&scope, EventKind::RunCreated)?;
    }
    Ok(())
}

/// Of the same form as every run's id.
fn id_of_copy(run_id: &str, workspace: &str, experiment: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(format!("{run_id}\0{workspace}\0{experiment}"));
    let readable: String = experiment
        .chars()
        .take(60)
        .map(
            |letter| {
                if letter.is_ascii_alphanumeric() || "-_".contains(letter) { letter } else { '-' }
            },
        )
        .collect();
    let readable = readable.trim_start_matches(['_', '-']);
    let readable = if readable.is_empty() { "run" } else { readable };
    let seconds = run_id.rsplit('_').nth(1).filter(|part| part.bytes().all(|b| b.is_ascii_digit()));
    let seconds = seconds.filter(|part| !part.is_empty()).unwrap_or("0");
    format!("{readable}_{seconds}_{}", crate::home::hex(&digest[..4]))
}

fn cell<'r>(table: &Table, row: &'r [Owned], column: &str) -> Result<&'r Owned> {
    let at = table.columns.iter().position(|name| name == column);
    at.and_then(|at| row.get(at))
        .ok_or_else(|| Error::Defect(format!("`{}` has no column `{column}`", table.name)))
}

fn set(table: &Table, row: &mut [Owned], column: &str, value: Owned) -> Result<()> {
    let at = table.columns.iter().position(|name| name == column);
    match at.and_then(|at| row.get_mut(at)) {
        Some(cell) => *cell = value,
        None => return Err(Error::Defect(format!("`{}` has no column `{column}`", table.name))),
    }
    Ok(())
}

fn integer(table: &Table, row: &[Owned], column: &str) -> Result<i64> {
    match cell(table, row, column)? {
        Owned::Integer(value) => Ok(*value),
        _ => Err(malformed(table, column).into()),
    }
}

fn text(table: &Table, row: &[Owned], column: &str) -> Result<String> {
    match cell(table, row, column)? {
        Owned::Text(text) => Ok(text.clone()),
        _ => Err(malformed(table, column).into()),
    }
}

fn malformed(table: &Table, column: &str) -> ApiError {
    ApiError::invalid(format!("the archive has a malformed `{column}` in its {}", table.name))
}
