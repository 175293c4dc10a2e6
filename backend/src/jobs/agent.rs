//! Agents as processes: started, found again, waited for.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lazuli_domain::{ApiError, BuildFile, JobFile, ProcessIdentity};
use serde::Serialize;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::processes;
use crate::app::App;
use crate::error::{Error, FileContext, Result};
use crate::home::Home;
use crate::process::{identity_of, is_alive};
use crate::store::jobs::JobRecord;

const NAME: &str = "lazuli-agent";

/// Told to one process by another; a job must not take them for its own.
const OF_OTHERS: [&str; 6] = [
    "AZUREML_RUN_ID",
    "LAZULI_EXPERIMENT",
    "LAZULI_OWNER",
    "LAZULI_RUN_ID",
    "LAZULI_SESSION",
    "LAZULI_WORKSPACE",
];

/// The agent's program, which lies beside this one.
pub fn program() -> PathBuf {
    std::env::current_exe().map_or_else(|_| NAME.into(), |program| program.with_file_name(NAME))
}

/// Starts the job's agent in a session of its own: what ends the daemon does not reach it.
pub async fn start(app: &App, program: &Path, job: &JobRecord) -> Result<Child> {
    let (home, program) = (app.home.clone(), program.to_owned());
    let files_at_once = app.files_at_once;
    let file = JobFile {
        run_id: job.run_id.clone(),
        workspace: job.workspace.clone(),
        experiment: job.experiment.clone(),
        spec: job.spec.clone(),
    };
    tokio::task::spawn_blocking(move || {
        check_program(&program)?;
        let folder = home.run_folder(&file.run_id);
        make_folder(&folder)?;
        write_json(&folder.join("job.json"), &file)?;
        spawn(&home, &program, &folder, ["--run", &file.run_id], files_at_once)
            .while_trying(|| format!("starting `{}`", program.display()))
    })
    .await
    .map_err(|panic| Error::Defect(format!("starting an agent broke down: {panic}")))?
}

/// Starts an agent that only makes an environment.
pub async fn start_build(app: &App, file: &BuildFile) -> Result<Child> {
    let (home, program, file) = (app.home.clone(), program(), file.clone());
    let files_at_once = app.files_at_once;
    tokio::task::spawn_blocking(move || {
        check_program(&program)?;
        let folder = home.builds().join(&file.build_id);
        make_folder(&folder)?;
        write_json(&folder.join("build.json"), &file)?;
        spawn(&home, &program, &folder, ["--build", &file.build_id], files_at_once)
            .while_trying(|| format!("starting `{}`", program.display()))
    })
    .await
    .map_err(|panic| Error::Defect(format!("starting an agent broke down: {panic}")))?
}

fn check_program(program: &Path) -> Result<()> {
    if program.is_file() {
        return Ok(());
    }
    Err(ApiError::unavailable(format!(
        "the program `{NAME}`, which runs scripts, is not at `{}`",
        program.display()
    ))
    .hint("install it beside `lazuli`")
    .into())
}

fn make_folder(folder: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .while_trying(|| format!("making `{}`", folder.display()))
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let json = serde_json::to_vec_pretty(value)
        .map_err(|error| Error::Defect(format!("what an agent is told has no JSON: {error}")))?;
    fs::write(path, json).while_trying(|| format!("writing `{}`", path.display()))
}

fn spawn(
    home: &Home,
    program: &Path,
    folder: &Path,
    what: [&str; 2],
    files_at_once: u64,
) -> io::Result<Child> {
    let log =
        OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join("agent.log"))?;
    let mut command = Command::new(program);
    command.arg("--home").arg(home.path()).args(what);
    for name in OF_OTHERS {
        command.env_remove(name);
    }
    command
        .env("LAZULI_HOME", home.path())
        .current_dir(home.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    // SAFETY: setsid, getrlimit and setrlimit may be called between fork and exec.
    unsafe {
        command.pre_exec(move || {
            if libc::setsid() == -1 {
                return Err(io::Error::last_os_error());
            }
            // The daemon may open more files than programs are used to: some close every number
            // that they could have, and `select` takes none above 1,023.
            let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) != 0 {
                return Err(io::Error::last_os_error());
            }
            limit.rlim_cur = limit.rlim_max.min(files_at_once);
            match libc::setrlimit(libc::RLIMIT_NOFILE, &limit) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        });
    }
    command.spawn()
}

/// The living agent of a run, or of a build, that has not reported yet.
pub async fn find(id: &str) -> Result<Option<ProcessIdentity>> {
    let id = id.to_owned();
    tokio::task::spawn_blocking(move || find_now(&id))
        .await
        .map_err(|panic| Error::Defect(format!("looking for an agent broke down: {panic}")))
}

/// The same; it blocks.
pub fn find_now(id: &str) -> Option<ProcessIdentity> {
    processes::all()
        .find(|pid| {
            let words = processes::command_line(*pid);
            let is_agent = words.first().is_some_and(|word| word.ends_with(NAME.as_bytes()));
            is_agent && words.iter().any(|word| word == id.as_bytes())
        })
        .and_then(identity_of)
}

/// Returns when the process has ended.
pub async fn until_end(agent: &ProcessIdentity) {
    if let Some(descriptor) = process_descriptor(agent.pid)
        // Now that it is held, the pid cannot come to mean another process.
        && is_alive(agent)
        // SAFETY: an `OwnedFd` stays open, and the same file, until it is dropped.
        && let Ok(descriptor) =
            unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }
        && descriptor.readable().await.is_ok()
    {
        return;
    }
    // The system does not tell; it has to be asked.
    while is_alive(agent) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Readable when the process has ended.
fn process_descriptor(pid: u32) -> Option<OwnedFd> {
    // SAFETY: the call takes numbers; what it returns, when not negative, is ours.
    unsafe {
        let descriptor = libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0);
        (descriptor >= 0).then(|| OwnedFd::from_raw_fd(descriptor as i32))
    }
}
