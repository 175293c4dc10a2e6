//! A worker, and tables to ask it for.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use lazuli_domain::{
    ApiError, DataPath, DatasetFile, OpenDatastore, QueryJob, ResolvedTable, TableAsk,
    TableDefinition, TablePreview, TableProfile, TableSource, TableStep,
};
use serde_json::{Value, json};

pub struct Worker {
    process: Child,
    folder: tempfile::TempDir,
}

impl Worker {
    pub fn start() -> Worker {
        Worker::start_with(&[])
    }

    pub fn start_with(environment: &[(&str, &str)]) -> Worker {
        let folder = tempfile::tempdir().unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_lazuli-query"))
            .arg("--folder")
            .arg(folder.path())
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Worker { process, folder }
    }

    /// The data of the answer, or its error.
    pub fn ask(&mut self, job: &QueryJob) -> Result<Vec<u8>, ApiError> {
        let line = serde_json::to_string(job).unwrap();
        writeln!(self.process.stdin.as_mut().unwrap(), "{line}").unwrap();
        let output = self.process.stdout.as_mut().unwrap();
        let mut data = Vec::new();
        loop {
            let mut head = [0; 5];
            output.read_exact(&mut head).expect("the worker lives");
            let length = u32::from_le_bytes(head[1..].try_into().unwrap());
            let mut bytes = vec![0; length as usize];
            output.read_exact(&mut bytes).unwrap();
            match head[0] {
                b'd' => data.extend(bytes),
                b'e' => return Err(serde_json::from_slice(&bytes).unwrap()),
                b'z' => return Ok(data),
                kind => panic!("a frame of kind {kind}"),
            }
        }
    }

    #[track_caller]
    pub fn json(&mut self, job: &QueryJob) -> Value {
        let answer = self.ask(job).unwrap_or_else(|error| panic!("{error}"));
        serde_json::from_slice(&answer).unwrap()
    }

    #[track_caller]
    pub fn preview(&mut self, job: &mut QueryJob) -> TablePreview {
        job.ask = TableAsk::Preview { rows: 1000 };
        serde_json::from_value(self.json(job)).unwrap()
    }

    /// All rows, as text: a line per row, and the types first.
    #[track_caller]
    pub fn table(&mut self, job: &mut QueryJob) -> String {
        let preview = self.preview(job);
        let mut text = String::new();
        let columns: Vec<String> = preview
            .columns
            .iter()
            .map(|column| format!("{} {}", column.name, column.data_type))
            .collect();
        text.push_str(&columns.join(", "));
        for row in preview.rows {
            let values: Vec<String> = row.iter().map(Value::to_string).collect();
            text.push('\n');
            text.push_str(&values.join(" "));
        }
        text
    }

    #[track_caller]
    pub fn count(&mut self, job: &mut QueryJob) -> u64 {
        job.ask = TableAsk::Count;
        self.json(job)["count"].as_u64().unwrap()
    }

    #[track_caller]
    pub fn profile(&mut self, job: &mut QueryJob) -> TableProfile {
        job.ask = TableAsk::Profile;
        serde_json::from_value(self.json(job)).unwrap()
    }

    /// The message and the hint of what is refused.
    #[track_caller]
    pub fn refused(&mut self, job: &QueryJob) -> String {
        match self.ask(job) {
            Ok(_) => panic!("it should be refused"),
            Err(error) => error.to_string(),
        }
    }

    /// The most memory it has had, in megabytes.
    pub fn peak_memory(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kilobytes >> 10
    }

    /// What queries left where they may put what memory does not hold.
    pub fn left_behind(&self) -> usize {
        std::fs::read_dir(self.folder.path())
            .unwrap()
            .flatten()
            .map(|entry| match entry.path().is_dir() {
                true => std::fs::read_dir(entry.path()).unwrap().count(),
                false => 1,
            })
            .sum()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It ends when its input does; a test that failed in the middle need not wait.
        let _ended = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// A definition's source, as the API has it, over these files.
pub fn table(source: Value, files: Vec<DataPath>) -> ResolvedTable {
    let mut source = source;
    source["paths"] = serde_json::to_value(&files).unwrap();
    let source: TableSource = serde_json::from_value(source).unwrap();
    let files = files
        .into_iter()
        .map(|at| DatasetFile { at, relative_path: "x".into(), size: 0, modified_at_ms: 0 })
        .collect();
    let definition =
        TableDefinition { source, steps: Vec::new(), timestamp: None, partition_timestamp: None };
    ResolvedTable { definition, files, columns: None }
}

pub fn job(table: ResolvedTable) -> QueryJob {
    QueryJob {
        tables: BTreeMap::from([("table".to_owned(), table)]),
        sql: None,
        ask: TableAsk::Rows,
        datastores: BTreeMap::new(),
    }
}

pub fn sql(sql: &str, tables: Vec<(&str, ResolvedTable)>) -> QueryJob {
    let tables = tables.into_iter().map(|(name, table)| (name.to_owned(), table)).collect();
    QueryJob { tables, sql: Some(sql.to_owned()), ask: TableAsk::Rows, datastores: BTreeMap::new() }
}

pub fn with_step(mut job: QueryJob, step: Value) -> QueryJob {
    let step: TableStep = serde_json::from_value(step).unwrap();
    job.tables.get_mut("table").unwrap().definition.steps.push(step);
    job
}

pub fn with_datastore(mut job: QueryJob, name: &str, place: Value, credential: Value) -> QueryJob {
    let open = json!({"place": place, "credential": credential});
    let open: OpenDatastore = serde_json::from_value(open).unwrap();
    job.datastores.insert(name.to_owned(), open);
    job
}

/// Writes the files into the folder, and names them in that order.
pub fn files(folder: &Path, files: &[(&str, &[u8])]) -> Vec<DataPath> {
    files
        .iter()
        .map(|(name, content)| {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, content).unwrap();
            DataPath::Local { local: path.display().to_string() }
        })
        .collect()
}

pub fn csv(folder: &Path, named: &[(&str, &str)], options: Value) -> QueryJob {
    let named: Vec<(&str, &[u8])> =
        named.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    let mut source = json!({"format": "delimited"});
    source.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    job(table(source, files(folder, &named)))
}
