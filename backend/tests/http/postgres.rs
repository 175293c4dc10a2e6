//! PostgreSQL: everything again on it, and what only a server can do to a daemon.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::Method;
use lazuli_backend::Storage;
use lazuli_backend::app::App;
use lazuli_backend::home::Home;
use lazuli_domain::{ApiError, DaemonStatus, ErrorKind, Run, spool_line};
use lazuli_tests::postgres::{Disk, PASSWORD, Postgres};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{DATABASE, Daemon, on_postgres, scalar};

/// For a child that hangs; nobody waits for it.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// This program once more, told to use PostgreSQL.
#[test]
fn everything_again_on_postgresql() {
    if on_postgres() || Postgres::is_missing() {
        return;
    }
    // Into a file: a pipe would be kept open by whatever outlives the child.
    let said = tempfile::NamedTempFile::new().unwrap();
    let out = said.reopen().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env(DATABASE, "postgres")
        .stdin(Stdio::null())
        .stderr(out.try_clone().unwrap())
        .stdout(out)
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if begun.elapsed() > LIMIT {
            child.kill().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let text = String::from_utf8_lossy(&fs::read(said.path()).unwrap()).into_owned();
    let status = status.unwrap_or_else(|| panic!("it hangs, having said:\n{text}"));
    assert!(status.success(), "{text}");
    let counts = text.lines().find(|line| line.starts_with("test result: ok. ")).unwrap();
    // Not by a macro, whose output only a failing test shows.
    writeln!(std::io::stdout(), "\non PostgreSQL:\n{counts}").unwrap();
}

async fn open(home: &TempDir, address: &str) -> lazuli_backend::Result<Arc<App>> {
    let storage = Storage { database: Some(address.to_owned()), blobs: None };
    App::open(Home::open(home.path()).unwrap(), &storage, "", "http://127.0.0.1:1".into()).await
}

/// Why a daemon with that address does not start.
async fn refusal(address: &str) -> ApiError {
    let home = tempfile::tempdir().unwrap();
    match open(&home, address).await.err() {
        Some(lazuli_backend::Error::Refused(refusal)) => refusal,
        other => panic!("{address} should be refused, got {other:?}"),
    }
}

#[tokio::test]
async fn a_second_daemon_on_one_database_is_refused() {
    if !on_postgres() {
        return;
    }
    let first = Daemon::start().await;
    let address = first.storage().database.unwrap();
    let error = refusal(&address).await;
    assert_eq!(error.kind, ErrorKind::Conflict);
    let message = "another daemon already serves the database `test_";
    assert!(error.message.starts_with(message), "{}", error.message);
    let hint = error.hint.unwrap();
    assert!(hint.starts_with("use that one, end it with `lazuli stop`"), "{hint}");
    // The first one is not disturbed, and its end makes room.
    first.new_run().await;
    first.app.store.close().await.unwrap();
    let home = tempfile::tempdir().unwrap();
    open(&home, &address).await.unwrap().store.close().await.unwrap();
}

#[tokio::test]
async fn an_address_that_leads_nowhere_is_told_without_its_password() {
    if !on_postgres() {
        return;
    }
    let server = Postgres::shared().unwrap();
    let good = server.address("postgres");
    let wrong_port = format!("postgres://lazuli:{PASSWORD}@127.0.0.1:1/x");
    let cases = [
        (server.address("nowhere"), "the database `nowhere` on 127.0.0.1:"),
        (good.replace("lazuli:", "nobody:"), "the database `postgres` on 127.0.0.1:"),
        (wrong_port, "the database `x` on 127.0.0.1:1 cannot be reached: "),
        (format!("postgres://lazuli:{PASSWORD}@127.0.0.1:port/x"), "the address of the database"),
        (
            format!("postgres://lazuli:{PASSWORD}/slash@127.0.0.1:1/x"),
            "the database `x` on 127.0.0.1:1",
        ),
        (format!("lazuli:{PASSWORD}@127.0.0.1/x"), "the address of the database"),
        (format!("{good}?sslmode=require"), "PostgreSQL over TLS is not supported yet"),
        (format!("{good}?nonsense={PASSWORD}"), "the address of the database"),
    ];
    for (address, begins) in cases {
        let error = refusal(&address).await;
        let said = format!("{} {:?}", error.message, error.hint);
        assert!(said.starts_with(begins), "{address}: {said}");
        assert!(!said.contains(PASSWORD), "{said}");
        assert!(error.hint.is_some(), "{said}");
    }
}

#[tokio::test]
async fn status_and_errors_name_the_database_without_its_password() {
    if !on_postgres() {
        return;
    }
    let daemon = Daemon::start().await;
    let status = daemon.call(Method::GET, "/api/status", None).await;
    let text = String::from_utf8(status.body.to_vec()).unwrap();
    assert!(text.contains("PostgreSQL, database `test_") && !text.contains(PASSWORD), "{text}");
    assert!(!format!("{:?}", daemon.app.store.place()).contains(PASSWORD));
}

#[tokio::test]
async fn what_is_acknowledged_is_committed_on_the_servers_disk() {
    if !on_postgres() {
        return;
    }
    let daemon = Daemon::start().await;
    let database = daemon.database().unwrap();
    let name = database.sql("SELECT current_database()");
    // Whatever the database's own setting.
    database.sql(&format!("ALTER DATABASE {name} SET synchronous_commit = off"));
    let daemon = daemon.killed_and_started_again().await;
    let setting = daemon
        .app
        .store
        .write(|write| write.value::<String>("SHOW synchronous_commit", &[]))
        .await
        .unwrap();
    assert_eq!(setting, "on");
}

#[tokio::test]
async fn a_lost_server_is_told_and_found_again() {
    if !on_postgres() {
        return;
    }
    let server = Postgres::start(Disk::Careless).unwrap();
    let address = server.address(&server.new_database());
    let daemon = Daemon::start_with(address).await;
    let run = daemon.new_run().await;
    daemon.log(&run.run_id, &scalar("loss", 1.0));
    daemon.run(&run.run_id).await;
    let path = format!("/api/runs/{}", run.run_id);

    for crash in [false, true] {
        match crash {
            true => server.crash(),
            false => server.stop(),
        }
        // Logging does not ask the daemon, and the daemon says what is wrong.
        daemon.log(&run.run_id, &scalar("loss", 2.0));
        for request in ["/api/status", path.as_str()] {
            let error = daemon.get_refused(request, 503).await;
            let said = format!("{} {}", error.message, error.hint.unwrap());
            assert!(said.contains("PostgreSQL"), "{said}");
            assert!(!said.contains(PASSWORD), "{said}");
        }
        let new = json!({"experiment": "diabetes"});
        let error = daemon.post_refused("/api/workspaces/default/runs", new, 503).await;
        assert_eq!(error.kind, ErrorKind::Unavailable, "{error:?}");
        server.start_again();
        // The first request after it is answered, a write as well as a read.
        let new = daemon.new_run().await;
        assert_eq!(daemon.run(&new.run_id).await, new);
    }
    server.crash();
    server.start_again();
    // Nobody has asked meanwhile: the dead connections are noticed by these.
    daemon.complete(&run.run_id).await;
    let ended: Run = daemon.get(&path).await;
    assert_eq!((ended.metrics[0].count, ended.rejected_records), (3, 0));
    let status: DaemonStatus = daemon.get("/api/status").await;
    assert_eq!(status.runs, 3, "a run that was refused is not there");
    daemon.app.store.close().await.unwrap();
}

#[tokio::test]
async fn a_connection_that_is_cut_loses_and_doubles_nothing() {
    if !on_postgres() {
        return;
    }
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    for round in 0..10 {
        let lines: String =
            (0..500).map(|n| spool_line(&scalar("loss", f64::from(round * 500 + n)))).collect();
        daemon.append_to_spool(&run.run_id, lines.as_bytes());
        let path = format!("/api/runs/{}", run.run_id);
        let reading = daemon.call(Method::GET, &path, None);
        let cutting = async { daemon.database().unwrap().cut_connections() };
        let (answer, ()) = futures_util::future::join(reading, cutting).await;
        let status = answer.status.as_u16();
        assert!(status == 200 || status == 503, "{answer:?}");
    }
    let ended = daemon.complete(&run.run_id).await;
    assert_eq!((ended.metrics[0].count, ended.rejected_records), (5000, 0));
}
