//! The explorer: its nodes are asked for one by one, page after page.

use lazuli::client::{Client, RunQuery, StoreName, StoredFileQuery};
use lazuli_actions::{age, byte_size, count};
use lazuli_commands::NameKind;
use lazuli_domain::{Environment, Event, Run};
use serde::{Deserialize, Serialize};
use tower_lsp_server::jsonrpc::Result;

use super::{ask, invalid};
use crate::main_loop::Snapshot;
use crate::names::{Entry, RunNote};
use crate::watcher::{Daemon, changes_count};

const PAGE: u32 = 100;

#[derive(Debug, Deserialize)]
pub struct TreeParams {
    pub parent: Option<String>,
    pub cursor: Option<String>,
    pub limit: Option<u32>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TreePage {
    pub items: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    pub id: String,
    pub kind: String,
    pub label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tooltip: Option<String>,
    pub has_children: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    pub context_value: String,
    pub workspace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

const GROUPS: [(&str, &str); 6] = [
    ("experiments", "Experiments"),
    ("models", "Models"),
    ("datasets", "Datasets"),
    ("datastores", "Datastores"),
    ("environments", "Environments"),
    ("compute", "Compute"),
];

pub async fn tree(snapshot: &Snapshot, params: TreeParams) -> Result<TreePage> {
    let current = snapshot.workspace.clone();
    let limit = params.limit.unwrap_or(PAGE).clamp(1, 1000);
    let node = match &params.parent {
        None => None,
        Some(id) => {
            Some(Node::read(id).ok_or_else(|| invalid(format!("`{id}` is no node of the tree")))?)
        }
    };
    let cursor = params.cursor;
    if let Some(node) = &node
        && let Some(page) = known(snapshot, node, cursor.clone(), limit)
    {
        return Ok(page);
    }
    ask(move |client| match node {
        None => workspaces(client, &current),
        Some(node) => children(client, &node, cursor, limit),
    })
    .await
}

/// Long lists of the current workspace are known already.
fn known(snapshot: &Snapshot, node: &Node, cursor: Option<String>, limit: u32) -> Option<TreePage> {
    let [workspace, group] = node.parts.as_slice() else { return None };
    let kind = match group.as_str() {
        "models" => NameKind::Model,
        "datasets" => NameKind::Dataset,
        _ => return None,
    };
    let names = &snapshot.names;
    let is_known =
        snapshot.daemon == Daemon::Running && names.is_known && names.workspace == *workspace;
    is_known.then(|| named(node, kind, names.all(kind), cursor, limit))
}

#[derive(Debug, Deserialize)]
pub struct RevealParams {
    pub kind: String,
    pub name: String,
    /// Of a model or a dataset.
    pub version: Option<u64>,
    pub workspace: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Reveal {
    /// From the root to the node.
    pub path: Vec<String>,
}

/// Where a name stands in the tree.
pub async fn reveal(snapshot: &Snapshot, params: RevealParams) -> Result<Reveal> {
    let workspace = params.workspace.unwrap_or_else(|| snapshot.workspace.clone());
    let node = |parts: &[&str]| {
        let parts = std::iter::once(workspace.as_str()).chain(parts.iter().copied());
        Node { parts: parts.map(str::to_owned).collect() }.id()
    };
    let name = params.name.as_str();
    let mut path = vec![node(&[])];
    match params.kind.as_str() {
        "workspace" => {}
        "run" => {
            let run_id = params.name.clone();
            let run = ask(move |client| client.run(&run_id)).await?;
            path.push(node(&["experiments"]));
            path.push(node(&["experiments", &run.experiment]));
            path.push(node(&["experiments", &run.experiment, name]));
        }
        "compute" => path.extend([node(&["compute"]), node(&["compute", name])]),
        kind if GROUPS.iter().any(|(group, _)| *group == format!("{kind}s")) => {
            let group = format!("{kind}s");
            path.extend([node(&[&group]), node(&[&group, name])]);
            if let Some(version) = params.version.filter(|_| matches!(kind, "model" | "dataset")) {
                path.push(node(&[&group, name, &version.to_string()]));
            }
        }
        kind => return Err(invalid(format!("`{kind}` has no place in the tree"))),
    }
    Ok(Reveal { path })
}

/// Which nodes have other children after the event; the empty one is the root.
pub fn touched(event: &Event) -> Vec<String> {
    let node = |parts: &[&str]| {
        let parts = std::iter::once(event.workspace.as_str()).chain(parts.iter().copied());
        Node { parts: parts.map(str::to_owned).collect() }.id()
    };
    match event.kind.as_str().split('_').next().unwrap_or_default() {
        "metrics" => event.experiment.iter().map(|name| node(&["experiments", name])).collect(),
        "run" => {
            // What runs where is another sum too.
            let mut nodes = vec![node(&["compute"])];
            nodes.extend(event.experiment.iter().map(|name| node(&["experiments", name])));
            // Experiments say how many runs they have.
            if changes_count(&event.kind) || event.experiment.is_none() {
                nodes.push(node(&["experiments"]));
            }
            nodes
        }
        "model" => vec![node(&["models"])],
        "dataset" => vec![node(&["datasets"])],
        "datastore" => vec![node(&["datastores"])],
        "environment" => vec![node(&["environments"])],
        "compute" => vec![node(&["compute"])],
        "log" => Vec::new(),
        "artifact" => match (&event.experiment, &event.run_id) {
            (Some(experiment), Some(run)) => vec![node(&["experiments", experiment, run])],
            _ => Vec::new(),
        },
        _ => vec![String::new()],
    }
}

/// A node's id is its path; `%` keeps a slash in a name from being one of the path.
struct Node {
    parts: Vec<String>,
}

impl Node {
    fn read(id: &str) -> Option<Node> {
        let parts: Vec<String> =
            id.split('/').map(|part| part.replace("%2F", "/").replace("%25", "%")).collect();
        (!id.is_empty() && parts.iter().all(|part| !part.is_empty())).then_some(Node { parts })
    }

    fn id(&self) -> String {
        let parts = self.parts.iter().map(|part| part.replace('%', "%25").replace('/', "%2F"));
        parts.collect::<Vec<_>>().join("/")
    }

    fn child(&self, part: &str) -> String {
        let mut parts = self.parts.clone();
        parts.push(part.to_owned());
        Node { parts }.id()
    }

    fn item(&self, part: &str, kind: &str, label: impl Into<String>) -> Item {
        Item {
            id: self.child(part),
            kind: kind.into(),
            label: label.into(),
            context_value: kind.into(),
            workspace: self.parts[0].clone(),
            ..Item::default()
        }
    }
}

fn workspaces(client: &Client, current: &str) -> lazuli::Result<TreePage> {
    let mut all = client.workspaces()?;
    all.sort_by_key(|workspace| (workspace.name != current, workspace.name.clone()));
    let items = all.into_iter().map(|workspace| Item {
        id: Node { parts: vec![workspace.name.clone()] }.id(),
        kind: "workspace".into(),
        label: workspace.name.clone(),
        // Not how many runs: with each of them everything below would be asked for again.
        description: (workspace.name == current).then(|| "current".to_owned()),
        has_children: true,
        context_value: if workspace.name == current { "workspace.current" } else { "workspace" }
            .into(),
        name: Some(workspace.name.clone()),
        workspace: workspace.name,
        ..Item::default()
    });
    Ok(TreePage { items: items.collect(), next_cursor: None })
}

fn children(
    client: &Client,
    node: &Node,
    cursor: Option<String>,
    limit: u32,
) -> lazuli::Result<TreePage> {
    let parts: Vec<&str> = node.parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        [_] => Ok(groups(node)),
        [workspace, "experiments"] => experiments(client, node, workspace, cursor, limit),
        [workspace, "experiments", experiment] => {
            let query = RunQuery {
                experiment: Some((*experiment).to_owned()),
                limit: Some(limit),
                cursor,
                ..RunQuery::default()
            };
            let page = client.runs(workspace, &query)?;
            let items = page.items.iter().map(|run| run_item(node, run)).collect();
            Ok(TreePage { items, next_cursor: page.next_cursor })
        }
        [_, "experiments", _, run] => run_children(client, node, run),
        [_, "experiments", .., run, "children", child] => {
            let _ = run;
            run_children(client, node, child)
        }
        [_, "experiments", _, run, "files"] => files_of_run(client, node, run, cursor, limit),
        [workspace, "models"] => {
            let entries = crate::names::models(&client.models(workspace, None)?);
            Ok(named(node, NameKind::Model, &entries, cursor, limit))
        }
        [workspace, "models", name] => {
            let versions = client.models(workspace, Some(name))?;
            let items = versions.iter().map(|model| {
                let mut item = node.item(
                    &model.version.to_string(),
                    "model_version",
                    format!("version {}", model.version),
                );
                item.description = Some(byte_size(model.size));
                item.tooltip = Some(crate::names::model(model).about);
                item.name = Some(model.name.clone());
                item.version = Some(model.version);
                item.run = model.run_id.clone();
                item
            });
            Ok(paged(items.collect(), cursor, limit))
        }
        [workspace, "datasets"] => {
            let found = client.datasets(workspace, "")?;
            let entries: Vec<Entry> = found.iter().map(crate::names::dataset).collect();
            Ok(named(node, NameKind::Dataset, &entries, cursor, limit))
        }
        [workspace, "datasets", name] => {
            let versions = client.dataset_versions(workspace, name)?;
            let items = versions.iter().map(|dataset| {
                let mut item = node.item(
                    &dataset.version.to_string(),
                    "dataset_version",
                    format!("version {}", dataset.version),
                );
                item.description = Some(byte_size(dataset.size));
                item.tooltip = Some(crate::names::dataset(dataset).about);
                item.name = Some(dataset.name.clone());
                item.version = Some(dataset.version);
                item
            });
            Ok(paged(items.collect(), cursor, limit))
        }
        [workspace, "datastores"] => {
            let items = client.datastores(workspace)?.into_iter().map(|store| {
                let mut item = node.item(&store.name, "datastore", store.name.clone());
                item.description = Some(store.place.in_words());
                item.context_value =
                    if store.is_default { "datastore.default" } else { "datastore" }.into();
                item.has_children = true;
                item.name = Some(store.name);
                item
            });
            Ok(paged(items.collect(), cursor, limit))
        }
        [workspace, "datastores", store, folders @ ..] => {
            stored_files(client, node, workspace, store, folders, cursor, limit)
        }
        [workspace, "environments"] => {
            let mut all = client.environments(workspace, true)?;
            all.sort_by_key(|environment| environment.curated);
            let items = all.iter().map(|environment| {
                let mut item = plain(node, "environment", &crate::names::environment(environment));
                match environment.curated {
                    true => item.context_value = "environment.curated".into(),
                    false => item.has_children = true,
                }
                item
            });
            Ok(paged(items.collect(), cursor, limit))
        }
        [workspace, "environments", name] => {
            let versions = client.environment_versions(workspace, name)?;
            let items = versions.iter().map(|environment| {
                let version = &environment.version;
                let label = format!("version {version}");
                let mut item = node.item(version, "environment_version", label);
                item.description = Some(age(environment.created_at_ms, now_ms()));
                item.tooltip = Some(crate::names::environment(environment).about);
                item.name = Some(Environment::label_of(name, version));
                item
            });
            Ok(paged(items.collect(), cursor, limit))
        }
        [workspace, "compute"] => {
            let items = client.compute_targets(workspace)?.into_iter().map(|target| {
                let mut item = plain(node, "compute", &crate::names::compute(&target));
                item.context_value = format!("compute.{}", target.kind.as_str());
                item.status = Some(target.allocation_state);
                if let Some(machine) = target.machine {
                    item.status = Some(machine.link.as_str().to_owned());
                    item.problem = machine.problem;
                }
                if let Some(state) = target.instance_state {
                    item.status = Some(format!("{state:?}"));
                    item.context_value.push_str(&format!(".{state:?}"));
                }
                item
            });
            Ok(paged(items.collect(), cursor, limit))
        }
        _ => Err(lazuli_domain::ApiError::not_found("node", &node.id()).into()),
    }
}

fn groups(node: &Node) -> TreePage {
    let items = GROUPS.into_iter().map(|(part, label)| {
        let mut item = node.item(part, "group", label);
        item.has_children = true;
        item.context_value = format!("group.{part}");
        item
    });
    TreePage { items: items.collect(), next_cursor: None }
}

fn experiments(
    client: &Client,
    node: &Node,
    workspace: &str,
    cursor: Option<String>,
    limit: u32,
) -> lazuli::Result<TreePage> {
    let mut all = client.experiments(workspace)?;
    all.sort_by_key(|experiment| std::cmp::Reverse(experiment.last_run_at_ms));
    let items = all.into_iter().map(|experiment| {
        let mut item = node.item(&experiment.name, "experiment", experiment.name.clone());
        item.description = Some(count(experiment.runs, "run"));
        item.has_children = experiment.runs > 0;
        item.name = Some(experiment.name);
        item
    });
    Ok(paged(items.collect(), cursor, limit))
}

fn run_item(node: &Node, run: &Run) -> Item {
    let note = RunNote::of(run);
    let mut item = node.item(&run.run_id, "run", run.name.clone());
    let when = age(run.created_at_ms, now_ms());
    item.description = Some(match note.metrics.first() {
        Some((name, value)) => format!("{name} {value}, {when}"),
        None => when,
    });
    let mut tooltip = format!("{}\n{}", run.run_id, run.status);
    for (name, value) in note.metrics.iter().take(12) {
        tooltip.push_str(&format!("\n{name}: {value}"));
    }
    if let Some(error) = &run.error {
        tooltip.push_str(&format!("\n{}", error.message));
    }
    item.tooltip = Some(tooltip);
    item.has_children = true;
    item.status = Some(run.status.to_string());
    item.context_value = format!("run.{}", run.status);
    item.run = Some(run.run_id.clone());
    item.name = Some(run.name.clone());
    item
}

/// Child runs, and the folder of its files.
fn run_children(client: &Client, node: &Node, run: &str) -> lazuli::Result<TreePage> {
    // A child is a run of the same experiment: its place in the tree is that of any run.
    let parent = Node { parts: node.parts[..3].to_vec() };
    let mut items: Vec<Item> =
        client.children(run)?.iter().map(|child| run_item(&parent, child)).collect();
    let mut files = node.item("files", "folder", "Outputs and logs");
    files.has_children = true;
    files.run = Some(run.to_owned());
    items.push(files);
    Ok(TreePage { items, next_cursor: None })
}

fn files_of_run(
    client: &Client,
    node: &Node,
    run: &str,
    cursor: Option<String>,
    limit: u32,
) -> lazuli::Result<TreePage> {
    let items = client.artifacts(run, "")?.into_iter().map(|artifact| {
        let mut item = node.item(&artifact.path, "file", artifact.path.clone());
        item.description = Some(byte_size(artifact.size));
        item.run = Some(run.to_owned());
        item.context_value = "file.run".into();
        item.path = Some(artifact.path);
        item
    });
    Ok(paged(items.collect(), cursor, limit))
}

/// The models or the datasets of a workspace, by their newest versions.
fn named(
    node: &Node,
    kind: NameKind,
    entries: &[Entry],
    cursor: Option<String>,
    limit: u32,
) -> TreePage {
    let page = page(entries.len(), cursor, limit);
    let items = entries[page.shown.clone()].iter().map(|entry| {
        let mut item = node.item(&entry.name, kind.as_str(), entry.name.clone());
        item.description = Some(entry.detail.clone());
        item.tooltip = Some(entry.about.clone());
        item.has_children = true;
        item.version = entry.version;
        item.name = Some(entry.name.clone());
        item
    });
    TreePage { items: items.collect(), next_cursor: page.next_cursor }
}

/// One folder of a datastore: folders first, as they come.
fn stored_files(
    client: &Client,
    node: &Node,
    workspace: &str,
    store: &str,
    folders: &[&str],
    cursor: Option<String>,
    limit: u32,
) -> lazuli::Result<TreePage> {
    let prefix = folders.iter().map(|folder| format!("{folder}/")).collect::<String>();
    let name = StoreName { workspace, datastore: store };
    let asked = StoredFileQuery { prefix: prefix.clone(), ..StoredFileQuery::default() };
    let files = client.stored_files(name, &asked)?;
    let mut items: Vec<Item> = Vec::new();
    for file in files {
        let Some(rest) = file.path.strip_prefix(&prefix) else { continue };
        match rest.split_once('/') {
            Some((folder, _)) => {
                if items.iter().any(|item| item.kind == "folder" && item.label == folder) {
                    continue;
                }
                let mut item = node.item(folder, "folder", folder);
                item.has_children = true;
                item.path = Some(format!("{prefix}{folder}/"));
                item.name = Some(store.to_owned());
                items.push(item);
            }
            None => {
                let mut item = node.item(rest, "file", rest);
                item.description = Some(byte_size(file.size));
                item.context_value = "file.datastore".into();
                item.path = Some(file.path);
                item.name = Some(store.to_owned());
                items.push(item);
            }
        }
    }
    items.sort_by_key(|item| item.kind != "folder");
    Ok(paged(items, cursor, limit))
}

/// A node without children.
fn plain(node: &Node, kind: &str, entry: &Entry) -> Item {
    let mut item = node.item(&entry.name, kind, entry.name.clone());
    item.description = Some(entry.detail.clone());
    item.tooltip = Some(entry.about.clone());
    item.name = Some(entry.name.clone());
    item
}

/// Lists that are known whole are cut here; the cursor is a number.
fn paged(mut items: Vec<Item>, cursor: Option<String>, limit: u32) -> TreePage {
    let page = page(items.len(), cursor, limit);
    items.truncate(page.shown.end);
    TreePage { items: items.split_off(page.shown.start), next_cursor: page.next_cursor }
}

struct Page {
    shown: std::ops::Range<usize>,
    next_cursor: Option<String>,
}

fn page(count: usize, cursor: Option<String>, limit: u32) -> Page {
    let start = cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(0usize).min(count);
    let end = (start + limit as usize).min(count);
    Page { shown: start..end, next_cursor: (end < count).then(|| end.to_string()) }
}

fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.ok().and_then(|now| i64::try_from(now.as_millis()).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_in_a_name_is_none_of_the_path() {
        let node = Node { parts: vec!["w".into(), "datasets".into(), "a/b %2F".into()] };
        assert_eq!(node.id(), "w/datasets/a%2Fb %252F");
        assert_eq!(Node::read(&node.id()).unwrap().parts, node.parts);
        assert!(Node::read("").is_none() && Node::read("w//x").is_none());
    }
}
