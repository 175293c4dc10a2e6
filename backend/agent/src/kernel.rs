//! The Python of a notebook, on a machine that is reached by SSH:
//! `lazuli-agent --home H --kernel NAME`, started by the kernel itself on the other side.
//!
//! Lines of JSON come in on standard input and go out on standard output (`lazuli_domain`'s
//! machine.rs); what is said on standard error is the Python's. Its sockets lie in the home and are
//! forwarded by ssh. With the last line, or after a long silence, the Python ends.

use std::fs;
use std::io::{self, BufRead, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use lazuli::domain::{
    FromPython, KERNEL_SILENCE, KernelSockets, PythonEnvironment, StringMap, ToPython,
};
use serde_json::json;

use crate::attention::Attention;
use crate::config::Config;
use crate::end::Stopped;
use crate::environments::{self, Teller, Wanted};
use crate::std_log::StdLog;

/// Between two looks at whether the sockets are there.
const LOOK: Duration = Duration::from_millis(10);
/// What the environment of kernels has, when no Python of the machine serves: pip, because people
/// install into it.
const PACKAGES: [&str; 2] = ["ipykernel", "pip"];
/// ipykernel's channels, without the heartbeat that nobody needs here.
const CHANNELS: std::ops::RangeInclusive<u32> = 1..=4;

/// Who is at work in the folder of a kernel.
const WORKING: &str = "working.json";

enum Event {
    Said(ToPython),
    /// Nobody is there any more.
    HungUp,
    Ended(io::Result<ExitStatus>),
}

pub fn serve(home: &Path, name: &str, attention: &Attention) -> anyhow::Result<()> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        bail!("`{name}` is no name of a kernel");
    }
    let (events_tx, events) = mpsc::channel();
    let (heard, hung_up) = (events_tx.clone(), attention.clone());
    std::thread::Builder::new().name("orders".into()).spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            match serde_json::from_str(&line) {
                Ok(said) => drop(heard.send(Event::Said(said))),
                Err(error) => tracing::warn!("an order that is not understood: {error}"),
            }
        }
        // Also when an environment is just being made.
        hung_up.request();
        drop(heard.send(Event::HungUp));
    })?;
    let Ok(Event::Said(ToPython::Start { variables, python })) = events.recv() else {
        bail!("a kernel begins with `start`");
    };
    let sockets = KernelSockets::of(&home.display().to_string(), name);
    let folder = OwnFolder::make(&sockets)?;
    let config = Config::from_environment();
    let prepared = find_python(home, python, &folder.path, &config, attention)
        .and_then(|python| start(home, &python, &sockets, variables, &config));
    let mut child = match prepared {
        Ok(child) => child,
        Err(Stopped::Canceled) => return Ok(()),
        Err(Stopped::Failed(error)) => {
            say(&FromPython::Failed(error));
            return Ok(());
        }
    };
    let group = child.id().cast_signed();
    std::thread::Builder::new()
        .name("end".into())
        .spawn(move || drop(events_tx.send(Event::Ended(child.wait()))))?;
    let ended = attend(&events, group, &sockets);
    signal(group, libc::SIGKILL);
    match ended {
        Some(status) if !status.success() => {
            drop(folder);
            // ssh hands it on; a signal has no other way to the other side.
            if let Some(signal) = status.signal() {
                eprintln!("it was ended by signal {signal}");
            }
            std::process::exit(status.code().unwrap_or(128 + status.signal().unwrap_or_default()));
        }
        _ => Ok(()),
    }
}

/// Serves until the Python has ended or nobody wants it any more.
fn attend(
    events: &mpsc::Receiver<Event>,
    group: i32,
    sockets: &KernelSockets,
) -> Option<ExitStatus> {
    let is_there = |channel| Path::new(&format!("{}-{channel}", sockets.channels)).exists();
    let mut is_ready = false;
    let mut heard = Instant::now();
    loop {
        if !is_ready && CHANNELS.clone().all(is_there) {
            is_ready = true;
            say(&FromPython::Ready);
        }
        match events.recv_timeout(if is_ready { KERNEL_SILENCE } else { LOOK }) {
            Ok(Event::Said(said)) => {
                heard = Instant::now();
                if let ToPython::Signal(number) = said {
                    signal(group, number);
                }
            }
            Ok(Event::Ended(status)) => return status.ok(),
            Err(RecvTimeoutError::Timeout) if heard.elapsed() < KERNEL_SILENCE => {}
            Ok(Event::HungUp) | Err(_) => return None,
        }
    }
}

/// The named one, else the first `python3` here that has ipykernel, else one in an environment that
/// is made for kernels.
fn find_python(
    home: &Path,
    named: Option<String>,
    folder: &Path,
    config: &Config,
    attention: &Attention,
) -> Result<PathBuf, Stopped> {
    if let Some(named) = named {
        let program = config.find_program(&named).unwrap_or_else(|| named.clone().into());
        return match (program.is_file(), lazuli_python::has_ipykernel(&program)) {
            (true, true) => Ok(program),
            (true, false) => Err(Stopped::failed(
                format!("`{named}` does not have the package `ipykernel`"),
                format!("hint: on the machine, {named} -m pip install ipykernel"),
            )),
            (false, _) => Err(Stopped::failed(
                format!("there is no Python at `{named}` on the machine"),
                "hint: name another one, or none: then one is found or made".to_owned(),
            )),
        };
    }
    let present = config.search_path.iter().map(|folder| folder.join("python3"));
    if let Some(program) = present
        .filter(|program| program.is_file())
        .find(|program| lazuli_python::has_ipykernel(program))
    {
        return Ok(program);
    }
    say(&FromPython::Preparing("no Python there has ipykernel; one is made".into()));
    let path = folder.join("log.txt");
    let mut log =
        StdLog::create(&path, |_size| {}).map_err(|error| Stopped::io("write", &path, error))?;
    let python =
        PythonEnvironment { interpreter: None, packages: PACKAGES.map(str::to_owned).to_vec() };
    let wanted = Wanted { python: &python, environment: None };
    let activity = |activity: String| say(&FromPython::Preparing(activity));
    let mut teller = Teller { log: &mut log, activity: &activity };
    Ok(environments::prepare(home, wanted, config, attention, &mut teller)?.interpreter)
}

fn start(
    home: &Path,
    program: &Path,
    sockets: &KernelSockets,
    variables: StringMap,
    config: &Config,
) -> Result<std::process::Child, Stopped> {
    let failed =
        |what: &str, error: io::Error| Stopped::failed(format!("{what}: {error}"), String::new());
    let folder = Path::new(&sockets.folder);
    let sdk = lazuli_python::unpack(home)
        .map_err(|error| failed("the Python SDK cannot be unpacked", error))?;
    let connection = json!({
        "ip": sockets.channels, "transport": "ipc", "key": "", "signature_scheme": "hmac-sha256",
        "shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5,
    });
    let connection_file = folder.join("connection.json");
    fs::write(&connection_file, connection.to_string())
        .map_err(|error| Stopped::io("write", &connection_file, error))?;
    let session = folder.join("session.json");
    let mut command =
        lazuli_python::kernel(program, &sdk, &connection_file, config.python_path.as_deref())
            .map_err(|error| failed("the Python cannot be started", error))?;
    command
        .envs(variables)
        .env("LAZULI_HOME", home)
        .env("LAZULI_SESSION", session)
        .env("LAZULI_MAGICS", &sockets.magics)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .process_group(0);
    if let Some(folder) = config.in_user_home("") {
        command.current_dir(folder);
    }
    // SAFETY: prctl() is async-signal-safe and touches no memory of ours.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
    command.spawn().map_err(|error| failed("the Python cannot be started", error))
}

/// Gone with everything in it, and with the socket of the magics, when the kernel is.
struct OwnFolder {
    path: PathBuf,
    magics: PathBuf,
}

impl OwnFolder {
    fn make(sockets: &KernelSockets) -> anyhow::Result<OwnFolder> {
        // `sockaddr_un` has room for 108 bytes.
        if sockets.channels.len() > 100 {
            bail!("the path `{}` is too long for a socket", sockets.channels);
        }
        let path = PathBuf::from(&sockets.folder);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make `{}`", path.display()))?;
        // What a killed agent leaves is removed by the next link.
        let own = lazuli::process::own_identity()?;
        fs::write(path.join(WORKING), serde_json::to_vec(&own)?)?;
        Ok(OwnFolder { path, magics: sockets.magics.clone().into() })
    }
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        let removed = fs::remove_dir_all(&self.path);
        let socket = match fs::remove_file(&self.magics) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        };
        if let Err(error) = removed.and(socket) {
            tracing::warn!("`{}` stays: {error}", self.path.display());
        }
    }
}

/// Removes what agents that were killed have left.
pub fn remove_orphans(home: &Path) -> io::Result<()> {
    for entry in fs::read_dir(home.join("kernels"))? {
        let path = entry?.path();
        let worker = fs::read(path.join(WORKING)).ok();
        let worker = worker.and_then(|text| serde_json::from_slice(&text).ok());
        if path.is_dir() && !worker.as_ref().is_some_and(lazuli::process::is_alive) {
            drop(OwnFolder { magics: path.with_extension("magics"), path });
        }
    }
    Ok(())
}

fn signal(group: i32, number: i32) {
    // SAFETY: the call takes numbers. Without anybody in the group nothing happens.
    unsafe { libc::kill(-group, number) };
}

fn say(message: &FromPython) {
    let Ok(mut line) = serde_json::to_string(message) else { return };
    line.push('\n');
    let mut out = io::stdout().lock();
    // That nobody listens any more is seen where it is read.
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
}
