//! Registered models, versions and what becomes of their files.

use axum::http::Method;
use lazuli_domain::Model;
use serde_json::{Value, json};

use super::{ROOT, get, post, refusal, send};
use crate::support::Daemon;

const PROXY: &str = "/api/2.0/mlflow-artifacts/artifacts";

async fn create(daemon: &Daemon, body: Value) -> Value {
    post(daemon, "/model-versions/create", body).await["model_version"].take()
}

async fn create_refused(daemon: &Daemon, body: Value) -> (String, String) {
    let path = format!("{ROOT}/model-versions/create");
    refusal(&send(daemon, Method::POST, &path, body).await, 400)
}

/// A run with the files of a model in `model/`.
async fn run_with_model(daemon: &Daemon) -> (String, String) {
    let run = daemon.new_run().await;
    for (name, content) in [("MLmodel", "flavors: {}"), ("data/model.pkl", "weights")] {
        let path = format!("/api/runs/{}/artifacts/model/{name}", run.run_id);
        daemon.put_bytes(&path, content).await;
    }
    let listed = get(daemon, &format!("/artifacts/list?run_id={}", run.run_id)).await;
    let root = listed["root_uri"].as_str().unwrap().to_owned();
    (run.run_id, root)
}

#[tokio::test]
async fn a_version_has_the_files_of_its_source() {
    let daemon = Daemon::start().await;
    let (run_id, root) = run_with_model(&daemon).await;
    post(&daemon, "/registered-models/create", json!({"name": "churn"})).await;
    for source in [format!("{root}/model"), format!("runs:/{run_id}/model")] {
        let made =
            create(&daemon, json!({"name": "churn", "source": source, "run_id": run_id})).await;
        assert_eq!((&made["source"], &made["status"]), (&json!(source), &json!("READY")));
    }
    let models: Vec<Model> = daemon.get("/api/workspaces/default/models?name=churn").await;
    for model in &models {
        let files: Vec<&str> = model.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(files, ["MLmodel", "data/model.pkl"]);
        assert_eq!(model.run_id.as_deref(), Some(run_id.as_str()));
        assert_eq!(model.experiment.as_deref(), Some("diabetes"));
    }
    let path = "/api/workspaces/default/models/churn/1/files/data/model.pkl";
    assert_eq!(daemon.call(Method::GET, path, None).await.body.as_ref(), b"weights");

    // Its files are its own: what happens to the run's later is nothing to them.
    let path = format!("{PROXY}/{}/model", root.trim_start_matches("mlflow-artifacts:/"));
    daemon.call(Method::DELETE, &path, None).await.ok::<Value>(&path);
    let answer = get(&daemon, "/model-versions/get-download-uri?name=churn&version=1").await;
    let location = answer["artifact_uri"].as_str().unwrap();
    let place = location.strip_prefix("mlflow-artifacts:/").unwrap();
    let file = daemon.call(Method::GET, &format!("{PROXY}/{place}/data/model.pkl"), None).await;
    assert_eq!(file.body.as_ref(), b"weights");
    let listed: Value = daemon.get(&format!("{PROXY}?path={place}")).await;
    assert_eq!(
        listed["files"],
        json!([
            {"path": "MLmodel", "is_dir": false, "file_size": 11}, {"path": "data", "is_dir": true},
        ])
    );
    let file = daemon.call(
        Method::GET,
        "/model-versions/get-artifact?name=churn&version=1&path=MLmodel",
        None,
    );
    assert_eq!(file.await.body.as_ref(), b"flavors: {}");
    for (method, path) in
        [(Method::PUT, "MLmodel"), (Method::DELETE, "MLmodel"), (Method::DELETE, "")]
    {
        let path = format!("{PROXY}/{place}/{path}");
        let answer = daemon.call(method.clone(), path.trim_end_matches('/'), None).await;
        assert!(answer.status.is_client_error(), "{method} {path}: {:?}", answer.body);
    }
}

/// SDK v1 keeps the name of the folder that was registered; MLflow looks for `MLmodel` at the root.
#[tokio::test]
async fn mlflow_finds_the_model_in_what_lazuli_registered() {
    let daemon = Daemon::start().await;
    let (run_id, _) = run_with_model(&daemon).await;
    let source = json!({"run": {"run_id": run_id, "path": "model"}});
    let model: Model =
        daemon.post("/api/workspaces/default/models", json!({"name": "m", "source": source})).await;
    assert_eq!(model.files[0].path, "model/MLmodel");
    let answer = get(&daemon, "/model-versions/get-download-uri?name=m&version=1").await;
    let location = answer["artifact_uri"].as_str().unwrap();
    assert!(location.ends_with("/model"), "{location}");
    let version = get(&daemon, "/model-versions/get?name=m&version=1").await;
    assert_eq!(version["model_version"]["run_id"], json!(run_id));
}

/// Attack 6, and what MLflow's server refuses since.
#[tokio::test]
async fn a_source_is_never_a_path_of_this_machine() {
    let daemon = Daemon::start().await;
    let (run_id, root) = run_with_model(&daemon).await;
    let other = daemon.new_run().await.run_id;
    post(&daemon, "/registered-models/create", json!({"name": "m"})).await;
    for source in [
        "file:///etc/passwd",
        "/etc/passwd",
        "etc/passwd",
        "c:\\windows",
        "FILE:/etc/passwd",
        "mlflow-artifacts:/../../etc/passwd",
        "mlflow-artifacts:/x/%2e%2e/%2e%2e/etc",
        "mlflow-artifacts:/x/%252e%252e/etc",
        "http://host/a/../b",
        "s3://bucket/a%00b",
        "runs:/x/../../etc",
        "models:/m-1/../..",
    ] {
        let body = json!({"name": "m", "source": source, "run_id": run_id});
        let (code, message) = create_refused(&daemon, body).await;
        assert_eq!(code, "INVALID_PARAMETER_VALUE", "{source}");
        assert!(message.starts_with("Invalid model version source"), "{source}: {message}");
    }
    // The files of one run are not said to come from another.
    for source in [format!("{root}/model"), format!("runs:/{run_id}/model")] {
        let (_, message) =
            create_refused(&daemon, json!({"name": "m", "source": source, "run_id": other})).await;
        assert!(message.contains("run_id request parameter must identify"), "{message}");
    }
    // An address elsewhere is a note; nothing is fetched.
    let made = create(&daemon, json!({"name": "m", "source": "s3://bucket/model"})).await;
    assert_eq!(made["version"], "1", "what was refused has taken no number");
    let answer = get(&daemon, "/model-versions/get-download-uri?name=m&version=1").await;
    assert_eq!(answer["artifact_uri"], "s3://bucket/model");
    let models: Vec<Model> = daemon.get("/api/workspaces/default/models").await;
    assert!(models[0].files.is_empty());
    let path = "/model-versions/get-artifact?name=m&version=1&path=x";
    refusal(&daemon.call(Method::GET, path, None).await, 404);
}

#[tokio::test]
async fn refusals_are_in_mlflows_words() {
    let daemon = Daemon::start().await;
    post(&daemon, "/registered-models/create", json!({"name": "m"})).await;
    create(&daemon, json!({"name": "m", "source": "s3://b/m"})).await;
    for (method, path, body, status, code, said) in [
        (
            Method::POST,
            "/registered-models/create",
            json!({"name": "m"}),
            400,
            "RESOURCE_ALREADY_EXISTS",
            "Registered Model (name=m) already exists.",
        ),
        (
            Method::POST,
            "/registered-models/create",
            json!({"name": " "}),
            400,
            "INVALID_PARAMETER_VALUE",
            "Missing value for required parameter 'name'.",
        ),
        (
            Method::POST,
            "/registered-models/create",
            json!({"name": "a/b"}),
            400,
            "INVALID_PARAMETER_VALUE",
            "Names cannot contain '/' or ':'.",
        ),
        (
            Method::POST,
            "/registered-models/create",
            json!({"name": "a\u{0}b"}),
            400,
            "INVALID_PARAMETER_VALUE",
            "NUL",
        ),
        (
            Method::POST,
            "/registered-models/create",
            json!({"name": "x".repeat(300)}),
            400,
            "INVALID_PARAMETER_VALUE",
            "300 characters",
        ),
        (
            Method::POST,
            "/registered-models/create",
            json!({"name": "n", "tags": [{"key": "k", "value": "v".repeat(100_001)}]}),
            400,
            "INVALID_PARAMETER_VALUE",
            "'value' exceeds the maximum length of 100000 characters",
        ),
        (
            Method::PATCH,
            "/registered-models/update",
            json!({"name": "x"}),
            404,
            "RESOURCE_DOES_NOT_EXIST",
            "Registered Model with name=x not found",
        ),
        (
            Method::POST,
            "/registered-models/rename",
            json!({"name": "m"}),
            400,
            "INVALID_PARAMETER_VALUE",
            "Missing value for required parameter 'new_name'.",
        ),
        (
            Method::DELETE,
            "/registered-models/delete",
            json!({"name": "x"}),
            404,
            "RESOURCE_DOES_NOT_EXIST",
            "Registered Model with name=x not found",
        ),
        (
            Method::POST,
            "/registered-models/alias",
            json!({"name": "m", "alias": "latest", "version": "1"}),
            400,
            "INVALID_PARAMETER_VALUE",
            "'latest' alias name (case insensitive) is reserved.",
        ),
        (
            Method::POST,
            "/registered-models/alias",
            json!({"name": "m", "alias": "v2", "version": "1"}),
            400,
            "INVALID_PARAMETER_VALUE",
            "Version alias name 'v2' is reserved.",
        ),
        (
            Method::POST,
            "/registered-models/alias",
            json!({"name": "m", "alias": "a b", "version": "1"}),
            400,
            "INVALID_PARAMETER_VALUE",
            "Invalid alias name: 'a b'.",
        ),
        (
            Method::POST,
            "/registered-models/alias",
            json!({"name": "m", "alias": "a", "version": "7"}),
            404,
            "RESOURCE_DOES_NOT_EXIST",
            "Model Version (name=m, version=7) not found",
        ),
        (
            Method::POST,
            "/model-versions/create",
            json!({"name": "x", "source": "s3://b/m"}),
            404,
            "RESOURCE_DOES_NOT_EXIST",
            "Registered Model with name=x not found",
        ),
        (
            Method::POST,
            "/model-versions/create",
            json!({"name": "m", "source": "models:/m-0", "model_id": "m-0"}),
            404,
            "RESOURCE_DOES_NOT_EXIST",
            "logged model `m-0` not found",
        ),
        (
            Method::POST,
            "/model-versions/create",
            json!({"name": "m", "source": "models:/m/9"}),
            404,
            "RESOURCE_DOES_NOT_EXIST",
            "model `m:9` not found",
        ),
        (
            Method::PATCH,
            "/model-versions/update",
            json!({"name": "m", "version": "-1"}),
            404,
            "RESOURCE_DOES_NOT_EXIST",
            "not found",
        ),
        (
            Method::PATCH,
            "/model-versions/update",
            json!({"name": "m", "version": "99999999999999999999"}),
            400,
            "INVALID_PARAMETER_VALUE",
            "Parameter 'version' must be an integer",
        ),
        (
            Method::POST,
            "/model-versions/transition-stage",
            json!({"name": "m", "version": "1", "stage": "live"}),
            400,
            "INVALID_PARAMETER_VALUE",
            "Invalid Model Version stage: live. Value must be one of None, Staging, Production, Archived.",
        ),
        (
            Method::POST,
            "/model-versions/transition-stage",
            json!({"name": "m", "version": "1", "stage": "None", "archive_existing_versions": true}),
            400,
            "INVALID_PARAMETER_VALUE",
            "cannot archive existing model versions because 'None'",
        ),
    ] {
        let answer = send(&daemon, method, &format!("{ROOT}{path}"), body.clone()).await;
        let (found, message) = refusal(&answer, status);
        assert_eq!(found, code, "{path} {body}: {message}");
        assert!(message.contains(said), "{path} {body}: {message}");
    }
    for (path, status) in [
        ("/model-versions/get?name=m&version=one", 400),
        ("/model-versions/get?name=m", 400),
        ("/registered-models/alias?name=m&alias=nobody", 400),
        ("/registered-models/alias?name=x&alias=latest", 404),
        ("/registered-models/search?max_results=1001", 400),
        ("/registered-models/search?max_results=0", 400),
        ("/registered-models/search?filter=name%20%3D%20'x", 400),
        ("/registered-models/search?filter=metrics.a%20%3D%201", 400),
        ("/registered-models/search?page_token=nonsense", 400),
        ("/model-versions/search?max_results=200001", 400),
        ("/model-versions/search?order_by=color", 400),
        ("/registered-models/get-latest-versions?name=m&stages=live", 400),
    ] {
        refusal(&daemon.call(Method::GET, &format!("{ROOT}{path}"), None).await, status);
    }
    let latest = get(&daemon, "/registered-models/alias?name=m&alias=latest").await;
    assert_eq!(latest["model_version"]["version"], "1");
}

#[tokio::test]
async fn a_page_token_belongs_to_its_search() {
    let daemon = Daemon::start().await;
    for name in ["a", "b", "c"] {
        post(&daemon, "/registered-models/create", json!({"name": name})).await;
    }
    let page = get(&daemon, "/registered-models/search?max_results=1").await;
    let token = page["next_page_token"].as_str().unwrap();
    let path = format!("/registered-models/search?max_results=1&page_token={token}");
    assert_eq!(get(&daemon, &path).await["registered_models"][0]["name"], "b");
    for query in ["filter=name%20!%3D%20'x'", "order_by=name%20DESC"] {
        let path = format!("{ROOT}/registered-models/search?{query}&page_token={token}");
        refusal(&daemon.call(Method::GET, &path, None).await, 400);
    }
}

/// MLflow keeps prompts among its models; a search for models does not show them.
#[tokio::test]
async fn prompts_are_found_by_who_asks_for_them() {
    let daemon = Daemon::start().await;
    let prompt = json!([{"key": "mlflow.prompt.is_prompt", "value": "true"}]);
    post(&daemon, "/registered-models/create", json!({"name": "p", "tags": prompt})).await;
    post(&daemon, "/registered-models/create", json!({"name": "m"})).await;
    let path = format!("{ROOT}/registered-models/create");
    let taken = send(&daemon, Method::POST, &path, json!({"name": "p"})).await;
    assert!(refusal(&taken, 400).1.contains("already taken by a prompt"));
    create(&daemon, json!({"name": "p", "source": "prompt-template", "tags": prompt})).await;
    create(&daemon, json!({"name": "m", "source": "s3://b/m"})).await;
    for (filter, found) in [
        ("", "m"),
        ("name LIKE '%'", "m"),
        ("tags.`mlflow.prompt.is_prompt` = 'true'", "p"),
        ("tags.`mlflow.prompt.is_prompt` != 'true'", "m"),
        ("tags.`mlflow.prompt.is_prompt` = 'false' AND name = 'm'", "m"),
    ] {
        let filter: String = filter.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let names = get(&daemon, &format!("/registered-models/search?filter={filter}")).await;
        let versions = get(&daemon, &format!("/model-versions/search?filter={filter}")).await;
        for (list, what) in [(&names, "registered_models"), (&versions, "model_versions")] {
            let list = list[what].as_array().unwrap();
            assert_eq!((list.len(), &list[0]["name"]), (1, &json!(found)), "{filter} {what}");
        }
    }
}
