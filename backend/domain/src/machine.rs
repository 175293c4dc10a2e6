//! Machines that are reached by SSH, and what a daemon and the agent there say to each other.

use serde::{Deserialize, Serialize};

use crate::{ApiError, JobFile, ProcessIdentity, StringMap, shown};

/// A machine as the settings of its compute target keep it. Nothing in it is secret: of the key
/// only the place is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Names the folder that is this daemon's on the machine.
    pub id: String,
    pub user: String,
    pub host: String,
    pub port: u16,
    /// A file of the daemon's machine; without it ssh tries the keys it knows and its agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<String>,
    /// The socket of the agent that holds the key, as it was when the machine was attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_socket: Option<String>,
    /// Kind and key, as in a `known_hosts` file: the only one that is accepted.
    pub host_key: String,
}

impl Machine {
    /// `USER@HOST`, for people.
    pub fn address(&self) -> String {
        format!("{}@{}", self.user, self.host)
    }

    /// The line of a `known_hosts` file by which ssh knows the machine again.
    pub fn known_host(&self) -> String {
        format!("{} {}\n", self.alias(), self.host_key)
    }

    /// Host keys are looked for by this name, whatever address the machine has.
    fn alias(&self) -> String {
        format!("lazuli-{}", self.id)
    }

    /// The folder on the machine, below the user's home.
    pub fn folder(&self) -> String {
        format!(".lazuli-remote/{}", self.id)
    }

    /// What `ssh` is started with, up to the command. It never asks anything, accepts no other host
    /// key than the known one, and hands on neither agent nor display.
    pub fn ssh_arguments(&self, known_hosts: &str) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut option = |option: String| arguments.extend(["-o".to_owned(), option]);
        for fixed in [
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            "GlobalKnownHostsFile=/dev/null",
            "UpdateHostKeys=no",
            "CheckHostIP=no",
            "ConnectTimeout=10",
            // A link that says nothing for a quarter of a minute is cut.
            "ServerAliveInterval=5",
            "ServerAliveCountMax=3",
            "ControlMaster=no",
            "ControlPath=none",
            "ForwardAgent=no",
            "ForwardX11=no",
            "PermitLocalCommand=no",
        ] {
            option(fixed.to_owned());
        }
        option(format!("UserKnownHostsFile=\"{known_hosts}\""));
        option(format!("HostKeyAlias={}", self.alias()));
        if let Some(key_file) = &self.key_file {
            option("IdentitiesOnly=yes".to_owned());
            option(format!("IdentityFile=\"{key_file}\""));
        }
        arguments.extend(["-p".to_owned(), self.port.to_string()]);
        arguments.extend(["-l".to_owned(), self.user.clone(), self.host.clone()]);
        arguments
    }
}

/// Body of `POST /api/workspaces/{workspace}/machines`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewMachine {
    /// Of the compute target.
    pub name: String,
    /// `USER@HOST`, or `USER@HOST:PORT`.
    pub address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Path of the private key, on the daemon's machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<String>,
    /// `SSH_AUTH_SOCK` of who attaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_socket: Option<String>,
    /// `SHA256:…`: the fingerprint of the host key that is to be accepted. Without it the key must
    /// stand in the user's own `known_hosts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<String>,
    /// So many jobs run there at once; one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_nodes: Option<u32>,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub tags: StringMap,
}

/// User, host and port of `USER@HOST[:PORT]`. Neither can be taken for an option by ssh.
pub fn parse_address(address: &str) -> Result<(String, String, Option<u16>), ApiError> {
    let wrong = || {
        ApiError::invalid(format!("`{}` is no address of a machine", shown(address, 80)))
            .hint("write USER@HOST, or USER@HOST:PORT")
    };
    let (user, rest) = address.trim().split_once('@').ok_or_else(wrong)?;
    let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or_else(wrong)?)),
        None => match rest.split_once(':') {
            // An IPv6 address without brackets.
            Some((_, port)) if port.contains(':') => (rest, None),
            Some((host, port)) => (host, Some(port)),
            None => (rest, None),
        },
    };
    let port = match port {
        Some(port) => Some(port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong)?),
        None => None,
    };
    let is_plain = |text: &str, more: &str| {
        !text.is_empty()
            && !text.starts_with('-')
            && text.chars().all(|one| one.is_alphanumeric() || more.contains(one))
    };
    if !is_plain(user, "._-") || !is_plain(host, "._-:%") {
        return Err(wrong());
    }
    Ok((user.to_owned(), host.to_owned(), port))
}

/// A machine of a compute target and the link to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MachineView {
    /// `USER@HOST`
    pub address: String,
    pub port: u16,
    /// `SHA256:…`
    pub host_key: String,
    pub link: LinkState,
    /// Why there is no link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Since when the link is in this state.
    pub since_ms: i64,
    /// The daemon's folder on the machine; absent until there was a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The agent's program there, by its path below the user's home; absent until there was a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// As it said last; absent until it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum LinkState {
    Connecting,
    Connected,
    /// It is tried again.
    Cut,
}

impl LinkState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Cut => "cut",
        }
    }
}

/// What a machine has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Resources {
    /// `Debian GNU/Linux 12 (bookworm)`
    pub system: String,
    pub cores: u32,
    /// Processes that wanted a core, on average over the last minute.
    pub load: f64,
    /// Bytes.
    pub memory: u64,
    pub memory_free: u64,
    /// Bytes free where jobs have their files.
    pub disk_free: u64,
    /// One line for each, as `nvidia-smi` names them.
    #[serde(default)]
    pub gpus: Vec<String>,
}

/// What a daemon says to the agent on a machine, one line of JSON each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToMachine {
    /// The first: how the daemon is reached from there.
    Hello {
        daemon: Box<crate::DaemonInfo>,
        token: String,
    },
    Start {
        job: Box<JobFile>,
    },
    /// `by_force` kills the agent, which then has no time to report.
    Cancel {
        run_id: String,
        by_force: bool,
    },
    /// What an agent that is gone had still to tell is told by another one.
    Collect {
        run_id: String,
    },
}

/// What the agent on a machine answers and tells unasked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromMachine {
    /// The answer to `Hello`: the whole path of its folder, and the runs that are still here.
    Ready {
        folder: String,
        runs: Vec<RunThere>,
        resources: Resources,
    },
    Started {
        run_id: String,
        agent: ProcessIdentity,
    },
    Refused {
        run_id: String,
        reason: String,
    },
    /// The agent of the run is gone, and its files are still here.
    Gone {
        run_id: String,
    },
    Resources(Resources),
}

/// What a kernel says to the agent that runs its Python on a machine, one line of JSON each. When
/// it has said nothing for [`KERNEL_SILENCE`], the Python there ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToPython {
    /// The first.
    Start {
        /// What cells find in their environment.
        variables: StringMap,
        /// The program there; without it one that has ipykernel is found or made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        python: Option<String>,
    },
    /// For the Python and what it has started.
    Signal(i32),
    StillHere,
}

/// Longer than a link needs to be seen as cut by both sides.
pub const KERNEL_SILENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// What that agent answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromPython {
    /// A line about what it is busy with.
    Preparing(String),
    /// Its sockets are there.
    Ready,
    Failed(crate::RunError),
}

/// Where the Python of a kernel on a machine listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelSockets {
    /// What ipykernel puts a `-` and the number of a channel behind.
    pub channels: String,
    /// Leads to who performs the magics.
    pub magics: String,
    /// What of it goes with the kernel.
    pub folder: String,
}

impl KernelSockets {
    /// `folder` is the daemon's on the machine.
    pub fn of(folder: &str, kernel: &str) -> KernelSockets {
        let own = format!("{folder}/kernels/{kernel}");
        KernelSockets { channels: format!("{own}/k"), magics: format!("{own}.magics"), folder: own }
    }
}

/// A run whose files are on a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunThere {
    pub run_id: String,
    /// Absent when its agent is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<ProcessIdentity>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let is = |user: &str, host: &str, port| Ok((user.to_owned(), host.to_owned(), port));
        assert_eq!(parse_address("ada@gpu-box"), is("ada", "gpu-box", None));
        assert_eq!(parse_address("ada@10.0.0.1:2222"), is("ada", "10.0.0.1", Some(2222)));
        assert_eq!(parse_address("ada@[::1]:22"), is("ada", "::1", Some(22)));
        assert_eq!(parse_address("ada@fe80::1"), is("ada", "fe80::1", None));
        for wrong in [
            "gpu-box",
            "@host",
            "ada@",
            "ada@-oProxyCommand=x",
            "-x@host",
            "ada@host:0",
            "ada@host:ssh",
            "ada@ho st",
            "ada@host;id",
            "ada@[::1]22",
        ] {
            assert!(parse_address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ssh_accepts_one_host_key_and_asks_nothing() {
        let machine = Machine {
            id: "0a1b".into(),
            user: "ada".into(),
            host: "gpu-box".into(),
            port: 2222,
            key_file: Some("/keys/my key".into()),
            agent_socket: None,
            host_key: "ssh-ed25519 AAAA".into(),
        };
        let arguments = machine.ssh_arguments("/home/known");
        for wanted in [
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            "HostKeyAlias=lazuli-0a1b",
            "UserKnownHostsFile=\"/home/known\"",
            "IdentityFile=\"/keys/my key\"",
            "ForwardAgent=no",
        ] {
            assert!(arguments.iter().any(|argument| argument == wanted), "{wanted}: {arguments:?}");
        }
        assert!(arguments.ends_with(&["-p", "2222", "-l", "ada", "gpu-box"].map(String::from)));
        assert_eq!(machine.known_host(), "lazuli-0a1b ssh-ed25519 AAAA\n");
    }
}
