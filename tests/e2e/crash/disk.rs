use std::ffi::CString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use lazuli_tests::{Home, checkout, program, until};
use serde_json::{Value, json};

use crate::rounds::{before, check_nothing_is_left};
use crate::stored::Rows;

const SIZE: usize = 24 << 20;

/// A file system of a few megabytes, mounted on the home.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None`: only root may mount. That is said aloud.
    fn mount(on: &Path) -> Option<SmallDisk> {
        std::fs::create_dir_all(on).expect("a folder");
        let disk = SmallDisk(on.to_owned());
        match disk.call(&format!("size={SIZE}"), 0) {
            Ok(()) => Some(disk),
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "nothing is skipped on CI: {error}");
                let _ = writeln!(std::io::stderr(), "\nSKIPPED: no disk can be mounted: {error}");
                None
            }
        }
    }

    fn make_read_only(&self, is_read_only: bool) {
        let flag = if is_read_only { libc::MS_RDONLY } else { 0 };
        // The system closes a killed process's files a moment after its end.
        until("a file system that nobody writes to", || {
            self.call("", libc::MS_REMOUNT | flag).ok()
        });
    }

    /// Takes what is left but for a megabyte.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("ballast");
        let mut file = std::fs::File::create(&path).expect("a file");
        let piece = vec![0_u8; 4096];
        let mut taken = 0;
        while let Ok(written @ 1..) = file.write(&piece) {
            taken += written as u64;
        }
        file.set_len(taken.saturating_sub(1 << 20)).expect("less is always possible");
        path
    }

    fn call(&self, data: &str, flags: libc::c_ulong) -> std::io::Result<()> {
        let target = CString::new(self.0.as_os_str().as_bytes()).expect("a path");
        let data = CString::new(data).expect("no NUL");
        let kind = c"tmpfs";
        // SAFETY: every pointer is to a string that ends in NUL and outlives the call.
        let done = unsafe {
            libc::mount(kind.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, data.as_ptr().cast())
        };
        if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let target = CString::new(self.0.as_os_str().as_bytes()).expect("a path");
        // SAFETY: the pointer is to a string that ends in NUL and outlives the call.
        unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) };
    }
}

/// A script that logs what it is asked to, by the Python SDK.
struct Script {
    process: Child,
    numbers: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Script {
    /// In a run of its own, whose id is given.
    fn start(home: &Home) -> (Script, String) {
        let new = json!({"experiment": "disk"});
        let run = home.api().post("/api/workspaces/default/runs", &new).ok();
        let run_id = run["run_id"].as_str().unwrap().to_owned();
        let mut python = Command::new("python3");
        python.arg(checkout().join("tests/e2e/crash/asked.py"));
        home.surround(&mut python);
        python.env("PYTHONPATH", checkout().join("sdk/python"));
        python.env("PYTHONDONTWRITEBYTECODE", "1").env("LAZULI_BIN", program("lazuli"));
        python.env("LAZULI_EXPERIMENT", "disk").env("LAZULI_RUN_ID", &run_id);
        let mut process =
            python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3");
        let numbers = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().unwrap());
        (Script { process, numbers, answers }, run_id)
    }

    fn log(&mut self, number: i64) -> Result<(), String> {
        writeln!(self.numbers.as_mut().unwrap(), "{number}").expect("it lives");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it lives");
        match answer.trim_end() {
            "ok" => Ok(()),
            told => Err(told.to_owned()),
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        drop(self.numbers.take());
        let _ended = self.process.wait();
    }
}

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let mut disk = None;
    let home = Home::with(|folder| disk = SmallDisk::mount(&folder.join("home")));
    let Some(disk) = disk else { return };
    let (mut script, run_id) = Script::start(&home);
    let mut api = home.api();
    let path = format!("/api/runs/{run_id}");
    let mut returned: Vec<i64> = Vec::new();
    let mut runs: Vec<String> = Vec::new();
    for round in 0..3 {
        for _ in 0..1000 {
            let number = returned.len() as i64;
            script.log(number).unwrap();
            returned.push(number);
        }
        let ballast = disk.fill();
        // Until both the writer and the daemon have met the end of the disk.
        let go_on = before(Duration::from_secs(20));
        let mut daemon_told = None;
        while go_on() && daemon_told.is_none() {
            let tags = json!({"big": "x".repeat(200_000)});
            let new = json!({"experiment": "big", "tags": tags});
            let made = api.post("/api/workspaces/default/runs", &new);
            match made.status {
                200 => runs.push(made.json()["run_id"].as_str().unwrap().to_owned()),
                _ => daemon_told = Some(made.refused(507)),
            }
        }
        let mut writer_told = None;
        while go_on() && writer_told.is_none() {
            let number = returned.len() as i64;
            match script.log(number) {
                Ok(()) => returned.push(number),
                Err(told) => writer_told = Some(told),
            }
        }
        let writer_told = writer_told.expect("the writer meets the end of the disk");
        let spool = "the record could not be written to `";
        assert!(writer_told.starts_with(spool), "{writer_told}");
        assert!(writer_told.contains("No space left on device | free some space"), "{writer_told}");
        let (message, hint) = daemon_told.expect("the daemon meets the end of the disk");
        assert!(message.starts_with("there is no disk space left"), "{message}");
        assert_eq!(hint, "free some space and try again; nothing was changed");
        // An answer is still given to who only asks.
        assert_eq!(api.get("/api/status").status, 200);
        if round == 1 {
            home.kill_daemon();
        }
        std::fs::remove_file(ballast).unwrap();
        api = home.api();
    }
    api.post(&format!("{path}/complete"), &json!({})).ok();
    let found: Value = api.get(&format!("{path}/metrics/value")).ok();
    let numbers: Vec<i64> = found["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point["value"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers, returned, "each call that returned, once and in order");
    assert!(!runs.is_empty() && returned.len() > 3000, "{} {}", runs.len(), returned.len());
    for run in &runs {
        let run = api.post(&format!("/api/runs/{run}/complete"), &json!({})).ok();
        assert_eq!(run["tags"]["big"].as_str().map(str::len), Some(200_000));
    }
    assert_eq!(api.get("/api/status").ok()["runs"], 1 + runs.len(), "a refused run is not there");
    assert_eq!(api.get(&format!("{path}/verify")).ok()["agrees"], true);
    home.ok(&["stop"]);
    Rows::Sqlite(&home).check_integrity();
    check_nothing_is_left(&home);
}

#[test]
fn a_home_that_cannot_be_written_to_is_told() {
    let mut disk = None;
    let home = Home::with(|folder| disk = SmallDisk::mount(&folder.join("home")));
    let Some(disk) = disk else { return };
    let (mut script, run_id) = Script::start(&home);
    script.log(1).unwrap();
    home.json(&["run", "show", &run_id]);
    script.log(2).unwrap();
    home.kill_daemon();
    disk.make_read_only(true);

    let told = script.log(3).unwrap_err();
    assert!(told.contains("Read-only file system"), "{told}");
    for command in [&["run", "list"][..], &["serve"], &["status"]] {
        let outcome = home.lazuli(command);
        assert_ne!(outcome.code, Some(0), "{outcome:?}");
        let said = outcome.stderr;
        assert!(!said.contains("panicked") && said.lines().count() <= 4, "{said}");
        if command != ["status"] {
            assert!(said.contains("Read-only file system"), "{said}");
            assert!(said.contains("\nhint: "), "{said}");
        }
    }

    disk.make_read_only(false);
    let found = home.json(&["run", "show", &run_id]);
    assert_eq!(found["metrics"][0]["count"], 2);
    assert_eq!(home.json(&["run", "verify", &run_id])["agrees"], true);
    home.ok(&["run", "complete", &run_id]);
    home.ok(&["stop"]);
    Rows::Sqlite(&home).check_integrity();
}
