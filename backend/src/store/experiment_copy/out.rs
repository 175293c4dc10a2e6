use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, Write as _};

use lazuli_domain::{JobSpec, SnapshotFile};

use super::into::text;
use super::{OF_EXPERIMENT, OF_METRIC, OF_MODEL, OF_RUN, datasets};
use crate::error::{Error, FileContext, Result};
use crate::store::Connection;
use crate::store::columns::{self, from_json as json_column};
use crate::store::copy::{each_row, to_json};
use crate::store::schema::{self, Table};
use crate::store::snapshots;
use crate::store::sql::{Owned, params};

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

    /// The rows whose column has that value; the files that they refer to go into `digests`.
    fn rows_of(
        &mut self,
        connection: &Connection,
        column: &str,
        value: i64,
        digests: &mut HashSet<String>,
    ) -> Result<()> {
        let table = self.table.clone();
        let digest = table.columns.iter().position(|name| name == "sha256");
        each_row(connection, &table, Some((column, value)), |row| {
            if let Some(Owned::Text(sha256)) = digest.and_then(|at| row.get(at)) {
                digests.insert(sha256.clone());
            }
            self.row(&row)
        })
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
    experiments_out.rows_of(connection, "key", experiment, &mut digests)?;

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
    let mut snapshot_ids = HashSet::new();
    for key in &keys {
        runs_out.rows_of(connection, "key", *key, &mut digests)?;
        for out in &mut of_run {
            out.rows_of(connection, "run", *key, &mut digests)?;
        }
        let metrics: Vec<i64> = connection.rows(
            "SELECT key FROM metrics WHERE run = ?1 ORDER BY key",
            params![key],
            |row| row.get(0),
        )?;
        for metric in metrics {
            for out in &mut of_metric {
                out.rows_of(connection, "metric", metric, &mut digests)?;
            }
        }
        let spec: Option<String> =
            connection.find("SELECT spec FROM jobs WHERE run = ?1", params![key])?;
        if let Some(spec) = spec {
            snapshot_ids.insert(json_column::<JobSpec>("spec", &spec)?.snapshot_id);
        }
        let own: Option<Option<String>> =
            connection.row("SELECT snapshot_id FROM runs WHERE key = ?1", params![key], |row| {
                row.get(0)
            })?;
        snapshot_ids.extend(own.flatten());
    }
    let mut of_experiment =
        OF_EXPERIMENT.iter().map(|name| begin(name)).collect::<Result<Vec<Out>>>()?;
    for out in &mut of_experiment {
        let table = out.table.clone();
        let deleted = table.columns.iter().position(|name| name == "deleted_at_ms");
        each_row(connection, &table, Some(("experiment", experiment)), |row| {
            match deleted.and_then(|at| row.get(at)) {
                None | Some(Owned::Null) => out.row(&row),
                Some(_) => Ok(()),
            }
        })?;
    }
    let mut of_model = OF_MODEL.iter().map(|name| begin(name)).collect::<Result<Vec<Out>>>()?;
    let models: Vec<i64> = connection.rows(
        "SELECT key FROM logged_models WHERE experiment = ?1 AND deleted_at_ms IS NULL
         ORDER BY key",
        params![experiment],
        |row| row.get(0),
    )?;
    for model in models {
        for out in &mut of_model {
            out.rows_of(connection, "model", model, &mut digests)?;
        }
    }
    let [names_out, versions_out] = datasets::TABLES.map(&mut begin);
    let (mut names_out, mut versions_out) = (names_out?, versions_out?);
    let used = datasets::used_by(connection, &keys)?;
    for name in &used.names {
        let table = names_out.table.clone();
        each_row(connection, &table, Some(("key", *name)), |row| names_out.row(&row))?;
    }
    for version in &used.versions {
        let table = versions_out.table.clone();
        each_row(connection, &table, Some(("key", *version)), |row| {
            digests.insert(text(&table, &row, "sha256")?);
            versions_out.row(&row)
        })?;
    }
    let mut snapshots_out = begin("snapshots")?;
    for snapshot_id in &snapshot_ids {
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
        for file in snapshots::get(connection, snapshot_id)?.files {
            let SnapshotFile { sha256, .. } = file;
            digests.insert(sha256);
        }
    }
    let mut copied = Vec::new();
    for out in [experiments_out, snapshots_out, runs_out, names_out, versions_out]
        .into_iter()
        .chain(of_experiment)
        .chain(of_run)
        .chain(of_metric)
        .chain(of_model)
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
        left_out: columns::count(left_out),
    })
}
