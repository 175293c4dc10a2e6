//! The life of the whole daemon: lock, address, end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use lazuli_backend::store::Store;
use lazuli_backend::{ServeOptions, process, serve};
use lazuli_domain::{DaemonInfo, DaemonStatus, VERSION};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::support::{Daemon, Place, on_postgres};

fn options(place: &Place) -> ServeOptions {
    let host = "127.0.0.1".to_owned();
    let (home, storage) = (place.home().to_owned(), place.storage());
    ServeOptions { home, host, port: 0, on_demand: false, storage }
}

struct Served {
    place: Place,
    info: DaemonInfo,
    task: JoinHandle<anyhow::Result<()>>,
}

/// A daemon with its socket, in a task of this process.
async fn served() -> Served {
    let place = Place::new();
    let task = tokio::spawn(serve(options(&place)));
    let info = loop {
        assert!(!task.is_finished(), "the daemon ended: {:?}", task.await);
        if let Ok(text) = std::fs::read(place.home().join("daemon.json")) {
            break serde_json::from_slice(&text).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    Served { place, info, task }
}

impl Served {
    /// A connection on which events flow, its head read.
    fn open_events(&self) -> TcpStream {
        let token = std::fs::read_to_string(self.place.home().join("token")).unwrap();
        let authority = self.info.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(authority).unwrap();
        let request = format!(
            "GET /api/events HTTP/1.1\r\nhost: {authority}\r\nauthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = [0; 15];
        stream.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"HTTP/1.1 200 OK");
        stream
    }

    /// Status line and body of the answer.
    async fn request(&self, method: &str, path: &str) -> (String, String) {
        let token = std::fs::read_to_string(self.place.home().join("token")).unwrap();
        let authority = self.info.url.strip_prefix("http://").unwrap().to_owned();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {authority}\r\nauthorization: Bearer {token}\r\n\
             connection: close\r\n\r\n"
        );
        tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(authority).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            (head.lines().next().unwrap().to_owned(), body.to_owned())
        })
        .await
        .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_tells_where_it_is_and_ends_when_asked() {
    let served = served().await;
    assert_eq!(served.info.version, VERSION);
    assert_eq!(Some(&served.info.process), process::identity_of(std::process::id()).as_ref());
    let mode = std::fs::metadata(served.place.home().join("daemon.json")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    let (status, body) = served.request("GET", "/health").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["status"], "ok");

    let error = serve(options(&served.place)).await.unwrap_err().to_string();
    let message = format!("a daemon already serves this home at {}", served.info.url);
    assert!(error.starts_with(&message), "{error}");
    let on_demand = ServeOptions { on_demand: true, ..options(&served.place) };
    serve(on_demand).await.unwrap();

    // A stream that has no end does not hold the daemon up.
    let mut events = served.open_events();
    let (status, _) = served.request("POST", "/api/shutdown").await;
    assert_eq!(status, "HTTP/1.1 202 Accepted");
    served.task.await.unwrap().unwrap();
    let mut rest = String::new();
    events.read_to_string(&mut rest).unwrap();
    let left: Vec<PathBuf> = ["daemon.json", "lazuli.db-wal"]
        .iter()
        .map(|name| served.place.home().join(name))
        .filter(|path| path.exists())
        .collect();
    assert_eq!(left, [""; 0].map(PathBuf::from));
}

#[tokio::test]
async fn a_taken_port_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let place = Place::new();
    let error = serve(ServeOptions { port, ..options(&place) }).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "port {port} of 127.0.0.1 is taken by another program\n\
             hint: choose another `--port`, or leave it out and any free one is taken"
        )
    );
    let error =
        serve(ServeOptions { host: "256.0.0.1".into(), ..options(&place) }).await.unwrap_err();
    assert!(error.to_string().starts_with("`256.0.0.1` is not an address"), "{error}");
}

#[tokio::test]
async fn a_home_of_a_newer_version_is_left_alone() {
    let daemon = Daemon::start().await;
    let place = daemon.storage().database_place(&daemon.app.home).unwrap();
    let newer = "UPDATE schema_version SET version = 999";
    daemon.app.store.write(move |write| write.execute(newer, &[])).await.unwrap();
    daemon.app.store.close().await.unwrap();
    let opening = tokio::task::spawn_blocking(move || Store::open(place).err());
    let error = opening.await.unwrap().unwrap();
    assert!(error.to_string().starts_with("this home was written by a newer version"), "{error}");
}

#[tokio::test]
async fn status_counts() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    daemon.new_run().await;
    daemon.complete(&run.run_id).await;
    let status: DaemonStatus = daemon.get("/api/status").await;
    assert_eq!((status.workspaces, status.runs, status.active_runs, status.models), (1, 2, 1, 0));
    assert_eq!(status.last_event, 3);
    assert!(status.memory > 1 << 20);
    if on_postgres() {
        let shown = &status.database;
        assert!(shown.starts_with("PostgreSQL, database `test_"), "{shown}");
        return;
    }
    let version: Vec<u32> = status
        .database
        .strip_prefix("SQLite ")
        .unwrap()
        .split('.')
        .map(|part| part.parse().unwrap())
        .collect();
    assert!(version >= vec![3, 51, 3], "{}", status.database);
}
