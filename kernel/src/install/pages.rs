//! What shows runs live in JupyterLab and Notebook 7: a prebuilt extension of their pages, and a module
//! of Jupyter's server that reaches the daemon for them.
//! <https://jupyterlab.readthedocs.io/en/stable/extension/extension_dev.html#prebuilt-extensions>

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use serde_json::json;

use super::{Folders, put_folder};

const EXTENSION: &str = "labextensions/lazuli-jupyterlab";
const SERVER_SETTINGS: &str = "jupyter_server_config.d/lazuli.json";
const MODULE: &str = "lazuli_jupyter.py";
const MODULE_SETTINGS: &str = "lazuli_jupyter.json";

/// Puts both in their places. A notebook works without them: it shows the picture that the kernel
/// renews.
pub(super) fn install(folders: &Folders, kernel: &Path) -> anyhow::Result<()> {
    let files: Vec<(String, Vec<u8>)> = lazuli_studio::below("labextension/")
        .map(|(name, content)| (name.to_owned(), content.to_vec()))
        .collect();
    if files.is_empty() {
        eprintln!(
            "warning: this build has no Studio, so notebooks show pictures of runs\nhint: {}",
            lazuli_studio::HOW_TO_BUILD
        );
        return Ok(());
    }
    let Some(modules) = modules(folders) else {
        eprintln!(
            "warning: {} does not answer, so notebooks of its Jupyter show runs as their kernel renews them\n\
             hint: install with `--sys-prefix` in the Python environment that Jupyter runs in",
            folders.python.display()
        );
        return put_extension(folders, &files);
    };
    let module = lazuli_studio::file("server/lazuli_jupyter.py")
        .context("this build has no module for Jupyter's server")?;
    let settings = json!({ "lazuli": kernel.with_file_name("lazuli") });
    put(&modules.join(MODULE), module)?;
    put(&modules.join(MODULE_SETTINGS), settings.to_string().as_bytes())?;
    let enabled = json!({ "ServerApp": { "jpserver_extensions": { "lazuli_jupyter": true } } });
    put(&folders.config.join(SERVER_SETTINGS), enabled.to_string().as_bytes())?;
    put_extension(folders, &files)?;
    println!("Runs are live in JupyterLab and Notebook 7 when Jupyter starts the next time");
    Ok(())
}

pub(super) fn uninstall(folders: &Folders) -> anyhow::Result<()> {
    // What enables the module goes first: a server must not look for what is gone.
    let mut files = vec![folders.config.join(SERVER_SETTINGS)];
    if let Some(modules) = modules(folders) {
        files.extend([modules.join(MODULE), modules.join(MODULE_SETTINGS)]);
    }
    for file in files.iter().filter(|file| file.exists()) {
        fs::remove_file(file).with_context(|| format!("`{}` cannot be removed", file.display()))?;
        println!("Removed {}", file.display());
    }
    let folder = folders.data.join(EXTENSION);
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("`{}` cannot be removed", folder.display()))?;
        println!("Removed {}", folder.display());
    }
    Ok(())
}

fn put_extension(folders: &Folders, files: &[(String, Vec<u8>)]) -> anyhow::Result<()> {
    let folder = folders.data.join(EXTENSION);
    put_folder(&folder, files).with_context(|| {
        format!("JupyterLab's extension cannot be installed to `{}`", folder.display())
    })
}

/// Where that Python finds modules.
fn modules(folders: &Folders) -> Option<PathBuf> {
    let question = match folders.is_user {
        true => "import site; print(site.getusersitepackages())",
        false => "import sysconfig; print(sysconfig.get_path('purelib'))",
    };
    let output = Command::new(&folders.python).args(["-c", question]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().into())
}

fn put(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, content)
    };
    write().with_context(|| format!("`{}` cannot be written", path.display()))
}
