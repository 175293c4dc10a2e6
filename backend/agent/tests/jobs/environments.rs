//! Environments with a definition: of conda specifications, of interpreters, and by many runs at once.

use std::process::Command;

use lazuli::domain::{
    ApiError, BuildStatus, EnvironmentDefinition, JobEnvironment, NewBuild, NewEnvironment, Run,
    RunStatus,
};
use serde_json::{Value, json};

use super::{Daemon, failure, present_python, until};

fn environment(name: &str, definition: Value) -> JobEnvironment {
    let definition: EnvironmentDefinition =
        serde_json::from_value(definition).expect("a definition");
    JobEnvironment { name: name.into(), version: None, definition: Some(definition) }
}

fn conda(dependencies: Value) -> Value {
    json!({"python": {"conda": {"dependencies": dependencies}}})
}

impl Daemon {
    fn run_in(&self, script: &str, environment: JobEnvironment) -> Run {
        self.ended(&self.submit_in(script, environment))
    }

    fn submit_in(&self, script: &str, environment: JobEnvironment) -> String {
        self.submit_with(script, present_python(), |job| job.environment = Some(environment))
    }
}

#[test]
fn a_conda_specification_is_made_by_pip_and_the_log_says_how() {
    let daemon = Daemon::start(|_| {});
    let definition = json!({
        "python": {"conda": {
            "name": "old", "channels": ["conda-forge"],
            "dependencies": ["python=3.6.2", "pip", "six=1.16", "mkl",
                {"pip": ["toolz==0.12.0 # small", "azureml-widgets"]}],
            "variables": {"FROM_CONDA": "c", "BOTH": "conda"},
        }},
        "environment_variables": {"FROM_ENVIRONMENT": "e", "BOTH": "environment"},
    });
    let script = "import os, sys, six, toolz\nprint(sys.version_info[:2] >= (3, 8), six.__version__, \
                  toolz.__version__)\nprint(*(os.environ[it] for it in ('FROM_CONDA', \
                  'FROM_ENVIRONMENT', 'BOTH', 'OF_JOB')))\n";
    let run_id = daemon.submit_with(script, present_python(), |job| {
        job.environment = Some(environment("old", definition.clone()));
        job.environment_variables = [("OF_JOB".to_owned(), "j".to_owned())].into();
    });
    let run = daemon.ended(&run_id);
    let log = daemon.log(&run.run_id);
    assert_eq!(run.status, RunStatus::Completed, "{log}");
    assert!(log.ends_with("True 1.16.0 0.12.0\nc e environment j\n"), "{log}");
    for said in [
        "for pip, `six=1.16` as `six==1.16.*`",
        "left out, because pip has no such package: `mkl`",
        "`azureml-widgets` is not installed: Lazuli brings its own `azureml`",
        "the environment asks for Python 3.6.2; Python 3.",
        "packages of the time of SDK v1, where the environment names no version: numpy<1.24",
    ] {
        assert!(log.contains(&format!("[lazuli] {said}")), "{said}: {log}");
    }
    // The second run is told the same, and installs nothing.
    let again = daemon.run_in("print(1)", environment("old", definition));
    let log = daemon.log(&again.run_id);
    assert!(log.contains("asks for Python 3.6.2") && log.contains("is there already"), "{log}");
    assert_eq!(daemon.environments().len(), 1);
}

#[test]
fn pip_is_not_asked_for_packages_of_a_channel_of_somebodys_own() {
    let daemon = Daemon::start(|_| {});
    for (channel, shown) in [
        ("https://me:hunter2@conda.example.com/t/hunter2/own", "https://conda.example.com"),
        ("file:///srv/channel", "file://"),
        ("/srv/channel", "/srv/channel"),
    ] {
        let definition = json!({"python": {"conda": {
            "channels": ["conda-forge", channel], "dependencies": ["python=3.11", "six"],
        }}});
        let run = daemon.run_in("print(1)", environment("own", definition));
        let log = daemon.log(&run.run_id);
        assert!(!log.contains("hunter2"), "{log}");
        let message = failure(run).message;
        let wanted =
            format!("the environment's packages come from `{shown}`, a channel that only conda");
        assert!(message.starts_with(&wanted), "{message}");
        assert_eq!(daemon.environments(), Vec::<String>::new());
    }
}

#[test]
fn ten_runs_at_once_make_one_environment() {
    let daemon = Daemon::start(|_| {});
    daemon
        .client
        .create_compute(
            "default",
            &serde_json::from_value(json!({"name": "ten", "kind": "aml_compute", "max_nodes": 10}))
                .expect("a compute target"),
        )
        .expect("a compute target is made");
    let definition = conda(json!([{"pip": ["six==1.16.0", "toolz==0.12.1"]}]));
    let run_ids: Vec<String> = (0..10)
        .map(|_| {
            daemon.submit_with(
                "import six, toolz\nprint(six.__version__)",
                present_python(),
                |job| {
                    job.environment = Some(environment("ten", definition.clone()));
                    job.compute = "ten".into();
                },
            )
        })
        .collect();
    let mut made = 0;
    for run_id in &run_ids {
        let run = daemon.ended(run_id);
        let log = daemon.log(run_id);
        assert_eq!(run.status, RunStatus::Completed, "{log}");
        assert_eq!(run.activity, None);
        made += usize::from(log.contains("making environment"));
    }
    assert_eq!(made, 1);
    assert_eq!(daemon.environments().len(), 1);
    let target = daemon.client.compute_target("default", "ten").expect("it is there");
    assert_eq!((target.running, target.queued, target.nodes.idle), (0, 0, 10));
}

#[test]
fn a_run_says_which_environment_it_waits_for() {
    let programs = tempfile::tempdir().expect("a folder");
    let go = programs.path().join("go");
    let uv = programs.path().join("uv");
    let script =
        format!("#!/bin/sh\nwhile [ ! -e {} ]; do sleep 0.05; done\nexit 1\n", go.display());
    std::fs::write(&uv, script).expect("a program");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&uv, mode).expect("a mode");
    let path = std::env::var("PATH").expect("a PATH");
    let daemon = Daemon::start(|command| {
        command.env("PATH", format!("{}:{path}", programs.path().display()));
    });
    let slow = || environment("slow", conda(json!([{"pip": ["six"]}])));
    let activity = |run_id: &str| daemon.client.run(run_id).expect("an answer").activity;
    let builds = "builds environment `slow:1`".to_owned();
    let waits = "waits for environment `slow:1`, which another run builds".to_owned();
    let first = daemon.submit_in("print(1)", slow());
    until("the first run to build", || (activity(&first) == Some(builds.clone())).then_some(()));
    let second = daemon.submit_in("print(1)", slow());
    until("the second run to wait", || (activity(&second) == Some(waits.clone())).then_some(()));
    std::fs::write(&go, "").expect("a file");
    for run_id in [first, second] {
        let run = daemon.ended(&run_id);
        assert_eq!((run.status, run.activity), (RunStatus::Failed, None));
    }
}

#[test]
fn a_killed_build_leaves_nothing_that_counts() {
    let programs = tempfile::tempdir().expect("a folder");
    let uv = programs.path().join("uv");
    // Makes half an environment and never ends.
    std::fs::write(&uv, "#!/bin/sh\nmkdir -p bin; touch bin/python; echo begun; sleep 600\n")
        .expect("a program");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&uv, mode).expect("a mode");
    let path = std::env::var("PATH").expect("a PATH");
    let daemon = Daemon::start(|command| {
        command.env("PATH", format!("{}:{path}", programs.path().display()));
    });
    let definition = || conda(json!([{"pip": ["six==1.16.0"]}]));
    let run_id = daemon.submit_in("print(1)", environment("killed", definition()));
    until("uv's first words", || daemon.log(&run_id).contains("begun").then_some(()));
    let agent = daemon.client.job(&run_id).expect("a job").agent.expect("an agent").pid;
    let killed = Command::new("kill").args(["-9", &agent.to_string()]).status();
    assert!(killed.expect("kill is there").success());
    assert_eq!(daemon.ended(&run_id).status, RunStatus::Failed);
    assert_eq!(daemon.environments(), Vec::<String>::new());
    // With the real uv the same environment is made from the beginning.
    std::fs::remove_file(&uv).expect("it was there");
    let run =
        daemon.run_in("import six\nprint(six.__version__)", environment("killed", definition()));
    let log = daemon.log(&run.run_id);
    assert_eq!(run.status, RunStatus::Completed, "{log}");
    assert_eq!(daemon.environments().len(), 1);
}

#[test]
fn an_interpreter_is_used_as_it_is() {
    let daemon = Daemon::start(|_| {});
    let python = Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output()
        .expect("python3 is there");
    let python = String::from_utf8(python.stdout).expect("a path").trim().to_owned();
    let definition = json!({"python": {"user_managed": true, "interpreter": python,
        "conda": {"dependencies": ["nothing-that-exists"]}}});
    let run = daemon.run_in("import sys\nprint(sys.executable)", environment("own", definition));
    assert_eq!(daemon.log(&run.run_id), format!("{python}\n"));
    assert_eq!(daemon.environments(), Vec::<String>::new());

    let definition = json!({"python": {"user_managed": true, "interpreter": "/nowhere/python"}});
    let run = daemon.run_in("print(1)", environment("own", definition));
    assert_eq!(
        failure(run).message,
        "the Python interpreter `/nowhere/python` does not exist on this machine"
    );
    let definition = json!({"python": {"base_conda_environment": "nowhere"}});
    let run = daemon.run_in("print(1)", environment("base", definition));
    assert_eq!(failure(run).message, "there is no conda environment `nowhere`");
}

#[test]
fn an_environment_is_built_without_a_run() {
    let daemon = Daemon::start(|_| {});
    let register = |name: &str, package: &str| {
        let definition = conda(json!([{"pip": [package]}]));
        let definition = serde_json::from_value(definition).expect("a definition");
        let new =
            NewEnvironment { name: name.into(), version: None, definition, labels: Vec::new() };
        daemon.client.register_environment("default", &new).expect("a registered environment")
    };
    let built = |name: &str| {
        let asked = NewBuild::default();
        let build = daemon.client.build_environment("default", name, "1", &asked);
        let build_id = build.expect("a build that starts").build_id;
        until("the build's end", || {
            let build = daemon.client.environment_build(&build_id).expect("an answer");
            (build.status != BuildStatus::Running).then_some(build)
        })
    };
    register("good", "six==1.16.0");
    let build = built("good");
    assert_eq!(build.status, BuildStatus::Succeeded, "{build:?}");
    let made = build.built.expect("what was made");
    assert_eq!(daemon.environments(), [made.hash.expect("a hash")]);
    let log = daemon.client.environment_build_log(&build.build_id, 0).expect("a log");
    let log = String::from_utf8(log).expect("a text");
    assert!(log.contains("six==1.16.0\n"), "{log}");
    assert_eq!(
        daemon.client.environment_build_log(&build.build_id, log.len() as u64).expect("a log"),
        b""
    );
    register("bad", "six==999");
    let build = built("bad");
    assert_eq!(build.status, BuildStatus::Failed);
    let error = build.error.expect("a failed build says why");
    assert_eq!(
        error.message,
        "the Python environment could not be made: there is no version `six==999`"
    );
    let asked = NewBuild::default();
    let refused = daemon.client.build_environment("default", "none", "1", &asked).unwrap_err();
    assert_eq!(refused.message(), ApiError::not_found("environment", "none").message);
}

#[test]
fn a_command_and_several_processes_run_in_the_environment() {
    let daemon = Daemon::start(|_| {});
    let definition = conda(json!([{"pip": ["six==1.16.0"]}]));
    let run_id =
        daemon.submit_with("import six\nprint(six.__version__)", present_python(), |job| {
            job.environment = Some(environment("command", definition));
            job.script = String::new();
            job.arguments = Vec::new();
            job.command = ["sh", "-c", "python train.py && echo done"].map(str::to_owned).to_vec();
        });
    let run = daemon.ended(&run_id);
    let log = daemon.log(&run_id);
    assert_eq!(run.status, RunStatus::Completed, "{log}");
    assert!(log.ends_with("1.16.0\ndone\n"), "{log}");

    let script = "import os, sys\nrank = int(os.environ['RANK'])\n\
                  sys.stdout.write(f\"rank {rank} of {os.environ['WORLD_SIZE']} {sys.argv[1:]}\\n\")\n\
                  sys.exit(3 if rank == 1 and '--fail' in sys.argv else 0)\n";
    let several = |arguments: &[&str]| {
        let run_id = daemon.submit_with(script, present_python(), |job| {
            job.arguments = arguments.iter().map(|it| (*it).to_owned()).collect();
            job.distributed =
                serde_json::from_value(json!({"framework": "pytorch", "processes": 3}))
                    .expect("a distribution");
        });
        (daemon.ended(&run_id), daemon.log(&run_id))
    };
    let (run, log) = several(&["--lr", "1"]);
    assert_eq!(run.status, RunStatus::Completed, "{log}");
    for rank in 0..3 {
        assert!(log.contains(&format!("rank {rank} of 3 ['--lr', '1']\n")), "{log}");
    }
    let (run, log) = several(&["--fail"]);
    assert_eq!(failure(run).exit_code, Some(3), "{log}");
}

#[test]
fn a_script_that_takes_too_long_is_ended() {
    let daemon = Daemon::start(|_| {});
    let script = "import time\nprint('begun', flush=True)\ntime.sleep(600)\n";
    let run_id = daemon.submit_with(script, present_python(), |job| job.max_seconds = Some(1));
    let error = failure(daemon.ended(&run_id));
    assert_eq!(error.message, "the script ran longer than the 1 seconds it was given");
    assert_eq!(daemon.log(&run_id), "begun\n");
}

#[test]
fn a_script_may_open_as_many_files_as_programs_are_used_to() {
    let limit = |command: &mut Command| {
        let text = command.output().expect("a shell").stdout;
        String::from_utf8(text).expect("a number").trim().to_owned()
    };
    let usual = limit(Command::new("sh").args(["-c", "ulimit -Sn"]));
    let daemon = Daemon::start(|_| {});
    let script = "import resource\nprint(resource.getrlimit(resource.RLIMIT_NOFILE)[0])";
    let run = daemon.run(script, present_python());
    assert_eq!(daemon.log(&run.run_id), format!("{usual}\n"));
}

#[test]
fn a_cluster_runs_as_many_jobs_as_it_has_nodes_and_children_of_a_job_do_not_wait_for_it() {
    let daemon = Daemon::start(|_| {});
    let one = json!({"name": "one-node", "kind": "aml_compute", "max_nodes": 1});
    let one = serde_json::from_value(one).expect("a compute target");
    daemon.client.create_compute("default", &one).expect("a compute target is made");
    let go = daemon.folder.path().join("go");
    let script = format!(
        "import os, time\nprint('started', flush=True)\nwhile not os.path.exists({go:?}):\n    time.sleep(0.01)\n"
    );
    let submit = |script: &str, parent: Option<String>| {
        daemon.submit_child(script, parent, |job| job.compute = "one-node".into())
    };
    let first = submit(&script, None);
    until("the script's start", || daemon.log(&first).contains("started").then_some(()));
    let second = submit("print(2)", None);
    let waits = Some("waits for a free node of compute target `one-node`".to_owned());
    until("the second to wait", || {
        (daemon.client.run(&second).expect("an answer").activity == waits).then_some(())
    });
    // The child of the first runs: its parent may be waiting for it.
    let child = submit("print(3)", Some(first.clone()));
    assert_eq!(daemon.ended(&child).status, RunStatus::Completed);
    std::fs::write(&go, "").expect("a file");
    for run_id in [first, second] {
        assert_eq!(daemon.ended(&run_id).status, RunStatus::Completed);
    }
}
