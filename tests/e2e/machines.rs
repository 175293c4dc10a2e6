//! Another machine as a compute target, by a real sshd: nothing of Lazuli is there before, and nothing after.

use std::fs;

use lazuli_tests::sshd::Machine;
use lazuli_tests::{Home, until};
use serde_json::Value;

fn attach(home: &Home, machine: &Machine) -> Value {
    let port = machine.port.to_string();
    let key = machine.key.to_str().unwrap();
    let words = ["compute", "attach", "box", &machine.address(), "--port", &port, "--key", key];
    home.json(&[&words[..], &["--host-key", &machine.fingerprint]].concat())
}

fn submit(home: &Home, script: &str) -> String {
    home.write("train.py", script);
    let words = ["submit", "train.py", "--experiment", "there", "--compute", "box"];
    let run = home.json(&words);
    run["run_id"].as_str().unwrap_or_else(|| panic!("{run}")).to_owned()
}

fn status(home: &Home, run_id: &str) -> String {
    home.json(&["run", "show", run_id])["status"].as_str().unwrap().to_owned()
}

fn ended(home: &Home, run_id: &str) -> String {
    until("the run's end", || {
        let status = status(home, run_id);
        matches!(status.as_str(), "Completed" | "Failed" | "Canceled").then_some(status)
    })
}

/// Empty until something was said.
fn log(home: &Home, run_id: &str) -> String {
    home.lazuli(&["run", "logs", run_id]).stdout
}

fn link(home: &Home) -> String {
    home.json(&["compute", "status", "box"])["machine"]["link"].as_str().unwrap().to_owned()
}

/// The values of a metric, in the order of its points.
fn values(home: &Home, run_id: &str, metric: &str) -> Vec<f64> {
    let metrics = home.api().get(&format!("/api/runs/{run_id}/metrics")).ok();
    let found = metrics.as_array().unwrap().iter().find(|found| found["name"] == metric);
    let points = found.map(|found| found["points"].as_array().unwrap().clone());
    points.unwrap_or_default().iter().map(|point| point["value"].as_f64().unwrap()).collect()
}

#[test]
fn a_script_runs_as_another_user_and_nothing_is_left() {
    let Some(machine) = Machine::start() else { return };
    let home = Home::new();
    let attached = attach(&home, &machine);
    assert_eq!(attached["machine"]["link"], "connected", "{attached}");
    assert_eq!(attached["machine"]["host_key"], machine.fingerprint);
    let shown = home.ok(&["compute", "status", "box"]);
    assert!(shown.contains("State    connected") && shown.contains(" memory free, "), "{shown}");
    let whoami = home.ok(&["ssh", "box", "--", "sh", "-c", "echo \"it's $(id -un)\""]);
    assert_eq!(whoami.trim(), format!("it's {}", machine.user));

    let run_id = submit(
        &home,
        &format!(
            r#"
import getpass, os, sys
from azureml.core import Run
run = Run.get_context()
print("user", getpass.getuser(), "experiment", run.experiment.name)
print("of here", [path for path in [*sys.path, *os.environ.values()] if path.startswith(({:?}, {:?}))])
try:
    print("may read", os.listdir({:?}))
except OSError as error:
    print(type(error).__name__)
for step in range(100):
    run.log("loss", 1 / (step + 1))
run.log_list("wide", [float(number) for number in range(1_000_000)])
run.tag("seen", "there")
os.makedirs("outputs", exist_ok=True)
with open("outputs/model.bin", "wb") as file:
    file.write(bytes(range(256)) * 1000)
run.upload_file("kept.txt", __file__)
"#,
            home.path(),
            lazuli_tests::checkout(),
            home.path(),
        ),
    );
    let status = ended(&home, &run_id);
    let text = log(&home, &run_id);
    assert_eq!(status, "Completed", "{text}\n{}", home.ok(&["run", "show", &run_id]));
    assert!(text.contains(&format!("user {} experiment there", machine.user)), "{text}");
    assert!(text.contains("of here []") && text.contains("PermissionError"), "{text}");
    let losses = values(&home, &run_id, "loss");
    assert_eq!(losses, (1..=100).map(|step| 1.0 / f64::from(step)).collect::<Vec<_>>());
    // One record that is longer than what is sent at a time.
    let metrics = home.api().get(&format!("/api/runs/{run_id}/metrics")).ok();
    let wide = metrics.as_array().unwrap().iter().find(|found| found["name"] == "wide");
    assert_eq!(wide.unwrap()["points"][0]["value"].as_array().unwrap().len(), 1_000_000);
    let run = home.json(&["run", "show", &run_id]);
    assert_eq!(run["tags"]["seen"], "there");
    for name in ["outputs/model.bin", "kept.txt"] {
        home.ok(&["run", "download", name, "--run", &run_id, "--to", "got"]);
    }
    let got = home.work().join("got");
    let model = [got.join("model.bin"), got.join("outputs/model.bin")];
    let model = model.iter().find_map(|path| fs::read(path).ok()).expect("it came back");
    assert_eq!(model, (0..=255).collect::<Vec<u8>>().repeat(1000));

    home.ok(&["compute", "detach", "box"]);
    until("the end of what ran there", || machine.processes().is_empty().then_some(()));
    assert!(!machine.path(".lazuli-remote").exists());
    let error = home.lazuli(&["compute", "status", "box"]).refused();
    assert!(error.contains("`box` not found"), "{error}");
}

#[test]
fn sdk_v1_attaches_submits_and_detaches() {
    let Some(machine) = Machine::start() else { return };
    let home = Home::new();
    home.write("code/who.py", "import getpass\nprint('user', getpass.getuser())\n");
    let script = r#"
import sys
from azureml.core import Experiment, ScriptRunConfig, Workspace
from azureml.core.compute import ComputeTarget, RemoteCompute
from azureml.exceptions import ComputeTargetException

user, port, key, attached = sys.argv[1:]
workspace = Workspace.from_config()
def configuration(**more):
    return RemoteCompute.attach_configuration(username=user, address="127.0.0.1", ssh_port=int(port), private_key_file=key, **more)
if attached == "no":
    for wrong in (configuration(password="hunter2"), RemoteCompute.attach_configuration(username=user), configuration()):
        try:
            ComputeTarget.attach(workspace, "box", wrong)
        except ComputeTargetException as error:
            print(" ".join(str(error).split()))
    sys.exit()
target = ComputeTarget(workspace, "box")
print(type(target).__name__, target.type, target.get_status(), target.get_credentials() == {"username": user, "address": "127.0.0.1", "port": int(port)})
run = Experiment(workspace, "there").submit(ScriptRunConfig("code", "who.py", compute_target=target))
run.wait_for_completion(show_output=True)
target.detach()
print(sorted(workspace.compute_targets))
"#;
    home.write("attach.py", script);
    let python = |attached: &str| {
        let mut command = std::process::Command::new("python3");
        home.surround(&mut command);
        let port = machine.port.to_string();
        let output = command
            .args(["attach.py", &machine.user, &port, machine.key.to_str().unwrap(), attached])
            .env("PYTHONPATH", lazuli_tests::checkout().join("sdk/python"))
            .env("LAZULI_BIN", lazuli_tests::program("lazuli"))
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{errors}");
        String::from_utf8(output.stdout).unwrap()
    };
    let refused = python("no");
    let lines: Vec<&str> = refused.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 3, "{refused}");
    assert!(lines[0].contains("a password does not open a machine here"), "{refused}");
    assert!(lines[1].contains("without `username` or `address`"), "{refused}");
    assert!(
        lines[2].contains(&machine.fingerprint) && lines[2].contains("--host-key"),
        "{refused}"
    );
    assert!(!refused.contains("hunter2"), "{refused}");

    attach(&home, &machine);
    let said = python("yes");
    assert!(said.starts_with("RemoteCompute VirtualMachine connected True\n"), "{said}");
    assert!(said.contains(&format!("user {}", machine.user)), "{said}");
    assert!(said.ends_with("['local']\n") || said.ends_with("[]\n"), "{said}");
    assert!(!machine.path(".lazuli-remote").exists());
}

#[test]
fn what_is_wrong_is_told_and_nothing_is_attached() {
    let Some(mut machine) = Machine::start() else { return };
    let home = Home::new();
    let port = machine.port.to_string();
    let address = machine.address();
    let key = machine.key.to_str().unwrap().to_owned();
    let other = home.work().join("other");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&other)
        .status();
    assert!(made.unwrap().success());
    let other = other.to_str().unwrap().to_owned();
    let shown = machine.fingerprint.clone();
    let unknown = format!("the host key of `{address}` is not known yet: {shown} (ssh-ed25519)");
    let differs =
        format!("`{address}` shows the host key {shown} (ssh-ed25519), not the one that was given");
    let refuses = "does not accept the key";
    for (words, wanted) in [
        (vec!["--port", &port, "--key", &key], unknown.as_str()),
        (vec!["--port", &port, "--key", &key, "--host-key", "SHA256:another"], &differs),
        (vec!["--port", &port, "--key", &other, "--host-key", &shown], refuses),
        (
            vec!["--port", &port, "--key", "/nowhere", "--host-key", &shown],
            "there is no key at `/nowhere`",
        ),
        (vec!["--port", "1", "--key", &key, "--host-key", &shown], "port 1"),
    ] {
        let all = [&["compute", "attach", "box", &address][..], &words].concat();
        let error = home.lazuli(&all).refused();
        assert!(error.contains(wanted), "{words:?}: {error}");
        assert!(error.contains("hint: "), "{words:?}: {error}");
        home.lazuli(&["compute", "status", "box"]).refused();
        let links = fs::read_dir(home.path().join("links"));
        assert_eq!(links.map_or(0, Iterator::count), 0, "{words:?}");
    }
    assert!(!machine.path(".lazuli-remote").exists());
    let error = home.lazuli(&["compute", "attach", "box", "-oProxyCommand=id@host"]).refused();
    assert!(!error.is_empty());

    // Once attached, another host key is nobody that is spoken to.
    attach(&home, &machine);
    let error =
        home.lazuli(&["compute", "attach", "box", &address, "--host-key", &shown]).refused();
    assert!(error.contains("there is a compute target `box` already"), "{error}");
    machine.change_host_key();
    until("the refusal", || {
        let target = home.json(&["compute", "status", "box"]);
        let problem = target["machine"]["problem"].as_str().unwrap_or_default();
        (target["machine"]["link"] == "cut" && problem.contains("another host key")).then_some(())
    });
}

#[test]
fn a_machine_is_not_the_owner() {
    let Some(machine) = Machine::start() else { return };
    let home = Home::new();
    attach(&home, &machine);
    let run_id = submit(
        &home,
        r#"
import json, os, urllib.error, urllib.request
home = os.environ["LAZULI_HOME"]
url = json.load(open(os.path.join(home, "daemon.json")))["url"]
token = open(os.path.join(home, "token")).read()
def ask(method, path):
    request = urllib.request.Request(url + path, b"{}" if method == "POST" else None, {"Authorization": "Bearer " + token, "Content-Type": "application/json"}, method=method)
    try:
        return urllib.request.urlopen(request).status
    except urllib.error.HTTPError as error:
        return f"{error.code} {json.load(error)['message']}"
print("runs", ask("GET", "/api/workspaces/default/runs"))
for method, path in [("POST", "/api/tokens"), ("GET", "/api/tokens"), ("POST", "/api/studio/codes"), ("POST", "/api/backup"), ("POST", "/api/workspaces/default/machines"), ("POST", "/api/shutdown")]:
    print("refused", path, ask(method, path))
"#,
    );
    assert_eq!(ended(&home, &run_id), "Completed", "{}", log(&home, &run_id));
    let text = log(&home, &run_id);
    assert!(text.contains("runs 200"), "{text}");
    let refused: Vec<&str> = text.lines().filter(|line| line.starts_with("refused")).collect();
    assert_eq!(refused.len(), 6, "{text}");
    for line in refused {
        assert!(
            line.ends_with("401 the token of an attached machine does not open this"),
            "{text}"
        );
    }
}

#[test]
fn a_link_that_is_cut_comes_back_and_nothing_is_lost() {
    let Some(mut machine) = Machine::start() else { return };
    let home = Home::new();
    attach(&home, &machine);
    let go = machine.path("go");
    let run_id = submit(
        &home,
        &format!(
            "import os, time\nfrom azureml.core import Run\nrun = Run.get_context()\nrun.log('step', 0)\nprint('begun', flush=True)\n\
             for step in range(1, 200):\n    run.log('step', step)\n    print('line', step, flush=True)\n    time.sleep(0.01)\n\
             while not os.path.exists({go:?}):\n    time.sleep(0.05)\nrun.log('step', 200)\nprint('the end')\n"
        ),
    );
    until("the first line", || log(&home, &run_id).contains("begun").then_some(()));
    machine.go_away();
    until("the cut", || (link(&home) == "cut").then_some(()));
    assert_eq!(status(&home, &run_id), "Running");
    fs::write(&go, "").unwrap();
    machine.come_back();
    assert_eq!(ended(&home, &run_id), "Completed", "{}", log(&home, &run_id));
    assert_eq!(link(&home), "connected");
    assert_eq!(values(&home, &run_id, "step"), (0..=200).map(f64::from).collect::<Vec<_>>());
    let text = log(&home, &run_id);
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("line ")).collect();
    assert_eq!(lines, (1..200).map(|step| format!("line {step}")).collect::<Vec<_>>());
    assert!(text.ends_with("the end\n"), "{text}");
}

#[test]
fn a_daemon_that_was_killed_finds_its_run_there() {
    let Some(machine) = Machine::start() else { return };
    let home = Home::new();
    attach(&home, &machine);
    let go = machine.path("go");
    let run_id = submit(
        &home,
        &format!(
            "import os, time\nfrom azureml.core import Run\nprint('begun', flush=True)\n\
             while not os.path.exists({go:?}):\n    time.sleep(0.05)\nRun.get_context().log('x', 1)\n"
        ),
    );
    until("the first line", || log(&home, &run_id).contains("begun").then_some(()));
    home.kill_daemon();
    fs::write(&go, "").unwrap();
    assert_eq!(ended(&home, &run_id), "Completed", "{}", log(&home, &run_id));
    assert_eq!(values(&home, &run_id, "x"), [1.0]);
}

#[test]
fn a_run_there_is_canceled_and_an_agent_that_is_killed_is_told() {
    let Some(machine) = Machine::start() else { return };
    let home = Home::new();
    attach(&home, &machine);
    let endless = "import time\nprint('begun', flush=True)\ntime.sleep(600)\n";
    let scripts = || {
        let mut found = machine.processes();
        found.retain(|(_, line)| line.contains("train.py"));
        found
    };
    let run_id = submit(&home, endless);
    until("the first line", || log(&home, &run_id).contains("begun").then_some(()));
    home.ok(&["run", "cancel", &run_id]);
    assert_eq!(ended(&home, &run_id), "Canceled");
    until("the script's end", || scripts().is_empty().then_some(()));

    let run_id = submit(&home, endless);
    until("the first line", || log(&home, &run_id).contains("begun").then_some(()));
    let agents = machine.processes();
    let agents =
        agents.iter().filter(|(_, line)| line.contains("--run ") || line.contains(&run_id));
    let mut killed = 0;
    for (pid, _) in agents.filter(|(_, line)| line.contains("lazuli-agent")) {
        // SAFETY: a process of the test's own user.
        unsafe { libc::kill(*pid, libc::SIGKILL) };
        killed += 1;
    }
    assert_eq!(killed, 1, "{:?}", machine.processes());
    assert_eq!(ended(&home, &run_id), "Failed", "{}", log(&home, &run_id));
    until("the script's end", || scripts().is_empty().then_some(()));
}
