//! The environment variables this process was given; nobody else reads them.

use std::ffi::OsString;
use std::path::PathBuf;

pub struct Config {
    /// Folders in which programs are looked for.
    pub search_path: Vec<PathBuf>,
    /// The script's `PYTHONPATH`, after the SDK's own folder.
    pub python_path: Option<OsString>,
    user_home: Option<PathBuf>,
    /// Where pyenv and uv keep Pythons, if not in their usual places.
    python_folders: Vec<PathBuf>,
}

impl Config {
    pub fn from_environment() -> Config {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Config {
            search_path: variable("PATH")
                .map(|path| std::env::split_paths(&path).collect())
                .unwrap_or_default(),
            python_path: variable("PYTHONPATH"),
            user_home: variable("HOME").map(PathBuf::from),
            python_folders: variable("PYENV_ROOT")
                .map(|root| PathBuf::from(root).join("versions"))
                .into_iter()
                .chain(variable("UV_PYTHON_INSTALL_DIR").map(PathBuf::from))
                .collect(),
        }
    }

    pub fn find_program(&self, name: &str) -> Option<PathBuf> {
        self.search_path.iter().map(|folder| folder.join(name)).find(|path| path.is_file())
    }

    /// Folders that hold whole Pythons, one below the other.
    pub fn python_installations(&self) -> Vec<PathBuf> {
        let usual = [".pyenv/versions", ".local/share/uv/python"];
        let usual = usual.into_iter().filter_map(|folder| self.in_user_home(folder));
        self.python_folders.iter().cloned().chain(usual).collect()
    }

    pub fn in_user_home(&self, path: &str) -> Option<PathBuf> {
        self.user_home.as_ref().map(|home| home.join(path))
    }

    /// Where installers put programs that are not on the `PATH` of every process.
    pub fn installers_folders(&self) -> Vec<PathBuf> {
        let folders = [".local/bin", ".cargo/bin"];
        self.user_home.iter().flat_map(|home| folders.map(|folder| home.join(folder))).collect()
    }
}
