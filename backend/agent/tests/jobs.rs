//! Jobs through the real daemon: what an agent makes ready, how it names what went wrong, and what
//! it keeps. What survives a killed daemon or agent is tested end to end in `tests/`.

#[path = "jobs/data.rs"]
mod data;
#[path = "jobs/environments.rs"]
mod environments;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lazuli::Home;
use lazuli::client::Client;
use lazuli::domain::{
    JobSpec, NewJob, NewSnapshot, PythonEnvironment, Run, RunError, RunStatus, SnapshotFile,
    StringMap,
};
use sha2::{Digest, Sha256};

const LOG: &str = "user_logs/std_log.txt";

/// A daemon of its own; its end is the end of the test.
struct Daemon {
    folder: tempfile::TempDir,
    process: Child,
    client: Client,
}

impl Daemon {
    fn start(change: impl FnOnce(&mut Command)) -> Daemon {
        let folder = tempfile::Builder::new().prefix("lazuli-test-").tempdir().expect("a folder");
        let program = Path::new(env!("CARGO_BIN_EXE_lazuli-agent")).with_file_name("lazuli");
        assert!(program.exists(), "run `cargo build --workspace --bins` first");
        let mut command = Command::new(&program);
        command
            .arg("serve")
            .env("LAZULI_HOME", folder.path().join("home"))
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        change(&mut command);
        let process = command.spawn().expect("a daemon that starts");
        let home = Home::at(folder.path().join("home")).expect("a home");
        let client = until("the daemon", || Client::connect_existing_to(&home).ok().flatten());
        Daemon { folder, process, client }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn submit(&self, script: &str, python: PythonEnvironment) -> String {
        self.submit_with(script, python, |_| {})
    }

    fn submit_with(
        &self,
        script: &str,
        python: PythonEnvironment,
        change: impl FnOnce(&mut JobSpec),
    ) -> String {
        self.submit_child(script, None, |job| {
            job.python = python;
            change(job);
        })
    }

    fn submit_child(
        &self,
        script: &str,
        parent_run_id: Option<String>,
        change: impl FnOnce(&mut JobSpec),
    ) -> String {
        let sha256 = format!("{:x}", Sha256::digest(script));
        let size = script.len() as u64;
        self.client.put_blob(&sha256, &mut script.as_bytes(), size, None).expect("a blob");
        let file = SnapshotFile { path: "train.py".into(), size, sha256, executable: false };
        let snapshot = NewSnapshot { files: vec![file] };
        let snapshot = self.client.create_snapshot(&snapshot).expect("a snapshot");
        assert_eq!(snapshot.missing, Vec::<String>::new());
        let mut job = JobSpec {
            snapshot_id: snapshot.snapshot_id,
            script: "train.py".into(),
            command: Vec::new(),
            arguments: vec!["--reg".into(), "0.1".into()],
            compute: "local".into(),
            python: present_python(),
            environment: None,
            distributed: None,
            max_seconds: None,
            settings: serde_json::Value::Null,
            environment_variables: StringMap::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        change(&mut job);
        let job = NewJob {
            experiment: "jobs".into(),
            name: None,
            parent_run_id,
            user: String::new(),
            tags: StringMap::new(),
            properties: StringMap::new(),
            job,
        };
        self.client.submit_job("default", &job).expect("a queued run").run_id
    }

    fn ended(&self, run_id: &str) -> Run {
        until("the run's end", || {
            let run = self.client.run(run_id).expect("the daemon answers");
            run.status.is_final().then_some(run)
        })
    }

    fn run(&self, script: &str, python: PythonEnvironment) -> Run {
        self.ended(&self.submit(script, python))
    }

    fn log(&self, run_id: &str) -> String {
        let log = self.client.read_log(run_id, LOG, 0);
        log.map_or_else(|_| String::new(), |log| String::from_utf8(log.bytes).expect("a text"))
    }

    fn artifacts(&self, run_id: &str) -> Vec<String> {
        let artifacts = self.client.artifacts(run_id, "").expect("a list");
        artifacts.into_iter().map(|artifact| artifact.path).collect()
    }

    fn environments(&self) -> Vec<String> {
        let environments = self.client.cached_environments().expect("a list");
        environments.into_iter().map(|environment| environment.hash).collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // A daemon that is gone already is what is wanted.
        let _ = self.client.shutdown();
        let _ = self.process.wait();
    }
}

/// Asks again until there is an answer; the limit is for a test that hangs.
fn until<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(start.elapsed() < Duration::from_secs(120), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn present_python() -> PythonEnvironment {
    PythonEnvironment::default()
}

fn packages(names: &[&str]) -> PythonEnvironment {
    let packages = names.iter().map(|name| (*name).to_owned()).collect();
    PythonEnvironment { packages, ..PythonEnvironment::default() }
}

#[track_caller]
fn failure(run: Run) -> RunError {
    assert_eq!(run.status, RunStatus::Failed, "{run:?}");
    run.error.expect("a failed run says why")
}

#[test]
fn a_failed_script_keeps_its_log_and_files_in_order() {
    let daemon = Daemon::start(|_| {});
    let run = daemon.run(
        r#"
import os, sys
assert sys.argv[1:] == ["--reg", "0.1"], sys.argv
for number in range(1000):
    print("out", number)
    print("err", number, file=sys.stderr)
os.makedirs("outputs/deep")
open("outputs/deep/model.pkl", "w").write("weights")
open("logs/my.log", "w").write("line")
sys.exit("no data left")
"#,
        present_python(),
    );
    let run_id = run.run_id.clone();
    let error = failure(run);
    assert_eq!(error.message, "the script ended with exit code 1: no data left");
    assert_eq!(error.exit_code, Some(1));
    let lines: String = (0..1000).map(|n| format!("out {n}\nerr {n}\n")).collect();
    assert_eq!(daemon.log(&run_id), format!("{lines}no data left\n"));
    assert_eq!(daemon.artifacts(&run_id), ["logs/my.log", "outputs/deep/model.pkl", LOG]);
    until("the run's folder to go", || {
        (!daemon.home().join("runs").join(&run_id).exists()).then_some(())
    });
}

#[test]
fn a_script_may_fail_its_own_run_and_register_what_it_wrote() {
    let daemon = Daemon::start(|_| {});
    let run = daemon.run(
        r#"
from azureml.core import Run
run = Run.get_context()
open("outputs/model.pkl", "w").write("weights")
model = run.register_model("diabetes", model_path="outputs/model.pkl")
print(model.id, model.run_id == run.id)
run.fail("accuracy is too low")
print("goes on")
"#,
        present_python(),
    );
    let run_id = run.run_id.clone();
    assert_eq!(failure(run).message, "accuracy is too low");
    assert_eq!(daemon.log(&run_id), "diabetes:1 True\ngoes on\n");
}

#[test]
fn what_a_script_left_in_the_background_ends_with_it() {
    let daemon = Daemon::start(|_| {});
    let run = daemon.run(
        r#"
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(child.pid)
"#,
        present_python(),
    );
    assert_eq!(run.status, RunStatus::Completed, "{run:?}");
    let pid = daemon.log(&run.run_id).trim().to_owned();
    assert!(!pid.is_empty() && !Path::new("/proc").join(pid).exists());
}

#[test]
fn an_environment_is_made_once() {
    let daemon = Daemon::start(|_| {});
    let script = "import six, sys\nprint(six.__version__, sys.prefix)\nfrom azureml.core import Run\nRun.get_context().log('x', 1)\n";
    let first = daemon.run(script, packages(&["six==1.16.0", "azureml-defaults"]));
    let log = daemon.log(&first.run_id);
    assert_eq!(first.status, RunStatus::Completed, "{log}");
    assert_eq!(first.metrics.len(), 1);
    let environments = daemon.environments();
    let [hash] = environments.as_slice() else { panic!("{environments:?}") };
    let prefix = daemon.home().join("environments").join(hash);
    assert!(log.contains("`azureml-defaults` is not installed"), "{log}");
    assert!(log.contains("six==1.16.0\n"), "uv says what it installs: {log}");
    assert!(log.ends_with(&format!("1.16.0 {}\n", prefix.display())), "{log}");

    let second = daemon.run(script, packages(&["six==1.16.0"]));
    let log = daemon.log(&second.run_id);
    assert_eq!(second.status, RunStatus::Completed, "{log}");
    assert_eq!(
        log,
        format!("[lazuli] environment {hash} is there already\n1.16.0 {}\n", prefix.display())
    );
    assert_eq!(daemon.environments(), environments);
}

#[test]
fn a_package_that_does_not_exist_fails_the_run_and_leaves_nothing() {
    let daemon = Daemon::start(|_| {});
    let run = daemon.run("print(1)", packages(&["six==999"]));
    let run_id = run.run_id.clone();
    let error = failure(run);
    let message = "the Python environment could not be made: there is no version `six==999`";
    assert_eq!(error.message, message);
    assert!(error.details.contains("six==999"), "{}", error.details);
    assert!(daemon.log(&run_id).contains("six==999"));
    let left = std::fs::read_dir(daemon.home().join("environments")).expect("a folder");
    let left: Vec<PathBuf> = left.map(|entry| entry.expect("an entry").path()).collect();
    // Beside the lock and what is known of interpreters.
    let is_made = |path: &&PathBuf| path.is_dir() && !path.ends_with("interpreters");
    assert_eq!(left.iter().find(is_made), None, "{left:?}");
}

/// A PATH that holds a Python, with or without pip, and nothing else.
fn only_python(folder: &Path, with_pip: bool) {
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).args((!with_pip).then_some("--without-pip")).arg(folder);
    assert!(venv.status().expect("python3 is there").success());
    std::fs::create_dir(folder.join("path")).expect("a folder");
    // A link would be another Python than the one of the environment.
    let python = folder.join("bin/python");
    let script = format!("#!/bin/sh\nexec {} \"$@\"\n", python.display());
    let program = folder.join("path/python3");
    std::fs::write(&program, script).expect("a program");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).expect("a mode");
}

#[test]
fn a_missing_uv_and_a_missing_interpreter_are_named() {
    let programs = tempfile::tempdir().expect("a folder");
    only_python(programs.path(), false);
    let daemon = Daemon::start(|command| {
        command.env("PATH", programs.path().join("path")).env("HOME", programs.path());
    });
    let run = daemon.run("print(1)", packages(&["six"]));
    let run_id = run.run_id.clone();
    let error = failure(run);
    assert_eq!(
        error.message,
        "the program `uv`, which makes Python environments, is not here, and pip could not fetch it"
    );
    assert!(error.details.starts_with("hint: install it with `pip install uv`"), "{error:?}");
    assert!(error.details.contains("No module named pip"), "{error:?}");
    assert!(daemon.log(&run_id).contains(&error.message));

    let interpreter = Some("/nowhere/python".to_owned());
    let run = daemon.run("print(1)", PythonEnvironment { interpreter, packages: Vec::new() });
    assert_eq!(
        failure(run).message,
        "the Python interpreter `/nowhere/python` does not exist on this machine"
    );
    assert_eq!(daemon.environments(), Vec::<String>::new());
}

#[test]
fn a_missing_uv_is_fetched_by_pip() {
    let programs = tempfile::tempdir().expect("a folder");
    only_python(programs.path(), true);
    let daemon = Daemon::start(|command| {
        command.env("PATH", programs.path().join("path")).env("HOME", programs.path());
        // Where pip's settings stand is found by the home that was taken away.
        if let Some(home) = std::env::var_os("HOME") {
            command.env("PIP_CONFIG_FILE", Path::new(&home).join(".config/pip/pip.conf"));
        }
    });
    let run = daemon.run("import six\nprint(six.__version__)", packages(&["six==1.16.0"]));
    let log = daemon.log(&run.run_id);
    assert_eq!(run.status, RunStatus::Completed, "{log}");
    assert!(log.contains("is not installed; pip fetches it"), "{log}");
    assert!(log.ends_with("1.16.0\n"), "{log}");
    // The next environment finds it.
    let run = daemon.run("print(1)", packages(&["six==1.17.0"]));
    assert!(!daemon.log(&run.run_id).contains("pip fetches it"));
}

#[test]
fn a_run_is_canceled_while_its_environment_is_made() {
    // A `uv` that never ends.
    let programs = tempfile::tempdir().expect("a folder");
    let uv = programs.path().join("uv");
    std::fs::write(&uv, "#!/bin/sh\necho slow\nsleep 600\n").expect("a program");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&uv, mode).expect("a mode");
    let path = std::env::var("PATH").expect("a PATH");
    let daemon = Daemon::start(|command| {
        command.env("PATH", format!("{}:{path}", programs.path().display()));
    });
    let run_id = daemon.submit("print(1)", packages(&["six"]));
    until("uv's first words", || daemon.log(&run_id).contains("slow").then_some(()));
    daemon.client.cancel_run(&run_id).expect("a cancel is accepted");
    assert_eq!(daemon.ended(&run_id).status, RunStatus::Canceled);
    assert_eq!(daemon.environments(), Vec::<String>::new());
}

#[test]
fn jobs_beyond_the_cores_wait_for_their_turn() {
    let daemon = Daemon::start(|_| {});
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let go = daemon.folder.path().join("go");
    let script = format!(
        "import os, time\nprint('started', flush=True)\nwhile not os.path.exists({go:?}):\n    time.sleep(0.01)\n"
    );
    let run_ids: Vec<String> =
        (0..=cores).map(|_| daemon.submit(&script, present_python())).collect();
    let (last, first) = run_ids.split_last().expect("one more than there are cores");
    for run_id in first {
        until("the script's start", || daemon.log(run_id).contains("started").then_some(()));
    }
    assert_eq!(daemon.client.run(last).expect("an answer").status, RunStatus::Queued);
    std::fs::write(&go, "").expect("a file");
    for run_id in &run_ids {
        assert_eq!(daemon.ended(run_id).status, RunStatus::Completed);
    }
}
