//! A thousand listeners at once, one of which never reads.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::Duration;

use lazuli_tests::Home;
use serde_json::{Value, json};

const LISTENERS: usize = 1000;
const POINTS: usize = 100_000;
/// More than are held in memory for listeners and what fits into the socket of the one that does not
/// read.
const EVENTS: usize = 7000;

/// A listener that has been answered, so that it hears what happens from now on.
fn listen(place: &str, token: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(place).expect("a thousand connections are taken");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
    write!(
        stream,
        "GET /events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n"
    )
    .expect("a request");
    let mut reader = BufReader::with_capacity(1024, stream);
    let mut line = String::new();
    reader.read_line(&mut line).expect("an answer");
    assert!(line.starts_with("HTTP/1.1 200"), "{line}");
    while line.trim() != "" {
        line.clear();
        reader.read_line(&mut line).expect("headers");
    }
    reader
}

/// What the listener hears, until it heard the event with that number: numbers, and how often it
/// was told to catch up.
fn heard(listener: &mut BufReader<TcpStream>, last: u64) -> (Vec<u64>, usize) {
    let (mut numbers, mut told) = (Vec::new(), 0);
    let mut line = String::new();
    while numbers.last() != Some(&last) {
        line.clear();
        assert_ne!(listener.read_line(&mut line).expect("an event in time"), 0, "the stream ended");
        if let Some(number) = line.strip_prefix("id: ") {
            numbers.push(number.trim().parse().expect("a number"));
        }
        told += usize::from(line.trim() == "event: catch_up");
    }
    (numbers, told)
}

fn resident(home: &Home) -> u64 {
    let pid = home.daemon().expect("a daemon runs").process.pid;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a size");
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse().ok()).expect("a number")
}

#[test]
fn a_thousand_listeners_hear_everything_and_one_that_never_reads_slows_nobody() {
    allow_many_files();
    let home = Home::new();
    let run = home.json(&["run", "start", "--experiment", "x"]);
    let run_id = run["run_id"].as_str().unwrap().to_owned();
    let api = home.api();
    let place = api.url("").trim_start_matches("http://").to_owned();
    let mut deaf = listen(&place, api.token());
    hold_at_most(deaf.get_ref(), 4096);
    let mut listeners: Vec<_> = (1..LISTENERS).map(|_| listen(&place, api.token())).collect();
    let last = || -> u64 { api.get("/api/status").ok()["last_event"].as_u64().unwrap() };
    let first = last() + 1;

    let spool = home.path().join("spool").join(format!("{run_id}.jsonl"));
    let mut file = std::fs::OpenOptions::new().append(true).open(spool).unwrap();
    let record = r#"{"record":"metric","name":"loss","kind":"scalar","value":1,"time_ms":1}"#;
    for _ in 0..POINTS / 1000 {
        file.write_all(format!("{record}\n").repeat(1000).as_bytes()).unwrap();
    }
    let run = api.get(&format!("/api/runs/{run_id}")).ok();
    assert_eq!(run["metrics"][0]["count"], POINTS);
    let newest = last();
    for listener in &mut listeners {
        let (numbers, told) = heard(listener, newest);
        assert_eq!(numbers, (first..=newest).collect::<Vec<u64>>());
        assert_eq!(told, 0);
    }
    assert!(resident(&home) < 100_000, "{} kB for {LISTENERS} listeners", resident(&home));

    // Its connection is full long before; nothing waits for it, and it loses nothing.
    drop(listeners);
    let names: Vec<String> = (0..8).map(|name| format!("{}{name}", "x".repeat(240))).collect();
    let batch = |number: usize| {
        let point = |name| json!({"key": name, "value": 1, "timestamp": 1, "step": number});
        json!({"run_id": run_id, "metrics": names.iter().map(point).collect::<Vec<Value>>()})
    };
    for number in 0..EVENTS {
        let answer: Value = api.post("/api/2.0/mlflow/runs/log-batch", &batch(number)).ok();
        assert_eq!(answer, json!({}));
    }
    let newest = last();
    hold_at_most(deaf.get_ref(), 1 << 20);
    let (numbers, told) = heard(&mut deaf, newest);
    assert_eq!(numbers, (first..=newest).collect::<Vec<u64>>());
    assert!(told >= 1, "it was never told that it is behind");
}

/// How much the system holds for who does not read: by itself it grows to megabytes. Reading through
/// a small one is slow, because the sender waits before it tries again.
fn hold_at_most(stream: &TcpStream, size: libc::c_int) {
    // SAFETY: the value is an integer of the size that is given.
    let set = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVBUF,
            (&raw const size).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    assert_eq!(set, 0);
}

/// This program has the other ends of all the connections.
fn allow_many_files() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls get a valid pointer to `limit`.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
        limit.rlim_cur = limit.rlim_max;
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limit), 0);
    }
    assert!(limit.rlim_cur > 2 * LISTENERS as u64, "only {} files may be open", limit.rlim_cur);
}
