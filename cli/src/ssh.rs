use std::os::unix::process::CommandExt;
use std::process::Command;

use lazuli::Home;
use lazuli::client::Client;
use lazuli_commands::Options;
use lazuli_commands::table::Ssh;
use lazuli_domain::Machine;

use crate::Done;
use crate::terminal::Failure;

/// Becomes `ssh` on an attached machine; comes back only when that cannot be started.
pub fn open(options: &Options, command: &Ssh) -> Done {
    let client = Client::connect()?;
    let workspace = match &options.workspace {
        Some(workspace) => workspace.clone(),
        None => lazuli::workspace_name(&lazuli::Config::from_environment()?)?,
    };
    let target = client.compute_target(&workspace, &command.name)?;
    if target.machine.is_none() {
        return Err(Failure {
            message: format!("compute target `{}` is on this machine", command.name),
            hint: Some("`lazuli compute attach` attaches another one".to_owned()),
        });
    }
    let machine: Machine = serde_json::from_value(target.settings)
        .map_err(|error| Failure::new(format!("its settings are unreadable: {error}")))?;
    let known_hosts =
        Home::from_environment()?.path().join("links").join(&machine.id).join("known_hosts");
    let mut ssh = Command::new("ssh");
    ssh.args(machine.ssh_arguments(&known_hosts.to_string_lossy()));
    if let Some(socket) = machine.agent_socket.filter(|_| !crate::config::has_ssh_agent()) {
        ssh.env("SSH_AUTH_SOCK", socket);
    }
    if !command.words.is_empty() {
        // ssh joins its words by spaces for the shell over there, which must read them as they were given.
        ssh.arg(command.words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "));
    }
    let error = ssh.exec();
    Err(Failure {
        message: format!("the program `ssh` cannot be started: {error}"),
        hint: Some("install OpenSSH's client (`apt install openssh-client`)".to_owned()),
    })
}

fn quoted(word: &str) -> String {
    let is_plain = |one: char| one.is_ascii_alphanumeric() || "_-./:=@%+,".contains(one);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}
