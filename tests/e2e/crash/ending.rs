use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lazuli_tests::{Home, within};
use serde_json::json;

use crate::rounds::{Dice, check_nothing_is_left};
use crate::stored::Rows;
use crate::writer::{Kind, Writer};

/// The daemon is told to end while it commits: it ends in time and well, and its writers do not
/// notice.
#[test]
fn sigterm_during_commits_loses_nothing() {
    let home = Home::new();
    let mut dice = Dice::new();
    let api = home.api();
    let mut writers: Vec<Writer<'_>> = [Kind::Python, Kind::Rust, Kind::Requests]
        .into_iter()
        .map(|kind| {
            let run = api.post("/api/workspaces/default/runs", &json!({"experiment": "x"})).ok();
            Writer::start(&home, kind, Some(run["run_id"].as_str().unwrap().to_owned()))
        })
        .collect();
    for _ in 0..12 {
        let daemon = within(Duration::from_secs(30), "a daemon", || home.daemon());
        std::thread::sleep(Duration::from_millis(dice.below(120)));
        // SAFETY: kill(2) takes no pointer.
        unsafe { libc::kill(daemon.process.pid as i32, libc::SIGTERM) };
        within(Duration::from_secs(8), "the daemon's end", || {
            let info = home.daemon();
            info.is_none_or(|info| info.process != daemon.process).then_some(())
        });
    }
    std::fs::write(home.work().join("stop"), "").unwrap();
    writers.iter_mut().for_each(|writer| assert!(writer.ends_well(), "{}", writer.log()));
    let api = home.api();
    for account in writers.iter().flat_map(Writer::accounts) {
        let run = account.run.clone().expect("it had begun");
        api.post(&format!("/api/runs/{run}/complete"), &json!({})).ok();
        let found = api.get(&format!("/api/runs/{run}/verify")).ok();
        assert_eq!(found["agrees"], true, "{found}");
        let mut stored = Rows::Sqlite(&home).numbers().remove(&run).unwrap_or_default();
        stored.sort_unstable();
        let returned: Vec<i64> = account.returned.iter().copied().collect();
        let begun: Vec<i64> = account.begun.iter().copied().collect();
        // A request whose answer was cut off may have been carried out.
        assert!(returned.iter().all(|number| stored.binary_search(number).is_ok()), "{run}");
        assert!(stored.iter().all(|number| begun.binary_search(number).is_ok()), "{run}");
        assert!(stored.windows(2).all(|pair| pair[0] < pair[1]), "{run} has numbers twice");
        assert!(account.acknowledged.len() > 20, "{account:?}");
    }
    home.ok(&["stop"]);
    Rows::Sqlite(&home).check_integrity();
    check_nothing_is_left(&home);
    // A daemon that ends well leaves no journal, either.
    assert!(!home.path().join("lazuli.db-wal").exists());
    let log = std::fs::read_to_string(home.path().join("daemon.log")).unwrap();
    assert!(!log.contains("\"ERROR\""), "{log}");
}

/// `libfaketime`, as Debian's package has it.
fn faketime() -> Option<PathBuf> {
    let library = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
        .map(|machine| Path::new("/usr/lib").join(machine).join("faketime/libfaketimeMT.so.1"))
        .into_iter()
        .find(|library| library.exists());
    if library.is_none() {
        let missing = "libfaketime is not installed (Debian: `apt-get install libfaketime`)";
        assert!(std::env::var_os("CI").is_none(), "{missing}; on CI nothing is skipped");
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: {missing}");
    }
    library
}

/// Somebody sets the clock back by two days while a run goes on.
#[test]
fn a_clock_that_jumps_back_confuses_nothing() {
    let Some(library) = faketime() else { return };
    let home = Home::new();
    let clock = home.work().join("clock");
    std::fs::write(&clock, "+0").unwrap();
    let surround = |command: &mut std::process::Command| {
        command.env("LD_PRELOAD", &library).env("FAKETIME_TIMESTAMP_FILE", &clock);
        // As a real jump: what counts seconds since the start does not see it.
        command.env("DONT_FAKE_MONOTONIC", "1").env("FAKETIME_NO_CACHE", "1");
    };
    let lazuli = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        surround(&mut command);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let mut daemon = home.command(&["serve"]);
    surround(&mut daemon);
    let mut daemon = daemon.spawn().unwrap();
    within(Duration::from_secs(30), "the daemon", || home.daemon());
    let api = home.api();
    let new = json!({"experiment": "clock"});
    let first = api.post("/api/workspaces/default/runs", &new).ok();
    let first = first["run_id"].as_str().unwrap();
    lazuli(&["log", "loss=1", "--run", first]);
    let before = api.get("/api/status").ok()["last_event"].as_u64().unwrap();

    std::fs::write(&clock, "-2d").unwrap();
    lazuli(&["log", "loss=2", "--run", first]);
    let second = api.post("/api/workspaces/default/runs", &new).ok();
    let second_id = second["run_id"].as_str().unwrap();
    let run = api.get(&format!("/api/runs/{first}")).ok();
    let jumped = second["created_at_ms"].as_i64().unwrap() < run["created_at_ms"].as_i64().unwrap();
    assert!(jumped, "the clock was not set back: {second}");
    assert_eq!(run["status"], "Running", "its owner lives: {run}");

    // Newest is what came last, whatever the clock said.
    assert_eq!(run["metrics"][0]["count"], 2);
    assert_eq!(run["metrics"][0]["last"]["value"], 2);
    let listed = api.get("/api/workspaces/default/runs").ok();
    assert_eq!(listed["items"][0]["run_id"], second_id);
    assert!(api.get("/api/status").ok()["last_event"].as_u64().unwrap() > before);

    // A run has no negative length, and a restart of the daemon changes nothing.
    lazuli(&["run", "complete", first]);
    lazuli(&["stop"]);
    daemon.wait().unwrap();
    let run = home.json(&["run", "show", first]);
    assert_eq!(run["status"], "Completed");
    assert!(run["ended_at_ms"].as_i64() >= run["started_at_ms"].as_i64(), "{run}");
    assert_eq!(home.json(&["run", "verify", first])["agrees"], true);
    home.ok(&["run", "complete", second_id]);
}
