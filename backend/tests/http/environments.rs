use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use lazuli_domain::{CachedEnvironment, Environment, Run};
use serde_json::{Value, json};

use crate::support::Daemon;

const ENVIRONMENTS: &str = "/api/workspaces/default/environments";

fn made_of(packages: &[&str]) -> Value {
    json!({"python": {"conda": {"dependencies": ["python=3.10", {"pip": packages}]}}})
}

async fn register(daemon: &Daemon, name: &str, packages: &[&str]) -> Environment {
    daemon.post(ENVIRONMENTS, json!({"name": name, "definition": made_of(packages)})).await
}

#[tokio::test]
async fn a_version_never_changes_and_the_same_definition_is_the_same_version() {
    let daemon = Daemon::start().await;
    let first = register(&daemon, "training", &["six"]).await;
    assert_eq!((first.version.as_str(), first.curated), ("1", false));
    assert_eq!(register(&daemon, "training", &["six"]).await, first);
    let second = register(&daemon, "training", &["six", "toolz"]).await;
    assert_eq!(second.version, "2");
    assert_ne!(second.content_hash, first.content_hash);
    // What was the definition of an older version is a new version again.
    assert_eq!(register(&daemon, "training", &["six"]).await.version, "3");

    let named = json!({"name": "training", "version": "1", "definition": made_of(&["toolz"])});
    let error = daemon.post_refused(ENVIRONMENTS, named, 409).await;
    assert_eq!(error.message, "environment `training:1` is registered with another definition");
    let named = json!({"name": "training", "version": "best", "definition": made_of(&["toolz"])});
    let best: Environment = daemon.post(ENVIRONMENTS, named).await;
    assert_eq!(best.version, "best");
    assert_eq!(register(&daemon, "training", &["six", "toolz"]).await.version, "4");

    let versions: Vec<Environment> = daemon.get(&format!("{ENVIRONMENTS}/training/versions")).await;
    let names: Vec<&str> = versions.iter().map(|known| known.version.as_str()).collect();
    assert_eq!(names, ["4", "best", "3", "2", "1"]);
    let path = format!("{ENVIRONMENTS}/training?version=1");
    assert_eq!(daemon.get::<Environment>(&path).await, first);
    let error = daemon.get_refused(&format!("{ENVIRONMENTS}/training?version=9"), 404).await;
    assert_eq!(error.message, "environment `training:9` not found");
    assert_eq!(error.hint.as_deref(), Some("its newest version is `4`"));
    let error = daemon.get_refused(&format!("{ENVIRONMENTS}/trianing"), 404).await;
    assert_eq!(error.hint.as_deref(), Some("did you mean `training`?"));

    let daemon = daemon.killed_and_started_again().await;
    let answer = daemon.call(Method::DELETE, &format!("{ENVIRONMENTS}/training"), None).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    daemon.get_refused(&format!("{ENVIRONMENTS}/training"), 404).await;
}

#[tokio::test]
async fn a_label_points_to_one_version() {
    let daemon = Daemon::start().await;
    register(&daemon, "training", &["six"]).await;
    register(&daemon, "training", &["toolz"]).await;
    let label = |version: &str| format!("{ENVIRONMENTS}/training/{version}");
    for version in ["1", "2"] {
        let body = Some(json!({"labels": ["prod"]}));
        let changed: Environment =
            daemon.call(Method::PATCH, &label(version), body).await.ok("labels");
        assert_eq!(changed.labels, ["prod"]);
    }
    let path = format!("{ENVIRONMENTS}/training?label=prod");
    assert_eq!(daemon.get::<Environment>(&path).await.version, "2");
    let first: Environment = daemon.get(&format!("{ENVIRONMENTS}/training?version=1")).await;
    assert_eq!(first.labels, [""; 0]);
    let error = daemon.get_refused(&format!("{ENVIRONMENTS}/training?label=dev"), 404).await;
    assert_eq!(error.hint.as_deref(), Some("no version of it has the label `dev`"));
    let body = Some(json!({"labels": ["latest"]}));
    daemon.call(Method::PATCH, &label("1"), body).await.refused(400);
}

#[tokio::test]
async fn curated_environments_are_there_and_stay_as_they_are() {
    let daemon = Daemon::start().await;
    register(&daemon, "own", &["six"]).await;
    let own: Vec<Environment> = daemon.get(&format!("{ENVIRONMENTS}?curated=false")).await;
    assert_eq!(own.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["own"]);
    let all: Vec<Environment> = daemon.get(ENVIRONMENTS).await;
    assert!(all.len() > 20 && all.iter().any(|it| it.name == "own"), "{}", all.len());
    let tutorial: Environment = daemon.get(&format!("{ENVIRONMENTS}/azureml-tutorial")).await;
    assert_eq!((tutorial.name.as_str(), tutorial.curated), ("AzureML-Tutorial", true));
    let conda = tutorial.definition.python.conda.unwrap();
    assert!(conda.pip_lines().any(|line| line == "scikit-learn"), "{conda:?}");
    let later: Environment =
        daemon.get(&format!("{ENVIRONMENTS}/AzureML-Tutorial?version=44")).await;
    assert_eq!((later.version.as_str(), later.content_hash), ("44", tutorial.content_hash));
    let error = daemon.get_refused(&format!("{ENVIRONMENTS}/AzureML-Tutorail"), 404).await;
    assert_eq!(error.hint.as_deref(), Some("did you mean `AzureML-Tutorial`?"));
    let taken = json!({"name": "AzureML-Mine", "definition": made_of(&["six"])});
    let error = daemon.post_refused(ENVIRONMENTS, taken, 400).await;
    assert_eq!(
        error.message,
        "the name `AzureML-Mine` is kept for environments that come with Lazuli"
    );
}

#[tokio::test]
async fn a_job_keeps_what_it_was_submitted_with() {
    let daemon = Daemon::start().await;
    let snapshot_id = daemon.snapshot(&[("train.py", "print(1)")]).await;
    let submit = |environment: Value| {
        json!({"experiment": "e", "properties": {"a": "b"}, "job": {
            "snapshot_id": snapshot_id, "script": "train.py", "environment": environment,
            "settings": {"node_count": 4},
        }})
    };
    let jobs = "/api/workspaces/default/jobs";
    let given = json!({"name": "inline", "definition": made_of(&["six"])});
    let run: Run = daemon.post(jobs, submit(given)).await;
    assert_eq!(run.properties["a"], "b");
    assert_eq!(run.snapshot_id.as_ref(), Some(&snapshot_id));
    let job = |run: &Run| format!("/api/runs/{}/job", run.run_id);
    let spec = daemon.get::<Value>(&job(&run)).await["spec"].clone();
    assert_eq!(spec["environment"]["version"], "1");
    assert_eq!(spec["settings"], json!({"node_count": 4}));
    // The name says the same from now on, and the job goes on to say it when the name is gone.
    let inline: Environment = daemon.get(&format!("{ENVIRONMENTS}/inline")).await;
    let run: Run = daemon.post(jobs, submit(json!({"name": "inline"}))).await;
    daemon.call(Method::DELETE, &format!("{ENVIRONMENTS}/inline"), None).await;
    let spec = daemon.get::<Value>(&job(&run)).await["spec"].clone();
    let definition = serde_json::to_value(&inline.definition).unwrap();
    assert_eq!(spec["environment"]["definition"], definition);

    let run: Run = daemon.post(jobs, submit(json!({"name": "AzureML-Minimal"}))).await;
    let spec = daemon.get::<Value>(&job(&run)).await["spec"].clone();
    assert_eq!(spec["environment"]["version"], "1");
    let error = daemon.post_refused(jobs, submit(json!({"name": "nowhere"})), 404).await;
    assert_eq!(error.message, "environment `nowhere` not found");
    let mut both = submit(json!({"name": "AzureML-Minimal"}));
    both["job"]["python"] = json!({"packages": ["six"]});
    let error = daemon.post_refused(jobs, both, 400).await;
    assert_eq!(error.message, "the job has an environment and packages beside it");
    let runs: Value = daemon.get("/api/workspaces/default/runs").await;
    assert_eq!(runs["items"].as_array().unwrap().len(), 3, "a refused job leaves nothing");
}

#[tokio::test]
async fn bad_definitions_are_refused_in_one_sentence() {
    let daemon = Daemon::start().await;
    for (definition, said) in [
        (json!({"python": {"conda": {"dependencies": [{"numpy": "1"}]}}}), "is neither a package"),
        (json!({"python": {"condda": {}}}), "unknown field `condda`"),
        (json!({"environment_variables": {"A=B": "c"}}), "`A=B` is no environment variable"),
        (json!({"python": {"conda": {"dependencies": ["a\nb"]}}}), "`a\\nb` is no package"),
    ] {
        let new = json!({"name": "bad", "definition": definition});
        let error = daemon.post_refused(ENVIRONMENTS, new, 400).await;
        assert!(error.message.contains(said), "{said}: {}", error.message);
    }
    let conda = json!({"text": "dependencies:\n  - numpy: [\n", "file": "conda.yml"});
    let error = daemon.post_refused("/api/conda-specifications", conda, 400).await;
    assert!(error.message.starts_with("the conda file `conda.yml` is no YAML at line "), "{error}");
    let conda = json!({"text": "name: a\ndependencies:\n- python=3.8\n- pip:\n  - six\n"});
    let read: Value = daemon.post("/api/conda-specifications", conda).await;
    let expected = json!({"name": "a", "dependencies": ["python=3.8", {"pip": ["six"]}]});
    assert_eq!(read, expected);
    let yaml = Request::post("/api/yaml").body(Body::from("a: [1, 'x']\nb:\n  c: true\n")).unwrap();
    let read: Value = daemon.send(yaml).await.ok("yaml");
    assert_eq!(read, json!({"a": [1, "x"], "b": {"c": true}}));
}

#[tokio::test]
async fn what_was_made_is_listed() {
    let daemon = Daemon::start().await;
    assert_eq!(daemon.get::<Vec<CachedEnvironment>>("/api/cached-environments").await, []);
    let folder = daemon.home().join("environments/abc");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::create_dir_all(daemon.home().join("environments/tmp-1")).unwrap();
    std::fs::write(daemon.home().join("environments/abc.lock"), "").unwrap();
    let environment = json!({
        "hash": "abc", "state": "ready", "python": "3.11.7", "packages": ["numpy"],
        "created_at_ms": 1, "size": 2,
    });
    std::fs::write(folder.join("environment.json"), environment.to_string()).unwrap();
    let listed: Value = daemon.get("/api/cached-environments").await;
    assert_eq!(listed, json!([environment]));
}

#[tokio::test]
async fn a_build_is_told_from_its_folder() {
    let daemon = Daemon::start().await;
    let registered = register(&daemon, "training", &["six"]).await;
    let folder = daemon.home().join("builds/build_1_ab");
    std::fs::create_dir_all(&folder).unwrap();
    let build = json!({
        "build_id": "build_1_ab", "workspace": "default", "started_at_ms": 1, "interpreter": null,
        "environment": {"name": "training", "version": "1", "definition": registered.definition},
    });
    std::fs::write(folder.join("build.json"), build.to_string()).unwrap();
    let path = "/api/environment-builds/build_1_ab";
    // Nobody is at work on it, and it does not run for ever.
    let told: Value = daemon.get(path).await;
    assert_eq!(told["status"], "Failed");
    assert_eq!(told["error"]["message"], "the agent of this build is gone");

    std::fs::write(folder.join("log.txt"), "one\ntwo\n").unwrap();
    let report = json!({"status": "Succeeded", "ended_at_ms": 5, "built": {"interpreter": "/p"}});
    std::fs::write(folder.join("report.json"), report.to_string()).unwrap();
    let told: Value = daemon.get(path).await;
    assert_eq!((&told["status"], &told["ended_at_ms"]), (&json!("Succeeded"), &json!(5)));
    let log = daemon.call(Method::GET, &format!("{path}/log?offset=4"), None).await;
    assert_eq!((&log.body[..], log.header("x-lazuli-size")), (&b"two\n"[..], "8"));
    let listed: Value = daemon.get(&format!("{ENVIRONMENTS}/training/1/builds")).await;
    assert_eq!(listed, json!([told]));
    for outside in ["..%2F..", "nothing", "."] {
        daemon.get_refused(&format!("/api/environment-builds/{outside}"), 404).await;
    }
}
