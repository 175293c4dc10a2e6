use axum::http::Method;
use lazuli_domain::{Artifact, ErrorKind, Experiment, ImportReport, Metric, Page, Run};
use serde_json::{Value, json};

use crate::mlflow::post;
use crate::support::{Answer, Daemon, scalar};

const ARCHIVE: &str = "/api/workspaces/default/experiments/churn/archive";
const IMPORT: &str = "/api/workspaces/default/archives";

impl Daemon {
    async fn export(&self) -> Answer {
        let answer = self.call(Method::GET, ARCHIVE, None).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        answer
    }

    async fn import(&self, query: &str, archive: &Answer) -> ImportReport {
        self.post_lines(&format!("{IMPORT}{query}"), archive.body.clone()).await.unwrap()
    }

    async fn runs_of(&self, experiment: &str) -> Vec<Run> {
        let path = format!("/api/workspaces/default/runs?experiment={experiment}");
        self.get::<Page<Run>>(&path).await.items
    }
}

/// An experiment with a parent, a child, a script run and one that goes on; the parent's id.
async fn furnished(daemon: &Daemon) -> String {
    let parent = daemon
        .new_run_with(json!({"experiment": "churn", "tags": {"a": "b"}, "properties": {"p": "q"}}))
        .await
        .run_id;
    for value in [1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0] {
        daemon.log(&parent, &scalar("loss", value));
    }
    let path = format!("/api/runs/{parent}/artifacts/outputs/model.pkl");
    daemon.put_bytes(&path, "weights").await.ok::<Artifact>("put");
    let child = daemon.new_run_with(json!({"experiment": "churn", "parent_run_id": parent})).await;
    daemon.complete(&child.run_id).await;
    daemon.complete(&parent).await;
    let snapshot = daemon.snapshot(&[("train.py", "print()")]).await;
    let job = json!({
        "experiment": "churn",
        "job": {"snapshot_id": snapshot, "script": "train.py", "compute": "local"}
    });
    let script: Run = daemon.post("/api/workspaces/default/jobs", job).await;
    daemon.post::<Run>(&format!("/api/runs/{}/cancel", script.run_id), Value::Null).await;
    let deleted = daemon.new_run_with(json!({"experiment": "churn"})).await.run_id;
    daemon.complete(&deleted).await;
    daemon.call(Method::DELETE, &format!("/api/runs/{deleted}"), None).await.ok::<Run>("delete");
    daemon.new_run_with(json!({"experiment": "churn"})).await;
    // Something else, which is not in the archive.
    daemon.new_run_with(json!({"experiment": "other"})).await;
    parent
}

/// The experiment's ended runs with their histories, as a client sees them.
async fn seen(daemon: &Daemon, experiment: &str) -> Vec<(Value, Value)> {
    let mut seen = Vec::new();
    for run in daemon.runs_of(experiment).await {
        if run.status.is_final() {
            let metrics: Vec<Metric> =
                daemon.get(&format!("/api/runs/{}/metrics", run.run_id)).await;
            seen.push((serde_json::to_value(run).unwrap(), serde_json::to_value(metrics).unwrap()));
        }
    }
    seen
}

#[tokio::test]
async fn an_experiment_travels_whole() {
    let here = Daemon::start().await;
    let parent = furnished(&here).await;
    let archive = here.export().await;
    assert_eq!((archive.header("x-lazuli-runs"), archive.header("x-lazuli-left-out")), ("3", "1"));
    // Into a home with another database, where other keys are taken already.
    let there = Daemon::start_on_sqlite().await;
    for _ in 0..3 {
        let run = there.new_run().await.run_id;
        there.log(&run, &scalar("loss", 7.0));
        there.complete(&run).await;
    }
    let report = there.import("", &archive).await;
    let expected = ImportReport {
        experiment: "churn".into(),
        runs: 3,
        present: 0,
        blobs: 2,
        bytes: 14,
        missing: Vec::new(),
    };
    assert_eq!(report, expected);
    assert_eq!(seen(&there, "churn").await, seen(&here, "churn").await);
    let path = format!("/api/runs/{parent}/artifacts/outputs/model.pkl");
    assert_eq!(there.call(Method::GET, &path, None).await.body.as_ref(), b"weights");
    let children: Vec<Run> = there.get(&format!("/api/runs/{parent}/children")).await;
    assert_eq!(children.len(), 1);
    let experiment = "/api/workspaces/default/experiments/churn";
    assert_eq!(there.get::<Experiment>(experiment).await.runs, 3);

    // Again: nothing doubles.
    let again = there.import("", &archive).await;
    assert_eq!((again.runs, again.present), (0, 3));
    assert_eq!(seen(&there, "churn").await, seen(&here, "churn").await);
    // And back.
    let back = Daemon::start().await;
    assert_eq!(back.import("", &there.export().await).await, expected);
    assert_eq!(seen(&back, "churn").await, seen(&here, "churn").await);
}

#[tokio::test]
async fn a_copy_in_the_same_home_has_ids_of_its_own() {
    let daemon = Daemon::start().await;
    let parent = furnished(&daemon).await;
    let archive = daemon.export().await;
    let same = daemon.import("", &archive).await;
    assert_eq!((same.runs, same.present), (0, 3));
    let copy = daemon.import("?name=copy", &archive).await;
    assert_eq!((copy.experiment.as_str(), copy.runs, copy.present), ("copy", 3, 0));
    let again = daemon.import("?name=copy", &archive).await;
    assert_eq!((again.runs, again.present), (0, 3));
    let runs = daemon.runs_of("copy").await;
    assert_eq!(runs.len(), 3);
    assert!(runs.iter().all(|run| run.run_id.starts_with("copy_") && run.run_id != parent));
    let original = daemon.run(&parent).await;
    let copied = runs.iter().find(|run| run.tags == original.tags && !run.tags.is_empty()).unwrap();
    assert_eq!(copied.name, copied.run_id);
    let child = runs.iter().find(|run| run.parent_run_id.is_some()).unwrap();
    assert_eq!(child.parent_run_id.as_deref(), Some(copied.run_id.as_str()));
    // NaN is not equal to itself; as JSON it is.
    assert_eq!(
        serde_json::to_value(&copied.metrics).unwrap(),
        serde_json::to_value(&original.metrics).unwrap()
    );
}

#[tokio::test]
async fn a_bad_archive_brings_nothing_in() {
    let daemon = Daemon::start().await;
    furnished(&daemon).await;
    let archive = daemon.export().await.body.to_vec();
    let other = Daemon::start().await;
    let refused = async |path: &str, bytes: Vec<u8>| {
        let refused = other.post_lines::<ImportReport>(path, bytes).await.unwrap_err();
        assert_ne!(refused.kind, ErrorKind::Internal, "{}", refused.message);
        refused.message
    };
    for length in (1..archive.len() / 512 - 2).step_by(3) {
        let torn = "the file is an exported experiment that is torn or damaged";
        assert_eq!(refused(IMPORT, archive[..length * 512].to_vec()).await, torn);
    }
    let backup = daemon.backup().await;
    assert_eq!(refused(IMPORT, backup).await, "the archive is a backup of a whole home");
    refused("/api/workspaces/nowhere/archives", archive.clone()).await;
    refused(&format!("{IMPORT}?name="), archive.clone()).await;
    // Of a deleted experiment of that name nothing comes back by chance.
    let run = other.new_run_with(json!({"experiment": "churn"})).await.run_id;
    other.complete(&run).await;
    let path = "/api/workspaces/default/experiments/churn";
    other.call(Method::DELETE, path, None).await.ok::<Experiment>("delete");
    assert_eq!(refused(IMPORT, archive).await, "the experiment `churn` is deleted");
    assert_eq!(other.runs_of("churn").await, []);
    daemon.get_refused("/api/workspaces/default/experiments/nothing/archive", 404).await;
}

/// The experiment's logged models and what its runs read and made, as MLflow's clients see them;
/// ids are replaced by what they stand for.
async fn seen_by_mlflow(daemon: &Daemon, experiment: &str) -> (Value, Value, Vec<u8>) {
    let path = format!("/api/2.0/mlflow/experiments/get-by-name?experiment_name={experiment}");
    let id = daemon.get::<Value>(&path).await["experiment"]["experiment_id"].take();
    let asked = json!({"experiment_ids": [id]});
    let mut models: Value = post(daemon, "/logged-models/search", asked).await;
    let mut info = models["models"][0]["info"].take();
    assert_eq!(models["models"].as_array().map(Vec::len), Some(1), "{models}");
    let run_id = info["source_run_id"].as_str().unwrap().to_owned();
    let model_id = info["model_id"].as_str().unwrap().to_owned();
    let path = format!("/api/2.0/mlflow/runs/get?run_id={run_id}");
    let mut run = daemon.get::<Value>(&path).await["run"].take();
    assert_eq!(run["info"]["experiment_id"], id);
    let file = format!(
        "/api/2.0/mlflow/logged-models/{model_id}/artifacts/files?artifact_file_path=MLmodel"
    );
    let file = daemon.call(Method::GET, &file, None).await;
    assert_eq!(file.status, 200, "{:?}", file.body);
    for name in ["experiment_id", "artifact_uri", "source_run_id", "model_id"] {
        info.as_object_mut().unwrap().remove(name);
    }
    assert_eq!(run["outputs"]["model_outputs"], json!([{"model_id": model_id, "step": 3}]));
    let metrics = json!([run["inputs"].take(), models["models"][0]["data"]["metrics"][0]["value"]]);
    (info, metrics, file.body.to_vec())
}

#[tokio::test]
async fn what_mlflow_keeps_beside_runs_travels_too() {
    let here = Daemon::start().await;
    let run_id = here.new_run_with(json!({"experiment": "churn"})).await.run_id;
    let path = "/api/2.0/mlflow/experiments/get-by-name?experiment_name=churn".to_owned();
    let id = here.get::<Value>(&path).await["experiment"]["experiment_id"].take();
    let new = json!({
        "experiment_id": id, "name": "ridge", "source_run_id": run_id,
        "params": [{"key": "alpha", "value": "0.25"}],
    });
    let model: Value = post(&here, "/logged-models", new).await;
    let model = &model["model"]["info"];
    let root = model["artifact_uri"].as_str().unwrap().strip_prefix("mlflow-artifacts:/").unwrap();
    let file = format!("/api/2.0/mlflow-artifacts/artifacts/{root}/MLmodel");
    here.put_bytes(&file, "flavors").await;
    let dataset =
        json!({"name": "d", "digest": "1", "source_type": "local", "source": "{}", "schema": "[]"});
    let inputs = json!({"run_id": run_id, "datasets": [{"dataset": dataset, "tags": []}]});
    post(&here, "/runs/log-inputs", inputs).await;
    let outputs = json!({"run_id": run_id, "models": [{"model_id": model["model_id"], "step": 3}]});
    post(&here, "/runs/outputs", outputs).await;
    let metric = json!({
        "run_id": run_id, "key": "r2", "value": 0.5, "timestamp": 1, "step": 0,
        "model_id": model["model_id"],
    });
    post(&here, "/runs/log-metric", metric).await;
    here.complete(&run_id).await;

    let original = seen_by_mlflow(&here, "churn").await;
    assert_eq!(original.1[1], 0.5);
    assert_eq!(original.2, b"flavors");
    let archive = here.export().await;
    let there = Daemon::start_on_sqlite().await;
    // Keys and ids that are taken there already.
    let other = json!({"experiment_id": "0", "name": "other"});
    post(&there, "/logged-models", other).await;
    for _ in 0..2 {
        there.import("", &archive).await;
        assert_eq!(seen_by_mlflow(&there, "churn").await, original);
    }
    // A copy beside it has ids of its own, and a file where they say that it is.
    for _ in 0..2 {
        here.import("?name=copy", &archive).await;
        assert_eq!(seen_by_mlflow(&here, "copy").await, original);
    }
    assert_eq!(seen_by_mlflow(&here, "churn").await, original);
}
