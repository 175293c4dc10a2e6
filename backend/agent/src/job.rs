//! One job from its beginning to its end.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use lazuli::Home;
use lazuli::domain::{JobEnd, JobFile, JobReport, JobStage, ProcessIdentity, RunError};

use crate::attention::Attention;
use crate::config::Config;
use crate::courier::Courier;
use crate::daemon::{Daemon, Undeliverable};
use crate::end::{self, Stopped};
use crate::environments::{self, Python};
use crate::process::{self, Ended};
use crate::std_log::StdLog;
use crate::{code, outputs, python_sdk};

/// As much of the output as is searched for the reason of a failure.
const SEARCHED_OUTPUT: u64 = 256 << 10;

pub fn run(home: &Path, run_id: &str, attention: Attention) -> anyhow::Result<()> {
    let home = Home::at(home)?;
    let folder = home.path().join("runs").join(run_id);
    let file = folder.join("job.json");
    let text = fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let job: JobFile = serde_json::from_slice(&text)
        .with_context(|| format!("`{}` is not understood", file.display()))?;
    if job.run_id != run_id {
        bail!("`{}` belongs to run `{}`", file.display(), job.run_id);
    }
    let agent = lazuli::process::own_identity()?;
    let daemon = Arc::new(Daemon::new(home));
    let log_path = folder.join("std_log.txt");
    let courier =
        Courier::start(daemon.clone(), run_id, agent.clone(), attention.clone(), &log_path)
            .context("cannot start the courier")?;
    let mut log = StdLog::create(&log_path, courier.log_listener())
        .with_context(|| format!("cannot write `{}`", log_path.display()))?;

    let config = Config::from_environment();
    let context = JobContext { job: &job, folder, daemon: &daemon, config: &config, attention };
    courier.report(JobStage::Preparing);
    let end = context.carry_out(&courier, &agent, &mut log)?;

    log.close();
    courier.finish();
    deliver_end(&daemon, &job.run_id, &JobReport { stage: JobStage::Ended, agent, end: Some(end) })
}

struct JobContext<'a> {
    job: &'a JobFile,
    /// `runs/<run_id>/`
    folder: PathBuf,
    daemon: &'a Daemon,
    config: &'a Config,
    attention: Attention,
}

impl JobContext<'_> {
    fn carry_out(
        &self,
        courier: &Courier,
        agent: &ProcessIdentity,
        log: &mut StdLog,
    ) -> anyhow::Result<JobEnd> {
        let end = match self.prepare(log) {
            Ok(command) => {
                courier.report(JobStage::Running);
                self.run_script(command, log)
            }
            Err(Stopped::Failed(error)) => {
                log.say(&error.message);
                for line in error.details.lines() {
                    log.say(line);
                }
                JobEnd::Failed(error)
            }
            Err(stopped) => stopped.into(),
        };
        // Before anything else: should this process be killed now, the daemon finds how the script
        // ended, and collects the rest itself.
        self.write_report(agent, &end)?;
        if end != JobEnd::Canceled {
            courier.report(JobStage::Finalizing);
        }
        match outputs::collect(&self.code(), self.daemon, &self.job.run_id, log) {
            Ok(()) => Ok(end),
            Err(reason) if end == JobEnd::Completed => {
                let end = JobEnd::Failed(RunError {
                    message: format!("the script completed, but not all of its files: {reason}"),
                    ..RunError::default()
                });
                self.write_report(agent, &end)?;
                Ok(end)
            }
            // The script's own failure is the one to tell.
            Err(_) => Ok(end),
        }
    }

    fn prepare(&self, log: &mut StdLog) -> Result<Command, Stopped> {
        let spec = &self.job.spec;
        let code = self.code();
        let script = code::prepare(&code, spec, self.daemon, &self.attention, log)?;
        let home = self.daemon.home().path();
        let sdk = python_sdk::unpack(home)
            .map_err(|error| Stopped::io("unpack the Python SDK into", home, error))?;
        let python = environments::prepare(home, &spec.python, self.config, &self.attention, log)?;
        if self.attention.is_requested() {
            return Err(Stopped::Canceled);
        }
        self.command(&python, &script, &sdk)
    }

    fn command(&self, python: &Python, script: &Path, sdk: &Path) -> Result<Command, Stopped> {
        let spec = &self.job.spec;
        let mut command = Command::new(&python.interpreter);
        command.arg(script).args(&spec.arguments).current_dir(self.code());
        // The daemon may have been started from a notebook or by another job.
        for variable in ["LAZULI_SESSION", "LAZULI_OWNER", "PYTHONHOME", "VIRTUAL_ENV"] {
            command.env_remove(variable);
        }
        command.env("PYTHONUNBUFFERED", "1").env("PYTHONIOENCODING", "utf-8");
        if let Some(environment) = &python.environment {
            command.env("VIRTUAL_ENV", environment);
        }
        // What the script starts as `python` is to be the Python that it runs in.
        let beside = python.interpreter.parent().map(Path::to_owned);
        command.env("PATH", joined(beside.into_iter().chain(self.config.search_path.clone()))?);
        let mlflow = self
            .daemon
            .call(
                |client| Ok(client.mlflow_environment(&self.job.workspace)),
                |time| !self.attention.wait(time),
            )
            .map_err(|failure| {
                Stopped::undeliverable("the daemon's address is unknown", failure)
            })?;
        // `mlflow.start_run()` in the script logs to the script's own run, unless the job says where
        // else MLflow is.
        if !spec.environment_variables.contains_key("MLFLOW_TRACKING_URI") {
            command.envs(mlflow).env("MLFLOW_RUN_ID", &self.job.run_id);
            command.env_remove("MLFLOW_EXPERIMENT_ID").env_remove("MLFLOW_EXPERIMENT_NAME");
        }
        if let Ok(program) = std::env::current_exe() {
            command.env("LAZULI_BIN", program.with_file_name("lazuli"));
        }
        command.envs(&spec.environment_variables);
        let python_path = spec
            .environment_variables
            .get("PYTHONPATH")
            .map(OsString::from)
            .or_else(|| self.config.python_path.clone());
        let python_path = python_path.iter().flat_map(std::env::split_paths);
        command
            .env("PYTHONPATH", joined(std::iter::once(sdk.to_owned()).chain(python_path))?)
            .env("LAZULI_HOME", self.daemon.home().path())
            .env("LAZULI_RUN_ID", &self.job.run_id)
            .env("AZUREML_RUN_ID", &self.job.run_id)
            .env("LAZULI_WORKSPACE", &self.job.workspace)
            .env("LAZULI_EXPERIMENT", &self.job.experiment);
        Ok(command)
    }

    fn run_script(&self, command: Command, log: &mut StdLog) -> JobEnd {
        let start = log.size();
        match process::run(command, &self.attention, log) {
            Ok(Ended::Exited(status)) => {
                let output = log.tail(start, SEARCHED_OUTPUT).unwrap_or_else(|error| {
                    tracing::error!("the log cannot be read back: {error}");
                    String::new()
                });
                end::of_script(status, &output)
            }
            Ok(Ended::Canceled) => JobEnd::Canceled,
            Err(error) => JobEnd::Failed(RunError {
                message: format!("the script could not be run: {error}"),
                ..RunError::default()
            }),
        }
    }

    fn write_report(&self, agent: &ProcessIdentity, end: &JobEnd) -> anyhow::Result<()> {
        let report =
            JobReport { stage: JobStage::Ended, agent: agent.clone(), end: Some(end.clone()) };
        let path = self.folder.join("report.json");
        let written = serde_json::to_vec(&report)
            .map_err(io::Error::from)
            .and_then(|json| write_whole(&path, &json));
        match written {
            Ok(()) => Ok(()),
            // The home was removed; there is nobody left to report to.
            Err(_) if !self.folder.exists() => bail!("`{}` was removed", self.folder.display()),
            Err(error) => {
                // A full disk: the report still goes to the daemon directly.
                tracing::error!("`{}` cannot be written: {error}", path.display());
                Ok(())
            }
        }
    }

    fn code(&self) -> PathBuf {
        self.folder.join("code")
    }
}

/// The job's last word; returns when the daemon has it.
fn deliver_end(daemon: &Daemon, run_id: &str, report: &JobReport) -> anyhow::Result<()> {
    let pause = |time: Duration| {
        std::thread::sleep(time);
        true
    };
    match daemon.call(|client| client.report_job(run_id, report), pause) {
        Ok(_) => Ok(()),
        Err(Undeliverable::Refused(error)) => {
            Err(error).context("the daemon takes no end of this run; report.json tells it")
        }
        Err(Undeliverable::HomeGone) => bail!("the home was removed"),
        Err(Undeliverable::GivenUp(_)) => bail!("the end of the run could not be told"),
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("json.part");
    let mut file = fs::File::create(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(partial, path)
}

fn joined(paths: impl Iterator<Item = PathBuf>) -> Result<OsString, Stopped> {
    std::env::join_paths(paths).map_err(|error| {
        Stopped::failed(
            format!("a folder of PATH or PYTHONPATH cannot be used: {error}"),
            "hint: use folders without `:` in their names".to_owned(),
        )
    })
}
