use std::path::{Path, PathBuf};

use lazuli::client::Client;
use lazuli::{Config, Result};
use lazuli_domain::ProcessIdentity;

/// Who asks: hints name commands as they are said there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    Cell,
    Shell,
}

impl Caller {
    /// `%run list` or `lazuli run list`, in backticks.
    pub fn say(self, command: &str) -> String {
        match self {
            Self::Cell => format!("`%{command}`"),
            Self::Shell => format!("`lazuli {command}`"),
        }
    }
}

/// Where a command is performed.
#[derive(Clone, Debug)]
pub struct Context {
    pub client: Client,
    pub caller: Caller,
    /// Where relative paths begin.
    pub folder: PathBuf,
    pub config: Config,
    /// The process that runs started by hand live in: a notebook's kernel. A shell has none, its
    /// runs go on until somebody ends them.
    pub owner: Option<ProcessIdentity>,
}

impl Context {
    /// A context for this process, in its current folder.
    pub fn new(client: Client, caller: Caller, config: Config) -> Result<Context> {
        let folder = std::env::current_dir().map_err(|error| {
            lazuli_domain::ApiError::unavailable(format!("the current folder is gone: {error}"))
                .hint("change to a folder that exists")
        })?;
        let owner = config.owner.clone();
        Ok(Context { client, caller, folder, config, owner })
    }

    pub(crate) fn say(&self, command: &str) -> String {
        self.caller.say(command)
    }

    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.join(path)
    }
}
