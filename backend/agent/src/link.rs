//! The agent of a machine that a daemon reaches by SSH: `lazuli-agent --home H --link`.
//!
//! It lives as long as the link: lines of JSON come in on standard input and go out on standard
//! output (`lazuli_domain`'s machine.rs). It starts agents for jobs, which outlive it, and tells what
//! became of those that are gone.

use std::collections::HashSet;
use std::fs;
use std::io::{self, BufRead, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use lazuli::Home;
use lazuli::domain::{DaemonInfo, FromMachine, JobFile, ProcessIdentity, RunThere, ToMachine};
use lazuli::process::{identity_of, is_alive};

use crate::resources;

/// Between two messages about what the machine has; they also show that the link holds.
const BETWEEN_MESSAGES: Duration = Duration::from_secs(5);
/// Where the system cannot tell of a process's end by descriptor, it is asked that often.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

pub fn serve(home: &Path) -> anyhow::Result<()> {
    let home = Home::at(home)?;
    let mut lines = io::stdin().lock().lines();
    let first = lines.next().context("the link was cut")??;
    let ToMachine::Hello { daemon, token } = read(&first)? else {
        bail!("a link begins with `hello`");
    };
    write_address(&home, &daemon, &token)?;
    if let Err(error) = crate::kernel::remove_orphans(home.path()) {
        tracing::warn!("what kernels have left stays: {error}");
    }
    let link = Arc::new(Link { home, watched: Mutex::default() });
    let runs = link.runs()?;
    let alive = runs.iter().filter_map(|run| Some((run.run_id.clone(), run.agent.clone()?)));
    let alive: Vec<_> = alive.collect();
    let resources = resources::look(link.home.path());
    say(&FromMachine::Ready { folder: folder_name(link.home.path()), runs, resources });
    for (run_id, agent) in alive {
        link.watch(run_id, agent);
    }
    let teller = Arc::clone(&link);
    std::thread::Builder::new().name("resources".into()).spawn(move || {
        loop {
            std::thread::sleep(BETWEEN_MESSAGES);
            say(&FromMachine::Resources(resources::look(teller.home.path())));
        }
    })?;
    for line in lines {
        match read(&line?)? {
            ToMachine::Hello { .. } => {}
            ToMachine::Start { job } => link.begin(&job.run_id.clone(), "--run", Some(&job)),
            ToMachine::Collect { run_id } => link.begin(&run_id, "--collect", None),
            ToMachine::Cancel { run_id, by_force } => link.cancel(&run_id, by_force),
        }
    }
    Ok(())
}

struct Link {
    home: Home,
    /// Agents that a thread waits for.
    watched: Mutex<HashSet<u32>>,
}

impl Link {
    fn folder(&self, run_id: &str) -> PathBuf {
        self.home.path().join("runs").join(run_id)
    }

    /// The runs whose files are here.
    fn runs(&self) -> anyhow::Result<Vec<RunThere>> {
        let folder = self.home.path().join("runs");
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read `{}`", folder.display()));
            }
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names
            .map(|run_id| RunThere {
                agent: own_agent(&self.folder(&run_id)).filter(is_alive),
                run_id,
            })
            .collect())
    }

    fn begin(self: &Arc<Self>, run_id: &str, what: &str, job: Option<&JobFile>) {
        match self.start(run_id, what, job) {
            Ok(agent) => {
                say(&FromMachine::Started { run_id: run_id.to_owned(), agent: agent.clone() });
                self.watch(run_id.to_owned(), agent);
            }
            Err(error) => say(&FromMachine::Refused {
                run_id: run_id.to_owned(),
                reason: format!("{error:#}"),
            }),
        }
    }

    /// Starts an agent in a session of its own: the end of the link does not reach it.
    fn start(
        &self,
        run_id: &str,
        what: &str,
        job: Option<&JobFile>,
    ) -> anyhow::Result<ProcessIdentity> {
        let folder = self.folder(run_id);
        // An order that was given twice, because its answer was lost.
        if let Some(agent) = own_agent(&folder).filter(is_alive) {
            return Ok(agent);
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        if let Some(job) = job {
            fs::write(folder.join("job.json"), serde_json::to_vec_pretty(job)?)?;
        }
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(folder.join("agent.log"))?;
        // By this name the program is found also when a newer one has taken its place.
        let mut command = Command::new("/proc/self/exe");
        command.arg0("lazuli-agent").arg("--home").arg(self.home.path()).args([what, run_id]);
        command.current_dir(self.home.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        // SAFETY: setsid may be called between fork and exec.
        unsafe {
            command.pre_exec(|| match libc::setsid() {
                -1 => Err(io::Error::last_os_error()),
                _ => Ok(()),
            });
        }
        let mut child = command.spawn().context("the agent cannot be started")?;
        let agent = identity_of(child.id()).context("the agent ended at once")?;
        // An ended child stays in the system's table until it is asked for.
        std::thread::spawn(move || child.wait());
        Ok(agent)
    }

    /// Tells when the agent is gone and files of its run are still here.
    fn watch(self: &Arc<Self>, run_id: String, agent: ProcessIdentity) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if !watched.insert(agent.pid) {
            return;
        }
        let link = Arc::clone(self);
        std::thread::spawn(move || {
            while is_alive(&agent) {
                std::thread::sleep(BETWEEN_LOOKS);
            }
            link.watched.lock().unwrap_or_else(PoisonError::into_inner).remove(&agent.pid);
            if link.folder(&run_id).exists() {
                say(&FromMachine::Gone { run_id });
            }
        });
    }

    fn cancel(&self, run_id: &str, by_force: bool) {
        let Some(agent) = own_agent(&self.folder(run_id)).filter(is_alive) else { return };
        let signal = if by_force { libc::SIGKILL } else { libc::SIGTERM };
        // SAFETY: the call takes numbers.
        unsafe { libc::kill(agent.pid as libc::pid_t, signal) };
    }
}

/// The agent that works in the folder, as it has written itself.
fn own_agent(folder: &Path) -> Option<ProcessIdentity> {
    serde_json::from_slice(&fs::read(folder.join("working.json")).ok()?).ok()
}

/// Where clients on this machine find the daemon, and what they prove themselves with.
fn write_address(home: &Home, daemon: &DaemonInfo, token: &str) -> anyhow::Result<()> {
    for folder in ["spool", "runs", "environments", "kernels"] {
        let folder = home.path().join(folder);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    }
    write_private(&home.token_file(), token.as_bytes())?;
    write_private(&home.daemon_json(), &serde_json::to_vec_pretty(daemon)?)?;
    Ok(())
}

/// Whole or not at all: scripts read it at any time.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("part");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)?;
    file.write_all(bytes)?;
    fs::rename(partial, path)
}

fn folder_name(path: &Path) -> String {
    path.canonicalize().unwrap_or_else(|_| path.to_owned()).display().to_string()
}

fn read(line: &str) -> anyhow::Result<ToMachine> {
    // A newer daemon sends its own agent first; this is a defect, not a version.
    serde_json::from_str(line).context("what the daemon says is not understood")
}

fn say(message: &FromMachine) {
    let Ok(mut line) = serde_json::to_string(message) else { return };
    line.push('\n');
    let mut out = io::stdout().lock();
    // A link that is cut is noticed where it is read.
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
}
