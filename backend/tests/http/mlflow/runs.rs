use axum::http::Method;
use lazuli_domain::{RunKind, RunStatus, RunVerification};
use serde_json::{Value, json};

use super::{ROOT, get, post, refusal, send};
use crate::support::{Daemon, scalar};

async fn create(daemon: &Daemon, body: Value) -> String {
    let created = post(daemon, "/runs/create", body).await;
    created["run"]["info"]["run_id"].as_str().unwrap().to_owned()
}

async fn info(daemon: &Daemon, run_id: &str) -> Value {
    get(daemon, &format!("/runs/get?run_id={run_id}")).await["run"]["info"].take()
}

async fn log_metric(daemon: &Daemon, run_id: &str, step: i64) {
    let point =
        json!({"run_id": run_id, "key": "loss", "value": 0.5, "timestamp": 7, "step": step});
    post(daemon, "/runs/log-metric", point).await;
}

async fn steps(daemon: &Daemon, run_id: &str) -> Vec<i64> {
    let history =
        get(daemon, &format!("/metrics/get-history?run_id={run_id}&metric_key=loss")).await;
    let points = history["metrics"].as_array().cloned().unwrap_or_default();
    points.iter().map(|point| point["step"].as_i64().unwrap()).collect()
}

fn tag<'a>(run: &'a Value, key: &str) -> &'a Value {
    let tags = run["data"]["tags"].as_array().unwrap();
    tags.iter().find(|tag| tag["key"] == key).map_or(&Value::Null, |tag| &tag["value"])
}

#[tokio::test]
async fn a_run_of_one_side_is_a_run_of_the_other() {
    let daemon = Daemon::start().await;
    let parent = create(&daemon, json!({"run_name": "outer", "user_id": "ann"})).await;
    let tags = json!([
        {"key": "mlflow.parentRunId", "value": parent},
        {"key": "mlflow.runName", "value": "inner"},
        {"key": "team", "value": "blue"},
    ]);
    let child = create(&daemon, json!({"start_time": "5", "tags": tags})).await;
    let ours = daemon.run(&child).await;
    assert_eq!((ours.kind, ours.status), (RunKind::Interactive, RunStatus::Running));
    assert_eq!((ours.name.as_str(), ours.experiment.as_str()), ("inner", "Default"));
    assert_eq!(
        (ours.parent_run_id.as_deref(), ours.started_at_ms),
        (Some(parent.as_str()), Some(5))
    );
    assert_eq!(ours.tags.keys().map(|key| key.as_str()).collect::<Vec<_>>(), ["team"]);
    assert_eq!(daemon.run(&parent).await.user, "ann");
    let children: Vec<Value> = daemon.get(&format!("/api/runs/{parent}/children")).await;
    assert_eq!(children.len(), 1);

    let theirs = get(&daemon, &format!("/runs/get?run_id={child}")).await["run"].take();
    assert_eq!(*tag(&theirs, "mlflow.runName"), "inner");
    assert_eq!(*tag(&theirs, "mlflow.parentRunId"), parent.as_str());
    assert_eq!(theirs["info"]["artifact_uri"], format!("mlflow-artifacts:/0/{child}/artifacts"));
    for filter in [
        format!("tags.mlflow.parentRunId = '{parent}'"),
        "tags.`mlflow.runName` = 'inner'".to_owned(),
        "attributes.start_time = 5 and tags.team = 'blue'".to_owned(),
    ] {
        let asked = json!({"experiment_ids": ["0"], "filter": filter});
        let found = post(&daemon, "/runs/search", asked).await;
        assert_eq!(found["runs"].as_array().map(Vec::len), Some(1), "{filter}");
        assert_eq!(found["runs"][0]["info"]["run_id"], child.as_str());
    }

    // The other way round.
    let sdk = daemon.new_run().await;
    daemon.log(&sdk.run_id, &scalar("loss", 2.0));
    let theirs = get(&daemon, &format!("/runs/get?run_id={}", sdk.run_id)).await["run"].take();
    assert_eq!(theirs["data"]["metrics"][0]["value"], 2.0);
    assert_eq!(theirs["info"]["status"], "RUNNING");
}

#[tokio::test]
async fn both_sides_log_to_one_run_until_it_ends_and_after_it_goes_on() {
    let daemon = Daemon::start().await;
    let run_id = create(&daemon, json!({})).await;
    log_metric(&daemon, &run_id, 10).await;
    daemon.log(&run_id, &scalar("loss", 1.0));
    assert_eq!(steps(&daemon, &run_id).await.len(), 2);

    let end = json!({"run_id": run_id, "status": "FINISHED", "end_time": 1234});
    let ended = post(&daemon, "/runs/update", end.clone()).await;
    assert_eq!(
        (&ended["run_info"]["status"], &ended["run_info"]["end_time"]),
        (&json!("FINISHED"), &json!(1234))
    );
    assert!(!daemon.app.home.spool(&run_id).exists(), "its processes see that it has ended");
    assert_eq!(daemon.run(&run_id).await.status, RunStatus::Completed);
    // As MLflow has it: metrics of an evaluation come after the training.
    log_metric(&daemon, &run_id, 20).await;
    assert_eq!(post(&daemon, "/runs/update", end).await["run_info"]["status"], "FINISHED");

    post(&daemon, "/runs/update", json!({"run_id": run_id, "status": "RUNNING"})).await;
    let again = daemon.run(&run_id).await;
    assert_eq!((again.status, again.ended_at_ms), (RunStatus::Running, None));
    daemon.log(&run_id, &scalar("loss", 3.0));
    assert_eq!(steps(&daemon, &run_id).await.len(), 4);

    let daemon = daemon.killed_and_started_again().await;
    daemon.log(&run_id, &scalar("loss", 4.0));
    let verified: RunVerification = daemon.get(&format!("/api/runs/{run_id}/verify")).await;
    assert!(verified.agrees, "{verified:?}");
    assert_eq!((verified.points_from_records, verified.points_from_requests), (3, 2));
    post(&daemon, "/runs/update", json!({"run_id": run_id, "status": "FAILED"})).await;
    assert_eq!(daemon.run(&run_id).await.status, RunStatus::Failed);
    post(&daemon, "/runs/update", json!({"run_id": run_id, "status": "KILLED"})).await;
    assert_eq!(daemon.run(&run_id).await.status, RunStatus::Canceled);
    let verified: RunVerification = daemon.get(&format!("/api/runs/{run_id}/verify")).await;
    assert!(verified.agrees, "{verified:?}");
}

/// `mlflow.start_run()` in a script that was submitted: the job says what becomes of the run.
#[tokio::test]
async fn a_script_run_ends_with_its_script() {
    let daemon = Daemon::start().await;
    let snapshot_id = daemon.snapshot(&[("train.py", "")]).await;
    let job = json!({"snapshot_id": snapshot_id, "script": "train.py"});
    let run: Value =
        daemon.post("/api/workspaces/default/jobs", json!({"experiment": "e", "job": job})).await;
    let run_id = run["run_id"].as_str().unwrap();
    for (said, status) in [
        ("RUNNING", RunStatus::Queued),
        ("FINISHED", RunStatus::Queued),
        ("KILLED", RunStatus::Canceled),
        ("RUNNING", RunStatus::Canceled),
    ] {
        post(&daemon, "/runs/update", json!({"run_id": run_id, "status": said})).await;
        assert_eq!(daemon.run(run_id).await.status, status, "{said}");
    }
}

#[tokio::test]
async fn what_is_sent_again_is_there_once() {
    let daemon = Daemon::start().await;
    let run_id = create(&daemon, json!({})).await;
    let metrics: Vec<Value> = (0..1000)
        .map(|step| json!({"key": "loss", "value": if step == 7 { json!("NaN") } else { json!(step) }, "timestamp": step, "step": step}))
        .collect();
    let batch = json!({"run_id": run_id, "metrics": metrics});
    for _ in 0..3 {
        post(&daemon, "/runs/log-batch", batch.clone()).await;
    }
    for _ in 0..2 {
        log_metric(&daemon, &run_id, 5000).await;
    }
    assert_eq!(steps(&daemon, &run_id).await.len(), 1001);
    // All of a batch or nothing of it.
    let parameter = |value: &str| json!([{"key": "p", "value": value}]);
    post(&daemon, "/runs/log-batch", json!({"run_id": run_id, "params": parameter("1")})).await;
    let other = json!({
        "run_id": run_id,
        "params": parameter("2"),
        "metrics": [{"key": "new", "value": 1, "timestamp": 1}],
        "tags": [{"key": "new", "value": ""}],
    });
    let path = format!("{ROOT}/runs/log-batch");
    let (code, message) = refusal(&send(&daemon, Method::POST, &path, other).await, 400);
    assert_eq!(code, "INVALID_PARAMETER_VALUE");
    assert!(message.contains("Changing param values is not allowed"), "{message}");
    let run = daemon.run(&run_id).await;
    assert_eq!((run.metrics.len(), run.tags.len()), (1, 0));
}

#[tokio::test]
async fn what_is_wrong_with_a_run_is_said_in_mlflows_words() {
    let daemon = Daemon::start().await;
    let run_id = create(&daemon, json!({})).await;
    let many = |count: usize| -> Value {
        (0..count).map(|at| json!({"key": format!("k{at}"), "value": "v"})).collect()
    };
    let invalid = "INVALID_PARAMETER_VALUE";
    let missing = "RESOURCE_DOES_NOT_EXIST";
    for (route, body, status, code, words) in [
        ("update", json!({"run_id": "nobody"}), 404, missing, "Run with id=nobody not found"),
        ("update", json!({"run_id": run_id, "status": "DONE"}), 400, invalid, "RUNNING, SCHEDULED"),
        ("create", json!({"experiment_id": "999"}), 404, missing, "No Experiment with id=999"),
        ("create", json!({"experiment_id": "abc"}), 400, invalid, "valid integer"),
        (
            "create",
            json!({"run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]}),
            400,
            invalid,
            "different values",
        ),
        (
            "log-metric",
            json!({"run_id": run_id, "key": "k", "value": "x", "timestamp": 1}),
            400,
            invalid,
            "parameter 'value'",
        ),
        (
            "log-metric",
            json!({"run_id": run_id, "key": "k", "value": 1, "timestamp": -1}),
            400,
            invalid,
            "nonnegative",
        ),
        (
            "log-metric",
            json!({"run_id": run_id, "key": "../k", "value": 1, "timestamp": 1}),
            400,
            invalid,
            "must not resolve",
        ),
        (
            "log-metric",
            json!({"run_id": run_id, "key": "k".repeat(251), "value": 1, "timestamp": 1}),
            400,
            invalid,
            "maximum length of 250",
        ),
        (
            "log-parameter",
            json!({"run_id": run_id, "key": "k%"}),
            400,
            invalid,
            "Names may only contain",
        ),
        (
            "log-batch",
            json!({"run_id": run_id, "params": many(101)}),
            400,
            invalid,
            "at most 100 params. Got 101",
        ),
        (
            "log-batch",
            json!({"run_id": run_id, "tags": many(101)}),
            400,
            invalid,
            "at most 100 tags",
        ),
        (
            "log-batch",
            json!({"run_id": run_id, "params": [{"key": "k"}, {"key": "k"}]}),
            400,
            invalid,
            "Duplicate parameter keys",
        ),
        ("delete-tag", json!({"run_id": run_id, "key": "k"}), 404, missing, "No tag with name: k"),
        (
            "search",
            json!({"experiment_ids": ["0"], "filter": "metrics.a > 'x'"}),
            400,
            invalid,
            "metrics.a",
        ),
        (
            "search",
            json!({"experiment_ids": ["0"], "max_results": 0}),
            400,
            invalid,
            "positive integer",
        ),
        (
            "search",
            json!({"experiment_ids": ["0"], "page_token": "none of ours"}),
            400,
            invalid,
            "is not a cursor",
        ),
        (
            "log-model",
            json!({"run_id": run_id, "model_json": "{}"}),
            400,
            invalid,
            "missing mandatory fields",
        ),
        (
            "log-inputs",
            json!({"run_id": run_id, "datasets": [{}]}),
            400,
            invalid,
            "Dataset cannot be None",
        ),
    ] {
        let path = format!("{ROOT}/runs/{route}");
        let shown = body.to_string();
        let (given, message) = refusal(&send(&daemon, Method::POST, &path, body).await, status);
        assert_eq!(given, code, "{shown}: {message}");
        assert!(message.contains(words), "{shown}: {message}");
    }
    post(&daemon, "/runs/delete", json!({"run_id": run_id})).await;
    assert_eq!(info(&daemon, &run_id).await["lifecycle_stage"], "deleted");
    for (route, body) in [
        ("set-tag", json!({"run_id": run_id, "key": "k", "value": "v"})),
        ("update", json!({"run_id": run_id, "status": "FINISHED"})),
    ] {
        let path = format!("{ROOT}/runs/{route}");
        let (_, message) = refusal(&send(&daemon, Method::POST, &path, body).await, 400);
        assert_eq!(
            message,
            format!("The run {run_id} must be in the 'active' state. Current state is deleted.")
        );
    }
}

#[tokio::test]
async fn a_page_token_is_of_one_question_only() {
    let daemon = Daemon::start().await;
    let run_id = create(&daemon, json!({})).await;
    for step in 0..5 {
        log_metric(&daemon, &run_id, step).await;
        create(&daemon, json!({})).await;
    }
    let page =
        |of: &str| format!("/metrics/get-history?run_id={run_id}&metric_key={of}&max_results=2");
    let first = get(&daemon, &page("loss")).await;
    let token = first["next_page_token"].as_str().unwrap();
    let second = get(&daemon, &format!("{}&page_token={token}", page("loss"))).await;
    assert_eq!(second["metrics"][0]["step"], 2);
    for path in
        [format!("{}&page_token={token}", page("other")), format!("{}&page_token=x", page("loss"))]
    {
        let answer = daemon.call(Method::GET, &format!("{ROOT}{path}"), None).await;
        assert!(refusal(&answer, 400).1.contains("Invalid page token"));
    }
    let asked = json!({"experiment_ids": ["0"], "max_results": 2, "order_by": ["metrics.loss"]});
    let token = post(&daemon, "/runs/search", asked).await["next_page_token"].take();
    let other = json!({"experiment_ids": ["0"], "max_results": 2, "page_token": token});
    let answer = send(&daemon, Method::POST, &format!("{ROOT}/runs/search"), other).await;
    assert!(refusal(&answer, 400).1.contains("another search"));
}

#[tokio::test]
async fn a_long_history_comes_in_pages_and_is_drawn_with_its_spikes() {
    let daemon = Daemon::start().await;
    let run_id = create(&daemon, json!({})).await;
    let count = 101_000;
    for begin in (0..count).step_by(1000) {
        let metrics: Vec<Value> = (begin..begin + 1000)
            .map(|step| json!({"key": "loss", "value": if step == 77_777 { 9.0 } else { 1.0 }, "timestamp": 1, "step": step}))
            .collect();
        post(&daemon, "/runs/log-batch", json!({"run_id": run_id, "metrics": metrics})).await;
    }
    let mut seen = 0;
    let mut token = String::new();
    loop {
        let path = format!(
            "/metrics/get-history?run_id={run_id}&metric_key=loss&max_results=25000{token}"
        );
        let page = get(&daemon, &path).await;
        for point in page["metrics"].as_array().unwrap() {
            assert_eq!(point["step"], seen);
            seen += 1;
        }
        let Some(next) = page["next_page_token"].as_str() else { break };
        token = format!("&page_token={next}");
    }
    assert_eq!(seen, count);
    let drawn = get(
        &daemon,
        &format!(
            "/metrics/get-history-bulk-interval?run_ids={run_id}&metric_key=loss&max_results=300"
        ),
    )
    .await;
    let points = drawn["metrics"].as_array().unwrap();
    assert!(points.len() <= 300, "{}", points.len());
    assert!(points.iter().any(|point| point["value"] == 9.0));
    assert_eq!(points.last().unwrap()["step"], count - 1);
}

#[tokio::test]
async fn a_run_is_not_there_in_another_workspace() {
    let daemon = Daemon::start().await;
    let _team: Value = daemon.post("/api/workspaces", json!({"name": "team"})).await;
    let root = format!("/workspaces/team{ROOT}");
    let created: Value =
        send(&daemon, Method::POST, &format!("{root}/runs/create"), json!({})).await.ok("create");
    let run_id = created["run"]["info"]["run_id"].as_str().unwrap();
    assert_eq!(daemon.run(run_id).await.workspace, "team");
    let _found: Value = daemon.get(&format!("{root}/runs/get?run_id={run_id}")).await;
    let here = daemon.call(Method::GET, &format!("{ROOT}/runs/get?run_id={run_id}"), None).await;
    assert_eq!(refusal(&here, 404).1, format!("Run with id={run_id} not found"));
    let log = json!({"run_id": run_id, "key": "k", "value": "v"});
    refusal(&send(&daemon, Method::POST, &format!("{ROOT}/runs/set-tag"), log).await, 404);
}

#[tokio::test]
async fn datasets_are_kept_once_and_found() {
    let daemon = Daemon::start().await;
    let run_id = create(&daemon, json!({})).await;
    let other = create(&daemon, json!({})).await;
    let dataset =
        json!({"name": "d", "digest": "1", "source_type": "local", "source": "{}", "schema": "[]"});
    let tags = json!([{"key": "mlflow.data.context", "value": "train"}]);
    for _ in 0..2 {
        let inputs = json!({
            "run_id": run_id,
            "datasets": [{"dataset": dataset, "tags": tags}, {"dataset": dataset, "tags": []}],
            "models": [{"model_id": "m-1"}],
        });
        post(&daemon, "/runs/log-inputs", inputs).await;
        post(
            &daemon,
            "/runs/outputs",
            json!({"run_id": run_id, "models": [{"model_id": "m-2", "step": 3}]}),
        )
        .await;
    }
    let run = get(&daemon, &format!("/runs/get?run_id={run_id}")).await["run"].take();
    assert_eq!(run["inputs"]["dataset_inputs"], json!([{"tags": tags, "dataset": dataset}]));
    assert_eq!(run["inputs"]["model_inputs"], json!([{"model_id": "m-1"}]));
    assert_eq!(run["outputs"]["model_outputs"], json!([{"model_id": "m-2", "step": 3}]));
    let found =
        post(&daemon, "/experiments/search-datasets", json!({"experiment_ids": ["0"]})).await;
    let summary = json!([{"experiment_id": "0", "name": "d", "digest": "1", "context": "train"}]);
    assert_eq!(found["dataset_summaries"], summary);
    for (filter, count) in
        [("datasets.name = 'd' and datasets.context = 'train'", 1), ("datasets.digest != '1'", 0)]
    {
        let asked = json!({"experiment_ids": ["0"], "filter": filter});
        let found = post(&daemon, "/runs/search", asked).await;
        assert_eq!(found["runs"].as_array().map_or(0, Vec::len), count, "{filter}");
    }
    assert_ne!(run_id, other);
}
