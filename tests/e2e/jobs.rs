//! Submitted scripts: what they log is kept, whatever happens to the daemon.

use std::process::Stdio;

use lazuli_tests::{Home, until};
use serde_json::Value;

fn submit(home: &Home, script: &str) -> String {
    let run = home.json(&["submit", script, "--experiment", "jobs"]);
    run["run_id"].as_str().unwrap_or_else(|| panic!("{run}")).to_owned()
}

fn ended(home: &Home, run_id: &str) -> Value {
    until("the run's end", || {
        let run = home.json(&["run", "show", run_id]);
        let status = run["status"].as_str()?;
        matches!(status, "Completed" | "Failed" | "Canceled").then_some(run)
    })
}

#[test]
fn a_script_run_keeps_metrics_log_and_outputs() {
    let home = Home::new();
    home.write(
        "train.py",
        r#"
import os, sys
from azureml.core import Run
run = Run.get_context()
run.log("accuracy", 0.93)
run.log("accuracy", float("nan"))
run.log_list("weights", [1, 2.5, float("inf")])
run.log_row("folds", fold=1, auc=0.9)
print("hello from", os.path.basename(os.getcwd()))
print("to stderr", file=sys.stderr)
os.makedirs("outputs", exist_ok=True)
with open("outputs/model.bin", "wb") as f:
    f.write(bytes(range(256)) * 1000)
"#,
    );
    let run_id = submit(&home, "train.py");
    let run = ended(&home, &run_id);
    assert_eq!(run["status"], "Completed", "{run}");

    let api = home.api();
    let metrics = api.get(&format!("/api/runs/{run_id}/metrics")).ok();
    let values = |name: &str| -> Vec<Value> {
        let metric = metrics.as_array().unwrap().iter().find(|metric| metric["name"] == name);
        let points = metric.unwrap_or_else(|| panic!("{name}: {metrics}"))["points"].as_array();
        points.unwrap().iter().map(|point| point["value"].clone()).collect()
    };
    assert_eq!(values("accuracy"), [Value::from(0.93), Value::from("NaN")]);
    assert_eq!(values("weights"), [serde_json::json!([1, 2.5, "Infinity"])]);
    assert_eq!(values("folds"), [serde_json::json!({"fold": 1, "auc": 0.9})]);

    let log = home.ok(&["run", "logs", &run_id]);
    assert!(log.contains("hello from code") && log.contains("to stderr"), "{log}");
    home.ok(&["run", "download", "outputs/model.bin", "--run", &run_id, "--to", "got"]);
    let got = home.work().join("got");
    let file = [got.join("model.bin"), got.join("outputs/model.bin")]
        .into_iter()
        .find(|path| path.exists())
        .expect("the downloaded file");
    assert_eq!(std::fs::read(file).unwrap(), (0..=255).collect::<Vec<u8>>().repeat(1000));
    assert!(!home.path().join("spool").join(format!("{run_id}.jsonl")).exists());
}

#[test]
fn a_script_that_fails_says_why() {
    let home = Home::new();
    home.write("bad.py", "import sys\nprint('before')\nraise ValueError('the data are wrong')\n");
    let run = ended(&home, &submit(&home, "bad.py"));
    assert_eq!(run["status"], "Failed");
    assert_eq!(run["error"]["message"], "ValueError: the data are wrong");
    assert_eq!(run["error"]["exit_code"], 1);

    home.write("killed.py", "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n");
    let run = ended(&home, &submit(&home, "killed.py"));
    assert_eq!(run["status"], "Failed");
    assert_eq!(run["error"]["signal"], 11);
}

const TEN_THOUSAND: &str = r#"
from azureml.core import Run
run = Run.get_context()
for step in range(10_000):
    run.log("step", step)
    if step == 2_000:
        print("two thousand", flush=True)
        # Goes on when the test has killed the daemon.
        import pathlib, time
        while not pathlib.Path(WAIT).exists():
            time.sleep(0.01)
print("done", flush=True)
"#;

#[test]
fn ten_thousand_metrics_survive_kill_9_of_the_daemon() {
    let home = Home::new();
    let signal = home.work().join("killed");
    let script = TEN_THOUSAND.replace("WAIT", &format!("{:?}", signal.display().to_string()));
    home.write("src/log.py", &script);
    let run = home.json(&["submit", "log.py", "--source", "src", "--experiment", "jobs"]);
    let run_id = run["run_id"].as_str().unwrap().to_owned();

    until("the script's first lines", || {
        let log = home.lazuli(&["run", "logs", &run_id]);
        log.stdout.contains("two thousand").then_some(())
    });
    home.kill_daemon();
    std::fs::write(&signal, "").unwrap();
    let spool = home.path().join("spool").join(format!("{run_id}.jsonl"));
    until("the script to log on without a daemon", || {
        let lines = std::fs::read(&spool).ok()?.iter().filter(|byte| **byte == b'\n').count();
        // The agent may have started a daemon already, which then ends the run and its spool.
        (lines >= 10_000).then_some(())
    });

    let run = ended(&home, &run_id);
    assert_eq!(run["status"], "Completed", "{run}");
    let metric = home.api().get(&format!("/api/runs/{run_id}/metrics/step")).ok();
    let values: Vec<i64> = metric["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point["value"].as_i64().unwrap())
        .collect();
    assert_eq!(values, (0..10_000).collect::<Vec<i64>>());
    assert!(home.ok(&["run", "logs", &run_id]).contains("done"));
}

#[test]
fn cancel_ends_every_process_of_the_script() {
    let home = Home::new();
    home.write(
        "family.py",
        r#"
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
# A daemonised grandchild that ignores SIGTERM.
subprocess.Popen([sys.executable, "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"],
    start_new_session=True)
print("started", flush=True)
time.sleep(600)
"#,
    );
    let run_id = submit(&home, "family.py");
    until("the script's first line", || {
        home.lazuli(&["run", "logs", &run_id]).stdout.contains("started").then_some(())
    });
    home.ok(&["run", "cancel", &run_id]);
    assert_eq!(ended(&home, &run_id)["status"], "Canceled");
    until("all processes to be gone", || {
        let left = home.processes().into_iter().filter(|process| !process.contains(" serve"));
        (left.count() == 0).then_some(())
    });
}

#[test]
fn a_run_whose_agent_was_killed_does_not_run_for_ever() {
    let home = Home::new();
    home.write("sleep.py", "import time\nprint('started', flush=True)\ntime.sleep(600)\n");
    let run_id = submit(&home, "sleep.py");
    until("the script's first line", || {
        home.lazuli(&["run", "logs", &run_id]).stdout.contains("started").then_some(())
    });
    let job = home.api().get(&format!("/api/runs/{run_id}/job")).ok();
    let agent = job["agent"]["pid"].as_u64().unwrap().to_string();
    let killed = std::process::Command::new("kill").args(["-9", &agent]).status().unwrap();
    assert!(killed.success());
    let run = ended(&home, &run_id);
    assert_eq!(run["status"], "Failed", "{run}");
    // The script lost its parent; nothing of it may be left.
    until("all processes to be gone", || {
        let left = home.processes().into_iter().filter(|process| !process.contains(" serve"));
        (left.count() == 0).then_some(())
    });
}

#[test]
fn an_interactive_run_ends_with_its_process() {
    let home = Home::new();
    home.write(
        "alone.py",
        "import os\nfrom azureml.core import Run\nrun = Run.get_context()\nrun.log('x', 1)\n\
         print(run.id, flush=True)\nos.kill(os.getpid(), 9)\n",
    );
    let python = std::process::Command::new("python3")
        .arg("alone.py")
        .current_dir(home.work())
        .env("PYTHONPATH", lazuli_tests::checkout().join("sdk/python"))
        .env("LAZULI_HOME", home.path())
        .env("LAZULI_BIN", lazuli_tests::program("lazuli"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let run_id = String::from_utf8_lossy(&python.stdout).trim().to_owned();
    assert!(!run_id.is_empty(), "{python:?}");
    let run = ended(&home, &run_id);
    assert_eq!(run["status"], "Failed", "{run}");
    assert_eq!(run["metrics"][0]["last"]["value"], 1);
}

#[test]
fn the_same_folder_is_one_snapshot_without_what_is_ignored() {
    let home = Home::new();
    home.write("src/a.py", "print('a')\n");
    home.write("src/data/big.csv", "1,2\n");
    home.write("src/.amlignore", "data/\n");
    let first = home.json(&["submit", "a.py", "--source", "src", "--experiment", "jobs"]);
    let second = home.json(&["submit", "a.py", "--source", "src", "--experiment", "jobs"]);
    let api = home.api();
    let snapshot = |run: &Value| {
        let run_id = run["run_id"].as_str().unwrap();
        let job = api.get(&format!("/api/runs/{run_id}/job")).ok();
        job["spec"]["snapshot_id"].as_str().unwrap().to_owned()
    };
    assert_eq!(snapshot(&first), snapshot(&second));
    let files = api.get(&format!("/api/snapshots/{}", snapshot(&first))).ok();
    let names: Vec<&str> = files["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    assert_eq!(names, [".amlignore", "a.py"]);
    for run in [first, second] {
        ended(&home, run["run_id"].as_str().unwrap());
    }
}
