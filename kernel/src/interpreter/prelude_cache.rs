//! `use lazuli::prelude::*` without waiting: the crate is compiled once per toolchain, when the
//! kernel is installed, into a cache that outlives the checkout.
//!
//! The sources travel inside this binary. They are unpacked and built by cargo, their dependencies
//! vendored beside them, so that another toolchain can build them again without a network.
//!
//! A cell sees a *facade*: packages with the same names and sources, but without dependencies.
//! Type inference reads the sources; cargo believes to compile two small packages. Our rustc
//! wrapper hands it what was compiled before instead. Cargo therefore checks two packages for
//! every cell, not twenty, and the first cell of a session compiles none of them.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use include_dir::{Dir, include_dir};

use super::build_progress;
use super::toolchain::{Toolchain, cache_folder};

/// Set for the wrapper: the folder made by [`install`].
pub const WRAPPER_VARIABLE: &str = "LAZULI_CELL_CACHE";

static SDK: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../sdk/rust/src");
static DOMAIN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../backend/domain/src");
const SDK_MANIFEST: &str = include_str!("../../../sdk/rust/Cargo.toml");
const DOMAIN_MANIFEST: &str = include_str!("../../../backend/domain/Cargo.toml");
const WORKSPACE_MANIFEST: &str = include_str!("../../../Cargo.toml");
const LOCK: &str = include_str!("../../../Cargo.lock");

/// Crates that the facade stands for.
const FACADE_CRATES: [&str; 2] = ["lazuli", "lazuli_domain"];

/// The compiled crate, ready for cells.
#[derive(Clone, Debug)]
pub struct PreludeCache {
    folder: PathBuf,
}

impl PreludeCache {
    /// What was installed for this toolchain, if it is whole.
    pub fn find(toolchain: &Toolchain) -> Option<PreludeCache> {
        let folder = folder(toolchain).ok()?;
        folder.join("complete").exists().then_some(PreludeCache { folder })
    }

    /// The package that cells depend on.
    pub fn facade(&self) -> PathBuf {
        self.folder.join("facade/lazuli")
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Compiles the crate for `toolchain` unless that has been done. `progress` gets cargo's lines.
pub fn install(
    toolchain: &Toolchain,
    progress: &mut dyn FnMut(&str),
) -> Result<PreludeCache, String> {
    if let Some(cache) = PreludeCache::find(toolchain) {
        return Ok(cache);
    }
    let folder = folder(toolchain)?;
    let parent = folder.parent().ok_or("the cache folder has no parent")?;
    let failed = |error: io::Error| format!("could not write below {}: {error}", parent.display());
    std::fs::create_dir_all(parent).map_err(failed)?;
    // Built aside and renamed when whole; two installers at once do not disturb each other.
    let building =
        tempfile::Builder::new().prefix("building-").tempdir_in(parent).map_err(failed)?;
    let sources = building.path().join("sources");
    write_sources(&sources, true).map_err(failed)?;
    vendor(toolchain, &sources, progress)?;
    progress("compiling the crate `lazuli` for notebook cells");
    cargo(
        toolchain,
        &sources,
        &[
            "build",
            "--package",
            "lazuli",
            "--target",
            toolchain.host(),
            "--target-dir",
            "../target",
        ],
        progress,
    )?;
    write_sources(&building.path().join("facade"), false).map_err(failed)?;
    collect_libraries(building.path(), toolchain.host()).map_err(failed)?;
    std::fs::write(building.path().join("complete"), "").map_err(failed)?;
    let built = building.keep();
    match std::fs::rename(&built, &folder) {
        Ok(()) => {}
        // Another installer was quicker; its result is as good as ours.
        Err(_) if folder.join("complete").exists() => {
            std::fs::remove_dir_all(&built).map_err(failed)?;
        }
        Err(error) => return Err(failed(error)),
    }
    Ok(PreludeCache { folder })
}

/// The role of this binary as cargo's rustc wrapper; see the module's description.
pub fn wrap_rustc(cache: &OsStr) -> ! {
    let mut arguments = std::env::args_os().skip(1);
    let Some(rustc) = arguments.next() else {
        eprintln!("the rustc wrapper was started without the path of rustc");
        std::process::exit(1);
    };
    let arguments: Vec<OsString> = arguments.collect();
    let cache = Path::new(cache);
    let crate_name = value_of(&arguments, "--crate-name").unwrap_or_default();
    let source_is_ours = arguments.iter().any(|argument| {
        Path::new(argument).starts_with(cache.join("facade")) && Path::new(argument).is_file()
    });
    let mut command = Command::new(rustc);
    command.args(&arguments);
    if FACADE_CRATES.iter().any(|name| OsStr::new(name) == crate_name) && source_is_ours {
        match hand_out(cache, &crate_name.to_string_lossy(), &arguments) {
            Ok(()) => std::process::exit(0),
            Err(error) => {
                eprintln!("error: could not hand out the compiled crate: {error}");
                std::process::exit(1);
            }
        }
    }
    let is_cell = crate_name == "ctx";
    if !is_cell {
        build_progress::tell();
    }
    if is_cell {
        let mut search = OsString::from("dependency=");
        search.push(cache.join("libraries"));
        command.arg("-L").arg(search);
    }
    let error = command.exec();
    eprintln!("error: could not start rustc: {error}");
    std::process::exit(1);
}

/// Puts the compiled library where cargo expects the one it asked for.
fn hand_out(cache: &Path, name: &str, arguments: &[OsString]) -> io::Result<()> {
    let out = PathBuf::from(value_of(arguments, "--out-dir").unwrap_or_default());
    let suffix = codegen_value(arguments, "extra-filename").unwrap_or_default();
    for extension in ["rmeta", "rlib"] {
        let prefix = format!("lib{name}-");
        let library = std::fs::read_dir(cache.join("libraries"))?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| {
                path.extension() == Some(OsStr::new(extension))
                    && path
                        .file_name()
                        .is_some_and(|file| file.to_string_lossy().starts_with(&prefix))
            })
            .ok_or_else(|| io::Error::other(format!("{prefix}*.{extension} is missing")))?;
        let wanted = out.join(format!("lib{name}{suffix}.{extension}"));
        match std::fs::remove_file(&wanted) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if std::fs::hard_link(&library, &wanted).is_err() {
            std::fs::copy(&library, &wanted)?;
        }
        let emit = if extension == "rmeta" { "metadata" } else { "link" };
        let notice =
            serde_json::json!({"$message_type": "artifact", "artifact": wanted, "emit": emit});
        writeln!(io::stderr(), "{notice}")?;
    }
    // Without dependency information cargo would compile the package again for every cell.
    let source = arguments
        .iter()
        .find(|argument| argument.to_string_lossy().ends_with(".rs"))
        .map(|source| source.to_string_lossy().into_owned())
        .unwrap_or_default();
    let information = out.join(format!("{name}{suffix}.d"));
    std::fs::write(&information, format!("{}: {source}\n\n{source}:\n", information.display()))
}

fn value_of(arguments: &[OsString], name: &str) -> Option<OsString> {
    arguments
        .iter()
        .position(|argument| argument == name)
        .and_then(|at| arguments.get(at + 1))
        .cloned()
}

/// `-C name=value`
fn codegen_value(arguments: &[OsString], name: &str) -> Option<String> {
    arguments.iter().find_map(|argument| {
        let argument = argument.to_str()?;
        let argument = argument.strip_prefix("-C").unwrap_or(argument);
        argument.strip_prefix(name)?.strip_prefix('=').map(str::to_owned)
    })
}

fn folder(toolchain: &Toolchain) -> Result<PathBuf, String> {
    let mut sources = String::new();
    for directory in [&SDK, &DOMAIN] {
        add_texts(directory, &mut sources);
    }
    for text in [SDK_MANIFEST, DOMAIN_MANIFEST, WORKSPACE_MANIFEST, LOCK] {
        sources.push_str(text);
    }
    Ok(cache_folder()?.join(format!("lazuli-{}", toolchain.key(&sources))))
}

fn add_texts(directory: &Dir<'_>, all: &mut String) {
    for file in directory.files() {
        all.push_str(&file.path().to_string_lossy());
        all.push_str(file.contents_utf8().unwrap_or_default());
    }
    for folder in directory.dirs() {
        add_texts(folder, all);
    }
}

/// The two packages, either as they are (a workspace of their own) or as the facade.
fn write_sources(folder: &Path, real: bool) -> io::Result<()> {
    let (sdk, domain) = match real {
        true => ("sdk/rust", "backend/domain"),
        false => ("lazuli", "lazuli-domain"),
    };
    for (package, directory) in [(sdk, &SDK), (domain, &DOMAIN)] {
        let sources = folder.join(package).join("src");
        std::fs::create_dir_all(&sources)?;
        directory.extract(&sources)?;
    }
    if real {
        std::fs::write(folder.join("Cargo.toml"), workspace_manifest())?;
        std::fs::write(folder.join("Cargo.lock"), LOCK)?;
        std::fs::write(folder.join(sdk).join("Cargo.toml"), SDK_MANIFEST)?;
        return std::fs::write(folder.join(domain).join("Cargo.toml"), DOMAIN_MANIFEST);
    }
    let manifest = |name: &str, dependencies: &str| {
        format!(
            "[package]\nname = \"{name}\"\nversion = \"{}\"\nedition = \"2024\"\n\n\
             [lib]\ndoctest = false\n\n[features]\nopenapi = []\n\n[dependencies]\n{dependencies}\n",
            lazuli_domain::VERSION
        )
    };
    std::fs::write(
        folder.join(sdk).join("Cargo.toml"),
        manifest("lazuli", "lazuli-domain = { path = \"../lazuli-domain\" }"),
    )?;
    std::fs::write(folder.join(domain).join("Cargo.toml"), manifest("lazuli-domain", ""))
}

/// The root manifest with only the two packages as members, and no profile of another one.
fn workspace_manifest() -> String {
    let (before, rest) = WORKSPACE_MANIFEST.split_once("members = [").unwrap_or_default();
    let (_, after) = rest.split_once(']').unwrap_or_default();
    let sections =
        after.split("\n[").filter(|section| !section.starts_with("profile.dev.package.lazuli"));
    let after = sections.collect::<Vec<_>>().join("\n[");
    format!("{before}members = [\"sdk/rust\", \"backend/domain\"]{after}")
}

fn vendor(
    toolchain: &Toolchain,
    sources: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<(), String> {
    progress("collecting the sources of the crate's dependencies");
    // Development dependencies are not wanted, and cargo vendor cannot leave them out otherwise.
    for manifest in ["sdk/rust/Cargo.toml", "backend/domain/Cargo.toml"] {
        let path = sources.join(manifest);
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let text = text.split("\n[dev-dependencies]").next().unwrap_or_default();
        std::fs::write(&path, text).map_err(|error| error.to_string())?;
    }
    // Two lines per crate say nothing that somebody waits for; downloads do.
    let mut said = |line: &str| {
        if !line.starts_with("Vendoring ") && !line.starts_with("To use vendored sources") {
            progress(line);
        }
    };
    let configuration = cargo(toolchain, sources, &["vendor", "vendor"], &mut said)?;
    let folder = sources.join(".cargo");
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join("config.toml"), configuration))
        .map_err(|error| format!("could not write {}: {error}", folder.display()))
}

/// Runs cargo, gives its messages to `progress` and returns its output.
fn cargo(
    toolchain: &Toolchain,
    folder: &Path,
    arguments: &[&str],
    progress: &mut dyn FnMut(&str),
) -> Result<String, String> {
    use std::io::BufRead;
    let mut child = Command::new(&toolchain.cargo)
        .args(arguments)
        .current_dir(folder)
        .env("RUSTC", &toolchain.rustc)
        // Libraries that cells link must be made as cells are.
        .env("RUSTFLAGS", "-Cprefer-dynamic")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("CARGO_TARGET_DIR")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .map_err(|error| format!("could not start {}: {error}", toolchain.cargo.display()))?;
    let stderr = child.stderr.take().map(io::BufReader::new);
    let mut messages = Vec::new();
    for line in stderr.into_iter().flat_map(|stderr| stderr.lines().map_while(Result::ok)) {
        progress(line.trim());
        messages.push(line);
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!(
            "`cargo {}` failed in {}:\n{}",
            arguments.first().unwrap_or(&""),
            folder.display(),
            messages.join("\n")
        )),
    }
}

/// Moves the libraries out of the build folder and drops the rest of it. Procedural macros, which
/// are built for the host, are libraries too: rustc loads a crate only with those it exports.
fn collect_libraries(building: &Path, host: &str) -> io::Result<()> {
    let libraries = building.join("libraries");
    std::fs::create_dir_all(&libraries)?;
    let target = building.join("target");
    for (folder, extensions) in [
        (target.join(host).join("debug/deps"), &["rlib", "rmeta"][..]),
        (target.join("debug/deps"), &["so"][..]),
    ] {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
            if extensions.contains(&extension)
                && let Some(name) = path.file_name()
            {
                std::fs::rename(&path, libraries.join(name))?;
            }
        }
    }
    std::fs::remove_dir_all(target)
}
