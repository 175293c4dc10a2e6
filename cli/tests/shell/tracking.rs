use serde_json::json;

use crate::fixture::{Place, said};

#[test]
fn what_is_logged_is_shown() {
    let place = Place::new();
    let run_id = place.start_run(&["--experiment", "churn", "--name", "first", "--tag", "a=b"]);
    assert!(run_id.starts_with("churn_"));
    let logged = place.ok(&["log", "accuracy=0.93", "n=10", "solver=ridge", "--run", &run_id]);
    assert_eq!(logged, format!("logged accuracy=0.93 n=10 solver=ridge to run `{run_id}`\n"));
    place.ok(&["log", "loss=nan", "--step", "7", "--run", &run_id]);
    place.ok(&["log", "loss=-0.5", "--run", &run_id]);
    place.ok(&["log_row", "epochs", "epoch=1", "loss=0.5", "--run", &run_id]);

    let run = place.json(&["run", "show", &run_id[..run_id.len() - 2]]);
    assert_eq!(run["run_id"], json!(run_id));
    assert_eq!(run["status"], "Running");
    assert_eq!(run["name"], "first");
    assert_eq!(run["user"], "tester");
    assert_eq!(run["tags"], json!({ "a": "b" }));
    let last: Vec<_> = run["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|metric| (metric["name"].as_str().unwrap(), metric["last"]["value"].clone()))
        .collect();
    assert_eq!(
        last,
        [
            ("accuracy", json!(0.93)),
            ("n", json!(10)),
            ("solver", json!("ridge")),
            ("loss", json!(-0.5)),
            ("epochs", json!({ "epoch": 1, "loss": 0.5 })),
        ]
    );
    let loss = place.json(&["run", "metrics", &run_id, "--name", "loss"]);
    assert_eq!(loss["points"][0]["value"], "NaN");
    assert_eq!(loss["points"][0]["step"], 7);

    let ended = place.ok(&["run", "complete", &run_id]);
    assert!(ended.starts_with(&format!("run `{run_id}` completed after ")), "{ended}");
    assert_eq!(place.json(&["run", "show"])["status"], "Completed");
    let late = place.run(&["log", "accuracy=1", "--run", &run_id]);
    assert_eq!(late.code, 1);
    assert_eq!(
        late.talk,
        format!(
            "error: run `{run_id}` is Completed and takes nothing more\n\
             hint: start another one with `lazuli run start`\n"
        )
    );
    assert_eq!(place.json(&["run", "show"])["metrics"][0]["count"], 1);
}

#[test]
fn the_environment_names_the_active_run() {
    let place = Place::new();
    let run_id = place.start_run(&[]);
    let logged = place.command(&["log", "a=1"]).env("LAZULI_RUN_ID", &run_id).spawn().unwrap();
    let logged = said(logged);
    assert_eq!(logged.out, format!("logged a=1 to run `{run_id}`\n"));
    let failed = place
        .command(&["run", "fail", "--message", "no data"])
        .env("LAZULI_RUN_ID", &run_id)
        .spawn()
        .unwrap();
    assert_eq!(said(failed).code, 0);
    assert_eq!(place.json(&["run", "show"])["error"]["message"], "no data");
}

#[test]
fn runs_are_listed_compared_and_tagged() {
    let place = Place::new();
    let first = place.start_run(&["--experiment", "churn"]);
    let second = place.start_run(&["--experiment", "churn"]);
    let other = place.start_run(&["--experiment", "other"]);
    for (run, accuracy) in [(&first, "accuracy=0.9"), (&second, "accuracy=0.8")] {
        place.ok(&["log", accuracy, "same=1", "--run", run]);
    }
    place.ok(&["run", "cancel", &other]);
    let ids = |words: &[&str]| -> Vec<String> {
        let runs = place.json(words);
        let runs = runs.as_array().unwrap().iter();
        runs.map(|run| run["run_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&["run", "list"]), [other.clone(), second.clone(), first.clone()]);
    assert_eq!(
        ids(&["run", "list", "--experiment", "churn", "--limit", "1"]),
        vec![second.clone()]
    );
    assert_eq!(ids(&["run", "list", "--status", "canceled"]), vec![other.clone()]);
    assert!(place.ok(&["run", "list", "--limit", "1"]).contains("there are more than 1"));

    let compared = place.ok(&["run", "compare", &first, &second]);
    assert!(compared.contains("accuracy") && !compared.contains("same"), "{compared}");
    assert!(place.ok(&["run", "compare", "-e", "churn", "--all"]).contains("same"));

    place.ok(&["run", "tag", "quality=good", "draft=yes", "--run", &first]);
    let tagged = place.ok(&["run", "tag", "--remove", "draft", "--run", &first]);
    assert_eq!(tagged, format!("tags of run `{first}`: quality=good\n"));
}

#[test]
fn a_folder_can_use_a_workspace() {
    let place = Place::new();
    place.ok(&["workspace", "create", "churn"]);
    place.ok(&["workspace", "use", "churn"]);
    assert_eq!(place.read(".azureml/config.json"), "{\n  \"workspace_name\": \"churn\"\n}\n");
    place.start_run(&[]);
    assert_eq!(place.json(&["run", "show"])["workspace"], "churn");
    assert_eq!(place.json(&["run", "list", "-w", "default"]), json!([]));
    assert_eq!(place.json(&["workspace", "show"])["runs"], 1);
    let experiments = place.json(&["experiment", "list"]);
    assert_eq!(experiments[0]["name"], "notebook");
}

#[test]
fn every_list_and_show_answers_in_json() {
    let place = Place::new();
    let run_id = place.start_run(&[]);
    place.write("model.pkl", "weights");
    place.ok(&["register_model", "m", "model.pkl"]);
    place.ok(&["secret", "set", "password", "hidden"]);
    for words in [
        &["workspace", "list"][..],
        &["workspace", "show"],
        &["experiment", "list"],
        &["experiment", "show", "notebook"],
        &["run", "list"],
        &["run", "show"],
        &["run", "metrics"],
        &["run", "logs"],
        &["run", "details", &run_id],
        &["model", "list"],
        &["model", "show", "m"],
        &["compute", "list"],
        &["compute", "show", "local"],
        &["environment", "list"],
        &["secret", "list"],
        &["secret", "show", "password"],
        &["status"],
    ] {
        place.json(words);
    }
}

#[test]
fn secrets_are_read_from_standard_input() {
    let place = Place::new();
    let kept = place.run_with_input(&["secret", "set", "password"], "correct horse\n");
    assert_eq!((kept.code, kept.out.as_str()), (0, "kept the secret `password`\n"));
    assert_eq!(place.ok(&["secret", "show", "password"]), "correct horse\n");
    assert!(!place.ok(&["secret", "list"]).contains("horse"));
    place.ok(&["secret", "delete", "password"]);
    assert_eq!(place.run(&["secret", "show", "password"]).code, 1);
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let place = Place::new();
    let mut child = place.start(&["completions", "bash"]);
    drop(child.stdout.take());
    let said = said(child);
    assert_eq!((said.code, said.talk.as_str()), (0, ""));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(place.ok(&["completions", shell]).contains("register_model"), "{shell}");
    }
}

#[test]
fn what_was_logged_is_verified() {
    let place = Place::new();
    let run_id = place.start_run(&["--experiment", "churn"]);
    place.ok(&["log", "loss=0.5", "loss=0.25", "--run", &run_id]);
    let text = place.ok(&["run", "verify", &run_id]);
    assert_eq!(
        text,
        format!(
            "Run        {run_id} (Running)\n\
             Logged     2 records\n\
             Shipped    2 records\n\
             Committed  2 records: 2 points and 0 other than points\n\
             Stored     2 points\n\
             Everything agrees\n"
        )
    );
    place.ok(&["run", "complete", &run_id]);
    let found = place.json(&["run", "verify"]);
    assert_eq!((&found["agrees"], &found["logged"]), (&json!(true), &json!(2)));

    // Somebody empties the spool of a run that goes on.
    let run_id = place.start_run(&["--experiment", "churn"]);
    place.ok(&["log", "loss=0.5", "--run", &run_id]);
    place.ok(&["run", "verify", &run_id]);
    let spool = place.home.join("spool").join(format!("{run_id}.jsonl"));
    std::fs::write(spool, "").unwrap();
    let bad = place.run(&["run", "verify", &run_id]);
    assert_eq!(bad.code, 1);
    let problem = "PROBLEM: 1 records were read from the spool, which holds 0 of them";
    assert!(bad.out.contains(problem), "{}", bad.out);
}

#[test]
fn runs_are_found_by_what_they_are() {
    let place = Place::new();
    for (name, loss, team) in [("a", "0.3", "blue"), ("b", "0.1", "blue"), ("c", "0.05", "red")] {
        let tag = format!("team={team}");
        let run_id = place.start_run(&["--experiment", "x", "--name", name, "--tag", &tag]);
        place.ok(&["log", &format!("loss={loss}"), "--run", &run_id]);
        place.ok(&["run", "complete", &run_id]);
    }
    let names = |arguments: &[&str]| -> Vec<String> {
        let runs = place.json(&[&["run", "list"], arguments].concat());
        let runs = runs.as_array().unwrap().iter();
        runs.map(|run| run["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&["--filter", "metrics.loss < 0.2"]), ["c", "b"]);
    assert_eq!(
        names(&["--filter", "tags.team = 'blue'", "--order-by", "metrics.loss"]),
        ["b", "a"]
    );
    assert_eq!(names(&["--order-by", "metrics.loss desc", "--limit", "2"]), ["a", "b"]);
    assert_eq!(place.ok(&["run", "list", "--filter", "tags.team = 'blue'", "--count"]), "2\n");
    assert_eq!(place.json(&["run", "list", "--count"]), json!({ "count": 3 }));
    let wrong = place.run(&["run", "list", "--filter", "metrics.loss < 'low"]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.talk.starts_with("error: ") && wrong.talk.contains("hint: "), "{}", wrong.talk);
}
