//! Python environments: found, or built once and shared by every run that asks for the same.

mod requirements;
mod uv;

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lazuli::domain::{Environment, EnvironmentState, PythonEnvironment};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::attention::Attention;
use crate::config::Config;
use crate::end::Stopped;
use crate::std_log::StdLog;

/// The Python that runs the script.
pub struct Python {
    pub interpreter: PathBuf,
    /// The environment's folder, when it is one of ours.
    pub environment: Option<PathBuf>,
}

pub fn prepare(
    home: &Path,
    wanted: &PythonEnvironment,
    config: &Config,
    attention: &Attention,
    log: &mut StdLog,
) -> Result<Python, Stopped> {
    let interpreter = find_interpreter(wanted, config)?;
    let requirements = requirements::split(&wanted.packages);
    for dropped in &requirements.dropped {
        log.say(&format!("`{dropped}` is not installed: Lazuli brings its own `azureml`"));
    }
    if requirements.wanted.is_empty() {
        return Ok(Python { interpreter, environment: None });
    }
    let version = InterpreterVersion::of(&interpreter)?;
    let uv = uv::find(config, &interpreter)?;
    let environments = home.join("environments");
    fs::create_dir_all(&environments).map_err(|error| Stopped::io("make", &environments, error))?;
    let hash = hash(&version, &requirements.wanted);
    let folder = environments.join(&hash);
    let _lock = lock(&environments.join(format!("{hash}.lock")), attention, log)?;
    if folder.join(DESCRIPTION).is_file() {
        log.say(&format!("environment {hash} is there already"));
    } else {
        log.say(&format!("making environment {hash}: {}", requirements.wanted.join(", ")));
        build(&environments, &folder, &hash, &version, &requirements.wanted, &uv, attention, log)?;
    }
    Ok(Python { interpreter: folder.join("bin/python"), environment: Some(folder) })
}

/// The file that makes an environment whole.
const DESCRIPTION: &str = "environment.json";

/// Built aside and renamed when whole, so that nobody ever sees half an environment.
#[expect(clippy::too_many_arguments, reason = "called once; the names tell what belongs where")]
fn build(
    environments: &Path,
    folder: &Path,
    hash: &str,
    version: &InterpreterVersion,
    packages: &[String],
    uv: &Path,
    attention: &Attention,
    log: &mut StdLog,
) -> Result<(), Stopped> {
    let partial = tempfile::Builder::new()
        .prefix("tmp-")
        .tempdir_in(environments)
        .map_err(|error| Stopped::io("make a folder in", environments, error))?;
    uv::make(uv, &version.executable, partial.path(), packages, attention, log)?;
    let environment = Environment {
        hash: hash.to_owned(),
        state: EnvironmentState::Ready,
        python: version.version.clone(),
        packages: packages.to_vec(),
        created_at_ms: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX)),
        size: size_of(partial.path()),
    };
    let description = partial.path().join(DESCRIPTION);
    let written = serde_json::to_vec_pretty(&environment)
        .map_err(io::Error::from)
        .and_then(|json| fs::write(&description, json));
    written.map_err(|error| Stopped::io("write", &description, error))?;
    // What an agent that was killed left behind has no description and is worth nothing.
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| Stopped::io("remove", folder, error))?;
    }
    let made = partial.keep();
    fs::rename(&made, folder).map_err(|error| Stopped::io("rename", &made, error))
}

fn find_interpreter(wanted: &PythonEnvironment, config: &Config) -> Result<PathBuf, Stopped> {
    match &wanted.interpreter {
        Some(path) if Path::new(path).is_file() => Ok(PathBuf::from(path)),
        Some(path) => Err(Stopped::failed(
            format!("the Python interpreter `{path}` does not exist on this machine"),
            "hint: name one that does, or none to use `python3`".to_owned(),
        )),
        None => config.find_program("python3").ok_or_else(|| {
            Stopped::failed(
                "no `python3` was found on the PATH of the Lazuli daemon",
                "hint: install Python 3.9 or newer, or name an interpreter".to_owned(),
            )
        }),
    }
}

/// What an environment depends on besides its packages.
#[derive(Deserialize)]
struct InterpreterVersion {
    /// The program itself, where the given one is only a stand-in for it.
    executable: PathBuf,
    implementation: String,
    version: String,
    platform: String,
}

impl InterpreterVersion {
    fn of(interpreter: &Path) -> Result<InterpreterVersion, Stopped> {
        const PROGRAM: &str = "import json, platform, sys, sysconfig
print(json.dumps({'executable': sys.executable, 'implementation': sys.implementation.name,
    'version': platform.python_version(), 'platform': sysconfig.get_platform()}))";
        let failed = |reason: String| {
            Stopped::failed(
                format!("the Python interpreter `{}` does not work", interpreter.display()),
                reason,
            )
        };
        let output = Command::new(interpreter)
            .args(["-I", "-c", PROGRAM])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))
    }
}

fn hash(version: &InterpreterVersion, packages: &[String]) -> String {
    let mut digest = Sha256::new();
    digest.update(&version.implementation);
    digest.update(format!("\n{}\n{}\n", version.version, version.platform));
    digest.update(packages.join("\n"));
    format!("{:x}", digest.finalize())[..32].to_owned()
}

/// Held until the file is closed, also by the death of this process.
fn lock(path: &Path, attention: &Attention, log: &mut StdLog) -> Result<File, Stopped> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|error| Stopped::io("open", path, error))?;
    let mut waiting = false;
    loop {
        // SAFETY: flock is given an open descriptor.
        if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
            // `lazuli gc` removes environments that nobody has used for long.
            file.set_modified(SystemTime::now())
                .map_err(|error| Stopped::io("touch", path, error))?;
            return Ok(file);
        }
        match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::WouldBlock => {}
            error if error.kind() == io::ErrorKind::Interrupted => continue,
            error => return Err(Stopped::io("lock", path, error)),
        }
        if !std::mem::replace(&mut waiting, true) {
            log.say("waiting for another run that is making the same environment");
        }
        // A lock cannot be waited for together with a signal.
        if attention.wait(Duration::from_millis(100)) {
            return Err(Stopped::Canceled);
        }
    }
}

fn size_of(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .filter_map(Result::ok)
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => size_of(&entry.path()),
            Ok(kind) if kind.is_file() => entry.metadata().map_or(0, |metadata| metadata.len()),
            _ => 0,
        })
        .sum()
}
