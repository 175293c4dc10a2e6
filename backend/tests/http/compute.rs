use axum::http::{Method, StatusCode};
use lazuli_domain::{ComputeTarget, Run};
use serde_json::{Value, json};

use crate::support::Daemon;

const COMPUTE: &str = "/api/workspaces/default/compute";

async fn submit(daemon: &Daemon, compute: &str) -> Value {
    let snapshot_id = daemon.snapshot(&[("train.py", "print(1)")]).await;
    json!({"experiment": "e", "job": {"snapshot_id": snapshot_id, "script": "train.py",
        "compute": compute}})
}

#[tokio::test]
async fn this_machine_is_always_there() {
    let daemon = Daemon::start().await;
    let targets: Vec<ComputeTarget> = daemon.get(COMPUTE).await;
    assert_eq!((targets.len(), targets[0].name.as_str(), targets[0].running), (1, "local", 0));
    assert!(targets[0].cores > 0 && targets[0].memory > 1 << 20);
    let taken = json!({"name": "local", "kind": "aml_compute"});
    daemon.post_refused(COMPUTE, taken, 409).await;
    daemon.call(Method::DELETE, &format!("{COMPUTE}/local"), None).await.refused(409);
}

#[tokio::test]
async fn a_cluster_is_named_shown_back_changed_and_deleted() {
    let daemon = Daemon::start().await;
    let new = json!({
        "name": "your-compute-cluster", "kind": "aml_compute", "max_nodes": 2,
        "settings": {"vm_size": "STANDARD_DS11_V2", "vnet_name": null}, "tags": {"a": "b"},
    });
    let made: ComputeTarget = daemon.post(COMPUTE, new.clone()).await;
    assert_eq!((made.state.as_str(), made.min_nodes, made.max_nodes), ("Succeeded", 0, 2));
    assert_eq!((made.current_nodes, made.allocation_state.as_str()), (0, "Steady"));
    assert_eq!(made.settings["vm_size"], "STANDARD_DS11_V2");

    let mut larger = new;
    larger["max_nodes"] = json!(4);
    let changed: ComputeTarget = daemon.post(COMPUTE, larger.clone()).await;
    assert_eq!((changed.max_nodes, changed.created_at_ms), (4, made.created_at_ms));
    larger["kind"] = json!("compute_instance");
    let error = daemon.post_refused(COMPUTE, larger, 409).await;
    assert_eq!(
        error.message,
        "compute target `your-compute-cluster` is there already, as a cluster"
    );

    let daemon = daemon.killed_and_started_again().await;
    let path = format!("{COMPUTE}/your-compute-cluster");
    let patch = Some(json!({"min_nodes": 1, "set_tags": {"c": "d"}}));
    let changed: ComputeTarget = daemon.call(Method::PATCH, &path, patch).await.ok("patch");
    assert_eq!((changed.min_nodes, changed.current_nodes, changed.nodes.idle), (1, 1, 1));
    assert_eq!(changed.tags.len(), 2);
    let patch = Some(json!({"max_nodes": 0}));
    daemon.call(Method::PATCH, &path, patch).await.refused(400);
    assert_eq!(daemon.get::<ComputeTarget>(&path).await.max_nodes, 4);
    assert_eq!(daemon.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    let error = daemon.get_refused(&path, 404).await;
    assert_eq!(error.message, "compute target `your-compute-cluster` not found");
}

#[tokio::test]
async fn bad_names_and_numbers_are_refused() {
    let daemon = Daemon::start().await;
    for (new, said) in [
        (json!({"name": "a", "kind": "aml_compute"}), "`a` cannot be the name"),
        (json!({"name": "no blanks", "kind": "aml_compute"}), "cannot be the name"),
        (json!({"name": "ok", "kind": "aml_compute", "max_nodes": 0}), "cannot have 0 nodes"),
        (
            json!({"name": "ok", "kind": "aml_compute", "min_nodes": 3, "max_nodes": 2}),
            "at least 3 nodes are more than at most 2",
        ),
        (json!({"name": "ok", "kind": "databricks"}), "unknown variant `databricks`"),
    ] {
        let error = daemon.post_refused(COMPUTE, new, 400).await;
        assert!(error.message.contains(said), "{said}: {}", error.message);
    }
    assert_eq!(daemon.get::<Vec<ComputeTarget>>(COMPUTE).await.len(), 1);
}

#[tokio::test]
async fn jobs_need_a_target_that_is_there_and_a_busy_one_stays() {
    let daemon = Daemon::start().await;
    let new = json!({"name": "cpu-cluster", "kind": "aml_compute", "max_nodes": 2});
    daemon.post::<ComputeTarget>(COMPUTE, new).await;
    let jobs = "/api/workspaces/default/jobs";
    let error = daemon.post_refused(jobs, submit(&daemon, "cpu-clutser").await, 404).await;
    assert_eq!(error.message, "compute target `cpu-clutser` not found");
    assert_eq!(error.hint.as_deref(), Some("did you mean `cpu-cluster`?"));

    let run: Run = daemon.post(jobs, submit(&daemon, "cpu-cluster").await).await;
    assert_eq!(run.compute, "cpu-cluster");
    let path = format!("{COMPUTE}/cpu-cluster");
    let busy: ComputeTarget = daemon.get(&path).await;
    assert_eq!((busy.queued, busy.running, busy.allocation_state.as_str()), (1, 0, "Resizing"));
    assert_eq!((busy.current_nodes, busy.target_nodes), (0, 1));
    let error = daemon.call(Method::DELETE, &path, None).await.refused(409);
    assert_eq!(error.message, "0 runs run on compute target `cpu-cluster`, 1 wait for it");
    daemon.post::<Run>(&format!("/api/runs/{}/cancel", run.run_id), Value::Null).await;
    assert_eq!(daemon.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn an_instance_that_is_stopped_takes_no_jobs() {
    let daemon = Daemon::start().await;
    let new = json!({"name": "my-station", "kind": "compute_instance"});
    let made: ComputeTarget = daemon.post(COMPUTE, new).await;
    assert_eq!(serde_json::to_value(made.instance_state).unwrap(), json!("Running"));
    let path = format!("{COMPUTE}/my-station");
    let stop = Some(json!({"instance_state": "Stopped"}));
    daemon.call(Method::PATCH, &path, stop.clone()).await.ok::<ComputeTarget>("stop");
    let body = submit(&daemon, "my-station").await;
    let error = daemon.post_refused("/api/workspaces/default/jobs", body.clone(), 409).await;
    assert_eq!(error.message, "the compute instance `my-station` is stopped");
    let start = Some(json!({"instance_state": "Running"}));
    daemon.call(Method::PATCH, &path, start).await.ok::<ComputeTarget>("start");
    daemon.post::<Run>("/api/workspaces/default/jobs", body).await;
    let new = json!({"name": "cluster-1", "kind": "aml_compute"});
    daemon.post::<ComputeTarget>(COMPUTE, new).await;
    daemon.call(Method::PATCH, &format!("{COMPUTE}/cluster-1"), stop).await.refused(400);
}
