//! What the environment says; read nowhere else in this crate.

use std::path::PathBuf;

pub struct Config {
    /// Which log lines go to standard error: `LAZULI_LOG`, as tracing's `EnvFilter` reads it.
    pub log: String,
    /// `JPY_PARENT_PID` is set: the session belongs to the process that started it.
    pub has_owner: bool,
    /// Jupyter's own folder for what a user installs.
    pub jupyter_data: Option<PathBuf>,
    /// Jupyter's own folder for what a user sets.
    pub jupyter_config: Option<PathBuf>,
    /// The Python environment that is active: `VIRTUAL_ENV`, else `CONDA_PREFIX`.
    pub python_prefix: Option<PathBuf>,
    /// `PYTHONPATH`.
    pub python_path: Option<std::ffi::OsString>,
}

impl Config {
    pub fn from_environment() -> Config {
        let path = |name: &str| {
            std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
        };
        let shared_data = || match std::env::consts::OS {
            "macos" => std::env::home_dir().map(|home| home.join("Library/Jupyter")),
            _ => path("XDG_DATA_HOME")
                .or_else(|| std::env::home_dir().map(|home| home.join(".local/share")))
                .map(|data| data.join("jupyter")),
        };
        Config {
            log: std::env::var("LAZULI_LOG").unwrap_or_else(|_| crate::jupyter::LOGGED.to_owned()),
            has_owner: path("JPY_PARENT_PID").is_some(),
            jupyter_data: path("JUPYTER_DATA_DIR").or_else(shared_data),
            jupyter_config: path("JUPYTER_CONFIG_DIR")
                .or_else(|| std::env::home_dir().map(|home| home.join(".jupyter"))),
            python_prefix: path("VIRTUAL_ENV").or_else(|| path("CONDA_PREFIX")),
            python_path: path("PYTHONPATH").map(PathBuf::into_os_string),
        }
    }
}
