use clap::{Args, Subcommand, ValueEnum};

use crate::KeyValue;

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ComputeCommand {
    /// List the compute targets
    #[command(after_help = "Examples:\n  $compute list")]
    List,
    Create(Box<CreateCompute>),
    Attach(Box<AttachMachine>),
    /// Show a compute target, its nodes and what waits for it
    #[command(alias = "show", after_help = "Examples:\n  $compute status cpu-cluster")]
    Status {
        /// Its name
        #[arg(value_name = "COMPUTE")]
        name: String,
    },
    /// Start a compute instance
    Start {
        /// Its name
        #[arg(value_name = "COMPUTE")]
        name: String,
    },
    /// Stop a compute instance: no more runs begin on it
    Stop {
        /// Its name
        #[arg(value_name = "COMPUTE")]
        name: String,
    },
    /// Delete a compute target on which nothing runs; what is Lazuli's on a machine goes, too
    #[command(alias = "detach")]
    Delete {
        /// Its name
        #[arg(value_name = "COMPUTE")]
        name: String,
    },
}

/// Name some slots of this machine, or change how many they are
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(
    after_help = "Runs on it begin as slots become free. What has no meaning on one machine is kept and shown.\n\nExamples:\n  $compute create cpu-cluster --max-nodes 2\n  $compute create cpu-cluster --max-nodes 4 --setting vm_size=STANDARD_DS11_V2\n  $compute create my-workstation --kind instance"
)]
pub struct CreateCompute {
    /// Its name: letters, digits and `-`
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What it is called to be
    #[arg(long, value_enum, default_value = "cluster")]
    pub kind: CalledKind,
    /// So many nodes are always there
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub min_nodes: u32,
    /// So many runs run at once
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub max_nodes: u32,
    /// After so many seconds without work a node is given back
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    pub idle_seconds: u64,
    /// What else is to be kept of it (`vm_size=STANDARD_DS11_V2`); may be given several times
    #[arg(long = "setting", value_name = "KEY=VALUE", value_parser = KeyValue::parse)]
    pub settings: Vec<KeyValue>,
    /// A few words about it
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// A tag; may be given several times
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = KeyValue::parse)]
    pub tags: Vec<KeyValue>,
}

/// Attach another machine by SSH: what is submitted to it runs there
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(
    after_help = "Nothing need be installed there but Python 3.8 or newer: the agent travels by itself. A host key that ssh does not know yet is refused with its fingerprint; compare it, then give it.\n\nExamples:\n  $compute attach gpu-box ada@gpu-box.example.org\n  $compute attach gpu-box ada@10.0.0.7 --port 2222 --key ~/.ssh/id_ed25519 --host-key SHA256:…"
)]
pub struct AttachMachine {
    /// Name of the compute target: letters, digits and `-`
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Whom to be there, and where
    #[arg(value_name = "USER@HOST")]
    pub address: String,
    /// Port of its SSH server, 22 when absent
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// The file of the private key; ssh's own keys and its agent when absent
    #[arg(long = "key", value_name = "FILE")]
    pub key_file: Option<String>,
    /// The fingerprint of the host key that is to be accepted (`SHA256:…`)
    #[arg(long, value_name = "FINGERPRINT")]
    pub host_key: Option<String>,
    /// So many runs run there at once
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub max_nodes: u32,
    /// A few words about it
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// A tag; may be given several times
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = KeyValue::parse)]
    pub tags: Vec<KeyValue>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CalledKind {
    /// Slots that fill with runs
    Cluster,
    /// One slot that is started and stopped
    Instance,
}
