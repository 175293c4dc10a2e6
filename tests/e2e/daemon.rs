//! One daemon that starts by itself, keeps what it was told and lets only its owner in.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;

use lazuli_tests::{Home, until};
use serde_json::json;

#[test]
fn two_clients_starting_at_once_get_one_daemon() {
    let home = Home::new();
    let starting: Vec<_> =
        (0..6).map(|_| home.command(&["workspace", "list", "--json"]).spawn().unwrap()).collect();
    for mut client in starting {
        assert!(client.wait().unwrap().success());
    }
    let daemons: Vec<String> =
        home.processes().into_iter().filter(|process| process.contains(" serve")).collect();
    assert_eq!(daemons.len(), 1, "{daemons:?}");
}

#[test]
fn status_tells_whether_a_daemon_runs_and_stop_ends_it() {
    let home = Home::new();
    assert_eq!(home.lazuli(&["status"]).code, Some(3));
    home.ok(&["workspace", "list"]);
    let status = home.json(&["status"]);
    assert_eq!(status["workspaces"], 1);
    home.ok(&["stop"]);
    assert_eq!(home.processes(), Vec::<String>::new());
    assert_eq!(home.lazuli(&["status"]).code, Some(3));
    assert!(!home.path().join("daemon.json").exists());
}

#[test]
fn everything_in_the_home_is_its_owners() {
    let home = Home::new();
    home.ok(&["workspace", "list"]);
    let mode = |name: &str| {
        std::fs::metadata(home.path().join(name)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode(""), 0o700);
    assert_eq!(mode("token"), 0o600);
}

#[test]
fn every_route_but_health_wants_the_token() {
    let home = Home::new();
    let api = home.api();
    assert_eq!(api.get_with("/health", &[]).status, 200);
    let document = api.get("/api/openapi.json").ok();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 20, "{}", paths.len());
    for (path, methods) in paths {
        if methods.get("get").is_none() || path == "/health" {
            continue;
        }
        let path = path.replace(['{', '}', '*'], "");
        let (message, _) = api.get_with(&path, &[]).refused(401);
        assert!(!message.is_empty());
        api.get_with(&path, &[("authorization", "Bearer 0000")]).refused(401);
    }
}

#[test]
fn another_host_name_is_refused() {
    let home = Home::new();
    let api = home.api();
    let bearer = format!("Bearer {}", api.token());
    let answer = api
        .get_with("/api/workspaces", &[("authorization", &bearer), ("host", "attacker.example")]);
    answer.refused(403);
    for host in ["localhost:1234", "127.0.0.1", "[::1]:99"] {
        let answer = api.get_with("/api/workspaces", &[("authorization", &bearer), ("host", host)]);
        assert_eq!(answer.status, 200, "{host}");
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let home = Home::new();
    let api = home.api();
    let run = api.post("/api/workspaces/default/runs", &json!({"experiment": "x"})).ok();
    let run_id = run["run_id"].as_str().unwrap();
    api.put(&format!("/api/runs/{run_id}/artifacts/outputs/a.txt"), b"kept").ok();
    home.kill_daemon();

    let shown = home.json(&["run", "show", run_id]);
    assert_eq!(shown["run_id"], run_id);
    let path = format!("/api/runs/{run_id}/artifacts/outputs/a.txt");
    assert_eq!(home.api().get(&path).body, b"kept");
}

#[test]
fn events_can_be_resumed_where_a_listener_stopped() {
    let home = Home::new();
    let api = home.api();
    let run = api.post("/api/workspaces/default/runs", &json!({"experiment": "x"})).ok();
    let run_id = run["run_id"].as_str().unwrap();
    api.post(&format!("/api/runs/{run_id}/complete"), &json!({})).ok();

    // All events of the run, then again from the first one on.
    let all = events(&api, &format!("/api/events?after=0&run={run_id}"), 2);
    assert_eq!(all[0].1, "run_created");
    assert_eq!(all[1].1, "run_status");
    let rest = events(&api, &format!("/api/events?after={}&run={run_id}", all[0].0), 1);
    assert_eq!(rest[0], all[1]);
}

/// The first events of a stream as sequence number and name.
fn events(api: &lazuli_tests::Api, path: &str, count: usize) -> Vec<(u64, String)> {
    let address = api.url("").replace("http://", "");
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\r\n",
        api.token()
    )
    .unwrap();
    let mut received = Vec::new();
    until("the events", || {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).unwrap();
        received.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&received).into_owned();
        let field = |name: &str| {
            text.lines()
                .filter_map(|line| line.strip_prefix(name))
                .map(str::trim)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let (ids, names) = (field("id:"), field("event:"));
        let events: Vec<_> =
            ids.into_iter().zip(names).map(|(id, name)| (id.parse().unwrap(), name)).collect();
        (events.len() >= count).then_some(events)
    })
}

#[test]
fn the_picture_of_a_run_is_rendered_by_the_daemon() {
    let home = Home::new();
    let api = home.api();
    let run = api.post("/api/workspaces/default/runs", &json!({"experiment": "<i>x</i>"})).ok();
    let run_id = run["run_id"].as_str().unwrap();
    for loss in ["loss=0.5", "loss=0.25", "loss=nan"] {
        home.ok(&["log", loss, "--run", run_id]);
    }
    let display = api.get(&format!("/api/runs/{run_id}/display")).ok();
    assert_eq!(display["is_final"], false);
    let html = display["data"]["text/html"].as_str().unwrap();
    assert!(html.contains("data:image/svg+xml;base64,"), "{html}");
    assert!(html.contains("&lt;i&gt;x&lt;/i&gt;") && !html.contains("<i>"), "{html}");
    let state = &display["data"]["application/vnd.lazuli.run+json"];
    assert_eq!(state["metrics"][0]["points"][2]["value"], "NaN");

    api.post(&format!("/api/runs/{run_id}/complete"), &json!({})).ok();
    assert_eq!(api.get(&format!("/api/runs/{run_id}/display")).ok()["is_final"], true);
}
