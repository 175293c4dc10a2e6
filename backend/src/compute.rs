//! Compute targets: this machine, and names for parts of it. A named target is a number of slots for
//! jobs; whatever else a cluster has elsewhere is kept and shown back.

use std::collections::HashMap;
use std::sync::Arc;

use lazuli_domain::{
    ApiError, ComputeKind, ComputePatch, ComputeTarget, InstanceState, NewComputeTarget,
    NodeCounts, StringMap, check_compute_name, check_name, check_nodes,
};
use serde_json::Value;

use crate::app::App;
use crate::clock::now_ms;
use crate::error::{Error, Result};
use crate::machines;
use crate::nearest::nearest;
use crate::store::compute::ComputeRow;
use crate::store::{self, Connection};

pub(crate) const LOCAL: &str = "local";

/// `local` first, then by name.
pub async fn list(app: &Arc<App>, workspace: String) -> Result<Vec<ComputeTarget>> {
    let asked = workspace.clone();
    let targets: Vec<ComputeTarget> = app
        .store
        .read(move |database| {
            let named = store::compute::list(database, &asked)?;
            std::iter::once(local()).chain(named).map(|row| target(database, &asked, row)).collect()
        })
        .await?;
    targets.into_iter().map(|target| with_machine(app, &workspace, target)).collect()
}

pub async fn get(app: &Arc<App>, workspace: String, name: String) -> Result<ComputeTarget> {
    let asked = workspace.clone();
    let target = app
        .store
        .read(move |database| {
            let row = find(database, &asked, &name)?;
            target(database, &asked, row)
        })
        .await?;
    with_machine(app, &workspace, target)
}

/// What only the link to a machine knows.
fn with_machine(app: &App, workspace: &str, target: ComputeTarget) -> Result<ComputeTarget> {
    let machine = machines::view(app, workspace, &target)?;
    let resources = machine.as_ref().map(|view| view.resources.clone().unwrap_or_default());
    let (cores, memory) = match &resources {
        Some(there) => (there.cores, there.memory),
        None => (target.cores, target.memory),
    };
    Ok(ComputeTarget { machine, cores, memory, ..target })
}

/// Makes a target, or changes one of the same name and kind to this.
pub async fn create(
    app: &Arc<App>,
    workspace: String,
    new: NewComputeTarget,
) -> Result<ComputeTarget> {
    if new.name == LOCAL || new.kind == ComputeKind::Local {
        return Err(ApiError::conflict("`local` is this machine, which is there already")
            .hint("give another name, and the kind `aml_compute` or `compute_instance`")
            .into());
    }
    if new.kind == ComputeKind::Remote {
        return Err(ApiError::invalid("a machine is attached, not made")
            .hint(format!("`lazuli compute attach {} USER@HOST`", new.name))
            .into());
    }
    check_compute_name(&new.name)?;
    new.tags.keys().try_for_each(|key| check_name("tag", key))?;
    let max_nodes = match new.kind {
        ComputeKind::ComputeInstance => 1,
        _ => new.max_nodes,
    };
    check_nodes(new.min_nodes, max_nodes)?;
    let changed = app
        .store
        .write(move |write| {
            let known = store::compute::find(write, &workspace, &new.name)?;
            if let Some(known) = &known
                && known.kind != new.kind
            {
                return Err(ApiError::conflict(format!(
                    "compute target `{}` is there already, as {}",
                    new.name,
                    of_kind(known.kind)
                ))
                .hint("give another name, or delete it first")
                .into());
            }
            let row = ComputeRow {
                kind: new.kind,
                min_nodes: new.min_nodes,
                max_nodes,
                idle_seconds: new.idle_seconds,
                stopped: false,
                settings: new.settings,
                description: new.description,
                tags: new.tags,
                created_at_ms: known.map_or_else(now_ms, |known| known.created_at_ms),
                modified_at_ms: now_ms(),
                name: new.name,
            };
            store::compute::put(write, &workspace, &row)?;
            target(write, &workspace, row)
        })
        .await?;
    app.job_changes.notify_one();
    Ok(changed)
}

pub async fn patch(
    app: &Arc<App>,
    workspace: String,
    name: String,
    patch: ComputePatch,
) -> Result<ComputeTarget> {
    patch.set_tags.keys().try_for_each(|key| check_name("tag", key))?;
    let changed = app
        .store
        .write(move |write| {
            let mut row = find(write, &workspace, &name)?;
            if row.kind == ComputeKind::Local {
                return Err(ApiError::conflict("`local` is this machine and stays as it is")
                    .hint("make a compute target of your own: `lazuli compute create NAME`")
                    .into());
            }
            if let Some(state) = patch.instance_state {
                if row.kind != ComputeKind::ComputeInstance {
                    return Err(ApiError::invalid(format!(
                        "compute target `{name}` is a cluster, which is not started or stopped"
                    ))
                    .hint("its nodes come and go with the jobs")
                    .into());
                }
                row.stopped = state == InstanceState::Stopped;
            }
            row.min_nodes = patch.min_nodes.unwrap_or(row.min_nodes);
            row.max_nodes = patch.max_nodes.unwrap_or(row.max_nodes);
            if row.kind == ComputeKind::ComputeInstance && row.max_nodes != 1 {
                return Err(ApiError::invalid(format!("the instance `{name}` has one node"))
                    .hint("make a cluster where several jobs are to run at once")
                    .into());
            }
            check_nodes(row.min_nodes, row.max_nodes)?;
            row.idle_seconds = patch.idle_seconds.unwrap_or(row.idle_seconds);
            row.description = patch.description.unwrap_or(row.description);
            row.tags.extend(patch.set_tags);
            row.modified_at_ms = now_ms();
            store::compute::put(write, &workspace, &row)?;
            target(write, &workspace, row)
        })
        .await?;
    app.job_changes.notify_one();
    Ok(changed)
}

pub async fn delete(app: &Arc<App>, workspace: String, name: String) -> Result<()> {
    let (in_workspace, asked) = (workspace.clone(), name.clone());
    app.store
        .write(move |write| {
            let (workspace, name) = (in_workspace, asked);
            let row = find(write, &workspace, &name)?;
            if row.kind == ComputeKind::Local {
                return Err(ApiError::conflict("`local` is this machine and stays").into());
            }
            let load = store::compute::load(write, &workspace, &name, i64::MAX)?;
            if load.running + load.queued > 0 {
                return Err(ApiError::conflict(format!(
                    "{} runs run on compute target `{name}`, {} wait for it",
                    load.running, load.queued
                ))
                .hint("cancel them, or wait for their end")
                .into());
            }
            store::compute::delete(write, &workspace, &name)?;
            Ok(())
        })
        .await?;
    machines::detach(app, &workspace, &name).await;
    Ok(())
}

/// Refuses a name that no job can run on.
pub(crate) fn check_target(connection: &Connection, workspace: &str, name: &str) -> Result<()> {
    let row = find(connection, workspace, name)?;
    if row.stopped {
        return Err(ApiError::conflict(format!("the compute instance `{name}` is stopped"))
            .hint("start it, or name another compute target")
            .into());
    }
    Ok(())
}

/// How many jobs run at once on each target that these name, as (workspace, name). One that was
/// deleted meanwhile lets its jobs run one by one; one that is stopped lets none begin.
pub(crate) fn slots(
    connection: &Connection,
    targets: impl IntoIterator<Item = (String, String)>,
) -> Result<HashMap<(String, String), usize>> {
    let mut slots = HashMap::new();
    for (workspace, name) in targets {
        if name == LOCAL || slots.contains_key(&(workspace.clone(), name.clone())) {
            continue;
        }
        let most = match store::compute::find(connection, &workspace, &name)? {
            Some(row) if row.stopped => 0,
            Some(row) => row.max_nodes as usize,
            None => 1,
        };
        slots.insert((workspace, name), most);
    }
    Ok(slots)
}

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn find(connection: &Connection, workspace: &str, name: &str) -> Result<ComputeRow> {
    let known = store::compute::find(connection, workspace, name)?;
    if name == LOCAL {
        return Ok(local());
    }
    if let Some(known) = known {
        return Ok(known);
    }
    let names = store::compute::list(connection, workspace)?;
    let names = names.iter().map(|row| row.name.as_str());
    let error = ApiError::not_found("compute target", name);
    Err(Error::from(match nearest(name, names.chain([LOCAL])) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error
            .hint(format!("use `local`, this machine, or make it: `lazuli compute create {name}`")),
    }))
}

fn local() -> ComputeRow {
    let cores = u32::try_from(cores()).unwrap_or(u32::MAX);
    ComputeRow {
        name: LOCAL.to_owned(),
        kind: ComputeKind::Local,
        min_nodes: cores,
        max_nodes: cores,
        idle_seconds: 0,
        stopped: false,
        settings: Value::Null,
        description: String::new(),
        tags: StringMap::new(),
        created_at_ms: 0,
        modified_at_ms: 0,
    }
}

fn target(connection: &Connection, workspace: &str, row: ComputeRow) -> Result<ComputeTarget> {
    let idle_ms = i64::try_from(row.idle_seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
    let since_ms = now_ms().saturating_sub(idle_ms);
    let load = store::compute::load(connection, workspace, &row.name, since_ms)?;
    let node = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let running = node(load.running).min(row.max_nodes);
    let wanted = node(load.running + load.queued).min(row.max_nodes);
    // A node that a run left stays for the time that it may be idle.
    let kept = row.min_nodes.saturating_sub(running).max(node(load.lately_ended));
    let idle = if row.stopped { 0 } else { kept.min(row.max_nodes - running) };
    let is_instance = row.kind == ComputeKind::ComputeInstance;
    let idle = if is_instance && !row.stopped { 1 - running.min(1) } else { idle };
    let current_nodes = running + idle;
    let is_named = row.kind != ComputeKind::Local;
    Ok(ComputeTarget {
        kind: row.kind,
        state: "Succeeded".to_owned(),
        instance_state: is_instance.then_some(match row.stopped {
            true => InstanceState::Stopped,
            false => InstanceState::Running,
        }),
        min_nodes: row.min_nodes,
        max_nodes: row.max_nodes,
        idle_seconds: row.idle_seconds,
        allocation_state: if wanted > current_nodes { "Resizing" } else { "Steady" }.to_owned(),
        nodes: NodeCounts { running, idle, ..NodeCounts::default() },
        current_nodes,
        target_nodes: wanted.max(current_nodes),
        cores: u32::try_from(cores()).unwrap_or(u32::MAX),
        memory: total_memory(),
        running: load.running,
        queued: load.queued,
        machine: None,
        created_at_ms: is_named.then_some(row.created_at_ms),
        modified_at_ms: is_named.then_some(row.modified_at_ms),
        name: row.name,
        settings: row.settings,
        description: row.description,
        tags: row.tags,
    })
}

fn of_kind(kind: ComputeKind) -> &'static str {
    match kind {
        ComputeKind::Local => "this machine",
        ComputeKind::AmlCompute => "a cluster",
        ComputeKind::ComputeInstance => "an instance",
        ComputeKind::Remote => "a machine",
    }
}

fn total_memory() -> u64 {
    let Ok(facts) = std::fs::read_to_string("/proc/meminfo") else { return 0 };
    facts
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|value| value.trim().trim_end_matches("kB").trim().parse::<u64>().ok())
        .map_or(0, |kilobytes| kilobytes * 1024)
}
