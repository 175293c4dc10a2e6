use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lazuli_tests::postgres::{Disk, Postgres};
use lazuli_tests::{Home, until, within};
use serde_json::json;

use crate::ledger::Account;
use crate::stored::Rows;
use crate::writer::{Kind, Writer, content, file};

const SEED: &str = "LAZULI_TEST_SEED";
const START: Duration = Duration::from_secs(30);

#[test]
fn fifty_rounds_of_kill_9_lose_and_double_nothing() {
    let home = Home::new();
    let mut dice = Dice::new();
    rounds(&home, &mut dice, 50, &Rows::Sqlite(&home), |_| {});
}

/// The server falls, too.
#[test]
fn rounds_of_kill_9_on_postgresql_lose_and_double_nothing() {
    let Some(server) = Postgres::start(Disk::Durable) else { return };
    let home = Home::new();
    let mut dice = Dice::new();
    let database = server.new_database();
    home.remember_database(&server.address(&database));
    let rows = Rows::Postgres(&server, database);
    rounds(&home, &mut dice, 15, &rows, |dice| {
        if dice.below(3) == 0 {
            server.crash();
            std::thread::sleep(Duration::from_millis(dice.below(100)));
            server.start_again();
        }
    });
}

fn rounds(home: &Home, dice: &mut Dice, count: usize, rows: &Rows<'_>, more: impl Fn(&mut Dice)) {
    let api = home.api();
    let mut writers: Vec<Writer<'_>> =
        [Kind::Python, Kind::PythonAlone, Kind::Rust, Kind::Requests]
            .into_iter()
            .map(|kind| {
                let run = (kind != Kind::PythonAlone).then(|| {
                    let new = json!({"experiment": "crash"});
                    let run = api.post("/api/workspaces/default/runs", &new).ok();
                    run["run_id"].as_str().expect("an id").to_owned()
                });
                Writer::start(home, kind, run)
            })
            .collect();
    for _ in 0..count {
        // The writers start it: whoever flushes finds none.
        within(START, "a daemon", || (!daemons(home).is_empty()).then_some(()));
        std::thread::sleep(Duration::from_millis(5 + dice.below(150)));
        let victim = dice.below(writers.len() as u64) as usize;
        match dice.below(4) {
            0 | 1 => kill_daemons(home),
            2 => writers[victim].kill(),
            _ => {
                writers[victim].kill();
                kill_daemons(home);
            }
        }
        more(dice);
        if !writers[victim].is_alive() {
            writers[victim].start_again();
        }
    }
    // On a slow machine somebody may have been cut off every time: nobody is, for a moment.
    for writer in &mut writers {
        if !writer.is_alive() {
            writer.start_again();
        }
    }
    within(START, "every writer to be heard", || {
        let is_heard = |writer: &Writer<'_>| {
            writer.accounts().iter().any(|account| !account.acknowledged.is_empty())
        };
        writers.iter().all(is_heard).then_some(())
    });
    // All at once. What was acknowledged until now is in the database, not only on its way.
    writers.iter_mut().for_each(Writer::kill);
    until("the end of every daemon", || {
        kill_daemons(home);
        daemons(home).is_empty().then_some(())
    });
    let accounts: Vec<(Kind, Account)> = writers
        .iter()
        .flat_map(|writer| writer.accounts().into_iter().map(|account| (writer.kind(), account)))
        .collect();
    let stored = rows.numbers();
    for (kind, account) in &accounts {
        let there = of_run(&stored, account);
        let lost: Vec<_> = account.acknowledged.difference(&there).collect();
        assert!(lost.is_empty(), "acknowledged to {kind:?}, not committed: {lost:?} {account:?}");
    }

    // Then everything that returned arrives, and the runs of the dead end.
    let api = home.api();
    let runs: BTreeSet<String> =
        accounts.iter().filter_map(|(_, account)| account.run.clone()).collect();
    for (kind, account) in &accounts {
        let Some(run) = &account.run else { continue };
        let path = format!("/api/runs/{run}");
        match kind {
            Kind::PythonAlone => {
                until("the end of a dead process's run", || {
                    (api.get(&path).ok()["status"] == "Failed").then_some(())
                });
            }
            _ => drop(api.post(&format!("{path}/complete"), &json!({})).ok()),
        }
        for number in account.acknowledged.iter().filter(|_| *kind == Kind::Requests) {
            if number % 10 == 0 {
                let answer = api.get(&format!("{path}/artifacts/{}", file(*number)));
                assert_eq!((answer.status, answer.body), (200, content(*number)), "{number}");
            }
        }
    }
    let stored = rows.numbers();
    let mut returned = 0;
    for (kind, account) in &accounts {
        let there = of_run(&stored, account);
        let lost: Vec<_> = account.returned.difference(&there).collect();
        assert!(lost.is_empty(), "returned to {kind:?}, never arrived: {lost:?}");
        returned += account.returned.len();
    }
    for (run, numbers) in &stored {
        let distinct: BTreeSet<i64> = numbers.iter().copied().collect();
        assert_eq!(distinct.len(), numbers.len(), "run `{run}` has numbers twice");
        let begun: BTreeSet<i64> = accounts
            .iter()
            .filter(|(_, account)| account.run.as_ref() == Some(run))
            .flat_map(|(_, account)| account.begun.iter().copied())
            .collect();
        let strange: Vec<_> = distinct.difference(&begun).collect();
        assert!(strange.is_empty(), "run `{run}` has what nobody logged: {strange:?}");
    }
    for run in &runs {
        let found = api.get(&format!("/api/runs/{run}/verify")).ok();
        assert_eq!((&found["agrees"], &found["problems"]), (&json!(true), &json!([])), "{found}");
    }
    for writer in &writers {
        let acknowledged = writer.accounts().iter().any(|account| !account.acknowledged.is_empty());
        assert!(acknowledged, "{:?} heard of nothing: {}", writer.kind(), writer.log());
    }
    assert!(returned > count * 20, "only {returned} calls returned: the writers hardly ran");
    home.ok(&["stop"]);
    rows.check_integrity();
    check_nothing_is_left(home);
    let acknowledged: usize = accounts.iter().map(|(_, account)| account.acknowledged.len()).sum();
    println!(
        "{count} rounds, {} runs: {returned} calls returned, {acknowledged} acknowledged",
        runs.len()
    );
}

fn of_run(stored: &BTreeMap<String, Vec<i64>>, account: &Account) -> BTreeSet<i64> {
    let numbers = account.run.as_ref().and_then(|run| stored.get(run));
    numbers.into_iter().flatten().copied().collect()
}

/// Files of a moment do not outlive the moment.
pub fn check_nothing_is_left(home: &Home) {
    let names = |folder: &str| -> BTreeSet<String> {
        std::fs::read_dir(home.path().join(folder))
            .unwrap_or_else(|error| panic!("{folder}: {error}"))
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    for folder in ["spool", "blobs/tmp", "logs", "runs"] {
        assert_eq!(names(folder), BTreeSet::new(), "left in {folder}");
    }
    let known = [
        "lazuli.db",
        "blobs",
        "spool",
        "logs",
        "runs",
        "environments",
        "token",
        "key",
        "daemon.lock",
        "daemon.log",
        "storage.json",
        "uploads",
        "port",
    ];
    let strange: Vec<String> =
        names("").into_iter().filter(|name| !known.contains(&name.as_str())).collect();
    assert!(strange.is_empty(), "left in the home: {strange:?}");
}

/// Daemons of this home, those that are just starting included.
fn daemons(home: &Home) -> Vec<u32> {
    let processes = home.processes();
    let daemons = processes.iter().filter(|process| process.contains(" serve "));
    daemons.filter_map(|process| process.split(' ').next()?.parse().ok()).collect()
}

fn kill_daemons(home: &Home) {
    for pid in daemons(home) {
        // SAFETY: kill(2) takes no pointer.
        unsafe { libc::kill(pid as i32, libc::SIGKILL) };
    }
}

/// Random numbers that can be had again: the seed is told.
pub struct Dice(u64);

impl Dice {
    pub fn new() -> Dice {
        let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            since.as_nanos() as u64 | 1
        });
        println!("{SEED}={seed}");
        let _told = writeln!(std::io::stderr(), "{SEED}={seed}");
        Dice(seed)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) % end
    }
}

/// Not longer than that: for loops that wait for something to go wrong.
pub fn before(limit: Duration) -> impl Fn() -> bool {
    let begun = Instant::now();
    move || begun.elapsed() < limit
}
