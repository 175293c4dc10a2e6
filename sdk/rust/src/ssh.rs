//! Reaching an attached machine by the program `ssh`, with the key that it was attached with.

use std::process::Command;

use lazuli_domain::{ApiError, ComputeTarget, Machine};

use crate::{Config, Result};

/// `ssh` with everything but what it is to do there; `more` are options of its own.
pub fn command(config: &Config, target: &ComputeTarget, more: &[String]) -> Result<Command> {
    if target.machine.is_none() {
        let message = format!("compute target `{}` is on this machine", target.name);
        return Err(ApiError::invalid(message)
            .hint("`lazuli compute attach` attaches another one")
            .into());
    }
    let machine: Machine = serde_json::from_value(target.settings.clone()).map_err(|error| {
        let name = &target.name;
        ApiError::invalid(format!("the machine of compute target `{name}` is unreadable: {error}"))
            .hint("detach it and attach it again")
    })?;
    let known_hosts = config.home()?.path().join("links").join(&machine.id).join("known_hosts");
    let mut ssh = Command::new("ssh");
    ssh.args(more).args(machine.ssh_arguments(&known_hosts.to_string_lossy()));
    if let Some(socket) = machine.agent_socket.filter(|_| config.ssh_agent.is_none()) {
        ssh.env("SSH_AUTH_SOCK", socket);
    }
    Ok(ssh)
}

/// What to tell when `ssh` cannot be started.
pub fn not_started(error: &std::io::Error) -> ApiError {
    ApiError::unavailable(format!("the program `ssh` cannot be started: {error}"))
        .hint("install OpenSSH's client (`apt install openssh-client`)")
}
