use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lazuli_domain::DaemonInfo;
use serde_json::Value;
use tempfile::TempDir;

/// A home and a folder to work in.
pub struct Place {
    _folder: TempDir,
    pub home: PathBuf,
    pub folder: PathBuf,
}

/// What the program said and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    pub out: String,
    pub talk: String,
    pub code: i32,
}

impl Place {
    pub fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let (home, work) = (folder.path().join("home"), folder.path().join("work"));
        std::fs::create_dir(&work).unwrap();
        Place { _folder: folder, home, folder: work }
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lazuli"));
        command
            .args(words)
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.folder)
            .env("USER", "tester")
            .env("LAZULI_HOME", &self.home)
            // Where the network belongs to somebody, whose certificates are to be trusted.
            .envs(
                std::env::vars_os()
                    .filter(|(name, _)| name == "SSL_CERT_FILE" || name == "SSL_CERT_DIR"),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn start(&self, words: &[&str]) -> Child {
        self.command(words).spawn().unwrap()
    }

    pub fn run(&self, words: &[&str]) -> Said {
        said(self.start(words))
    }

    /// Runs with that text on standard input.
    pub fn run_with_input(&self, words: &[&str], input: &str) -> Said {
        let mut child = self.command(words).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        said(child)
    }

    /// What it answers when all is well.
    #[track_caller]
    pub fn ok(&self, words: &[&str]) -> String {
        let said = self.run(words);
        assert_eq!(said.code, 0, "{words:?}: {said:?}");
        said.out
    }

    #[track_caller]
    pub fn json(&self, words: &[&str]) -> Value {
        let mut words = words.to_vec();
        words.push("--json");
        let out = self.ok(&words);
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{words:?}: {error}: {out}"))
    }

    /// Starts a run and gives its id.
    pub fn start_run(&self, words: &[&str]) -> String {
        let words = [&["run", "start"], words].concat();
        self.json(&words)["run_id"].as_str().unwrap().to_owned()
    }

    pub fn write(&self, name: &str, content: &str) {
        let path = self.folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(name)).unwrap()
    }

    pub fn daemon(&self) -> DaemonInfo {
        serde_json::from_slice(&std::fs::read(self.daemon_json()).unwrap()).unwrap()
    }

    pub fn daemon_json(&self) -> PathBuf {
        self.home.join("daemon.json")
    }

    /// Commands and what they said, with what differs from test to test replaced.
    pub fn transcript(&self, lines: &[&[&str]]) -> String {
        let mut text = String::new();
        for words in lines {
            let said = self.run(words);
            text.push_str(&format!("$ lazuli {}\n{}{}", words.join(" "), said.out, said.talk));
            text.push_str(&format!("[{}]\n", said.code));
        }
        text.replace(&self.home.display().to_string(), "HOME")
            .replace(&self.folder.display().to_string(), "FOLDER")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Ok(info) = std::fs::read(self.daemon_json()) else { return };
        let stopped = self.run(&["stop"]);
        if std::thread::panicking() {
            return;
        }
        assert_eq!(stopped.code, 0, "{stopped:?}");
        let info: DaemonInfo = serde_json::from_slice(&info).unwrap();
        assert!(!lazuli::process::is_alive(&info.process));
    }
}

pub fn said(child: Child) -> Said {
    let output = child.wait_with_output().unwrap();
    Said {
        out: String::from_utf8(output.stdout).unwrap(),
        talk: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().unwrap_or(-1),
    }
}

/// Waits for what must come; the time is only how long a broken test takes.
#[track_caller]
pub fn wait_for(what: &str, mut so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !so() {
        assert!(started.elapsed() < Duration::from_secs(30), "waiting for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Pids of the daemons that were started for the home.
pub fn daemons_of(home: &Path) -> Vec<u32> {
    let variable = format!("LAZULI_HOME={}", home.display());
    let entries = std::fs::read_dir("/proc").unwrap();
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let words = std::fs::read(entry.path().join("cmdline")).ok()?;
            let serves = words.split(|byte| *byte == 0).any(|word| word == b"serve");
            let environment = std::fs::read(entry.path().join("environ")).ok()?;
            let ours = environment.split(|byte| *byte == 0).any(|one| one == variable.as_bytes());
            (serves && ours && lazuli::process::identity_of(pid).is_some()).then_some(pid)
        })
        .collect()
}
