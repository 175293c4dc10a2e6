//! Making Jupyter know this kernel: folders such as `kernels/lazuli` with a `kernel.json`, described in
//! <https://jupyter-client.readthedocs.io/en/latest/kernels.html#kernel-specs>, and what its pages show:
//! runs ([`pages`]), magics ([`magics`]), and the help of the language server ([`jupyter_lsp`]).

mod jupyter_lsp;
mod magics;
mod pages;

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::config::Config;
use crate::interpreter::prelude_cache;
use crate::interpreter::toolchain::{Missing, Toolchain};

/// What Jupyter is told about one kernel.
struct Kernelspec {
    /// What people type: `jupyter console --kernel lazuli`.
    name: Cow<'static, str>,
    language: &'static str,
    display_name: Cow<'static, str>,
    /// The attached machine that runs the cells.
    on: Option<String>,
}

impl Kernelspec {
    const fn here(
        name: &'static str,
        language: &'static str,
        display_name: &'static str,
    ) -> Kernelspec {
        let (name, display_name) = (Cow::Borrowed(name), Cow::Borrowed(display_name));
        Kernelspec { name, language, display_name, on: None }
    }

    fn on(machine: String) -> Kernelspec {
        Kernelspec {
            name: format!("{ON_MACHINE}{machine}").into(),
            language: "python",
            display_name: format!("Lazuli (Python) on {machine}").into(),
            on: Some(machine),
        }
    }
}

/// The last two are what notebooks written for Azure ML ask for.
static KERNELSPECS: [Kernelspec; 4] = [
    Kernelspec::here("lazuli", "rust", "Lazuli (Rust)"),
    Kernelspec::here("lazuli-python", "python", "Lazuli (Python)"),
    Kernelspec::here("python3-azureml", "python", "Lazuli (Python)"),
    Kernelspec::here("python38-azureml", "python", "Lazuli (Python)"),
];
/// How the names of kernels on machines begin.
const ON_MACHINE: &str = "lazuli-python-on-";
const LOGO_SVG: &[u8] = include_bytes!("logo-svg.svg");
const LOGO_PNG: &[u8] = include_bytes!("logo-64x64.png");

pub enum Place {
    User,
    Prefix(PathBuf),
    /// The Python environment that is active, or that `python3` belongs to.
    PythonEnvironment,
}

/// Makes Jupyter know the kernel on an attached machine, whose Python may be named.
pub fn install_on(
    config: &Config,
    place: &Place,
    machine: String,
    python: Option<&Path>,
) -> anyhow::Result<()> {
    let environment = lazuli::Config::from_environment()?;
    let workspace = lazuli::workspace_name(&environment)?;
    let target = lazuli::client::Client::connect()?.compute_target(&workspace, &machine)?;
    if target.machine.is_none() {
        bail!("compute target `{machine}` is on this machine\nhint: leave `--on` out");
    }
    let program = std::env::current_exe().context("this program's own path is not known")?;
    put(&Kernelspec::on(machine), &Folders::of(config, place)?.kernels(), &program, python)
}

/// Writes the kernelspecs and compiles what every Rust notebook needs.
pub fn install(config: &Config, place: Place, python: Option<PathBuf>) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("this program's own path is not known")?;
    let python = python_for(&place, python)?;
    let folders = Folders::of(config, &place)?;
    let kernels = folders.kernels();
    for kernelspec in &KERNELSPECS {
        put(kernelspec, &kernels, &program, python.as_deref())?;
    }
    magics::install(&folders.data).with_context(|| {
        format!("the colours of magics cannot be installed to `{}`", folders.data.display())
    })?;
    if let Some(packages) = jupyter_lsp::find(pythons(config, &place)?) {
        jupyter_lsp::write(&packages, &program.with_file_name("lazuli")).with_context(|| {
            format!("the language server cannot be installed to `{}`", packages.display())
        })?;
        println!("Installed the language server for jupyterlab-lsp to {}", packages.display());
    }
    pages::install(&folders, &program)?;
    prepare_prelude();
    Ok(())
}

fn put(
    kernelspec: &Kernelspec,
    kernels: &Path,
    program: &Path,
    python: Option<&Path>,
) -> anyhow::Result<()> {
    let folder = kernels.join(&*kernelspec.name);
    if !is_ours(&folder) {
        eprintln!(
            "warning: `{}` belongs to another kernel and stays as it is\n\
             hint: remove it and repeat `lazuli kernel install`",
            folder.display()
        );
        return Ok(());
    }
    put_folder(&folder, &kernelspec_files(kernelspec, program, python)?)
        .with_context(|| format!("the kernel cannot be installed to `{}`", folder.display()))?;
    println!("Installed the kernel \"{}\" to {}", kernelspec.display_name, folder.display());
    Ok(())
}

pub fn uninstall(config: &Config, place: Place) -> anyhow::Result<()> {
    let folders = Folders::of(config, &place)?;
    let kernels = folders.kernels();
    if let Some(packages) = jupyter_lsp::find(pythons(config, &place)?)
        && jupyter_lsp::remove(&packages)?
    {
        println!("Removed the language server from {}", packages.display());
    }
    magics::uninstall(&folders.data)?;
    let named = KERNELSPECS.iter().map(|kernelspec| kernelspec.name.clone().into_owned());
    let present = fs::read_dir(&kernels).into_iter().flatten().flatten();
    let present = present.filter_map(|entry| entry.file_name().into_string().ok());
    let on_machines = present.filter(|name| name.starts_with(ON_MACHINE));
    let folders_of = named.chain(on_machines).map(|name| kernels.join(name));
    let installed: Vec<PathBuf> =
        folders_of.filter(|folder| folder.exists() && is_ours(folder)).collect();
    if installed.is_empty() {
        bail!("the kernel is not installed in `{}`", kernels.display());
    }
    for folder in installed {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("`{}` cannot be removed", folder.display()))?;
        println!("Removed {}", folder.display());
    }
    pages::uninstall(&folders)
}

/// Where Jupyter looks.
struct Folders {
    data: PathBuf,
    config: PathBuf,
    /// The Python that Jupyter's server runs in, as far as it can be known.
    python: PathBuf,
    /// Of the user alone: modules go to the user's own folder of that Python.
    is_user: bool,
}

impl Folders {
    fn kernels(&self) -> PathBuf {
        self.data.join("kernels")
    }

    fn of(config: &Config, place: &Place) -> anyhow::Result<Folders> {
        let prefix = match place {
            Place::User => {
                let hint = "there is no home directory to install to\nhint: use `--prefix DIR`";
                return Ok(Folders {
                    data: config.jupyter_data.clone().context(hint)?,
                    config: config.jupyter_config.clone().context(hint)?,
                    python: "python3".into(),
                    is_user: true,
                });
            }
            Place::Prefix(prefix) => std::path::absolute(prefix)?,
            Place::PythonEnvironment => python_prefix(config)?,
        };
        Ok(Folders {
            data: prefix.join("share/jupyter"),
            config: prefix.join("etc/jupyter"),
            python: prefix.join("bin/python3"),
            is_user: false,
        })
    }
}

/// A kernelspec of somebody else, such as one that Azure's own tools made, is not ours to replace.
fn is_ours(folder: &Path) -> bool {
    match fs::read(folder.join("kernel.json")) {
        Ok(text) => serde_json::from_slice::<Value>(&text)
            .is_ok_and(|spec| spec["metadata"]["lazuli_version"].is_string()),
        Err(_) => true,
    }
}

/// The Python that the kernelspec names: a kernel inside a Python environment means that one.
fn python_for(place: &Place, named: Option<PathBuf>) -> anyhow::Result<Option<PathBuf>> {
    match (named, place) {
        // A name alone is looked for on the `PATH` when the kernel starts.
        (Some(named), _) if named.components().count() == 1 => Ok(Some(named)),
        (Some(named), _) => {
            let program = std::path::absolute(&named)?;
            if !program.is_file() {
                bail!(
                    "there is no Python at `{}`\nhint: give `--python` the path of a program",
                    named.display()
                );
            }
            Ok(Some(program))
        }
        (None, Place::Prefix(prefix)) => {
            let program = std::path::absolute(prefix)?.join("bin/python");
            Ok(program.is_file().then_some(program))
        }
        (None, _) => Ok(None),
    }
}

/// The Pythons in which the JupyterLab may live that reads kernels from there.
fn pythons(config: &Config, place: &Place) -> anyhow::Result<Vec<PathBuf>> {
    Ok(match place {
        Place::Prefix(prefix) => vec![prefix.join("bin/python")],
        Place::PythonEnvironment => vec![python_prefix(config)?.join("bin/python")],
        Place::User => {
            let environment = lazuli::Config::from_environment()?;
            let active = environment.environment_python().into_iter();
            active.chain(environment.find_programs("python3")).collect()
        }
    })
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
fn put_folder(folder: &Path, files: &[(String, Vec<u8>)]) -> anyhow::Result<()> {
    let parent = folder.parent().context("the folder has no parent")?;
    fs::create_dir_all(parent)?;
    let fresh = tempfile::Builder::new().prefix(".lazuli-").tempdir_in(parent)?;
    for (name, content) in files {
        let path = fresh.path().join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, content)?;
    }
    // A temporary folder is its maker's alone; a kernel in a shared prefix is everybody's.
    fs::set_permissions(fresh.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::rename(fresh.keep(), folder)?;
    Ok(())
}

fn kernelspec_files(
    kernelspec: &Kernelspec,
    program: &Path,
    python: Option<&Path>,
) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let specification = kernel_json(kernelspec, program, python);
    let specification = serde_json::to_string_pretty(&specification)? + "\n";
    Ok(vec![
        ("kernel.json".to_owned(), specification.into_bytes()),
        ("logo-svg.svg".to_owned(), LOGO_SVG.to_vec()),
        ("logo-64x64.png".to_owned(), LOGO_PNG.to_vec()),
    ])
}

fn kernel_json(kernelspec: &Kernelspec, program: &Path, python: Option<&Path>) -> Value {
    // Absolute: Jupyter's PATH is not the one of the shell that installs.
    let mut argv = vec![json!(program), "run".into()];
    if kernelspec.language != "rust" {
        argv.extend(["--language".into(), kernelspec.language.into()]);
    }
    if let Some(machine) = &kernelspec.on {
        argv.extend(["--on".into(), json!(machine)]);
    }
    if let Some(python) = python {
        argv.extend(["--python".into(), json!(python)]);
    }
    argv.extend(["--connection-file".into(), "{connection_file}".into()]);
    json!({
        "argv": argv,
        "display_name": kernelspec.display_name,
        "language": kernelspec.language,
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
