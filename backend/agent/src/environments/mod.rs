//! Python environments: found, or built once and shared by every run that asks for the same.

mod conda;
mod conda_names;
mod era;
mod interpreters;
mod plan;
mod requirements;
mod uv;

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lazuli::domain::{
    CachedEnvironment, CondaSpecification, EnvironmentDefinition, EnvironmentState, JobEnvironment,
    PythonEnvironment, StringMap,
};

use crate::attention::Attention;
use crate::config::Config;
use crate::end::Stopped;
use crate::std_log::StdLog;
use interpreters::Interpreter;
use plan::Plan;

/// The Python that runs the script.
pub struct Python {
    pub interpreter: PathBuf,
    /// The environment's folder, when it is one of ours.
    pub environment: Option<PathBuf>,
    /// What the environment wants in the script's own environment.
    pub variables: StringMap,
}

impl Python {
    /// An interpreter as it is.
    fn present(interpreter: PathBuf) -> Python {
        Python { interpreter, environment: None, variables: StringMap::new() }
    }
}

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    pub python: &'a PythonEnvironment,
    pub environment: Option<&'a JobEnvironment>,
}

/// Whom the preparing is told to.
pub struct Teller<'a> {
    pub log: &'a mut StdLog,
    /// In a few words, what it is busy with.
    pub activity: &'a dyn Fn(String),
}

pub fn prepare(
    home: &Path,
    wanted: Wanted<'_>,
    config: &Config,
    attention: &Attention,
    teller: &mut Teller<'_>,
) -> Result<Python, Stopped> {
    let workshop = Workshop { home, environments: home.join("environments"), config, attention };
    let Some(environment) = wanted.environment else {
        let plan = Plan::of_packages(wanted.python, config, &workshop.environments)?;
        return workshop.find_or_build(&plan, None, "the environment", teller);
    };
    let definition = environment.definition.as_ref().ok_or_else(|| {
        Stopped::failed(
            format!("the environment `{environment}` came without its definition"),
            String::new(),
        )
    })?;
    let mut python = workshop.of_definition(definition, wanted.python, environment, teller)?;
    if let Some(conda) = &definition.python.conda {
        python.variables.extend(conda.variables.clone());
    }
    python.variables.extend(definition.environment_variables.clone());
    Ok(python)
}

/// The file that makes an environment whole.
const DESCRIPTION: &str = "environment.json";

/// Where environments are made.
struct Workshop<'a> {
    home: &'a Path,
    environments: PathBuf,
    config: &'a Config,
    attention: &'a Attention,
}

impl Workshop<'_> {
    fn of_definition(
        &self,
        definition: &EnvironmentDefinition,
        python: &PythonEnvironment,
        environment: &JobEnvironment,
        teller: &mut Teller<'_>,
    ) -> Result<Python, Stopped> {
        let section = &definition.python;
        if let Some(name) = &section.base_conda_environment {
            return Ok(Python::present(conda::python_of(name, self.config)?));
        }
        // `python` is the word for: the one that is there.
        let own = section.interpreter.as_deref().filter(|path| !["", "python"].contains(path));
        let given = own.or(python.interpreter.as_deref());
        match &section.conda {
            Some(conda) if !section.user_managed => {
                let plan = Plan::of_conda(conda, given, self.config, &self.environments)?;
                let what = format!("environment `{environment}`");
                self.find_or_build(&plan, Some(conda), &what, teller)
            }
            _ => Ok(Python::present(interpreters::given(given, self.config)?)),
        }
    }

    fn find_or_build(
        &self,
        plan: &Plan,
        conda: Option<&CondaSpecification>,
        what: &str,
        teller: &mut Teller<'_>,
    ) -> Result<Python, Stopped> {
        if plan.requirements.is_empty() {
            plan.notes.iter().for_each(|note| teller.log.say(note));
            return Ok(Python::present(plan.interpreter.executable.clone()));
        }
        fs::create_dir_all(&self.environments)
            .map_err(|error| Stopped::io("make", &self.environments, error))?;
        let hash = plan.hash();
        let folder = self.environments.join(&hash);
        let known = || {
            let text = fs::read(folder.join(DESCRIPTION)).ok()?;
            serde_json::from_slice::<CachedEnvironment>(&text).ok()
        };
        let lock = self.open_lock(&hash)?;
        // Those who only want it do not wait for each other.
        let present = match try_lock(&lock, libc::LOCK_SH)? {
            true => known(),
            false => None,
        };
        let present = match present {
            Some(present) => Some(present),
            None => {
                self.wait_for_lock(&lock, what, teller)?;
                known()
            }
        };
        // `lazuli gc` removes environments that nobody has used for long.
        lock.set_modified(SystemTime::now())
            .map_err(|error| Stopped::io("touch the lock of", &folder, error))?;
        match present {
            Some(known) => {
                plan.notes.iter().chain(&known.notes).for_each(|note| teller.log.say(note));
                teller.log.say(&format!("environment {hash} is there already"));
            }
            None => {
                plan.notes.iter().for_each(|note| teller.log.say(note));
                let packages: Vec<String> =
                    plan.requirements.iter().map(|line| requirements::shown(line)).collect();
                teller.log.say(&format!("making environment {hash}: {}", packages.join(", ")));
                (teller.activity)(format!("builds {what}"));
                self.build(&folder, &hash, plan, conda, teller)?;
            }
        }
        Ok(Python {
            interpreter: folder.join("bin/python"),
            environment: Some(folder),
            variables: StringMap::new(),
        })
    }

    /// Built aside and renamed when whole, so that nobody ever sees half an environment. conda writes
    /// the place into what it installs, and builds there: it is whole when its description is there.
    fn build(
        &self,
        folder: &Path,
        hash: &str,
        plan: &Plan,
        conda: Option<&CondaSpecification>,
        teller: &mut Teller<'_>,
    ) -> Result<(), Stopped> {
        // What an agent that was killed left behind has no description and is worth nothing.
        self.clear(folder)?;
        if let Some(specification) = conda.filter(|_| plan.has_conda_packages) {
            let program = conda::find(self.config);
            if let Some(program) = &program {
                let made = self.build_by_conda(program, specification, plan, folder, teller);
                if matches!(made, Ok(true)) {
                    let interpreter =
                        Interpreter::of(&folder.join("bin/python"), &self.environments)?;
                    return self.describe(folder, hash, &interpreter.version, plan, Vec::new());
                }
                self.clear(folder)?;
                made?;
            }
            conda::check_channels(specification, program.as_deref())?;
        }
        let partial = tempfile::Builder::new()
            .prefix("tmp-")
            .tempdir_in(&self.environments)
            .map_err(|error| Stopped::io("make a folder in", &self.environments, error))?;
        let executable = &plan.interpreter.executable;
        let uv = uv::find(self.config, executable, self.home, self.attention, teller)?;
        uv::make(&uv, executable, partial.path(), self.attention, teller)?;
        let (version, notes) = self.install(&uv, partial.path(), plan, teller)?;
        self.describe(partial.path(), hash, &version, plan, notes)?;
        let made = partial.keep();
        fs::rename(&made, folder).map_err(|error| Stopped::io("rename", &made, error))
    }

    /// conda's part by conda, pip's part by uv. False: it could not be made, and the log says why.
    fn build_by_conda(
        &self,
        program: &Path,
        specification: &CondaSpecification,
        plan: &Plan,
        folder: &Path,
        teller: &mut Teller<'_>,
    ) -> Result<bool, Stopped> {
        let parts = conda::parts(specification, plan);
        if !conda::make(program, &parts, folder, self.attention, teller)? {
            return Ok(false);
        }
        if parts.pip.is_empty() {
            return Ok(true);
        }
        let uv =
            uv::find(self.config, &plan.interpreter.executable, self.home, self.attention, teller)?;
        let constraints = &plan.constraints;
        match uv::install(&uv, folder, &parts.pip, constraints, self.attention, teller) {
            Ok(()) => Ok(true),
            // Another Python or other versions may do, where all of it is in the public index.
            Err(stopped @ Stopped::Failed(_))
                if !uv::is_unknown_package(&stopped)
                    && conda::own_channels(specification).next().is_none() =>
            {
                teller.log.say("trying without conda");
                Ok(false)
            }
            Err(stopped) => Err(stopped),
        }
    }

    /// The version of its Python, and what is to be noted of the way in which it went.
    fn install(
        &self,
        uv: &Path,
        folder: &Path,
        plan: &Plan,
        teller: &mut Teller<'_>,
    ) -> Result<(String, Vec<String>), Stopped> {
        let mut failure = None;
        let mut made_by = &plan.interpreter;
        for attempt in plan.attempts() {
            if !attempt.note.is_empty() {
                teller.log.say(&attempt.note);
            }
            if attempt.interpreter != made_by {
                made_by = attempt.interpreter;
                self.clear(folder)?;
                fs::create_dir(folder).map_err(|error| Stopped::io("make", folder, error))?;
                uv::make(uv, &made_by.executable, folder, self.attention, teller)?;
            }
            let lines: Vec<String> =
                plan.options.iter().chain(&attempt.requirements).cloned().collect();
            let constraints = &attempt.constraints;
            match uv::install(uv, folder, &lines, constraints, self.attention, teller) {
                Ok(()) if attempt.note.is_empty() => {
                    return Ok((made_by.version.clone(), Vec::new()));
                }
                Ok(()) => {
                    let packages = attempt.requirements.join(", ");
                    let version = made_by.version.clone();
                    let note = format!(
                        "installed otherwise than asked for, with Python {version}: {packages}"
                    );
                    return Ok((version, vec![note]));
                }
                Err(Stopped::Canceled) => return Err(Stopped::Canceled),
                Err(stopped) => {
                    // What was asked for is what people look at.
                    let is_final = uv::is_unknown_package(&stopped);
                    failure.get_or_insert(stopped);
                    if is_final {
                        break;
                    }
                }
            }
        }
        Err(failure.unwrap_or(Stopped::Canceled))
    }

    fn describe(
        &self,
        folder: &Path,
        hash: &str,
        python: &str,
        plan: &Plan,
        notes: Vec<String>,
    ) -> Result<(), Stopped> {
        let packages = plan.options.iter().chain(&plan.requirements);
        let environment = CachedEnvironment {
            hash: hash.to_owned(),
            state: EnvironmentState::Ready,
            python: python.to_owned(),
            packages: packages.map(|line| requirements::shown(line)).collect(),
            notes,
            created_at_ms: now_ms(),
            size: size_of(folder),
        };
        let description = folder.join(DESCRIPTION);
        let written = serde_json::to_vec_pretty(&environment)
            .map_err(io::Error::from)
            .and_then(|json| fs::write(&description, json));
        written.map_err(|error| Stopped::io("write", &description, error))
    }

    fn clear(&self, folder: &Path) -> Result<(), Stopped> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Stopped::io("remove", folder, error))
            }
            _ => Ok(()),
        }
    }

    fn open_lock(&self, hash: &str) -> Result<File, Stopped> {
        let path = self.environments.join(format!("{hash}.lock"));
        File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| Stopped::io("open", &path, error))
    }

    /// Held until the file is closed, also by the death of this process.
    fn wait_for_lock(
        &self,
        lock: &File,
        what: &str,
        teller: &mut Teller<'_>,
    ) -> Result<(), Stopped> {
        let mut waiting = false;
        while !try_lock(lock, libc::LOCK_EX)? {
            if !std::mem::replace(&mut waiting, true) {
                teller.log.say("waiting for another run that is making the same environment");
                (teller.activity)(format!("waits for {what}, which another run builds"));
            }
            // A lock cannot be waited for together with a signal.
            if self.attention.wait(Duration::from_millis(100)) {
                return Err(Stopped::Canceled);
            }
        }
        Ok(())
    }
}

/// False when somebody else has it. What was held before is given up first.
fn try_lock(file: &File, kind: libc::c_int) -> Result<bool, Stopped> {
    loop {
        // SAFETY: flock is given an open descriptor.
        if unsafe { libc::flock(file.as_raw_fd(), kind | libc::LOCK_NB) } == 0 {
            return Ok(true);
        }
        match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            error if error.kind() == io::ErrorKind::Interrupted => {}
            error => {
                return Err(Stopped::failed(
                    format!("the lock of an environment cannot be taken: {error}"),
                    String::new(),
                ));
            }
        }
    }
}

pub fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
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
