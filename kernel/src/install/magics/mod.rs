//! Magics in colour in JupyterLab: a prebuilt extension,
//! <https://jupyterlab.readthedocs.io/en/stable/extension/extension_dev.html#prebuilt-extensions>.

use std::fs;
use std::path::{Path, PathBuf};

use lazuli_domain::VERSION;
use serde_json::json;
use sha2::{Digest, Sha256};

const NAME: &str = "lazuli-magics";
const SCRIPT: &str = include_str!("extension.js");

/// Writes it below Jupyter's data folder.
pub fn install(data: &Path) -> anyhow::Result<()> {
    let folder = folder(data);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(folder.join("static"))?;
    // Browsers keep what has the same name.
    let digest = format!("{:x}", Sha256::digest(SCRIPT));
    let load = format!("static/remoteEntry.{}.js", &digest[..16]);
    fs::write(folder.join(&load), SCRIPT)?;
    let package = json!({
        "name": NAME,
        "version": VERSION,
        "description": "Lazuli's magics in colour",
        "license": "Apache-2.0",
        "jupyterlab": {
            "extension": true,
            "_build": { "load": load, "extension": "./extension" },
        },
    });
    fs::write(folder.join("package.json"), serde_json::to_string_pretty(&package)? + "\n")?;
    Ok(())
}

pub fn uninstall(data: &Path) -> anyhow::Result<()> {
    let folder = folder(data);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    Ok(())
}

fn folder(data: &Path) -> PathBuf {
    data.join("labextensions").join(NAME)
}
