use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lazuli_domain::{
    ApiError, ErrorKind, JobEnvironment, JobInput, JobOutput, JobSpec, PythonEnvironment,
    StringMap, artifact_path,
};
use serde_json::Value;

use crate::client::last_words;
use crate::{Config, Environment, Error, Home, Result};

/// What `experiment.submit` takes.
pub trait ScriptRun {
    fn script_run(&self) -> ScriptRunConfig;
}

/// A Python script with its folder, arguments and environment.
///
/// ```
/// use lazuli::ScriptRunConfig;
///
/// let config = ScriptRunConfig::new("training", "train.py")
///     .arguments(["--epochs", "20"])
///     .pip_packages(["scikit-learn==1.7"]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ScriptRunConfig {
    source_directory: PathBuf,
    script: String,
    arguments: Vec<String>,
    compute: String,
    python: Option<String>,
    packages: Vec<String>,
    environment: Option<JobEnvironment>,
    environment_variables: StringMap,
    pub(crate) inputs: Vec<JobInput>,
    pub(crate) outputs: Vec<JobOutput>,
    pub(crate) name: Option<String>,
    pub(crate) tags: StringMap,
}

impl ScriptRunConfig {
    /// `script` is a path inside `source_directory`, all of which the run gets.
    pub fn new(source_directory: impl AsRef<Path>, script: &str) -> Self {
        Self {
            source_directory: source_directory.as_ref().to_owned(),
            script: script.to_owned(),
            arguments: Vec::new(),
            compute: "local".to_owned(),
            python: None,
            packages: Vec::new(),
            environment: None,
            environment_variables: StringMap::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            name: None,
            tags: StringMap::new(),
        }
    }

    /// Adds one argument: `.argument("--lr").argument(0.1)`. A [`DataReference`](crate::DataReference)
    /// becomes a path.
    pub fn argument(mut self, argument: impl ScriptArgument) -> Self {
        let text = argument.add_to(&mut self);
        self.arguments.push(text);
        self
    }

    /// Adds arguments.
    pub fn arguments<T: std::fmt::Display>(
        mut self,
        arguments: impl IntoIterator<Item = T>,
    ) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.to_string()));
        self
    }

    /// Where to run; `local` when not said.
    pub fn compute(mut self, name: &str) -> Self {
        name.clone_into(&mut self.compute);
        self
    }

    /// The Python to run the script with; else the active environment's, or the first on the `PATH`.
    pub fn python(mut self, interpreter: impl AsRef<Path>) -> Self {
        self.python = Some(interpreter.as_ref().display().to_string());
        self
    }

    /// Runs the script in a cached environment with exactly these pip requirements.
    pub fn pip_packages<'a>(mut self, packages: impl IntoIterator<Item = &'a str>) -> Self {
        self.packages.extend(packages.into_iter().map(str::to_owned));
        self
    }

    /// Runs the script in this environment.
    pub fn environment(mut self, environment: &Environment) -> Self {
        self.environment = Some(environment.for_job());
        self
    }

    pub fn environment_variable(mut self, name: &str, value: &str) -> Self {
        self.environment_variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// What people call the run.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Finds what can be found wrong before anything is sent.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(name) = &self.name {
            lazuli_domain::check_name("run", name)?;
        }
        let folder = &self.source_directory;
        if !folder.is_dir() {
            let message = format!("the source folder `{}` is not there", folder.display());
            return Err(ApiError::new(ErrorKind::NotFound, message)
                .hint("give the folder that holds the script; relative paths start at the current one")
                .into());
        }
        let script = artifact_path(&self.script)?;
        if !folder.join(&script).is_file() {
            let message = format!("the script `{script}` is not in `{}`", folder.display());
            return Err(ApiError::new(ErrorKind::NotFound, message)
                .hint("give the script's path inside the source folder")
                .into());
        }
        Ok(())
    }

    pub(crate) fn job(&self, home: &Home, config: &Config) -> Result<JobSpec> {
        let interpreter = || config.python().map(|python| python.display().to_string());
        Ok(JobSpec {
            snapshot_id: create_snapshot(&self.source_directory, home, config)?,
            script: artifact_path(&self.script)?,
            command: Vec::new(),
            arguments: self.arguments.clone(),
            compute: self.compute.clone(),
            python: PythonEnvironment {
                interpreter: self.python.clone().or_else(interpreter),
                packages: self.packages.clone(),
            },
            environment: self.environment.clone(),
            distributed: None,
            max_seconds: None,
            settings: Value::Null,
            environment_variables: self.environment_variables.clone(),
            inputs: self.inputs.clone(),
            outputs: self.outputs.clone(),
        })
    }
}

/// What may be an argument of a script: everything that has a text, and data.
pub trait ScriptArgument {
    /// Adds what the script needs to have beside the argument; gives the argument's text.
    fn add_to(self, config: &mut ScriptRunConfig) -> String;
}

impl<T: std::fmt::Display> ScriptArgument for T {
    fn add_to(self, _config: &mut ScriptRunConfig) -> String {
        self.to_string()
    }
}

impl ScriptRun for ScriptRunConfig {
    fn script_run(&self) -> ScriptRunConfig {
        self.clone()
    }
}

/// SDK v1's older way to say the same.
///
/// ```
/// use lazuli::Estimator;
///
/// let estimator = Estimator::new("training")
///     .entry_script("train.py")
///     .script_parameter("--regularization", 0.5)
///     .pip_packages(["scikit-learn"]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Estimator {
    config: ScriptRunConfig,
}

impl Estimator {
    pub fn new(source_directory: impl AsRef<Path>) -> Self {
        Self { config: ScriptRunConfig::new(source_directory, "train.py") }
    }

    /// `train.py` when not said.
    pub fn entry_script(mut self, script: &str) -> Self {
        script.clone_into(&mut self.config.script);
        self
    }

    /// An option with its value; a [`DataReference`](crate::DataReference) becomes a path.
    pub fn script_parameter(mut self, option: &str, value: impl ScriptArgument) -> Self {
        self.config = self.config.argument(option).argument(value);
        self
    }

    pub fn compute_target(mut self, name: &str) -> Self {
        self.config = self.config.compute(name);
        self
    }

    pub fn pip_packages<'a>(mut self, packages: impl IntoIterator<Item = &'a str>) -> Self {
        self.config = self.config.pip_packages(packages);
        self
    }

    /// Runs the script in this environment.
    pub fn environment(mut self, environment: &Environment) -> Self {
        self.config = self.config.environment(environment);
        self
    }

    pub fn environment_variable(mut self, name: &str, value: &str) -> Self {
        self.config = self.config.environment_variable(name, value);
        self
    }
}

impl ScriptRun for Estimator {
    fn script_run(&self) -> ScriptRunConfig {
        self.config.clone()
    }
}

/// Reading ignore files and hashing a folder takes crates that no cell should have to compile: the
/// program `lazuli` does it. What it says meanwhile goes to the caller's standard error.
fn create_snapshot(folder: &Path, home: &Home, config: &Config) -> Result<String> {
    let program = config.lazuli_program(home)?;
    let failed = |error| Error::io(format!("cannot run `{}`", program.display()), error);
    let mut child = Command::new(&program)
        .args(["snapshot", "create", "--json", "--"])
        .arg(folder)
        .env("LAZULI_HOME", home.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut said = String::new();
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines() {
            let line = line.map_err(failed)?;
            // The error is for the caller to show.
            if !line.starts_with("error: ") && !line.starts_with("hint: ") {
                eprintln!("{line}");
            }
            said.push_str(&line);
            said.push('\n');
        }
    }
    let mut answer = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut answer).map_err(failed)?;
    }
    let status = child.wait().map_err(failed)?;
    let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
    match answer["snapshot_id"].as_str() {
        Some(snapshot_id) if status.success() => Ok(snapshot_id.to_owned()),
        _ => Err(explain(folder, &said, status)),
    }
}

fn explain(folder: &Path, said: &str, status: std::process::ExitStatus) -> Error {
    let (reason, hint) = last_words(said);
    let reason = reason.unwrap_or_else(|| format!("`lazuli snapshot create`: {status}"));
    let message = format!("no snapshot of `{}` could be made: {reason}", folder.display());
    let mut error = ApiError::unavailable(message);
    error.hint = hint;
    error.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimator_is_a_script_run() {
        let estimator = Estimator::new("code")
            .entry_script("fit.py")
            .script_parameter("--lr", 0.5)
            .pip_packages(["numpy"]);
        let config = ScriptRunConfig::new("code", "fit.py")
            .arguments(["--lr", "0.5"])
            .pip_packages(["numpy"]);
        assert_eq!(estimator.script_run(), config);
    }

    #[test]
    fn a_script_that_is_not_there_is_named() {
        let folder = std::env::temp_dir();
        let error = ScriptRunConfig::new(&folder, "no such.py").check().unwrap_err();
        let expected = format!("the script `no such.py` is not in `{}`", folder.display());
        assert_eq!(error.message(), expected);
        let error = ScriptRunConfig::new(&folder, "../x.py").check().unwrap_err();
        assert_eq!(error.message(), "the artifact name `../x.py` contains `..`");
    }
}
