use axum::http::Method;
use serde_json::{Value, json};

use super::{ROOT, get, post, refusal, send};
use crate::support::Daemon;

#[tokio::test]
async fn an_experiment_is_made_tagged_and_renamed() {
    let daemon = Daemon::start().await;
    let tags = json!([{"key": "team", "value": "blue"}]);
    let created =
        post(&daemon, "/experiments/create", json!({"name": "churn", "tags": tags})).await;
    let id = created["experiment_id"].as_str().unwrap().to_owned();
    post(
        &daemon,
        "/experiments/set-experiment-tag",
        json!({"experiment_id": id, "key": "a b", "value": ""}),
    )
    .await;
    post(
        &daemon,
        "/experiments/delete-experiment-tag",
        json!({"experiment_id": id, "key": "team"}),
    )
    .await;
    post(&daemon, "/experiments/update", json!({"experiment_id": id, "new_name": "churn 2"})).await;
    let found = get(&daemon, "/experiments/get-by-name?experiment_name=churn%202").await;
    let experiment = &found["experiment"];
    assert_eq!(experiment["experiment_id"], Value::from(id.clone()));
    assert_eq!(experiment["artifact_location"], format!("mlflow-artifacts:/{id}"));
    assert_eq!(experiment["lifecycle_stage"], "active");
    assert_eq!(experiment["tags"], json!([{"key": "a b", "value": ""}]));
    // The same row as everybody else's.
    let ours: Value = daemon.get("/api/workspaces/default/experiments/churn%202").await;
    assert_eq!(ours["id"].to_string(), id);
}

#[tokio::test]
async fn what_is_wrong_with_an_experiment_is_said_in_mlflows_words() {
    let daemon = Daemon::start().await;
    post(&daemon, "/experiments/create", json!({"name": "there"})).await;
    let long = "x".repeat(501);
    for (route, body, status, code, words) in [
        (
            "create",
            json!({}),
            400,
            "INVALID_PARAMETER_VALUE",
            "Missing value for required parameter 'name'",
        ),
        (
            "create",
            json!({"name": 1}),
            400,
            "INVALID_PARAMETER_VALUE",
            "Invalid value 1 for parameter 'name'",
        ),
        ("create", json!({"name": long}), 400, "INVALID_PARAMETER_VALUE", "maximum length of 500"),
        ("create", json!({"name": "there"}), 400, "RESOURCE_ALREADY_EXISTS", "already exists"),
        ("create", json!({"name": "Default"}), 400, "RESOURCE_ALREADY_EXISTS", "already exists"),
        (
            "create",
            json!({"name": "n", "artifact_location": "s3://b/#/.."}),
            400,
            "INVALID_PARAMETER_VALUE",
            "fragments",
        ),
        (
            "create",
            json!({"name": "n", "tags": [{"key": "../k", "value": ""}]}),
            400,
            "INVALID_PARAMETER_VALUE",
            "must not resolve",
        ),
        (
            "update",
            json!({"experiment_id": "77", "new_name": "n"}),
            404,
            "RESOURCE_DOES_NOT_EXIST",
            "No Experiment with id=77 exists",
        ),
        (
            "update",
            json!({"experiment_id": "x", "new_name": "n"}),
            400,
            "INVALID_PARAMETER_VALUE",
            "valid integer",
        ),
        (
            "update",
            json!({"experiment_id": "0", "new_name": "there"}),
            400,
            "RESOURCE_ALREADY_EXISTS",
            "already exists",
        ),
        (
            "delete-experiment-tag",
            json!({"experiment_id": "0", "key": "k"}),
            404,
            "RESOURCE_DOES_NOT_EXIST",
            "No tag with name: k",
        ),
    ] {
        let path = format!("{ROOT}/experiments/{route}");
        let (given, message) = refusal(&send(&daemon, Method::POST, &path, body).await, status);
        assert_eq!(given, code, "{message}");
        assert!(message.contains(words), "{message}");
    }
}

#[tokio::test]
async fn a_workspace_stands_in_the_address() {
    let daemon = Daemon::start().await;
    let _team: Value = daemon.post("/api/workspaces", json!({"name": "team a"})).await;
    let root = format!("/workspaces/team%20a{ROOT}");
    let create = send(
        &daemon,
        Method::POST,
        &format!("{root}/experiments/create"),
        json!({"name": "churn"}),
    )
    .await;
    let id = create.ok::<Value>("create")["experiment_id"].as_str().unwrap().to_owned();
    let of = |root: &str, id: &str| format!("{root}/experiments/get?experiment_id={id}");
    let here: Value = daemon.get(&of(&root, &id)).await;
    assert_eq!(here["experiment"]["name"], "churn");
    let (_, message) = refusal(&daemon.call(Method::GET, &of(ROOT, &id), None).await, 404);
    assert_eq!(message, format!("No Experiment with id={id} exists"));
    // Each has a default experiment, known by the same id.
    for root in [root.as_str(), ROOT] {
        let default: Value = daemon.get(&of(root, "0")).await;
        assert_eq!(default["experiment"]["name"], "Default");
    }
    let nowhere =
        daemon.call(Method::GET, &of(&format!("/workspaces/nowhere{ROOT}"), "0"), None).await;
    let (code, message) = refusal(&nowhere, 404);
    assert_eq!(code, "RESOURCE_DOES_NOT_EXIST");
    assert!(message.contains("workspace `nowhere` not found"), "{message}");
}
