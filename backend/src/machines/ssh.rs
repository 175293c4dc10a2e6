//! The program `ssh`: how it is started, and what its refusals mean. It is OpenSSH's own, so that a
//! person's configuration, jump hosts and hardware keys serve here as everywhere.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use lazuli_domain::{ApiError, Machine};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::error::{Error, FileContext, Result};

/// Of one command that only looks or writes a file.
const PATIENCE: Duration = Duration::from_secs(120);

/// A machine and the files of this side that belong to it.
#[derive(Clone, Debug)]
pub struct Ssh {
    pub machine: Machine,
    /// `links/<id>/` of the home.
    pub folder: PathBuf,
}

impl Ssh {
    /// Writes the file by which the machine is known again.
    pub fn prepare(&self) -> Result<()> {
        let file = self.known_hosts();
        crate::home::write_private(&file, self.machine.known_host().as_bytes())
            .while_trying(|| format!("writing `{}`", file.display()))
    }

    fn known_hosts(&self) -> PathBuf {
        self.folder.join("known_hosts")
    }

    /// `ssh` with everything but what it is to do.
    pub fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new("ssh");
        command.arg("-T").args(more);
        command.args(self.machine.ssh_arguments(&self.known_hosts().to_string_lossy()));
        if let Some(socket) = &self.machine.agent_socket {
            command.env("SSH_AUTH_SOCK", socket);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
    }

    /// Runs a script of the plain shell there and gives what it said. It must hold no `'`.
    pub async fn run(&self, script: &str, input: Option<&Path>) -> Result<String> {
        let mut command = self.command(&[]);
        command.arg(in_plain_shell(script));
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().map_err(|error| not_started(&error))?;
        let stdin = child.stdin.take();
        let feed = async {
            if let (Some(input), Some(mut stdin)) = (input, stdin) {
                let mut file = tokio::fs::File::open(input)
                    .await
                    .while_trying(|| format!("reading `{}`", input.display()))?;
                // A command that ends before it has read everything says itself why.
                let _ = tokio::io::copy(&mut file, &mut stdin).await;
                let _ = stdin.shutdown().await;
            }
            Ok::<(), Error>(())
        };
        let both = async {
            let (fed, output) = tokio::join!(feed, child.wait_with_output());
            fed?;
            output.map_err(|error| Error::from(not_started(&error)))
        };
        let output = match tokio::time::timeout(PATIENCE, both).await {
            Ok(output) => output?,
            Err(_) => return Err(self.silent().into()),
        };
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(self.explain(&String::from_utf8_lossy(&output.stderr)).into())
    }

    pub fn silent(&self) -> ApiError {
        ApiError::unavailable(format!("`{}` does not answer", self.machine.address()))
            .hint("see that the machine runs and is reachable")
    }

    /// What ssh said, as one sentence.
    pub fn explain(&self, said: &str) -> ApiError {
        explain(&self.machine.address(), self.machine.port, said)
    }
}

/// A person's own shell may be any; what we say is for `sh`.
pub fn in_plain_shell(script: &str) -> String {
    format!("exec sh -c '{script}'")
}

pub fn not_started(error: &std::io::Error) -> ApiError {
    ApiError::unavailable(format!("the program `ssh` cannot be started: {error}"))
        .hint("install OpenSSH's client (`apt install openssh-client`)")
}

fn explain(address: &str, port: u16, said: &str) -> ApiError {
    let last = said.lines().rev().map(str::trim).find(|line| {
        !line.is_empty() && !line.starts_with("Warning:") && !line.starts_with("Allocated port")
    });
    let last = last.unwrap_or("the connection ended");
    let (message, hint) = if said.contains("IDENTIFICATION HAS CHANGED")
        || said.contains("Host key verification failed")
    {
        (
            format!("`{address}` shows another host key than the one it was attached with"),
            "find out why; when the machine was set up anew, detach it and attach it again"
                .to_owned(),
        )
    } else if said.contains("Permission denied") {
        (
            format!("`{address}` does not accept the key"),
            format!(
                "put the public key into `~/.ssh/authorized_keys` there (`ssh-copy-id -p {port} {address}`), \
                 or name the right one with `--key`"
            ),
        )
    } else if said.contains("Could not resolve") {
        (format!("the name of `{address}` is not known"), "check the address".to_owned())
    } else if said.contains("Connection refused") {
        (
            format!("`{address}` takes no connections on port {port}"),
            "see that sshd runs there, and on which port".to_owned(),
        )
    } else {
        (
            format!("the link to `{address}` failed: {last}"),
            "see that the machine runs and is reachable".to_owned(),
        )
    };
    ApiError::unavailable(message).hint(hint)
}

/// `SHA256:…`, as `ssh-keygen -l` prints it, of a key such as `ssh-ed25519 AAAA…`.
pub fn fingerprint(host_key: &str) -> String {
    let key = host_key.split_whitespace().nth(1).unwrap_or_default();
    let bytes = STANDARD.decode(key).unwrap_or_default();
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(bytes)))
}

/// The host key that the machine shows, as `ssh-ed25519 AAAA…`. Nothing is sent to it.
pub async fn shown_host_key(machine: &Machine, folder: &Path) -> Result<String> {
    let file = folder.join("shown");
    let mut command = Command::new("ssh");
    command.args(["-T", "-o", "StrictHostKeyChecking=accept-new", "-o", "HashKnownHosts=no"]);
    command.args(["-o", "GlobalKnownHostsFile=/dev/null", "-o", "HostKeyAlias=shown"]);
    command.arg("-o").arg(format!("UserKnownHostsFile=\"{}\"", file.display()));
    let said = ask_nothing(command, machine).await?;
    let known = tokio::fs::read_to_string(&file).await.unwrap_or_default();
    let key = known.lines().find_map(|line| line.strip_prefix("shown "));
    let key = key.map(str::trim).filter(|key| !key.is_empty());
    key.map(str::to_owned).ok_or_else(|| explain(&machine.address(), machine.port, &said).into())
}

/// What the person's own `known_hosts` says of the key that the machine shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InKnownHosts {
    Yes,
    No,
    /// Another key of the machine's stands there.
    Another,
}

pub async fn known_to_user(machine: &Machine) -> Result<InKnownHosts> {
    let mut command = Command::new("ssh");
    command.args(["-T", "-o", "StrictHostKeyChecking=yes"]);
    Ok(in_known_hosts(&ask_nothing(command, machine).await?))
}

fn in_known_hosts(said: &str) -> InKnownHosts {
    if said.contains("IDENTIFICATION HAS CHANGED") {
        return InKnownHosts::Another;
    }
    // The key was checked before the machine could refuse who asks.
    match said.contains("Permission denied") || said.is_empty() {
        true => InKnownHosts::Yes,
        false => InKnownHosts::No,
    }
}

/// Connects without showing any key of the person, which every machine refuses; what ssh said.
async fn ask_nothing(mut command: Command, machine: &Machine) -> Result<String> {
    command.args(["-o", "BatchMode=yes", "-o", "PreferredAuthentications=none"]);
    command.args(["-o", "ConnectTimeout=10", "-o", "ControlMaster=no", "-o", "ControlPath=none"]);
    command.args(["-p", &machine.port.to_string(), "-l", &machine.user, &machine.host, "true"]);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(|error| not_started(&error))?;
    Ok(match output.status.success() {
        true => String::new(),
        false => String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_those_of_ssh_keygen() {
        let key =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
        assert_eq!(fingerprint(key), "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU");
    }

    #[test]
    fn a_changed_host_key_is_told_from_an_unknown_one() {
        let refused = "Host key verification failed.\r\n";
        let changed = format!("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n{refused}");
        assert_eq!(in_known_hosts(&changed), InKnownHosts::Another);
        assert_eq!(in_known_hosts(refused), InKnownHosts::No);
        let known = "ada@box: Permission denied (publickey).\n";
        assert_eq!(in_known_hosts(known), InKnownHosts::Yes);
    }

    #[test]
    fn refusals_say_what_to_do() {
        let of = |said: &str| {
            let error = explain("ada@box", 22, said);
            format!("{}; {}", error.message, error.hint.unwrap_or_default())
        };
        assert!(
            of("ada@box: Permission denied (publickey).\n").contains("does not accept the key")
        );
        assert!(of("Host key verification failed.\r\n").contains("another host key"));
        assert!(of("ssh: connect to host box port 22: Connection refused").contains("port 22"));
        assert!(of("").contains("the connection ended"));
    }
}
