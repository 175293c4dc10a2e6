use std::process::{Child, Command};

use crate::fixture::{Place, Said, daemons_of, said, wait_for};

#[test]
fn a_command_starts_the_daemon_and_stop_waits_until_it_is_gone() {
    let place = Place::new();
    let none = place.run(&["status"]);
    assert_eq!((none.out.as_str(), none.code), ("", 3));
    let home = place.home.display().to_string();
    assert_eq!(place.run(&["status", "--json"]).code, 3);
    assert_eq!(
        none.talk,
        format!("no daemon serves `{home}`\nhint: the next command that needs one starts it\n")
    );

    assert_eq!(place.ok(&["run", "list"]), "workspace `default` has no runs\n");
    let status = place.json(&["status"]);
    let daemon = place.daemon();
    assert_eq!(status["running"], true);
    assert_eq!(status["pid"], daemon.process.pid);
    assert_eq!(status["home"], home);
    assert_eq!(daemons_of(&place.home), [daemon.process.pid]);

    let stopped = place.run(&["stop"]);
    assert_eq!(stopped.code, 0, "{stopped:?}");
    assert!(!lazuli::process::is_alive(&daemon.process));
    assert!(!place.daemon_json().exists());
    assert_eq!(place.run(&["status"]).code, 3);
    let again = place.run(&["stop"]);
    assert_eq!((again.code, again.talk), (0, format!("no daemon serves `{home}`\n")));
}

#[test]
fn clients_that_start_at_once_get_one_daemon() {
    let place = Place::new();
    let clients: Vec<Child> = (0..4).map(|_| place.start(&["run", "list"])).collect();
    for client in clients {
        let said = said(client);
        assert_eq!(said.code, 0, "{said:?}");
    }
    let daemon = place.daemon();
    wait_for("the daemons that gave way", || daemons_of(&place.home) == [daemon.process.pid]);
}

#[test]
fn a_killed_daemon_is_replaced_and_nothing_is_lost() {
    let place = Place::new();
    let run_id = place.start_run(&[]);
    place.ok(&["log", "accuracy=0.93", "--run", &run_id]);
    let daemon = place.daemon();
    kill(&daemon);
    assert_eq!(place.run(&["status"]).code, 3);
    let run = place.json(&["run", "show", &run_id]);
    assert_eq!(run["metrics"][0]["last"]["value"], 0.93);
    assert_ne!(place.daemon().process, daemon.process);
}

/// `MLFLOW_TRACKING_URI` is set once; it stays true.
#[test]
fn the_address_for_mlflow_outlives_the_daemon() {
    let place = Place::new();
    let uri = place.ok(&["mlflow-uri"]);
    let token = std::fs::read_to_string(place.home.join("token")).unwrap();
    let url = place.daemon().url;
    let address = url.strip_prefix("http://").unwrap();
    assert_eq!(uri, format!("http://lazuli:{}@{address}\n", token.trim()));
    place.ok(&["stop"]);
    assert_eq!(place.ok(&["mlflow-uri"]), uri);
    kill(&place.daemon());
    assert_eq!(place.ok(&["mlflow-uri"]), uri);

    place.ok(&["workspace", "create", "team a"]);
    let team = place.json(&["mlflow-uri", "--workspace", "team a"]);
    assert_eq!(team["uri"], format!("{}/workspaces/team%20a", uri.trim()));
    let nowhere = place.run(&["mlflow-uri", "--workspace", "nowhere"]);
    assert_eq!((nowhere.out.as_str(), nowhere.code), ("", 1));
    assert!(nowhere.talk.contains("workspace `nowhere` not found"), "{nowhere:?}");

    // Somebody else took the port meanwhile: the daemon is there all the same.
    place.ok(&["stop"]);
    let _taken = std::net::TcpListener::bind(address).unwrap();
    assert_ne!(place.ok(&["mlflow-uri"]), uri);
}

#[test]
fn stop_forgets_a_daemon_that_was_killed() {
    let place = Place::new();
    place.ok(&["run", "list"]);
    let daemon = place.daemon();
    kill(&daemon);
    let stopped = place.run(&["stop"]);
    assert_eq!(stopped.code, 0, "{stopped:?}");
    assert!(stopped.talk.starts_with("no daemon serves"));
}

#[test]
fn another_version_is_named_and_can_be_stopped() {
    let place = Place::new();
    place.ok(&["run", "list"]);
    let mut daemon = place.daemon();
    daemon.version = "0.0.1".to_owned();
    std::fs::write(place.daemon_json(), serde_json::to_vec(&daemon).unwrap()).unwrap();
    let version = lazuli_domain::VERSION;
    assert_eq!(
        place.run(&["run", "list"]),
        Said {
            out: String::new(),
            talk: format!(
                "error: the daemon is version 0.0.1, this client is version {version}\n\
                 hint: run `lazuli stop`; the next command starts the right one\n"
            ),
            code: 1,
        }
    );
    let stopped = place.run(&["stop"]);
    assert_eq!(stopped.code, 0, "{stopped:?}");
    assert!(!lazuli::process::is_alive(&daemon.process));
    place.ok(&["run", "list"]);
}

#[test]
fn a_daemon_that_does_not_answer_is_ended_by_a_signal() {
    let place = Place::new();
    place.ok(&["run", "list"]);
    let daemon = place.daemon();
    // Nobody listens where the file says.
    let mut wrong = daemon.clone();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    wrong.url = format!("http://{free}");
    std::fs::write(place.daemon_json(), serde_json::to_vec(&wrong).unwrap()).unwrap();
    let silent = place.run(&["status"]);
    assert_eq!(silent.code, 1);
    assert!(silent.talk.contains("does not answer"), "{silent:?}");
    assert_eq!(place.run(&["stop"]).code, 0);
    assert!(!lazuli::process::is_alive(&daemon.process));
}

#[test]
fn stop_spares_a_process_that_only_has_the_daemons_pid() {
    let place = Place::new();
    place.ok(&["run", "list"]);
    let daemon = place.daemon();
    let mut other = daemon.clone();
    other.process = lazuli::process::own_identity().unwrap();
    other.process.start_time += 1;
    std::fs::write(place.daemon_json(), serde_json::to_vec(&other).unwrap()).unwrap();
    assert_eq!(place.run(&["stop"]).code, 0);
    assert!(lazuli::process::is_alive(&daemon.process));
    std::fs::write(place.daemon_json(), serde_json::to_vec(&daemon).unwrap()).unwrap();
}

#[test]
fn a_taken_port_and_a_served_home_are_said_so() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let refused = place.run(&["serve", "--port", &port]);
    assert_eq!(refused.code, 1);
    let last = refused.talk.lines().rev().take(2).collect::<Vec<_>>();
    assert!(last[1].starts_with("error: ") && last[1].contains(&port), "{refused:?}");
    assert!(last[0].starts_with("hint: "), "{refused:?}");

    place.ok(&["run", "list"]);
    let url = place.daemon().url;
    let second = place.run(&["serve"]);
    assert_eq!(second.code, 1);
    assert_eq!(
        second.talk,
        format!(
            "error: a daemon already serves this home at {url}\n\
             hint: use it, or end it with `lazuli stop`\n"
        )
    );
    let on_demand = place.run(&["serve", "--on-demand"]);
    assert_eq!(on_demand, Said { out: String::new(), talk: String::new(), code: 0 });
}

#[test]
fn serve_runs_in_the_foreground_until_it_is_interrupted() {
    let place = Place::new();
    let served = place.start(&["serve"]);
    wait_for("daemon.json", || place.daemon_json().exists());
    wait_for("an answer", || place.run(&["status"]).code == 0);
    let pid = served.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let ended = said(served);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(!place.daemon_json().exists());
}

fn kill(daemon: &lazuli_domain::DaemonInfo) {
    let pid = daemon.process.pid.to_string();
    assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    wait_for("the daemon's end", || !lazuli::process::is_alive(&daemon.process));
}
