//! Machines that are reached by SSH: attached as compute targets, linked as long as they are.

pub mod link;
mod ssh;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use lazuli_domain::{
    ApiError, ComputeKind, ComputeTarget, LinkState, Machine, MachineView, NewMachine,
    check_compute_name, check_name, check_nodes, parse_address,
};

use crate::app::App;
use crate::clock::now_ms;
use crate::compute::{self, LOCAL};
use crate::error::{Error, FileContext, Result};
use crate::home::{hex, random, write_private};
use crate::store;
use crate::store::compute::ComputeRow;
use link::Link;
use ssh::{InKnownHosts, Ssh};

/// Workspace and name of a compute target.
type Target = (String, String);

/// The links of this daemon.
#[derive(Default)]
pub struct Machines(RwLock<HashMap<Target, Arc<Link>>>);

impl Machines {
    pub fn link(&self, workspace: &str, name: &str) -> Option<Arc<Link>> {
        let links = self.0.read().unwrap_or_else(PoisonError::into_inner);
        links.get(&(workspace.to_owned(), name.to_owned())).cloned()
    }

    /// Whether somebody on one of the machines says this.
    pub fn accepts(&self, same: impl Fn(&str) -> bool) -> bool {
        let links = self.0.read().unwrap_or_else(PoisonError::into_inner);
        links.values().any(|link| same(&link.token))
    }

    fn put(&self, target: Target, link: Arc<Link>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(target, link);
    }

    fn take(&self, workspace: &str, name: &str) -> Option<Arc<Link>> {
        let mut links = self.0.write().unwrap_or_else(PoisonError::into_inner);
        links.remove(&(workspace.to_owned(), name.to_owned()))
    }
}

/// Links every machine that is attached.
pub async fn open_all(app: &Arc<App>) -> Result<()> {
    let attached = app
        .store
        .read(|database| {
            let mut attached = Vec::new();
            for workspace in store::workspaces::list(database)? {
                for row in store::compute::list(database, &workspace.name)? {
                    if row.kind == ComputeKind::Remote {
                        attached.push((workspace.name.clone(), row));
                    }
                }
            }
            Ok(attached)
        })
        .await?;
    for (workspace, row) in attached {
        let machine = machine_of(&row.name, &row.settings)?;
        let folder = folder(app, &machine);
        let token = match std::fs::read_to_string(folder.join("token")) {
            Ok(token) => token.trim().to_owned(),
            // Restored from a backup, which holds no token.
            Err(_) => new_token(&folder)?,
        };
        let link = Link::open(app, Ssh { machine, folder }, token);
        app.machines.put((workspace, row.name), link);
    }
    Ok(())
}

/// Attaches a machine; returns when it was reached and its agent answers.
pub async fn attach(app: &Arc<App>, workspace: String, new: NewMachine) -> Result<ComputeTarget> {
    check_compute_name(&new.name)?;
    if new.name == LOCAL {
        return Err(ApiError::conflict("`local` is this machine")
            .hint("give the other machine another name")
            .into());
    }
    new.tags.keys().try_for_each(|key| check_name("tag", key))?;
    let max_nodes = new.max_nodes.unwrap_or(1);
    check_nodes(0, max_nodes)?;
    let (user, host, port) = parse_address(&new.address)?;
    if let Some(key_file) = &new.key_file {
        let is_plain = !key_file.contains(['"', '\n']);
        if !is_plain || !std::path::Path::new(key_file).is_file() {
            return Err(ApiError::invalid(format!("there is no key at `{key_file}`"))
                .hint("name the file of the private key, such as `~/.ssh/id_ed25519`")
                .into());
        }
    }
    let (asked, name) = (workspace.clone(), new.name.clone());
    let known =
        app.store.read(move |database| store::compute::find(database, &asked, &name)).await?;
    if known.is_some() {
        return Err(ApiError::conflict(format!(
            "there is a compute target `{}` already",
            new.name
        ))
        .hint("give another name, or delete it first")
        .into());
    }
    let mut machine = Machine {
        id: hex(&random::<8>()?),
        user,
        host,
        port: new.port.or(port).unwrap_or(22),
        key_file: new.key_file,
        agent_socket: new.agent_socket,
        host_key: String::new(),
    };
    let folder = folder(app, &machine);
    let made = reach(app, &mut machine, new.host_key.as_deref(), &folder).await;
    let link = match made {
        Ok(link) => link,
        Err(error) => {
            remove_folder(&folder).await;
            return Err(error);
        }
    };
    let settings = serde_json::to_value(&machine)
        .map_err(|error| Error::Defect(format!("a machine has no JSON: {error}")))?;
    let row = ComputeRow {
        name: new.name.clone(),
        kind: ComputeKind::Remote,
        min_nodes: 0,
        max_nodes,
        idle_seconds: 0,
        stopped: false,
        settings,
        description: new.description,
        tags: new.tags,
        created_at_ms: now_ms(),
        modified_at_ms: now_ms(),
    };
    let target = workspace.clone();
    let put = app
        .store
        .write(move |write| {
            // Somebody may have been quicker.
            if store::compute::find(write, &target, &row.name)?.is_some() {
                return Err(ApiError::conflict(format!(
                    "there is a compute target `{}` already",
                    row.name
                ))
                .hint("give another name, or delete it first")
                .into());
            }
            store::compute::put(write, &target, &row)
        })
        .await;
    if let Err(error) = put {
        close(&link).await;
        return Err(error);
    }
    app.machines.put((workspace.clone(), new.name.clone()), link);
    compute::get(app, workspace, new.name).await
}

async fn reach(
    app: &Arc<App>,
    machine: &mut Machine,
    wanted: Option<&str>,
    folder: &std::path::Path,
) -> Result<Arc<Link>> {
    crate::home::make_private_folder(folder)
        .while_trying(|| format!("making `{}`", folder.display()))?;
    machine.host_key = ssh::shown_host_key(machine, folder).await?;
    let shown = ssh::fingerprint(&machine.host_key);
    let kind = machine.host_key.split_whitespace().next().unwrap_or_default().to_owned();
    match wanted {
        Some(wanted) if wanted.trim() != shown => {
            return Err(ApiError::conflict(format!(
                "`{}` shows the host key {shown} ({kind}), not the one that was given",
                machine.address()
            ))
            .hint("find out which of them is the machine's own before you attach it")
            .into());
        }
        Some(_) => {}
        None => match ssh::known_to_user(machine).await? {
            InKnownHosts::Yes => {}
            InKnownHosts::Another => {
                return Err(ApiError::conflict(format!(
                    "`{}` shows the host key {shown} ({kind}), and your `known_hosts` has another one",
                    machine.address()
                ))
                .hint(format!(
                    "somebody else may answer in its place; when it was set up anew, remove the old key \
                     (`ssh-keygen -R {}`) and attach it again",
                    machine.host
                ))
                .into());
            }
            InKnownHosts::No => {
                return Err(ApiError::conflict(format!(
                    "the host key of `{}` is not known yet: {shown} ({kind})",
                    machine.address()
                ))
                .hint(format!(
                    "compare it with what `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints on the \
                     machine, then attach it with `--host-key {shown}`"
                ))
                .into());
            }
        },
    }
    let token = new_token(folder)?;
    let ssh = Ssh { machine: machine.clone(), folder: folder.to_owned() };
    let link = Link::open(app, ssh, token);
    let state = link.settled().await;
    match (state.link, state.problem) {
        (LinkState::Connected, _) => Ok(link),
        (_, problem) => {
            link.close().await;
            Err(problem.unwrap_or_else(|| ApiError::unavailable("the link was closed")).into())
        }
    }
}

/// Ends the link of a target that was deleted, and removes what is ours on the machine.
pub async fn detach(app: &Arc<App>, workspace: &str, name: &str) {
    if let Some(link) = app.machines.take(workspace, name) {
        close(&link).await;
    }
}

async fn close(link: &Link) {
    let was_connected = link.session().is_some();
    link.close().await;
    let folder = link.ssh.machine.folder();
    if was_connected {
        // The last daemon that has something there takes the agent away, too.
        let script = format!(
            "cd \"$HOME\" && rm -rf \"{folder}\" && if [ \"$(ls .lazuli-remote)\" = bin ]; then rm -rf .lazuli-remote; fi"
        );
        if let Err(error) = link.ssh.run(&script, None).await {
            let machine = link.ssh.machine.address();
            tracing::warn!(machine, folder, %error, "what is ours on the machine stays there");
        }
    }
    remove_folder(&link.ssh.folder).await;
}

async fn remove_folder(folder: &std::path::Path) {
    if let Err(error) = tokio::fs::remove_dir_all(folder).await {
        tracing::warn!(%error, folder = %folder.display(), "a folder stays");
    }
}

/// The machine of a target and how the link is.
pub fn view(app: &App, workspace: &str, target: &ComputeTarget) -> Result<Option<MachineView>> {
    if target.kind != ComputeKind::Remote {
        return Ok(None);
    }
    let machine = machine_of(&target.name, &target.settings)?;
    let link = app.machines.link(workspace, &target.name);
    let state = link.as_ref().map(|link| link.state());
    Ok(Some(MachineView {
        address: machine.address(),
        port: machine.port,
        host_key: ssh::fingerprint(&machine.host_key),
        link: state.as_ref().map_or(LinkState::Connecting, |state| state.link),
        since_ms: state
            .as_ref()
            .map_or(target.created_at_ms.unwrap_or_default(), |state| state.since_ms),
        problem: state.and_then(|state| state.problem).map(|problem| problem.message),
        folder: link.as_ref().and_then(|link| link.folder_there()),
        agent: link.as_ref().and_then(|link| link.agent_there()),
        resources: link.and_then(|link| link.resources()),
    }))
}

fn machine_of(name: &str, settings: &serde_json::Value) -> Result<Machine> {
    serde_json::from_value(settings.clone()).map_err(|error| {
        Error::Defect(format!("the machine of compute target `{name}` is unreadable: {error}"))
    })
}

fn folder(app: &App, machine: &Machine) -> PathBuf {
    app.home.links().join(&machine.id)
}

fn new_token(folder: &std::path::Path) -> Result<String> {
    crate::home::make_private_folder(folder)
        .while_trying(|| format!("making `{}`", folder.display()))?;
    let token = hex(&random::<32>()?);
    let file = folder.join("token");
    write_private(&file, token.as_bytes())
        .while_trying(|| format!("writing `{}`", file.display()))?;
    Ok(token)
}
