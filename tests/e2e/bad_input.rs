//! Bad input gets one clear sentence with a next step and changes nothing.

use lazuli_tests::{Home, program};
use serde_json::{Value, json};

fn start(home: &Home) -> String {
    let run = home.json(&["run", "start", "--experiment", "x"]);
    run["run_id"].as_str().unwrap_or_else(|| panic!("{run}")).to_owned()
}

#[test]
fn an_unknown_run() {
    let home = Home::new();
    let said = home.lazuli(&["run", "show", "nothing_1764"]).refused();
    assert!(said.contains("run `nothing_1764` not found"), "{said}");
    assert!(said.contains("hint: "), "{said}");
    home.api().get("/api/runs/nothing_1764").refused(404);
}

#[test]
fn a_finished_run_takes_no_metric() {
    let home = Home::new();
    let run_id = start(&home);
    home.ok(&["log", "accuracy=0.9", "--run", &run_id]);
    home.ok(&["run", "complete", &run_id]);
    let before = home.json(&["run", "show", &run_id]);
    let said = home.lazuli(&["log", "accuracy=0.95", "--run", &run_id]).refused();
    assert!(said.contains("Completed") || said.contains("finished"), "{said}");
    assert_eq!(home.json(&["run", "show", &run_id]), before);
    // Another end than the one it has.
    let said = home.lazuli(&["run", "fail", &run_id]).refused();
    assert!(said.contains("Completed"), "{said}");
}

#[test]
fn a_metric_keeps_its_kind() {
    let home = Home::new();
    let run_id = start(&home);
    home.ok(&["log", "loss=0.5", "--run", &run_id]);
    // The client may refuse it; when it cannot know yet, the run says what was rejected.
    let outcome = home.lazuli(&["log_row", "loss", "epoch=1", "--run", &run_id]);
    let run = home.api().get(&format!("/api/runs/{run_id}")).ok();
    if outcome.code == Some(0) {
        assert_eq!(run["rejected_records"], 1, "{run}");
        let reason = run["rejected_reason"].as_str().unwrap();
        assert!(reason.contains("loss") && reason.contains("scalar"), "{reason}");
    }
    assert_eq!(run["metrics"].as_array().unwrap().len(), 1);
    assert_eq!(run["metrics"][0]["count"], 1);
}

#[test]
fn a_file_that_is_not_there() {
    let home = Home::new();
    let run_id = start(&home);
    for arguments in [
        &["upload", "no/such.txt", "--run", &run_id][..],
        &["log_image", "plot", "no/such.png", "--run", &run_id],
        &["register_model", "m", "no/such.pkl"],
        &["submit", "no_such.py", "--experiment", "x"],
    ] {
        let said = home.lazuli(arguments).refused();
        assert!(said.contains("no/such") || said.contains("no_such.py"), "{arguments:?}: {said}");
        assert!(said.contains("hint: "), "{arguments:?}: {said}");
    }
    assert_eq!(home.json(&["model", "list"]), json!([]));
    let runs = home.api().get("/api/workspaces/default/runs").ok();
    assert_eq!(runs["items"].as_array().unwrap().len(), 1, "{runs}");
}

#[test]
fn client_and_daemon_of_different_versions() {
    let home = Home::new();
    let api = home.api();
    let bearer = format!("Bearer {}", api.token());
    let headers = [("authorization", bearer.as_str()), ("x-lazuli-version", "0.0.1")];
    let (message, hint) = api.get_with("/api/workspaces", &headers).refused(426);
    assert!(message.contains("0.0.1"), "{message}");
    assert!(hint.contains("lazuli stop"), "{hint}");

    // A client that finds another version's daemon does not guess either.
    let path = home.path().join("daemon.json");
    let original = std::fs::read_to_string(&path).unwrap();
    let mut info: Value = serde_json::from_str(&original).unwrap();
    info["version"] = json!("9.9.9");
    std::fs::write(&path, info.to_string()).unwrap();
    let said = home.lazuli(&["run", "list"]).refused();
    assert!(said.contains("9.9.9") && said.contains("lazuli stop"), "{said}");
    std::fs::write(&path, original).unwrap();
}

#[test]
fn artifact_names_stay_inside() {
    let home = Home::new();
    let run_id = start(&home);
    let api = home.api();
    let path = format!("/api/runs/{run_id}/artifacts/outputs%2F..%2F..%2Fescape");
    let (message, hint) = api.put(&path, b"x").refused(400);
    assert!(message.contains("`..`"), "{message}");
    assert!(hint.contains("relative path"), "{hint}");
    home.write("a.txt", "x");
    let said =
        home.lazuli(&["upload", "a.txt", "--name", "../../escape", "--run", &run_id]).refused();
    assert!(said.contains("`..`"), "{said}");
    assert_eq!(api.get(&format!("/api/runs/{run_id}/artifacts")).ok()["items"], json!([]));
}

#[test]
fn a_name_of_300_characters() {
    let home = Home::new();
    let long = "x".repeat(300);
    home.write("a.txt", "x");
    let run_id = start(&home);
    for arguments in [
        &["experiment", "create", &long][..],
        &["workspace", "create", &long],
        &["run", "start", "--experiment", &long],
        &["register_model", &long, "a.txt"],
        &["log", &format!("{long}=1"), "--run", &run_id],
    ] {
        let said = home.lazuli(arguments).refused();
        assert!(said.contains("300 characters"), "{arguments:?}: {said}");
        assert!(said.len() < 600, "the sentence is long: {said}");
    }
    let status = home.json(&["status"]);
    assert_eq!((&status["workspaces"], &status["models"]), (&json!(1), &json!(0)));
}

#[test]
fn a_taken_port() {
    let home = Home::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let said = home.lazuli(&["serve", "--port", &port]).refused();
    assert!(said.contains(&port) && said.contains("hint: "), "{said}");
    assert!(!home.path().join("daemon.json").exists());
}

#[test]
fn a_second_daemon_for_the_same_home() {
    let home = Home::new();
    home.ok(&["workspace", "list"]);
    let said = home.lazuli(&["serve"]).refused();
    assert!(said.contains("already"), "{said}");
    assert!(said.contains("http://127.0.0.1:"), "{said}");
}

#[test]
fn no_uv() {
    let home = Home::new();
    home.write("train.py", "print(1)\n");
    // An interpreter with nothing beside it, no PATH, and a home without programs.
    let environment = home.work().join("bare");
    let made = std::process::Command::new("python3")
        .args(["-m", "venv", "--without-pip"])
        .arg(&environment)
        .status()
        .unwrap();
    assert!(made.success());
    let python = environment.join("bin/python3");
    let output = home
        .command(&["submit", "train.py", "--pip", "six", "--experiment", "x", "--wait"])
        .args(["--python", python.to_str().unwrap()])
        .env("PATH", "/nonexistent")
        .env("HOME", home.work())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("`uv`") && said.contains("pip could not fetch it"), "{said}");
    assert!(said.contains("install"), "{said}");
}

#[test]
fn a_disk_without_space_keeps_what_was_there() {
    // A limit on the size of files is what a full disk is to the daemon: a write that fails.
    let home = Home::new();
    let mut daemon = std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 16384; exec \"$0\" serve"])
        .arg(program("lazuli"))
        .env("LAZULI_HOME", home.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    lazuli_tests::until("the daemon", || home.daemon());
    let run_id = start(&home);
    let api = home.api();
    api.put(&format!("/api/runs/{run_id}/artifacts/outputs/small.txt"), b"kept").ok();
    std::fs::File::create(home.work().join("big.bin")).unwrap().set_len(64 << 20).unwrap();
    let said = home.lazuli(&["upload", "big.bin", "--run", &run_id]).refused();
    assert!(said.contains("space"), "{said}");
    assert!(said.contains("hint: "), "{said}");
    let artifacts = api.get(&format!("/api/runs/{run_id}/artifacts")).ok();
    assert_eq!(artifacts["items"].as_array().unwrap().len(), 1, "{artifacts}");
    let temporary = std::fs::read_dir(home.path().join("blobs/tmp")).unwrap().count();
    assert_eq!(temporary, 0, "the torn upload is still there");
    home.ok(&["stop"]);
    daemon.wait().unwrap();
}
