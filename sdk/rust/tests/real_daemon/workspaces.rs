use lazuli::client::RunQuery;
use lazuli::prelude::*;

use crate::alone::{alone, said};

#[test]
fn the_workspace_comes_from_environment_session_file_or_default() {
    let name = "workspaces::the_workspace_comes_from_environment_session_file_or_default";
    alone(name, || {
        if std::env::var_os("ASKED").is_some() {
            println!("workspace={}.", Workspace::from_config().unwrap().name());
            return;
        }
        let ask = |variables: &[(&str, &str)]| {
            let output = std::process::Command::new(std::env::current_exe().unwrap())
                .args([name, "--exact", "--nocapture"])
                .env("ASKED", "1")
                .envs(variables.iter().copied())
                .output()
                .unwrap();
            let said = said(&output);
            let (_, rest) = said.split_once("workspace=").unwrap();
            rest.split_once('.').unwrap().0.to_owned()
        };
        assert_eq!(ask(&[]), "default");
        std::fs::create_dir(".azureml").unwrap();
        std::fs::write(".azureml/config.json", r#"{"workspace_name": "azure"}"#).unwrap();
        assert_eq!(ask(&[]), "azure");
        let session = r#"{"workspace": "active", "experiment": null, "run_id": null}"#;
        std::fs::write("session.json", session).unwrap();
        assert_eq!(ask(&[("LAZULI_SESSION", "session.json")]), "active");
        let both = [("LAZULI_SESSION", "session.json"), ("LAZULI_WORKSPACE", "named")];
        assert_eq!(ask(&both), "named");
        let all: Vec<String> =
            Workspace::list().unwrap().iter().map(|found| found.name().to_owned()).collect();
        for expected in ["active", "azure", "default", "named"] {
            assert!(all.contains(&expected.to_owned()), "{all:?}");
        }
    });
}

#[test]
fn the_context_of_a_program_is_one_run() {
    alone("workspaces::the_context_of_a_program_is_one_run", || {
        let run = Run::get_context().unwrap();
        let again = Run::get_context().unwrap();
        assert_eq!(again.id(), run.id());
        assert!(run.experiment().unwrap().name().starts_with("real_daemon"));
        run.complete().unwrap();
        let next = Run::get_context().unwrap();
        assert_ne!(next.id(), run.id());
        next.complete().unwrap();
    });
}

#[test]
fn the_context_of_a_notebook_is_its_active_run() {
    let name = "workspaces::the_context_of_a_notebook_is_its_active_run";
    alone(name, || {
        if std::env::var_os("ASKED").is_some() {
            Run::get_context().unwrap().log("asked", 1).unwrap();
            return;
        }
        let workspace = Workspace::create("lab").unwrap();
        let run = workspace.experiment("cells").unwrap().start_logging().unwrap();
        let session = json!({"workspace": "lab", "experiment": "cells", "run_id": run.id()});
        std::fs::write("session.json", session.to_string()).unwrap();
        let job = [
            ("LAZULI_RUN_ID", run.id()),
            ("LAZULI_WORKSPACE", "lab"),
            ("LAZULI_EXPERIMENT", "cells"),
        ];
        for variables in [&[("LAZULI_SESSION", "session.json")][..], &job[..]] {
            let output = std::process::Command::new(std::env::current_exe().unwrap())
                .args([name, "--exact", "--nocapture"])
                .env("ASKED", "1")
                .envs(variables.iter().copied())
                .output()
                .unwrap();
            said(&output);
        }
        assert_eq!(run.metrics().unwrap().series("asked"), [1.0, 1.0]);
        assert_eq!(workspace.runs().unwrap().len(), 1);
        run.complete().unwrap();
    });
}

#[test]
fn runs_are_listed_by_experiment_and_status() {
    alone("workspaces::runs_are_listed_by_experiment_and_status", || {
        let workspace = Workspace::create("lab").unwrap();
        let first = workspace.experiment("first").unwrap();
        let second = workspace.experiment("second").unwrap();
        let done = first.start_logging_named("done").unwrap();
        done.log("loss", 0.5).unwrap();
        done.complete().unwrap();
        let open = first.start_logging().unwrap();
        let other = second.start_logging().unwrap();
        let ids = |runs: &[Run]| runs.iter().map(|run| run.id().to_owned()).collect::<Vec<_>>();
        assert_eq!(ids(&workspace.runs().unwrap()), [other.id(), open.id(), done.id()]);
        assert_eq!(ids(&first.runs().unwrap()), [open.id(), done.id()]);
        let completed = RunQuery { status: Some(RunStatus::Completed), ..RunQuery::default() };
        let completed = workspace.find_runs(&completed).unwrap();
        assert_eq!(ids(&completed), [done.id()]);
        let text = completed.to_string();
        assert!(text.starts_with("1 run\nRun "), "{text}");
        assert!(text.contains(" done ") && text.ends_with("loss=0.5"), "{text}");
        assert_eq!(workspace.run(&done.id()[..done.id().len() - 1]).unwrap().id(), done.id());
        let experiments = workspace.experiments().unwrap();
        let mut names: Vec<&str> = experiments.iter().map(|found| found.name()).collect();
        names.sort_unstable();
        assert_eq!(names, ["first", "second"]);
        open.cancel().unwrap();
        other.cancel().unwrap();
    });
}

#[test]
fn secrets_are_kept_and_given_back() {
    alone("workspaces::secrets_are_kept_and_given_back", || {
        let workspace = Workspace::from_config().unwrap();
        workspace.set_secret("api/key", "s3cret").unwrap();
        assert_eq!(workspace.secret("api/key").unwrap(), "s3cret");
        let client = workspace.client().unwrap();
        assert_eq!(client.secrets("default").unwrap()[0].name, "api/key");
        client.delete_secret("default", "api/key").unwrap();
        workspace.secret("api/key").unwrap_err();
    });
}
