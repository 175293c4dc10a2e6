use axum::http::Method;
use lazuli_domain::{ErrorKind, Experiment, Workspace};
use serde_json::json;

use crate::support::Daemon;

#[tokio::test]
async fn the_default_workspace_is_there_from_the_start() {
    let daemon = Daemon::start().await;
    let workspaces: Vec<Workspace> = daemon.get("/api/workspaces").await;
    assert_eq!(workspaces.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["default"]);
}

#[tokio::test]
async fn a_workspace_is_made_once_and_counts_what_it_holds() {
    let daemon = Daemon::start().await;
    let made: Workspace =
        daemon.post("/api/workspaces", json!({"name": "lab", "tags": {"team": "a"}})).await;
    let again: Workspace = daemon.post("/api/workspaces", json!({"name": "lab"})).await;
    assert_eq!(made, again);
    daemon.post::<lazuli_domain::Run>("/api/workspaces/lab/runs", json!({"experiment": "x"})).await;
    let workspace: Workspace = daemon.get("/api/workspaces/lab").await;
    assert_eq!((workspace.experiments, workspace.runs, workspace.models), (1, 1, 0));
    assert_eq!(workspace.tags["team"], "a");
}

#[tokio::test]
async fn names_with_slashes_and_dots_are_names() {
    let daemon = Daemon::start().await;
    for name in ["a/b", "..", "Größe 100%", "x?y#z;w"] {
        let made: Workspace = daemon.post("/api/workspaces", json!({"name": name})).await;
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let found: Workspace = daemon.get(&format!("/api/workspaces/{encoded}")).await;
        assert_eq!(found, made);
    }
}

#[tokio::test]
async fn an_unknown_workspace_is_refused_with_the_nearest_name() {
    let daemon = Daemon::start().await;
    let error = daemon.get_refused("/api/workspaces/defualt", 404).await;
    assert_eq!(error.message, "workspace `defualt` not found");
    assert_eq!(error.hint.as_deref(), Some("did you mean `default`?"));
    for path in ["experiments", "runs", "models", "secrets", "compute"] {
        let error = daemon.get_refused(&format!("/api/workspaces/nowhere/{path}"), 404).await;
        assert_eq!(error.kind, ErrorKind::NotFound, "{path}");
    }
}

#[tokio::test]
async fn bad_names_change_nothing() {
    let daemon = Daemon::start().await;
    for name in ["", " x", "a\nb", &"x".repeat(300)] {
        for path in ["/api/workspaces", "/api/workspaces/default/experiments"] {
            let error = daemon.post_refused(path, json!({"name": name}), 400).await;
            assert_eq!(error.kind, ErrorKind::Invalid);
            assert!(error.hint.is_some());
        }
        let body = json!({"experiment": name});
        daemon.post_refused("/api/workspaces/default/runs", body, 400).await;
    }
    let workspace: Workspace = daemon.get("/api/workspaces/default").await;
    assert_eq!((workspace.experiments, workspace.runs), (0, 0));
    assert_eq!(daemon.files_in("spool"), [""; 0]);
}

#[tokio::test]
async fn experiments() {
    let daemon = Daemon::start().await;
    let path = "/api/workspaces/default/experiments";
    let made: Experiment = daemon.post(path, json!({"name": "churn", "tags": {"a": "b"}})).await;
    assert_eq!((made.runs, made.last_run_at_ms), (0, None));
    let again: Experiment = daemon.post(path, json!({"name": "churn"})).await;
    assert_eq!(again, made);
    let run = daemon.new_run_with(json!({"experiment": "churn"})).await;
    let listed: Vec<Experiment> = daemon.get(path).await;
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].runs, listed[0].last_run_at_ms), (1, Some(run.created_at_ms)));
    assert_eq!(daemon.get::<Experiment>(&format!("{path}/churn")).await, listed[0]);
    let error = daemon.get_refused(&format!("{path}/chrun"), 404).await;
    assert_eq!(error.to_string(), "experiment `chrun` not found\nhint: did you mean `churn`?");
}

#[tokio::test]
async fn a_malformed_body_is_told() {
    let daemon = Daemon::start().await;
    let error = daemon.post_refused("/api/workspaces", json!({"nome": "x"}), 400).await;
    assert_eq!(
        error.message,
        "the body is not what this request takes: missing field `name` at line 1 column 12"
    );
    let error = daemon.call(Method::POST, "/api/workspaces", None).await.refused(400);
    assert!(error.message.contains("EOF while parsing"), "{}", error.message);
}
