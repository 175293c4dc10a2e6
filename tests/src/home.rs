use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use lazuli_domain::DaemonInfo;
use serde_json::Value;

use crate::{Api, program, within};

/// A `$LAZULI_HOME` in a temporary folder, with a working folder beside it. Dropping it stops the
/// daemon and fails the test when a process of this home is left.
pub struct Home {
    folder: tempfile::TempDir,
}

/// How a program ended and what it said.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The one sentence and the hint of a command that failed.
    #[track_caller]
    pub fn refused(self) -> String {
        assert!(self.code.is_some_and(|code| code != 0), "this should have failed: {self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        self.stderr
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    pub fn new() -> Home {
        Home::with(|_folder| {})
    }

    /// Where `prepare` changed something before anything lies in it.
    pub fn with(prepare: impl FnOnce(&Path)) -> Home {
        let folder = tempfile::Builder::new().prefix("lazuli-test-").tempdir().expect("a folder");
        prepare(folder.path());
        fs::create_dir(folder.path().join("work")).expect("a working folder");
        Home { folder }
    }

    pub fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("home")
    }

    /// Where commands run.
    pub fn work(&self) -> std::path::PathBuf {
        self.folder.path().join("work")
    }

    pub fn write(&self, name: &str, content: &str) {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder");
        fs::write(path, content).expect("a file that can be written");
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("lazuli"));
        command.args(arguments);
        self.surround(&mut command);
        command
    }

    /// Gives any program this home and the working folder.
    pub fn surround(&self, command: &mut Command) {
        command.current_dir(self.work());
        for (name, _) in std::env::vars() {
            if name.starts_with("LAZULI_") || name.starts_with("AZUREML_") {
                command.env_remove(name);
            }
        }
        command.env("LAZULI_HOME", self.path()).stdin(Stdio::null());
    }

    /// Has the rows of this home kept in that database, as `lazuli serve --database` does.
    pub fn remember_database(&self, address: &str) {
        let mut daemon = self.command(&["serve", "--database", address]).spawn().expect("a daemon");
        within(Duration::from_secs(30), "the daemon", || self.daemon());
        self.ok(&["stop"]);
        daemon.wait().expect("it is our child");
    }

    pub fn lazuli(&self, arguments: &[&str]) -> Outcome {
        outcome(&mut self.command(arguments))
    }

    /// Runs a command that has to succeed and gives what it printed.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        let outcome = self.lazuli(arguments);
        assert_eq!(outcome.code, Some(0), "lazuli {}: {outcome:?}", arguments.join(" "));
        outcome.stdout
    }

    /// The same with `--json`.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let text = self.ok(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    pub fn daemon(&self) -> Option<DaemonInfo> {
        serde_json::from_str(&fs::read_to_string(self.path().join("daemon.json")).ok()?).ok()
    }

    /// The daemon's API, started when it does not run.
    #[track_caller]
    pub fn api(&self) -> Api {
        if self.daemon().is_none_or(|daemon| !alive(daemon.process.pid)) {
            self.ok(&["workspace", "list"]);
        }
        let daemon = self.daemon().expect("a daemon writes daemon.json");
        let token = fs::read_to_string(self.path().join("token")).expect("a token");
        Api::new(daemon.url, token.trim().to_owned())
    }

    /// `kill -9` of the daemon; returns when it is gone.
    #[track_caller]
    pub fn kill_daemon(&self) {
        let pid = self.daemon().expect("a daemon runs").process.pid;
        signal(pid, libc::SIGKILL);
        within(Duration::from_secs(10), "the daemon's end", || (!alive(pid)).then_some(()));
    }

    /// Processes whose environment names this home, as `pid command`.
    pub fn processes(&self) -> Vec<String> {
        let wanted = format!("LAZULI_HOME={}", self.path().display());
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let process = entry.path();
            let of_this_home = fs::read(process.join("environ")).is_ok_and(|environment| {
                environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes())
            });
            if of_this_home && let Ok(command) = fs::read(process.join("cmdline")) {
                let pid = entry.file_name().to_string_lossy().into_owned();
                found.push(format!(
                    "{pid} {}",
                    String::from_utf8_lossy(&command).replace('\0', " ")
                ));
            }
        }
        found
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let stopped = self.lazuli(&["stop"]);
        if std::thread::panicking() {
            let mut stderr = std::io::stderr();
            for log in ["daemon.log", "agent.log"] {
                let text = fs::read_to_string(self.path().join(log)).unwrap_or_default();
                let tail = text.lines().rev().take(15).collect::<Vec<_>>();
                for line in tail.into_iter().rev() {
                    let _ = writeln!(stderr, "{log}: {line}");
                }
            }
        }
        let left = std::iter::repeat_with(|| {
            std::thread::sleep(Duration::from_millis(20));
            self.processes()
        })
        .take(250)
        .find(Vec::is_empty)
        .unwrap_or_else(|| self.processes());
        for process in &left {
            if let Some(pid) = process.split(' ').next().and_then(|pid| pid.parse().ok()) {
                signal(pid, libc::SIGKILL);
            }
        }
        if !std::thread::panicking() {
            assert!(left.is_empty(), "processes are left: {left:?}; lazuli stop: {stopped:?}");
        }
    }
}

fn outcome(command: &mut Command) -> Outcome {
    let output = command.output().expect("the program can be started");
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn signal(pid: u32, signal: i32) {
    // SAFETY: kill(2) takes no pointer.
    unsafe { libc::kill(pid as i32, signal) };
}

/// A zombie does not count: nobody has waited for it yet, but it is gone.
fn alive(pid: u32) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").trim_start().starts_with('Z'))
}
