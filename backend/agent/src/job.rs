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
use crate::data::{self, Data};
use crate::end::{self, Stopped};
use crate::environments::{self, Python, Teller, Wanted};
use crate::process::{self, Ended};
use crate::records::Records;
use crate::std_log::StdLog;
use crate::{code, launch, outputs, ranks};

/// Who reports, and who is at work in the folder: files of a machine that is reached by SSH.
const AGENT: &str = "agent.json";
const WORKING: &str = "working.json";
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

    let mut records = None;
    if daemon.is_remote() {
        for name in [AGENT, WORKING] {
            write_whole(&folder.join(name), &serde_json::to_vec(&agent)?)
                .with_context(|| format!("cannot write into `{}`", folder.display()))?;
        }
        records = Some(
            Records::start(&daemon, run_id)
                .with_context(|| format!("cannot keep what run `{run_id}` logs"))?,
        );
    }

    let config = Config::from_environment();
    let context = JobContext {
        job: &job,
        folder: folder.clone(),
        daemon: &daemon,
        config: &config,
        attention,
    };
    courier.report(JobStage::Preparing);
    let end = context.carry_out(&courier, &agent, records, &mut log)?;

    log.close();
    courier.finish();
    let report = JobReport { stage: JobStage::Ended, agent, activity: None, end: Some(end) };
    deliver_end_and_leave(&daemon, &folder, &job.run_id, &report)
}

/// Tells what an agent that is gone had still to tell, in its name: the rest of the log and of what
/// was logged, the files, and how the run ended, if it came to know.
pub fn collect(home: &Path, run_id: &str, attention: Attention) -> anyhow::Result<()> {
    let home = Home::at(home)?;
    let folder = home.path().join("runs").join(run_id);
    let own = lazuli::process::own_identity()?;
    write_whole(&folder.join(WORKING), &serde_json::to_vec(&own)?)
        .with_context(|| format!("cannot write into `{}`", folder.display()))?;
    let agent: ProcessIdentity = match fs::read(folder.join(AGENT)) {
        Ok(text) => serde_json::from_slice(&text)?,
        Err(_) => own,
    };
    process::end_all_of(run_id);
    let daemon = Arc::new(Daemon::new(home));
    let log_path = folder.join("std_log.txt");
    let courier =
        Courier::start(daemon.clone(), run_id, agent.clone(), attention.clone(), &log_path)
            .context("cannot start the courier")?;
    let mut log = StdLog::create(&log_path, courier.log_listener())
        .with_context(|| format!("cannot write `{}`", log_path.display()))?;
    courier.report(JobStage::Finalizing);
    log.say("the agent of this run is gone; another one collects what it left");
    let sent = Records::start(&daemon, run_id).map_err(|error| error.to_string());
    let sent = sent.and_then(Records::finish);
    let kept = outputs::collect(&folder.join("code"), &daemon, run_id, &mut log);
    for problem in [sent, kept].into_iter().filter_map(Result::err) {
        tracing::error!("{problem}");
    }
    let reported = fs::read(folder.join("report.json"))
        .ok()
        .and_then(|text| serde_json::from_slice::<JobReport>(&text).ok()?.end);
    log.close();
    courier.finish();
    let end = reported.unwrap_or_else(|| match attention.is_requested() {
        true => JobEnd::Canceled,
        false => JobEnd::Failed(RunError {
            message: "the agent of this run is gone".to_owned(),
            details: last_words(&folder),
            ..RunError::default()
        }),
    });
    let report = JobReport { stage: JobStage::Ended, agent, activity: None, end: Some(end) };
    deliver_end_and_leave(&daemon, &folder, run_id, &report)
}

/// The end of what the agent that is gone said for itself.
fn last_words(folder: &Path) -> String {
    let text = fs::read(folder.join("agent.log")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

/// On another machine nobody else removes the run's files; whatever the daemon says of the end, it
/// wants nothing more of them.
fn deliver_end_and_leave(
    daemon: &Daemon,
    folder: &Path,
    run_id: &str,
    report: &JobReport,
) -> anyhow::Result<()> {
    let delivered = deliver_end(daemon, run_id, report);
    if daemon.is_remote() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove `{}`", folder.display()))?;
    }
    delivered
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
        records: Option<Records>,
        log: &mut StdLog,
    ) -> anyhow::Result<JobEnd> {
        let mut data = Data::default();
        let end = match self.prepare(&mut data, courier, log) {
            Ok(command) => {
                courier.report(JobStage::Running);
                self.run_script(command, log)
            }
            Err(Stopped::Failed(error)) => {
                // What a program said stands in the log already.
                let is_said = log
                    .tail(0, SEARCHED_OUTPUT)
                    .is_ok_and(|said| !error.details.is_empty() && said.contains(&error.details));
                log.say(&error.message);
                for line in error.details.lines().filter(|_| !is_said) {
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
        ranks::tell(&self.folder.join(ranks::FOLDER), self.daemon, &self.job.run_id, log);
        let logged = records.map_or(Ok(()), Records::finish);
        let taken = match &end {
            JobEnd::Canceled => Ok(()),
            end => data.take(self.data_place(), *end == JobEnd::Completed, log),
        };
        let collected = outputs::collect(&self.code(), self.daemon, &self.job.run_id, log);
        match taken.and(collected).and(logged) {
            Ok(()) => Ok(end),
            Err(reason) if end == JobEnd::Completed => {
                let end = JobEnd::Failed(RunError {
                    message: format!(
                        "the script completed, but not all it left was kept: {reason}"
                    ),
                    ..RunError::default()
                });
                self.write_report(agent, &end)?;
                Ok(end)
            }
            // The script's own failure is the one to tell.
            Err(_) => Ok(end),
        }
    }

    fn prepare(
        &self,
        data: &mut Data,
        courier: &Courier,
        log: &mut StdLog,
    ) -> Result<Command, Stopped> {
        let spec = &self.job.spec;
        let code = self.code();
        let script = code::prepare(&code, spec, self.daemon, &self.attention, log)?;
        let home = self.daemon.home().path();
        let sdk = lazuli_python::unpack(home)
            .map_err(|error| Stopped::io("unpack the Python SDK into", home, error))?;
        let wanted = Wanted { python: &spec.python, environment: spec.environment.as_ref() };
        let activity = |activity| courier.report_activity(activity);
        let mut teller = Teller { log, activity: &activity };
        let python =
            environments::prepare(home, wanted, self.config, &self.attention, &mut teller)?;
        if self.attention.is_requested() {
            return Err(Stopped::Canceled);
        }
        *data = data::prepare(self.data_place(), log)?;
        self.command(&python, script.as_deref(), &sdk, data)
    }

    fn command(
        &self,
        python: &Python,
        script: Option<&Path>,
        sdk: &Path,
        data: &Data,
    ) -> Result<Command, Stopped> {
        let spec = &self.job.spec;
        let arguments: Vec<String> =
            spec.arguments.iter().map(|argument| data.fill(argument)).collect();
        let mut command = match script {
            Some(script) => launch::of_script(
                &python.interpreter,
                script,
                spec.distributed.as_ref(),
                &self.folder.join(ranks::FOLDER),
                self.config,
            )?,
            None => {
                let words: Vec<String> = spec.command.iter().map(|word| data.fill(word)).collect();
                let (program, rest) = words.split_first().ok_or_else(|| {
                    Stopped::failed("the job has neither a script nor a command", String::new())
                })?;
                let mut command = Command::new(program);
                command.args(rest);
                command
            }
        };
        command.args(arguments).current_dir(self.code());
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
        if !spec.environment_variables.contains_key("MLFLOW_TRACKING_URI")
            && !python.variables.contains_key("MLFLOW_TRACKING_URI")
        {
            command.envs(mlflow).env("MLFLOW_RUN_ID", &self.job.run_id);
            command.env_remove("MLFLOW_EXPERIMENT_ID").env_remove("MLFLOW_EXPERIMENT_NAME");
        }
        if let Ok(program) = std::env::current_exe() {
            command.env("LAZULI_BIN", program.with_file_name("lazuli"));
        }
        command.envs(data.variables());
        // Those of the job come before those of its environment.
        let mut given = python.variables.clone();
        given.extend(spec.environment_variables.clone());
        command.envs(given.iter().map(|(name, value)| (name, data.fill(value))));
        let python_path =
            given.get("PYTHONPATH").map(OsString::from).or_else(|| self.config.python_path.clone());
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
        let most = self.job.spec.max_seconds.map(Duration::from_secs);
        match process::run(command, most, &self.attention, log) {
            Ok(Ended::TookTooLong) => JobEnd::Failed(RunError {
                message: format!(
                    "the script ran longer than the {} seconds it was given",
                    self.job.spec.max_seconds.unwrap_or_default()
                ),
                ..RunError::default()
            }),
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
        let report = JobReport {
            stage: JobStage::Ended,
            agent: agent.clone(),
            activity: None,
            end: Some(end.clone()),
        };
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

    fn data_place(&self) -> data::Place<'_> {
        data::Place {
            job: self.job,
            folder: &self.folder,
            daemon: self.daemon,
            attention: &self.attention,
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
