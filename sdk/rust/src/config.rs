use std::path::{Path, PathBuf};

use lazuli_domain::{ApiError, ErrorKind, ProcessIdentity};

use crate::{Error, Home, Result};

/// What the process was told by its environment. This is the only place of the crate that reads
/// environment variables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// `LAZULI_HOME`, else `~/.lazuli`; none when there is no home directory either.
    pub home: Option<PathBuf>,
    /// `LAZULI_BIN`: the program `lazuli`.
    pub program: Option<PathBuf>,
    /// `LAZULI_WORKSPACE`.
    pub workspace: Option<String>,
    /// `LAZULI_EXPERIMENT`, set in a job.
    pub experiment: Option<String>,
    /// `LAZULI_RUN_ID`, set in a job.
    pub run_id: Option<String>,
    /// What the notebook's kernel has active; read from the file that `LAZULI_SESSION` names.
    pub session: Session,
    /// `LAZULI_SESSION`: the file in which a notebook says what is active.
    pub session_file: Option<PathBuf>,
    /// True in a cell of the Lazuli kernel.
    pub in_notebook: bool,
    /// `LAZULI_OWNER`: the process in which runs that are started here live.
    pub owner: Option<ProcessIdentity>,
    /// `USER`, else `LOGNAME`: who starts runs.
    pub user: String,
    /// `SSH_AUTH_SOCK`: the agent that holds keys for ssh.
    pub ssh_agent: Option<String>,
    /// `HOME`.
    pub user_home: Option<PathBuf>,
    /// `PATH`, where `lazuli` and Python are looked for.
    search_path: Vec<PathBuf>,
    /// `VIRTUAL_ENV`: the Python environment that is active.
    virtual_environment: Option<PathBuf>,
    /// `CONDA_PREFIX`.
    conda_environment: Option<PathBuf>,
}

/// The active workspace, experiment and run of a notebook.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    pub workspace: Option<String>,
    pub experiment: Option<String>,
    pub run_id: Option<String>,
}

impl Config {
    pub fn from_environment() -> Result<Config> {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let path = |name: &str| {
            std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
        };
        let owner = match text("LAZULI_OWNER") {
            Some(json) => Some(serde_json::from_str(&json).map_err(|error| {
                Error::caused_by(
                    ApiError::invalid("`LAZULI_OWNER` does not hold a process identity")
                        .hint("unset it, or restart the kernel that set it"),
                    error,
                )
            })?),
            None => None,
        };
        let session = match path("LAZULI_SESSION") {
            Some(file) => Session::read(&file)?,
            None => Session::default(),
        };
        Ok(Config {
            home: path("LAZULI_HOME").or_else(|| path("HOME").map(|home| home.join(".lazuli"))),
            program: path("LAZULI_BIN"),
            ssh_agent: text("SSH_AUTH_SOCK"),
            user_home: path("HOME"),
            workspace: text("LAZULI_WORKSPACE"),
            experiment: text("LAZULI_EXPERIMENT"),
            run_id: text("LAZULI_RUN_ID"),
            session,
            session_file: path("LAZULI_SESSION"),
            in_notebook: path("LAZULI_SESSION").is_some(),
            owner,
            user: text("USER").or_else(|| text("LOGNAME")).unwrap_or_default(),
            search_path: std::env::var_os("PATH")
                .map(|value| std::env::split_paths(&value).collect())
                .unwrap_or_default(),
            virtual_environment: path("VIRTUAL_ENV"),
            conda_environment: path("CONDA_PREFIX"),
        })
    }

    pub fn home(&self) -> Result<Home> {
        let Some(folder) = &self.home else {
            return Err(ApiError::invalid("there is no folder to keep things in")
                .hint("set `LAZULI_HOME`, or `HOME`")
                .into());
        };
        Home::at(folder)
    }

    /// The program `lazuli`: `LAZULI_BIN`, else beside this program, else on the `PATH`, else the
    /// one that served this home last.
    pub fn lazuli_program(&self, home: &Home) -> Result<PathBuf> {
        if let Some(program) = &self.program {
            return match program.is_file() {
                true => Ok(program.clone()),
                false => Err(ApiError::new(
                    ErrorKind::NotFound,
                    format!("`LAZULI_BIN` names `{}`, which is no file", program.display()),
                )
                .hint("set it to the path of the program `lazuli`, or unset it")
                .into()),
            };
        }
        let beside = std::env::current_exe().ok().map(|program| program.with_file_name("lazuli"));
        let served_last = || home.daemon_info().ok().flatten().map(|info| info.executable.into());
        beside
            .filter(|program| program.is_file())
            .or_else(|| self.on_search_path("lazuli"))
            .or_else(|| served_last().filter(|program: &PathBuf| program.is_file()))
            .ok_or_else(|| {
                ApiError::new(ErrorKind::NotFound, "the program `lazuli` is not found")
                    .hint("put its folder on `PATH`, or set `LAZULI_BIN` to its path")
                    .into()
            })
    }

    /// The process in which runs that are started here live: the notebook's kernel, else this one.
    pub fn owner(&self) -> Result<ProcessIdentity> {
        match &self.owner {
            Some(owner) => Ok(owner.clone()),
            None => crate::process::own_identity(),
        }
    }

    /// The Python a person means when typing `python`: the active environment's, else the first
    /// one on the `PATH`.
    pub fn python(&self) -> Option<PathBuf> {
        let active = self.virtual_environment.as_ref().map(|folder| folder.join("bin/python"));
        active
            .filter(|python| python.is_file())
            .or_else(|| self.on_search_path("python3"))
            .or_else(|| self.on_search_path("python"))
    }

    /// The Python of the environment that is active, if one is.
    pub fn environment_python(&self) -> Option<PathBuf> {
        let environment = self.virtual_environment.as_ref().or(self.conda_environment.as_ref())?;
        Some(environment.join("bin/python")).filter(|python| python.is_file())
    }

    /// Every program of that name, in the order in which a shell looks for it.
    pub fn find_programs(&self, name: &str) -> Vec<PathBuf> {
        let found = self.search_path.iter().map(|folder| folder.join(name));
        found.filter(|path| path.is_file()).collect()
    }

    /// A program by its name, as a shell finds it.
    pub fn find_program(&self, name: &str) -> Option<PathBuf> {
        self.on_search_path(name)
    }

    fn on_search_path(&self, program: &str) -> Option<PathBuf> {
        self.search_path.iter().map(|folder| folder.join(program)).find(|path| path.is_file())
    }
}

impl Session {
    fn read(file: &Path) -> Result<Session> {
        let problem = |error: String| {
            Error::from(
                ApiError::invalid(format!(
                    "the session file `{}` is not readable: {error}",
                    file.display()
                ))
                .hint("restart the kernel, or unset `LAZULI_SESSION`"),
            )
        };
        let text = match std::fs::read(file) {
            Ok(text) => text,
            // The kernel has ended; the program it started goes on without a notebook.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Session::default());
            }
            Err(error) => return Err(problem(error.to_string())),
        };
        let json: serde_json::Value =
            serde_json::from_slice(&text).map_err(|error| problem(error.to_string()))?;
        let text = |key: &str| json[key].as_str().map(str::to_owned);
        Ok(Session {
            workspace: text("workspace"),
            experiment: text("experiment"),
            run_id: text("run_id"),
        })
    }
}
