use axum::http::{Method, StatusCode};
use lazuli_domain::{ErrorKind, Model, Snapshot};
use serde_json::{Value, json};

use crate::support::{Daemon, sha256};

const MODELS: &str = "/api/workspaces/default/models";

async fn blob(daemon: &Daemon, content: &'static str) -> String {
    let digest = sha256(content.as_bytes());
    let answer = daemon.put_bytes(&format!("/api/blobs/{digest}"), content).await;
    assert_eq!(answer.status, StatusCode::OK);
    digest
}

#[tokio::test]
async fn versions_are_counted_per_name() {
    let daemon = Daemon::start().await;
    let digest = blob(&daemon, "weights").await;
    let files = json!([{"path": "model.pkl", "size": 0, "sha256": digest}]);
    let new = json!({
        "name": "churn", "source": {"blobs": files}, "description": "first",
        "tags": {"a": "b"}, "framework": "ScikitLearn", "framework_version": "1.7",
    });
    let first: Model = daemon.post(MODELS, new.clone()).await;
    let second: Model = daemon.post(MODELS, new).await;
    assert_eq!((first.version, second.version), (1, 2));
    assert_eq!((first.size, first.checksum.as_str()), (7, digest.as_str()));
    assert_eq!(first.framework.as_deref(), Some("ScikitLearn"));

    let newest: Model = daemon.get(&format!("{MODELS}/churn")).await;
    assert_eq!(newest, second);
    assert_eq!(daemon.get::<Model>(&format!("{MODELS}/churn?version=1")).await, first);
    let listed: Vec<Model> = daemon.get(&format!("{MODELS}?name=churn")).await;
    assert_eq!(listed, [second, first]);
    assert_eq!(daemon.get::<Vec<Model>>(&format!("{MODELS}?name=other")).await, []);

    let file = daemon.call(Method::GET, &format!("{MODELS}/churn/1/files/model.pkl"), None).await;
    assert_eq!(file.body.as_ref(), b"weights");
    daemon.get_refused(&format!("{MODELS}/churn/1/files/other.pkl"), 404).await;
    daemon.get_refused(&format!("{MODELS}/churn/1/files/..%2f..%2ftoken"), 400).await;
    daemon.get_refused(&format!("{MODELS}/churn/one/files/model.pkl"), 400).await;
    let error = daemon.get_refused(&format!("{MODELS}/churn?version=9"), 404).await;
    assert_eq!(error.to_string(), "model `churn:9` not found\nhint: its newest version is 2");
    let error = daemon.get_refused(&format!("{MODELS}/chrun"), 404).await;
    assert_eq!(error.hint.as_deref(), Some("did you mean `churn`?"));
}

#[tokio::test]
async fn a_model_comes_from_a_file_or_a_folder_of_a_run() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    for (name, content) in [("model.pkl", "m"), ("folder/a.txt", "a"), ("folder/sub/b.txt", "b")] {
        let path = format!("/api/runs/{}/artifacts/outputs/{name}", run.run_id);
        daemon.put_bytes(&path, content).await;
    }
    let register = async |path: &str| -> Model {
        let source = json!({"run": {"run_id": run.run_id, "path": path}});
        daemon.post(MODELS, json!({"name": "m", "source": source})).await
    };
    let paths = |model: &Model| -> Vec<String> {
        model.files.iter().map(|file| file.path.clone()).collect()
    };
    let file = register("outputs/model.pkl").await;
    assert_eq!(paths(&file), ["model.pkl"]);
    assert_eq!(file.run_id.as_deref(), Some(run.run_id.as_str()));
    assert_eq!(file.experiment.as_deref(), Some("diabetes"));
    let folder = register("outputs/folder").await;
    assert_eq!(paths(&folder), ["folder/a.txt", "folder/sub/b.txt"]);
    let lines: String =
        folder.files.iter().map(|file| format!("{} {}\n", file.sha256, file.path)).collect();
    assert_eq!(folder.checksum, sha256(lines.as_bytes()));

    let source = json!({"run": {"run_id": run.run_id, "path": "outputs/modle.pkl"}});
    let error = daemon.post_refused(MODELS, json!({"name": "m", "source": source}), 404).await;
    assert_eq!(error.hint.as_deref(), Some("did you mean `outputs/model.pkl`?"));
}

/// Attack 6: a model's source is never a path of this machine.
#[tokio::test]
async fn a_model_that_is_not_there_is_refused_and_takes_no_version() {
    let daemon = Daemon::start().await;
    let digest = blob(&daemon, "weights").await;
    let run = daemon.new_run().await;
    let file = |path: &str, digest: &str| json!({"path": path, "size": 1, "sha256": digest});
    let from_run = |path: &str| json!({"run": {"run_id": run.run_id, "path": path}});
    for (source, status) in [
        (json!({"blobs": []}), 400),
        (json!({"blobs": [file("a", &"0".repeat(64))]}), 400),
        (json!({"blobs": [file("../a", &digest)]}), 400),
        (json!({"blobs": [file("a", "../../../etc/passwd")]}), 400),
        (json!({"blobs": [file("a", &digest), file("a", &digest)]}), 400),
        (json!({"file": "/etc/passwd"}), 400),
        (from_run("../../../etc/passwd"), 400),
        (from_run("/etc/passwd"), 400),
        (from_run("file:///etc/passwd"), 404),
        (json!({"run": {"run_id": "nobody_1", "path": "outputs"}}), 404),
    ] {
        daemon.post_refused(MODELS, json!({"name": "m", "source": source}), status).await;
    }
    let source = json!({"blobs": [file("a", &digest)]});
    let long = json!({"name": "x".repeat(300), "source": source});
    assert_eq!(daemon.post_refused(MODELS, long, 400).await.kind, ErrorKind::Invalid);
    let made: Model = daemon.post(MODELS, json!({"name": "m", "source": source})).await;
    assert_eq!(made.version, 1);
}

#[tokio::test]
async fn a_snapshot_asks_for_what_is_missing() {
    let daemon = Daemon::start().await;
    let (one, two) = (sha256(b"one"), sha256(b"two"));
    let files = json!({"files": [
        {"path": "train.py", "size": 3, "sha256": one},
        {"path": "lib/run.sh", "size": 3, "sha256": two, "executable": true},
        {"path": "copy.py", "size": 3, "sha256": one},
    ]});
    let asked: Value = daemon.post("/api/snapshots", files.clone()).await;
    let mut missing: Vec<String> = serde_json::from_value(asked["missing"].clone()).unwrap();
    missing.sort();
    let mut both = [one.clone(), two.clone()];
    both.sort();
    assert_eq!(missing, both);
    let path = format!("/api/snapshots/{}", asked["snapshot_id"].as_str().unwrap());
    daemon.get_refused(&path, 404).await;
    blob(&daemon, "one").await;
    blob(&daemon, "two").await;
    let made: Value = daemon.post("/api/snapshots", files).await;
    assert_eq!((&made["missing"], &made["snapshot_id"]), (&json!([]), &asked["snapshot_id"]));
    let lines = format!("644 {one} copy.py\n755 {two} lib/run.sh\n644 {one} train.py\n");
    assert_eq!(made["snapshot_id"], sha256(lines.as_bytes()));
    let snapshot: Snapshot = daemon.get(&path).await;
    assert_eq!((snapshot.files.len(), snapshot.size), (3, 9));

    for (path, digest) in [("../x", one.as_str()), ("x", "short")] {
        let bad = json!({"files": [{"path": path, "size": 3, "sha256": digest}]});
        daemon.post_refused("/api/snapshots", bad, 400).await;
    }
}

#[tokio::test]
async fn deleting_and_restoring_are_events() {
    let daemon = Daemon::start().await;
    let sha256 = blob(&daemon, "weights").await;
    let files = json!([{"path": "m.bin", "size": 0, "sha256": sha256}]);
    let new = json!({"name": "m", "source": {"blobs": files}});
    daemon.post::<Model>(MODELS, new.clone()).await;
    daemon.post::<Model>(MODELS, new).await;
    let before = *daemon.app.store.recent().last().borrow();
    daemon.call(Method::DELETE, &format!("{MODELS}/m/2"), None).await;
    daemon.post::<Model>(&format!("{MODELS}/m/2/restore"), Value::Null).await;
    daemon.call(Method::DELETE, &format!("{MODELS}/m"), None).await;
    daemon.post::<Value>(&format!("{MODELS}/m/restore"), Value::Null).await;
    let everything = Default::default();
    let events = daemon
        .app
        .store
        .read(move |database| {
            lazuli_backend::store::events::after(database, before, &everything, 10)
        })
        .await
        .unwrap();
    let told: Vec<Value> =
        events.into_iter().map(|event| serde_json::to_value(event.kind).unwrap()).collect();
    let registered = json!({"type": "model_registered", "name": "m", "version": 2});
    assert_eq!(
        told,
        [
            json!({"type": "model_deleted", "name": "m", "version": 2}),
            registered.clone(),
            json!({"type": "model_deleted", "name": "m"}),
            registered,
        ]
    );
}
