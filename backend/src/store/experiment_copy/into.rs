use std::collections::HashMap;

use lazuli_domain::{ApiError, EventKind, StringMap};

use super::OF_METRIC;
use super::datasets::DatasetsIn;
use crate::error::{Error, Result};
use crate::store::columns::from_json as json_column;
use crate::store::copy::Inserter;
use crate::store::schema::{self, Table};
use crate::store::sql::{Bind, Owned, params};
use crate::store::{EventScope, Write, experiments, logged_models, runs, workspaces};

/// Tables whose rows get new keys, and those whose rows may be here: not written in bulk.
const HAVE_KEYS: [&str; 8] = [
    "experiments",
    "runs",
    "snapshots",
    "registered_datasets",
    "dataset_versions",
    "datasets",
    "logged_models",
    "metrics",
];

/// Takes rows in, table by table, in the order in which [`super::copy_out`] wrote them.
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
    datasets: HashMap<i64, i64>,
    models: HashMap<i64, i64>,
    registered_datasets: DatasetsIn,
    /// Ids that changed because others have them here: of runs and of logged models.
    renamed: HashMap<String, String>,
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
            datasets: HashMap::new(),
            models: HashMap::new(),
            registered_datasets: DatasetsIn::default(),
            renamed: HashMap::new(),
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
                if !HAVE_KEYS.contains(&name) {
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
            "registered_datasets" => self.registered_datasets.name(&table, &row),
            "dataset_versions" => self.dataset_version(&table, row),
            "datasets" => self.dataset(&table, row),
            "logged_models" => self.logged_model(&table, row),
            "metrics" => {
                let Some(run) = self.moved(&table, &row, "run", &self.runs)? else { return Ok(()) };
                let old = integer(&table, &row, "key")?;
                set(&table, &mut row, "run", Owned::Integer(run))?;
                let new = self.insert(&table, row)?;
                self.metrics.insert(old, new);
                Ok(())
            }
            name => {
                if OF_METRIC.contains(&name) {
                    return self.belonging(&table, row, &["metric"]);
                }
                match name {
                    "jobs" => set(&table, &mut row, "agent", Owned::Null)?,
                    "dataset_uses" => {
                        let version = integer(&table, &row, "dataset")?;
                        let Some(version) = self.registered_datasets.version(version) else {
                            return Ok(());
                        };
                        set(&table, &mut row, "dataset", Owned::Integer(version))?;
                    }
                    "run_models" => self.rename(&table, &mut row, "model_id")?,
                    "proxied_artifacts" => self.move_path(&table, &mut row)?,
                    _ => {}
                }
                match name {
                    "run_datasets" => self.belonging(&table, row, &["run", "dataset"]),
                    "logged_model_metrics" => self.belonging(&table, row, &["model", "run"]),
                    "proxied_artifacts" => self.belonging(&table, row, &["model"]),
                    _ => self.belonging(&table, row, &["run"]),
                }
            }
        }
    }

    /// Keeps a row under the keys here of what it belongs to, where all of that came in.
    fn belonging(&mut self, table: &Table, mut row: Vec<Owned>, columns: &[&str]) -> Result<()> {
        for column in columns {
            let keys = match *column {
                "metric" => &self.metrics,
                "dataset" => &self.datasets,
                "model" => &self.models,
                _ => &self.runs,
            };
            let Some(key) = self.moved(table, &row, column, keys)? else { return Ok(()) };
            set(table, &mut row, column, Owned::Integer(key))?;
        }
        self.bulk.as_mut().map_or(Ok(()), |bulk| bulk.add(row))
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
        let (experiment, name) = self.known_experiment()?;
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
            self.renamed.insert(old_id.clone(), run_id.clone());
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

    /// What runs read, as MLflow was told; another import may have brought it.
    fn dataset(&mut self, table: &Table, mut row: Vec<Owned>) -> Result<()> {
        let (experiment, _) = self.known_experiment()?;
        let old = integer(table, &row, "key")?;
        let [name, digest] = [text(table, &row, "name")?, text(table, &row, "digest")?];
        let present = self.write.find(
            "SELECT key FROM datasets WHERE experiment = ?1 AND name = ?2 AND digest = ?3",
            params![experiment, name, digest],
        )?;
        set(table, &mut row, "experiment", Owned::Integer(experiment))?;
        let key = match present {
            Some(key) => key,
            None => self.insert(table, row)?,
        };
        self.datasets.insert(old, key);
        Ok(())
    }

    /// A version that is here already is not brought in twice.
    fn dataset_version(&mut self, table: &Table, mut row: Vec<Owned>) -> Result<()> {
        let run = match cell(table, &row, "run")? {
            Owned::Integer(run) => self.runs.get(run).map(|key| Owned::Integer(*key)),
            _ => None,
        };
        set(table, &mut row, "run", run.unwrap_or(Owned::Null))?;
        let old = integer(table, &row, "key")?;
        let placed =
            self.registered_datasets.place(self.write, self.workspace_key, table, &mut row)?;
        let new = match placed {
            Some(here) => here,
            None => self.insert(table, row)?,
        };
        self.registered_datasets.moved(old, new);
        Ok(())
    }

    fn logged_model(&mut self, table: &Table, mut row: Vec<Owned>) -> Result<()> {
        let (experiment, name) = self.known_experiment()?;
        let old_id = text(table, &row, "model_id")?;
        let mut model_id = old_id.clone();
        if let Some((_, present)) = logged_models::find(self.write, &model_id)? {
            if present.experiment_id == experiment {
                return Ok(());
            }
            model_id = format!("m-{}", &digest_of_copy(&old_id, &self.workspace, &name)[..32]);
            self.renamed.insert(old_id, model_id.clone());
            if logged_models::find(self.write, &model_id)?.is_some() {
                return Ok(());
            }
        }
        let old = integer(table, &row, "key")?;
        set(table, &mut row, "experiment", Owned::Integer(experiment))?;
        set(table, &mut row, "model_id", Owned::Text(model_id))?;
        self.rename(table, &mut row, "source_run_id")?;
        let key = self.insert(table, row)?;
        self.models.insert(old, key);
        Ok(())
    }

    /// Writes the id that a run or a model has here.
    fn rename(&self, table: &Table, row: &mut [Owned], column: &str) -> Result<()> {
        match self.renamed.get(&text(table, row, column)?) {
            Some(id) => set(table, row, column, Owned::Text(id.clone())),
            None => Ok(()),
        }
    }

    /// `<experiment>/models/<model_id>/…` with the experiment's key and the model's id of this place.
    fn move_path(&self, table: &Table, row: &mut [Owned]) -> Result<()> {
        let (experiment, _) = self.known_experiment()?;
        let path = text(table, row, "path")?;
        let mut parts = path.splitn(4, '/').skip(2);
        let (Some(model_id), Some(rest)) = (parts.next(), parts.next()) else {
            return Err(malformed(table, "path").into());
        };
        let model_id = self.renamed.get(model_id).map_or(model_id, String::as_str);
        set(table, row, "path", Owned::Text(format!("{experiment}/models/{model_id}/{rest}")))
    }

    fn known_experiment(&self) -> Result<(i64, String)> {
        self.experiment.clone().ok_or_else(|| {
            ApiError::invalid("the archive holds rows before their experiment").into()
        })
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
    let digest = digest_of_copy(run_id, workspace, experiment);
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
    format!("{readable}_{seconds}_{}", &digest[..8])
}

fn digest_of_copy(id: &str, workspace: &str, experiment: &str) -> String {
    use sha2::{Digest, Sha256};
    crate::home::hex(&Sha256::digest(format!("{id}\0{workspace}\0{experiment}")))
}

pub(super) fn cell<'r>(table: &Table, row: &'r [Owned], column: &str) -> Result<&'r Owned> {
    let at = table.columns.iter().position(|name| name == column);
    at.and_then(|at| row.get(at))
        .ok_or_else(|| Error::Defect(format!("`{}` has no column `{column}`", table.name)))
}

pub(super) fn set(table: &Table, row: &mut [Owned], column: &str, value: Owned) -> Result<()> {
    let at = table.columns.iter().position(|name| name == column);
    match at.and_then(|at| row.get_mut(at)) {
        Some(cell) => *cell = value,
        None => return Err(Error::Defect(format!("`{}` has no column `{column}`", table.name))),
    }
    Ok(())
}

pub(super) fn integer(table: &Table, row: &[Owned], column: &str) -> Result<i64> {
    match cell(table, row, column)? {
        Owned::Integer(value) => Ok(*value),
        _ => Err(malformed(table, column).into()),
    }
}

pub(super) fn text(table: &Table, row: &[Owned], column: &str) -> Result<String> {
    match cell(table, row, column)? {
        Owned::Text(text) => Ok(text.clone()),
        _ => Err(malformed(table, column).into()),
    }
}

fn malformed(table: &Table, column: &str) -> ApiError {
    ApiError::invalid(format!("the archive has a malformed `{column}` in its {}", table.name))
}
