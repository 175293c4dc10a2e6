use std::path::PathBuf;

use lazuli::Result;
use lazuli_commands::table::{AttachMachine, CalledKind, ComputeCommand, CreateCompute};
use lazuli_domain::{
    ApiError, ComputeKind, ComputePatch, ComputeTarget, InstanceState, LinkState, MachineView,
    NewComputeTarget, NewMachine,
};
use serde_json::{Map, Value, json};

use crate::show::{byte_size, count, date_time, pairs};
use crate::{Context, Outcome, Session, Table, Talk, run};

pub(crate) fn perform(
    command: &ComputeCommand,
    context: &Context,
    session: &Session,
    talk: &dyn Talk,
) -> Result<Outcome> {
    let client = &context.client;
    let workspace = &session.workspace;
    match command {
        ComputeCommand::List => {
            let targets = client.compute_targets(workspace)?;
            let mut table = Table::new(["Name", "Kind", "Nodes", "Running", "Waiting", "State"]);
            for target in &targets {
                table.row(vec![
                    target.name.clone(),
                    target.kind.title().to_owned(),
                    format!("{} of {}", target.current_nodes, target.max_nodes),
                    target.running.to_string(),
                    target.queued.to_string(),
                    state(target),
                ]);
            }
            Outcome::table(&table, &targets)
        }
        ComputeCommand::Create(new) => create(new, context, session),
        ComputeCommand::Attach(new) => attach(new, context, session, talk),
        ComputeCommand::Status { name } => {
            let target = client.compute_target(workspace, name)?;
            Outcome::new(status(&target), &target)
        }
        ComputeCommand::Start { name } => change(name, InstanceState::Running, context, session),
        ComputeCommand::Stop { name } => change(name, InstanceState::Stopped, context, session),
        ComputeCommand::Delete { name } => {
            client.delete_compute(workspace, name)?;
            Outcome::new(format!("deleted compute target `{name}`"), &json!({ "name": name }))
        }
    }
}

fn create(new: &CreateCompute, context: &Context, session: &Session) -> Result<Outcome> {
    let settings: Map<String, Value> = run::tags(&new.settings)
        .into_iter()
        .map(|(key, value)| (key, Value::from(value)))
        .collect();
    let target = context.client.create_compute(
        &session.workspace,
        &NewComputeTarget {
            name: new.name.clone(),
            kind: match new.kind {
                CalledKind::Cluster => ComputeKind::AmlCompute,
                CalledKind::Instance => ComputeKind::ComputeInstance,
            },
            min_nodes: new.min_nodes,
            max_nodes: new.max_nodes,
            idle_seconds: new.idle_seconds,
            settings: if settings.is_empty() { Value::Null } else { Value::Object(settings) },
            description: new.description.clone().unwrap_or_default(),
            tags: run::tags(&new.tags),
        },
    )?;
    let text = format!(
        "compute target `{}` is there: {} on this machine",
        target.name,
        count(u64::from(target.max_nodes), "slot")
    );
    Outcome::new(text, &target)
}

fn attach(
    new: &AttachMachine,
    context: &Context,
    session: &Session,
    talk: &dyn Talk,
) -> Result<Outcome> {
    // The daemon works in a folder of its own.
    let key_file = new.key_file.as_ref().map(|file| context.folder.join(expanded(file, context)));
    let target = context.client.attach_machine(
        &session.workspace,
        &NewMachine {
            name: new.name.clone(),
            address: new.address.clone(),
            port: new.port,
            key_file: key_file.map(|file| file.to_string_lossy().into_owned()),
            agent_socket: context.config.ssh_agent.clone(),
            host_key: new.host_key.clone(),
            max_nodes: Some(new.max_nodes),
            description: new.description.clone().unwrap_or_default(),
            tags: run::tags(&new.tags),
        },
    )?;
    if talk.interrupted() {
        // Who gave up while ssh was still trying finds nothing changed.
        context.client.delete_compute(&session.workspace, &target.name)?;
        return Err(ApiError::conflict(format!("`{}` was not attached", target.name))
            .hint("it was interrupted; attach it again")
            .into());
    }
    let machine = target.machine.as_ref();
    let has = machine.and_then(|machine| machine.resources.as_ref()).map(resources);
    let text = format!(
        "compute target `{}` is {}{}",
        target.name,
        machine.map_or_else(|| new.address.clone(), |machine| machine.address.clone()),
        has.map_or_else(String::new, |has| format!(": {has}")),
    );
    Outcome::new(text, &target)
}

/// A cell and the editor have no shell that makes a path of `~/`.
fn expanded(file: &str, context: &Context) -> PathBuf {
    match (file.strip_prefix("~/"), &context.config.user_home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(file),
    }
}

/// What a machine has, in a few words.
fn resources(of: &lazuli_domain::Resources) -> String {
    let mut words = vec![
        of.system.clone(),
        count(u64::from(of.cores), "core"),
        format!("{} of {} memory free", byte_size(of.memory_free), byte_size(of.memory)),
        format!("{} disk free", byte_size(of.disk_free)),
        format!("load {:.1}", of.load),
    ];
    words.extend(of.gpus.iter().cloned());
    words.retain(|word| !word.is_empty());
    words.join(", ")
}

fn change(name: &str, to: InstanceState, context: &Context, session: &Session) -> Result<Outcome> {
    let patch = ComputePatch { instance_state: Some(to), ..ComputePatch::default() };
    let target = context.client.change_compute(&session.workspace, name, &patch)?;
    let done = match to {
        InstanceState::Running => "started",
        InstanceState::Stopped => "stopped",
    };
    Outcome::new(format!("{done} compute instance `{name}`"), &target)
}

fn state(target: &ComputeTarget) -> String {
    if let Some(machine) = &target.machine {
        return link(machine);
    }
    match target.instance_state {
        Some(InstanceState::Stopped) => "stopped".to_owned(),
        Some(InstanceState::Running) => "started".to_owned(),
        None => target.allocation_state.to_lowercase(),
    }
}

fn link(machine: &MachineView) -> String {
    match (machine.link, &machine.problem) {
        (LinkState::Cut, Some(problem)) => format!("cut ({problem}); it is tried again"),
        (state, _) => state.as_str().to_owned(),
    }
}

fn status(target: &ComputeTarget) -> String {
    let mut lines = vec![
        format!("Compute  {}", target.name),
        format!("Kind     {}", target.kind.title()),
        format!("State    {}", state(target)),
        format!(
            "Nodes    {} of {} (at least {}): {} busy, {} idle",
            target.current_nodes,
            target.max_nodes,
            target.min_nodes,
            target.nodes.running,
            target.nodes.idle
        ),
        format!("Running  {}", target.running),
        format!("Waiting  {}", target.queued),
    ];
    match &target.machine {
        None => lines.push(format!(
            "Machine  {}, {}",
            count(u64::from(target.cores), "core"),
            byte_size(target.memory)
        )),
        Some(machine) => {
            lines.push(format!("Address  {}, port {}", machine.address, machine.port));
            lines.push(format!("Key      {}", machine.host_key));
            if let Some(has) = &machine.resources {
                lines.push(format!("Machine  {}", resources(has)));
            }
            if let Some(folder) = &machine.folder {
                lines.push(format!("Folder   {folder}"));
            }
        }
    }
    if target.kind == ComputeKind::AmlCompute {
        lines.push(format!("Idle     given back after {} s", target.idle_seconds));
    }
    if let Some(settings) = target.settings.as_object().filter(|_| target.machine.is_none()) {
        for (key, value) in settings {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            lines.push(format!("Kept     {key}={value}"));
        }
    }
    if !target.tags.is_empty() {
        lines.push(format!("Tags     {}", pairs(&target.tags)));
    }
    if !target.description.is_empty() {
        lines.push(format!("About    {}", target.description));
    }
    if let Some(created_at_ms) = target.created_at_ms {
        lines.push(format!("Created  {}", date_time(created_at_ms)));
    }
    lines.join("\n")
}
