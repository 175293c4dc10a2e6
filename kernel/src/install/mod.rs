//! Making Jupyter know this kernel: the folder `kernels/lazuli` with a `kernel.json`, described in
//! <https://jupyter-client.readthedocs.io/en/latest/kernels.html#kernel-specs>.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::config::Config;
use crate::interpreter::prelude_cache;
use crate::interpreter::toolchain::{Missing, Toolchain};

/// What people type: `jupyter console --kernel lazuli`.
const NAME: &str = "lazuli";
const LOGO_SVG: &[u8] = include_bytes!("logo-svg.svg");
const LOGO_PNG: &[u8] = include_bytes!("logo-64x64.png");

pub enum Place {
    User,
    Prefix(PathBuf),
    /// The Python environment that is active, or that `python3` belongs to.
    PythonEnvironment,
}

/// Writes the kernelspec and compiles what every notebook needs.
pub fn install(config: &Config, place: Place) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("this program's own path is not known")?;
    let folder = kernelspec_folder(config, place)?;
    write(&folder, &program)
        .with_context(|| format!("the kernel cannot be installed to `{}`", folder.display()))?;
    println!("Installed the kernel \"Lazuli (Rust)\" to {}", folder.display());
    prepare_prelude();
    Ok(())
}

pub fn uninstall(config: &Config, place: Place) -> anyhow::Result<()> {
    let folder = kernelspec_folder(config, place)?;
    if !folder.exists() {
        bail!("the kernel is not installed in `{}`", folder.display());
    }
    fs::remove_dir_all(&folder)
        .with_context(|| format!("`{}` cannot be removed", folder.display()))?;
    println!("Removed {}", folder.display());
    Ok(())
}

fn kernelspec_folder(config: &Config, place: Place) -> anyhow::Result<PathBuf> {
    let data = match place {
        Place::User => config
            .jupyter_data
            .clone()
            .context("there is no home directory to install to\nhint: use `--prefix DIR`")?,
        Place::Prefix(prefix) => std::path::absolute(prefix)?.join("share/jupyter"),
        Place::PythonEnvironment => python_prefix(config)?.join("share/jupyter"),
    };
    Ok(data.join("kernels").join(NAME))
}

fn python_prefix(config: &Config) -> anyhow::Result<PathBuf> {
    if let Some(prefix) = &config.python_prefix {
        return Ok(prefix.clone());
    }
    let hint = "hint: activate the environment, or use `--prefix DIR`";
    let output = Command::new("python3")
        .args(["-c", "import sys; print(sys.prefix)"])
        .output()
        .with_context(|| {
            format!("no Python environment is active and there is no python3\n{hint}")
        })?;
    let prefix = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || prefix.is_empty() {
        bail!("python3 does not say where its environment is\n{hint}");
    }
    Ok(prefix.into())
}

/// Puts the whole folder in its place at once: Jupyter never sees half of it.
fn write(folder: &Path, program: &Path) -> anyhow::Result<()> {
    let parent = folder.parent().context("the folder has no parent")?;
    fs::create_dir_all(parent)?;
    let fresh = tempfile::Builder::new().prefix(".lazuli-").tempdir_in(parent)?;
    let specification = serde_json::to_string_pretty(&kernel_json(program))? + "\n";
    fs::write(fresh.path().join("kernel.json"), specification)?;
    fs::write(fresh.path().join("logo-svg.svg"), LOGO_SVG)?;
    fs::write(fresh.path().join("logo-64x64.png"), LOGO_PNG)?;
    // A temporary folder is its maker's alone; a kernel in a shared prefix is everybody's.
    fs::set_permissions(fresh.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::rename(fresh.keep(), folder)?;
    Ok(())
}

fn kernel_json(program: &Path) -> Value {
    json!({
        // Absolute: Jupyter's PATH is not the one of the shell that installs.
        "argv": [program, "run", "--connection-file", "{connection_file}"],
        "display_name": "Lazuli (Rust)",
        "language": "rust",
        // A signal would also hit what the running cell has started.
        "interrupt_mode": "message",
        "env": {},
        "metadata": { "debugger": false, "lazuli_version": lazuli_domain::VERSION },
    })
}

/// Compiles what every notebook imports, so that no first cell waits for it. The kernel works
/// without: a Rust cell then says what is missing, and magics need no Rust.
fn prepare_prelude() {
    let toolchain = match Toolchain::find() {
        Ok(toolchain) => toolchain,
        Err(Missing { what, hint }) => {
            eprintln!("warning: {what}\nhint: {hint}");
            return;
        }
    };
    match prelude_cache::install(&toolchain, &mut |line| eprintln!("{line}")) {
        Ok(_) => println!("The crate `lazuli` is compiled for notebook cells"),
        Err(error) => eprintln!(
            "warning: the crate `lazuli` could not be compiled for notebook cells: {error}\n\
             hint: repeat `lazuli kernel install`; until then `use lazuli::prelude::*` fails in a cell"
        ),
    }
}
