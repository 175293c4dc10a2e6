//! What a workspace knows, as the editor needs it: names, and a few words about each. A snapshot:
//! whoever reads it is not disturbed by the next one.

use std::collections::HashMap;
use std::sync::Arc;

use lazuli_actions::count;
use lazuli_commands::NameKind;
use lazuli_domain::readable::{byte_size, number, shorten};
use lazuli_domain::{
    ComputeKind, DatasetKind, InstanceState, LinkState, MachineView, MetricValue, Run, RunKind,
    TableColumn,
};

/// More candidates than this help nobody; the editor asks again when more is typed.
pub const MOST_CANDIDATES: usize = 200;
/// The newest runs that are known.
pub const RUNS: u32 = 200;

#[derive(Clone, Debug, Default)]
pub struct Names {
    pub workspace: String,
    /// False until the daemon has answered: then nothing is said to be missing.
    pub is_known: bool,
    /// Shared: a list that has not changed is the same one in the next snapshot.
    of: HashMap<NameKind, Arc<Vec<Entry>>>,
    pub runs: Vec<RunNote>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub version: Option<u64>,
    /// Of a dataset that has columns; they are asked for by it.
    pub table: Option<String>,
    /// One line.
    pub detail: String,
    /// A few lines of plain text.
    pub about: String,
}

/// What is remembered of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunNote {
    pub run_id: String,
    pub name: String,
    pub experiment: String,
    pub status: String,
    pub is_final: bool,
    /// Last values of its scalar metrics.
    pub metrics: Vec<(String, String)>,
    pub is_submitted: bool,
    /// The script that a submitted run runs.
    pub script: Option<String>,
}

impl RunNote {
    pub fn of(run: &Run) -> RunNote {
        let metrics = run.metrics.iter().filter_map(|metric| {
            let MetricValue::Number(value) = metric.last.value else { return None };
            Some((metric.name.clone(), number(value)))
        });
        RunNote {
            run_id: run.run_id.clone(),
            name: run.name.clone(),
            experiment: run.experiment.clone(),
            status: run.status.to_string(),
            is_final: run.status.is_final(),
            metrics: metrics.collect(),
            is_submitted: run.kind == RunKind::Script,
            script: None,
        }
    }

    /// `✓ accuracy 0.87`
    pub fn in_brief(&self) -> String {
        let sign = match self.status.as_str() {
            "Completed" => "✓",
            "Failed" => "✗",
            "Canceled" => "⊘",
            _ => "…",
        };
        match self.metrics.first() {
            Some((name, value)) => format!("{sign} {} {value}", shorten(name, 20)),
            None => format!("{sign} {}", self.status),
        }
    }
}

impl Names {
    /// Of a workspace about which nothing is known yet.
    pub fn of(workspace: String) -> Names {
        Names { workspace, ..Names::default() }
    }

    pub fn set(&mut self, kind: NameKind, entries: Vec<Entry>) {
        self.of.insert(kind, Arc::new(entries));
    }

    pub fn all(&self, kind: NameKind) -> &[Entry] {
        self.of.get(&kind).map_or(&[], |entries| entries.as_slice())
    }

    pub fn get(&self, kind: NameKind, name: &str) -> Option<&Entry> {
        self.all(kind).iter().find(|entry| entry.name == name)
    }

    /// Names that begin with what is typed, then those that contain it; false when there are more.
    pub fn candidates(&self, kind: NameKind, typed: &str) -> (Vec<&Entry>, bool) {
        let typed = typed.to_lowercase();
        let mut begins = Vec::new();
        let mut contains = Vec::new();
        for entry in self.all(kind) {
            let name = entry.name.to_lowercase();
            if name.starts_with(&typed) {
                begins.push(entry);
            } else if name.contains(&typed) {
                contains.push(entry);
            }
            if begins.len() > MOST_CANDIDATES {
                break;
            }
        }
        begins.extend(contains);
        let is_whole = begins.len() <= MOST_CANDIDATES;
        begins.truncate(MOST_CANDIDATES);
        (begins, is_whole)
    }

    /// The newest run that has the metric, and its last value.
    pub fn last_value(&self, metric: &str) -> Option<(&RunNote, &str)> {
        self.runs.iter().find_map(|run| {
            let (_, value) = run.metrics.iter().find(|(name, _)| name == metric)?;
            Some((run, value.as_str()))
        })
    }
}

/// What is worth knowing about each thing.
pub fn dataset(found: &lazuli_domain::Dataset) -> Entry {
    let mut about = format!(
        "dataset {} version {}\n{} in {} file{}",
        found.name,
        found.version,
        byte_size(found.size),
        found.file_count,
        if found.file_count == 1 { "" } else { "s" },
    );
    if !found.description.is_empty() {
        about.push_str(&format!("\n{}", shorten(&found.description, 400)));
    }
    Entry {
        name: found.name.clone(),
        version: Some(found.version),
        table: (found.kind == DatasetKind::Tabular).then(|| found.id.clone()),
        detail: format!("version {}, {}", found.version, byte_size(found.size)),
        about,
    }
}

/// The newest version of each model; the daemon gives them by name, the newest first.
pub fn models(found: &[lazuli_domain::Model]) -> Vec<Entry> {
    let mut newest: Vec<Entry> = Vec::new();
    for found in found {
        if newest.last().is_none_or(|last| last.name != found.name) {
            newest.push(model(found));
        }
    }
    newest
}

pub fn model(found: &lazuli_domain::Model) -> Entry {
    let mut about =
        format!("model {} version {}, {}", found.name, found.version, byte_size(found.size));
    if let Some(framework) = &found.framework {
        about.push_str(&format!(
            "\n{framework} {}",
            found.framework_version.as_deref().unwrap_or_default()
        ));
    }
    if !found.description.is_empty() {
        about.push_str(&format!("\n{}", shorten(&found.description, 400)));
    }
    for (key, value) in found.tags.iter().chain(&found.properties).take(12) {
        about.push_str(&format!("\n  {}: {}", shorten(key, 40), shorten(value, 60)));
    }
    if let Some(run) = &found.run_id {
        about.push_str(&format!("\nfrom run {run}"));
    }
    Entry {
        name: found.name.clone(),
        version: Some(found.version),
        detail: format!("version {}", found.version),
        about,
        ..Entry::default()
    }
}

/// The columns of a table, below what else is said about it.
pub fn in_lines(columns: &[TableColumn]) -> String {
    let mut lines = String::new();
    for column in columns.iter().take(40) {
        lines.push_str(&format!("\n  {}: {}", shorten(&column.name, 60), column.data_type));
    }
    if columns.len() > 40 {
        lines.push_str(&format!("\n  and {} more columns", columns.len() - 40));
    }
    lines
}

pub fn environment(found: &lazuli_domain::Environment) -> Entry {
    let detail = match found.curated {
        true => "comes with Lazuli".to_owned(),
        false => format!("version {}", found.version),
    };
    let mut about = format!("environment {}, {detail}", found.name);
    let python = &found.definition.python;
    if python.user_managed {
        about.push_str("\n  its Python is used as it is");
    }
    if let Some(conda) = &python.conda {
        let packages: Vec<&str> = conda.conda_packages().chain(conda.pip_lines()).collect();
        for package in packages.iter().take(30) {
            about.push_str(&format!("\n  {}", shorten(package, 80)));
        }
        if packages.len() > 30 {
            about.push_str(&format!("\n  and {} more packages", packages.len() - 30));
        }
    }
    Entry { name: found.name.clone(), detail, about, ..Entry::default() }
}

pub fn compute(found: &lazuli_domain::ComputeTarget) -> Entry {
    if let Some(there) = &found.machine {
        return machine(found, there);
    }
    let detail = format!("{}, {}", found.kind.title(), at_work(found));
    let mut about = format!("compute target {}, {detail}", found.name);
    if found.kind == ComputeKind::AmlCompute {
        about.push_str(&format!(
            "\n{} of {} to {} nodes",
            found.current_nodes, found.min_nodes, found.max_nodes
        ));
    }
    about.push_str(&format!("\n{} cores, {} of memory", found.cores, byte_size(found.memory)));
    if !found.description.is_empty() {
        about.push_str(&format!("\n{}", shorten(&found.description, 400)));
    }
    Entry { name: found.name.clone(), detail, about, ..Entry::default() }
}

/// `8 cores, 12 GB free, connected, ada@gpu-box`
fn machine(found: &lazuli_domain::ComputeTarget, there: &MachineView) -> Entry {
    let state = there.link.as_str().to_owned();
    let mut words = Vec::new();
    let mut about = format!("machine {}, {state}", found.name);
    if let Some(problem) = &there.problem {
        about.push_str(&format!("\n{problem}; it is tried again"));
    }
    about.push_str(&format!("\n{}, port {}", there.address, there.port));
    if let Some(has) = &there.resources {
        let cores = count(u64::from(has.cores), "core");
        about.push_str(&format!("\n{}\n{cores}, load {:.1}", has.system, has.load));
        let (free, memory) = (byte_size(has.memory_free), byte_size(has.memory));
        about.push_str(&format!("\n{free} of {memory} memory free"));
        about.push_str(&format!("\n{} disk free", byte_size(has.disk_free)));
        for gpu in &has.gpus {
            about.push_str(&format!("\n{}", shorten(gpu, 80)));
        }
        // What it had before the link was cut says little about now.
        if there.link == LinkState::Connected {
            words.extend([cores, format!("{free} free")]);
        }
    }
    about.push_str(&format!("\n{}, at most {} at once", at_work(found), found.max_nodes));
    about.push_str(&format!("\nhost key {}", there.host_key));
    if let Some(folder) = &there.folder {
        about.push_str(&format!("\nin {folder}"));
    }
    if !found.description.is_empty() {
        about.push_str(&format!("\n{}", shorten(&found.description, 400)));
    }
    words.extend([state, there.address.clone()]);
    if found.running + found.queued > 0 {
        words.push(at_work(found));
    }
    Entry { name: found.name.clone(), detail: words.join(", "), about, ..Entry::default() }
}

/// `stopped, 1 running, 2 waiting`
fn at_work(found: &lazuli_domain::ComputeTarget) -> String {
    let state = match found.instance_state {
        Some(InstanceState::Running) => "started, ",
        Some(InstanceState::Stopped) => "stopped, ",
        None => "",
    };
    match found.queued {
        0 => format!("{state}{} running", found.running),
        waiting => format!("{state}{} running, {waiting} waiting", found.running),
    }
}

pub fn plain(name: impl Into<String>, detail: impl Into<String>) -> Entry {
    let (name, detail) = (name.into(), detail.into());
    Entry { about: detail.clone(), name, detail, ..Entry::default() }
}
