use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use lazuli::client::{Client, EventQuery};
use lazuli::domain::{DaemonInfo, ErrorKind, Health, VERSION};
use lazuli::prelude::*;
use lazuli::{Home, process};

use crate::alone::{alone, check_error, said, wait_until};

pub fn kill_daemon(client: &Client) {
    let daemon = client.daemon().process.clone();
    // SAFETY: the pid is that of the daemon this test has started.
    assert_eq!(unsafe { libc::kill(daemon.pid as i32, libc::SIGKILL) }, 0);
    wait_until(|| !process::is_alive(&daemon));
    // Its first thread may be gone while another still holds the socket.
    let place = client.daemon().url.trim_start_matches("http://").to_owned();
    wait_until(|| std::net::TcpStream::connect(&place).is_err());
}

#[test]
fn clients_that_start_at_once_get_one_daemon() {
    let name = "daemon::clients_that_start_at_once_get_one_daemon";
    alone(name, || {
        if std::env::var_os("ASKED").is_some() {
            println!("daemon={};", Client::connect().unwrap().status().unwrap().pid);
            return;
        }
        assert!(Client::connect_existing().unwrap().is_none());
        let ask = || {
            std::process::Command::new(std::env::current_exe().unwrap())
                .args([name, "--exact", "--nocapture"])
                .env("ASKED", "1")
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        };
        let asked: Vec<_> = (0..4).map(|_| ask()).collect();
        let mut pids: Vec<u32> = Vec::new();
        for child in asked {
            let said = said(&child.wait_with_output().unwrap());
            let (_, rest) = said.split_once("daemon=").unwrap();
            pids.push(rest.split_once(';').unwrap().0.parse().unwrap());
        }
        let pid = Client::connect_existing().unwrap().unwrap().daemon().process.pid;
        assert_eq!(pids, [pid; 4]);
    });
}

#[test]
fn logging_goes_on_while_the_daemon_is_dead() {
    alone("daemon::logging_goes_on_while_the_daemon_is_dead", || {
        let run =
            Workspace::from_config().unwrap().experiment("x").unwrap().start_logging().unwrap();
        run.log("loss", 1).unwrap();
        kill_daemon(&Client::connect().unwrap());
        for value in 2..=100 {
            run.log("loss", value).unwrap();
        }
        assert!(Client::connect_existing().unwrap().is_none());
        let expected: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(run.metrics().unwrap().series("loss"), expected);
        run.complete().unwrap();
    });
}

#[test]
fn a_client_made_before_the_daemon_died_goes_on() {
    alone("daemon::a_client_made_before_the_daemon_died_goes_on", || {
        let client = Client::connect().unwrap();
        client.create_workspace(&serde_json::from_value(json!({"name": "a"})).unwrap()).unwrap();
        kill_daemon(&client);
        assert_eq!(client.workspace("a").unwrap().name, "a");
        kill_daemon(&Client::connect().unwrap());
        client.create_workspace(&serde_json::from_value(json!({"name": "b"})).unwrap()).unwrap();
    });
}

#[test]
fn events_go_on_over_a_dead_daemon() {
    alone("daemon::events_go_on_over_a_dead_daemon", || {
        let experiment = Workspace::from_config().unwrap().experiment("x").unwrap();
        let run = experiment.start_logging().unwrap();
        let other = experiment.start_logging().unwrap();
        let client = Client::connect().unwrap();
        let query = EventQuery { run: Some(run.id().to_owned()), ..EventQuery::default() };
        let mut events = client.events(&query).unwrap();
        assert_eq!(events.next_within(Duration::from_millis(50)).unwrap(), None);
        other.tag("a", "b").unwrap();
        other.flush().unwrap();
        run.log("loss", 1).unwrap();
        run.flush().unwrap();
        let seen = events.next().unwrap().unwrap();
        assert_eq!(
            (seen.kind.as_str(), seen.run_id.as_deref()),
            ("metrics_logged", Some(run.id()))
        );
        kill_daemon(&client);
        run.complete().unwrap();
        let kinds: Vec<&str> = events
            .map(|event| event.unwrap())
            .inspect(|event| assert_eq!(event.run_id.as_deref(), Some(run.id())))
            .map(|event| event.kind.as_str())
            .take(1)
            .collect();
        assert_eq!(kinds, ["run_status"]);
        other.complete().unwrap();
    });
}

#[test]
fn a_daemon_of_another_version_is_not_spoken_to() {
    alone("daemon::a_daemon_of_another_version_is_not_spoken_to", || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let home = Home::from_environment().unwrap();
        std::fs::create_dir_all(home.path()).unwrap();
        std::fs::write(home.token_file(), "token\n").unwrap();
        let info = DaemonInfo {
            url: format!("http://{}", listener.local_addr().unwrap()),
            version: "0.0.9".into(),
            process: process::own_identity().unwrap(),
            executable: "lazuli".into(),
            is_remote: false,
        };
        std::fs::write(home.daemon_json(), serde_json::to_string(&info).unwrap()).unwrap();
        let health = Health { status: "ok".into(), version: "0.0.9".into(), pid: info.process.pid };
        let health = serde_json::to_string(&health).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut buffer = [0; 4096];
                let count = stream.read(&mut buffer).unwrap();
                assert!(buffer[..count].starts_with(b"GET /health "));
                write!(stream, "HTTP/1.1 200 OK\r\n\r\n{health}").unwrap();
            }
        });
        let error = Client::connect().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::VersionMismatch);
        let message = format!("the daemon is version 0.0.9, this client is version {VERSION}");
        assert_eq!(error.message(), message);
        assert_eq!(error.hint(), Some("run `lazuli stop`; the next command starts the right one"));
        // To stop it, it must be found.
        let found = Client::connect_existing().unwrap().unwrap();
        assert_eq!(found.daemon().version, "0.0.9");
        std::fs::remove_file(home.daemon_json()).unwrap();
    });
}

#[test]
fn a_daemon_that_cannot_start_says_why() {
    alone("daemon::a_daemon_that_cannot_start_says_why", || {
        let home = Home::from_environment().unwrap();
        // A folder where the database belongs.
        std::fs::create_dir_all(home.path().join("lazuli.db")).unwrap();
        let error = Client::connect().unwrap_err();
        assert!(error.message().starts_with("the daemon could not be started: "), "{error}");
    });
}

#[test]
fn without_the_program_it_is_said_what_is_missing() {
    let name = "daemon::without_the_program_it_is_said_what_is_missing";
    alone(name, || {
        if std::env::var_os("ASKED").is_some() {
            check_error(
                Client::connect(),
                "`LAZULI_BIN` names `/nowhere/lazuli`, which is no file",
            );
            return;
        }
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .envs([("ASKED", "1"), ("LAZULI_BIN", "/nowhere/lazuli")])
            .output()
            .unwrap();
        said(&output);
    });
}
