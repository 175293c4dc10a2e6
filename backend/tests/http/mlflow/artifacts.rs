//! The tree of the artifact proxy.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use lazuli_domain::ArtifactPage;
use serde_json::{Value, json};

use super::{ROOT, get, post, refusal, send};
use crate::support::{Answer, Daemon};

const PROXY: &str = "/api/2.0/mlflow-artifacts/artifacts";

async fn ranged(daemon: &Daemon, path: &str, range: &str) -> Answer {
    daemon.send(Request::get(path).header("range", range).body(Body::empty()).unwrap()).await
}

/// The folder of the run's files in the tree.
async fn root_of(daemon: &Daemon, run_id: &str) -> String {
    let listed = get(daemon, &format!("/artifacts/list?run_id={run_id}")).await;
    let root = listed["root_uri"].as_str().unwrap();
    root.strip_prefix("mlflow-artifacts:/").unwrap().to_owned()
}

#[tokio::test]
async fn the_files_of_a_run_are_the_same_on_both_sides() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let root = root_of(&daemon, &run.run_id).await;
    daemon.put_bytes(&format!("/api/runs/{}/artifacts/outputs/a.txt", run.run_id), "abc").await;
    let answer = daemon.put_bytes(&format!("{PROXY}/{root}/b%20%C3%BC.html"), "<script>").await;
    assert_eq!(answer.status, StatusCode::OK);

    let kept: ArtifactPage = daemon.get(&format!("/api/runs/{}/artifacts", run.run_id)).await;
    let paths: Vec<&str> = kept.items.iter().map(|artifact| artifact.path.as_str()).collect();
    assert_eq!(paths, ["b ü.html", "outputs/a.txt"]);
    let listed = get(&daemon, &format!("/artifacts/list?run_id={}", run.run_id)).await;
    assert_eq!(
        listed["files"],
        json!([
            {"path": "b ü.html", "is_dir": false, "file_size": 8}, {"path": "outputs", "is_dir": true},
        ])
    );
    let listed = get(&daemon, &format!("/artifacts/list?run_id={}&path=outputs", run.run_id)).await;
    assert_eq!(
        listed["files"],
        json!([{"path": "outputs/a.txt", "is_dir": false, "file_size": 3}])
    );
    for path in ["outputs/a.txt", "nothing"] {
        let path = format!("/artifacts/list?run_id={}&path={path}", run.run_id);
        assert_eq!(get(&daemon, &path).await["files"], Value::Null, "{path}");
    }

    let part = ranged(&daemon, &format!("{PROXY}/{root}/outputs/a.txt"), "bytes=1-").await;
    assert_eq!((part.status, part.body.as_ref()), (StatusCode::PARTIAL_CONTENT, &b"bc"[..]));
    // Attack 22: a page among the artifacts is a file, wherever it is asked for.
    for path in [
        format!("{PROXY}/{root}/b%20%C3%BC.html"),
        format!("/get-artifact?run_id={}&path=b%20%C3%BC.html", run.run_id),
        format!("/get-artifact?run_uuid={}&path=b%20%C3%BC.html", run.run_id),
    ] {
        let page = daemon.call(Method::GET, &path, None).await;
        assert_eq!(page.body.as_ref(), b"<script>");
        assert_eq!(page.header("content-type"), "text/plain");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("content-security-policy"), "sandbox");
        assert!(page.header("content-disposition").starts_with("attachment;"));
    }
    // MLflow logs to runs that have ended, too.
    daemon.complete(&run.run_id).await;
    let answer = daemon.put_bytes(&format!("{PROXY}/{root}/late.txt"), "late").await;
    assert_eq!(answer.status, StatusCode::OK);
    let answer = daemon.call(Method::DELETE, &format!("{PROXY}/{root}/outputs"), None).await;
    assert_eq!(answer.status, StatusCode::OK);
    let kept: ArtifactPage = daemon.get(&format!("/api/runs/{}/artifacts", run.run_id)).await;
    assert_eq!(kept.items.len(), 2);
}

#[tokio::test]
async fn other_files_lie_below_a_root_of_their_own() {
    let daemon = Daemon::start().await;
    for (path, content) in [("a.txt", "0"), ("dir/b.txt", "1"), ("dir/deep/c", "2")] {
        let answer = daemon.put_bytes(&format!("{PROXY}/{path}"), content).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    }
    let listed: Value = daemon.get(PROXY).await;
    assert_eq!(
        listed,
        json!({"files": [
            {"path": "a.txt", "is_dir": false, "file_size": 1}, {"path": "dir", "is_dir": true},
        ]})
    );
    let listed: Value = daemon.get(&format!("{PROXY}?path=dir")).await;
    assert_eq!(
        listed,
        json!({"files": [
            {"path": "b.txt", "is_dir": false, "file_size": 1}, {"path": "deep", "is_dir": true},
        ]})
    );
    // What a client could not lay out as files is refused.
    for (path, said) in
        [("dir", "is a folder"), ("a.txt/x", "is a file"), ("dir/deep/c/x/y", "is a file")]
    {
        let answer = daemon.put_bytes(&format!("{PROXY}/{path}"), "x").await;
        assert!(refusal(&answer, 400).1.contains(said), "{path}: {:?}", answer.body);
    }
    let folder = daemon.call(Method::GET, &format!("{PROXY}/dir"), None).await;
    assert!(refusal(&folder, 400).1.contains("is a folder"));
    let (code, message) =
        refusal(&daemon.call(Method::GET, &format!("{PROXY}/no"), None).await, 404);
    assert_eq!(code, "RESOURCE_DOES_NOT_EXIST");
    assert!(message.contains("no such artifact"), "{message}");
    daemon.call(Method::DELETE, &format!("{PROXY}/dir/deep"), None).await.ok::<Value>("delete");
    let listed: Value = daemon.get(&format!("{PROXY}?path=dir/deep")).await;
    assert_eq!(listed, json!({}));
}

/// Attacks 1 to 5.
#[tokio::test]
async fn a_path_that_leads_elsewhere_is_refused_and_changes_nothing() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let root = root_of(&daemon, &run.run_id).await;
    daemon.put_bytes(&format!("{PROXY}/{root}/kept.txt"), "kept").await;
    daemon.put_bytes(&format!("{PROXY}/kept.txt"), "kept").await;
    let deep = "a/".repeat(1000);
    let attacks = [
        "../../etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "%252e%252e%252fetc%252fpasswd",
        "%25252e%25252e/x",
        "x/..%2f..%2ftoken",
        "%2fetc/passwd",
        "/etc/passwd",
        "kept.txt%23/../../x",
        "kept.txt%23",
        "kept.txt;/../../x",
        "kept.txt;x",
        "..;/token",
        "..%5c..%5ctoken",
        "a%00b",
        "a%2500b",
        "a%0d%0aSet-Cookie:%20x",
        "c:%2fwindows",
        &deep,
    ];
    for attack in attacks {
        for base in [PROXY.to_owned(), format!("{PROXY}/{root}")] {
            for method in [Method::GET, Method::PUT, Method::DELETE] {
                let path = format!("{base}/{attack}");
                let answer = daemon.call(method.clone(), &path, Some(json!("x"))).await;
                assert!(answer.status.is_client_error(), "{method} {path}: {}", answer.status);
            }
        }
        let queries = [
            format!("{PROXY}?path={attack}"),
            format!("{PROXY}?path={root}/{attack}"),
            format!("{ROOT}/artifacts/list?run_id={}&path={attack}", run.run_id),
            format!("/get-artifact?run_id={}&path={attack}", run.run_id),
        ];
        for path in queries {
            let answer = daemon.call(Method::GET, &path, None).await;
            assert!(answer.status.is_client_error(), "{path}: {} {:?}", answer.status, answer.body);
        }
    }
    let listed: Value = daemon.get(PROXY).await;
    assert_eq!(listed["files"], json!([{"path": "kept.txt", "is_dir": false, "file_size": 4}]));
    let kept: ArtifactPage = daemon.get(&format!("/api/runs/{}/artifacts", run.run_id)).await;
    assert_eq!(kept.items.len(), 1);
}

#[tokio::test]
async fn what_is_no_place_for_a_file_is_refused() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let root = root_of(&daemon, &run.run_id).await;
    let experiment = root.split('/').next().unwrap();
    for (path, status) in [
        (format!("{experiment}/nobody_1/artifacts/x"), 404),
        (format!("999/{}/artifacts/x", run.run_id), 404),
        (format!("99999999999999999999/{}/artifacts/x", run.run_id), 404),
        (format!("{experiment}/models/m-0/artifacts/x"), 404),
        ("model-versions/7/x".to_owned(), 400),
        ("model-versions/x/y".to_owned(), 404),
        (root.clone(), 400),
    ] {
        let answer = daemon.put_bytes(&format!("{PROXY}/{path}"), "x").await;
        refusal(&answer, status);
    }
    // A whole experiment is no folder that can be removed here.
    let answer = daemon.call(Method::DELETE, &format!("{PROXY}/{experiment}"), None).await;
    assert_eq!(answer.status, StatusCode::OK, "nothing of its own lies there");
    assert_eq!(daemon.run(&run.run_id).await.run_id, run.run_id);
    for (path, said) in [
        ("", "run_uuid"),
        (&format!("?run_uuid={}", run.run_id), "path"),
        (&format!("?run_uuid={}&path=x", run.run_id), "data"),
        (&format!("?run_uuid={}&path=../x", run.run_id), "Invalid path"),
    ] {
        let path = format!("/ajax-api/2.0/mlflow/upload-artifact{path}");
        let (_, message) = refusal(&daemon.call(Method::POST, &path, None).await, 400);
        assert!(message.contains(said), "{message}");
    }
}

#[tokio::test]
async fn a_logged_model_has_files_tags_and_metrics() {
    let daemon = Daemon::start().await;
    let made = post(
        &daemon,
        "/logged-models",
        json!({
            "experiment_id": "0", "name": "ridge", "source_run_id": "r",
            "tags": [{"key": "a", "value": "1"}], "params": [{"key": "alpha", "value": "0.25"}],
        }),
    )
    .await;
    let info = &made["model"]["info"];
    assert_eq!((&info["status"], &info["name"]), (&json!("LOGGED_MODEL_PENDING"), &json!("ridge")));
    let id = info["model_id"].as_str().unwrap();
    let root = info["artifact_uri"].as_str().unwrap().strip_prefix("mlflow-artifacts:/").unwrap();
    let path = format!("{PROXY}/{root}/MLmodel");
    assert_eq!(daemon.put_bytes(&path, "flavors").await.status, StatusCode::OK);
    let model = format!("/logged-models/{id}");
    let listed = get(&daemon, &format!("{model}/artifacts/directories")).await;
    assert_eq!(listed["files"], json!([{"path": "MLmodel", "is_dir": false, "file_size": 7}]));
    let file = format!("{ROOT}{model}/artifacts/files?artifact_file_path=MLmodel");
    assert_eq!(daemon.call(Method::GET, &file, None).await.body.as_ref(), b"flavors");
    let bad = format!("{ROOT}{model}/artifacts/files?artifact_file_path=../x");
    refusal(&daemon.call(Method::GET, &bad, None).await, 400);

    let path = format!("{ROOT}{model}");
    let ready = json!({"model_id": id, "status": "LOGGED_MODEL_READY"});
    let done: Value = send(&daemon, Method::PATCH, &path, ready).await.ok("finalize");
    assert_eq!(done["model"]["info"]["status"], "LOGGED_MODEL_READY");
    let bad = json!({"model_id": id, "status": "LOGGED_MODEL_GREAT"});
    refusal(&send(&daemon, Method::PATCH, &path, bad).await, 400);
    let other = json!({"params": [{"key": "alpha", "value": "2"}]});
    refusal(&send(&daemon, Method::POST, &format!("{path}/params"), other).await, 400);
    refusal(&daemon.call(Method::DELETE, &format!("{path}/tags/none"), None).await, 404);
    daemon.call(Method::DELETE, &format!("{path}/tags/a"), None).await.ok::<Value>("untag");

    // A version of it is the same files, and the model remembers as what it was registered.
    post(&daemon, "/registered-models/create", json!({"name": "m \"1\""})).await;
    let source = format!("models:/{id}");
    let version = json!({"name": "m \"1\"", "source": source, "model_id": id});
    let made = post(&daemon, "/model-versions/create", version).await;
    assert_eq!(made["model_version"]["run_id"], "r");
    let found = get(&daemon, &model).await;
    assert_eq!(
        found["model"]["info"]["tags"],
        json!([
            {"key": "mlflow.modelVersions", "value": "[{\"name\": \"m \\\"1\\\"\", \"version\": 1}]"},
        ])
    );
    let models: Vec<lazuli_domain::Model> = daemon.get("/api/workspaces/default/models").await;
    assert_eq!((models[0].files.len(), models[0].model_id.as_deref()), (1, Some(id)));

    daemon.call(Method::DELETE, &path, None).await.ok::<Value>("delete");
    let (code, message) = refusal(&daemon.call(Method::GET, &path, None).await, 404);
    assert_eq!(code, "RESOURCE_DOES_NOT_EXIST");
    assert_eq!(message, format!("Logged model with ID '{id}' not found."));
    get(&daemon, &format!("{model}?allow_deleted=true")).await;
    for (body, status) in [
        (json!({}), 400),
        (json!({"experiment_id": "77"}), 404),
        (json!({"experiment_id": "x"}), 400),
        (json!({"experiment_id": "0", "name": "a.b"}), 400),
        (json!({"experiment_id": "0", "tags": "x"}), 400),
    ] {
        let answer = send(&daemon, Method::POST, &format!("{ROOT}/logged-models"), body).await;
        refusal(&answer, status);
    }
}

#[tokio::test]
async fn logged_models_are_searched_in_pages() {
    let daemon = Daemon::start().await;
    for name in ["a", "b", "c"] {
        let tags = json!([{"key": "kind", "value": name}]);
        let new = json!({"experiment_id": "0", "name": name, "tags": tags});
        post(&daemon, "/logged-models", new).await;
    }
    let search = async |mut body: Value| -> (Vec<String>, Value) {
        body["experiment_ids"] = json!(["0"]);
        let page = post(&daemon, "/logged-models/search", body).await;
        let models = page["models"].as_array().cloned().unwrap_or_default();
        let name = |model: &Value| model["info"]["name"].as_str().unwrap().to_owned();
        (models.iter().map(name).collect(), page["next_page_token"].clone())
    };
    assert_eq!(search(json!({})).await.0, ["c", "b", "a"]);
    let (first, token) = search(json!({"max_results": 2})).await;
    assert_eq!(first, ["c", "b"]);
    let (rest, end) = search(json!({"max_results": 2, "page_token": token})).await;
    assert_eq!((rest, end), (vec!["a".to_owned()], Value::Null));
    let by_name = json!({"order_by": [{"field_name": "name", "ascending": true}]});
    assert_eq!(search(by_name).await.0, ["a", "b", "c"]);
    assert_eq!(search(json!({"filter": "tags.kind = 'b'"})).await.0, ["b"]);
    assert_eq!(search(json!({"filter": "metrics.r2 > 0.5"})).await.0, [""; 0]);
    assert_eq!(search(json!({"datasets": [{"dataset_name": "d"}]})).await.0, [""; 0]);
    for bad in [
        json!({"filter": "tags.kind = b"}),
        json!({"order_by": [{"field_name": "params.x"}]}),
        json!({"order_by": [{"field_name": "color"}]}),
        json!({"datasets": [{"dataset_digest": "1"}]}),
        json!({"page_token": token, "filter": "name = 'a'"}),
        json!({"page_token": "nonsense"}),
    ] {
        let mut body = bad.clone();
        body["experiment_ids"] = json!(["0"]);
        let path = format!("{ROOT}/logged-models/search");
        refusal(&send(&daemon, Method::POST, &path, body).await, 400);
    }
}

/// A request for parts, its answer with their addresses cut to paths.
async fn begin_parts(daemon: &Daemon, path: &str, name: &str, parts: u64) -> (String, Vec<String>) {
    let path = format!("/api/2.0/mlflow-artifacts/mpu/create/{path}");
    let body = json!({"path": format!("/home/me/{name}"), "num_parts": parts});
    let answer: Value = send(daemon, Method::POST, &path, body).await.ok(&path);
    let place = |credential: &Value| {
        assert!(credential["headers"]["Authorization"].as_str().unwrap().starts_with("Bearer "));
        let url = credential["url"].as_str().unwrap();
        url.strip_prefix("http://127.0.0.1:4711").unwrap().to_owned()
    };
    let places = answer["credentials"].as_array().unwrap().iter().map(place).collect();
    (answer["upload_id"].as_str().unwrap().to_owned(), places)
}

#[tokio::test]
async fn a_file_is_put_together_from_parts_that_come_in_any_order() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let root = root_of(&daemon, &run.run_id).await;
    let (upload, places) = begin_parts(&daemon, &format!("{root}/deep"), "big.bin", 3).await;
    let contents = ["first ", "second ", "third"];
    let mut tags = [String::new(), String::new(), String::new()];
    for at in [2, 0, 1] {
        // The first part comes twice: the later one counts.
        if at == 0 {
            daemon.put_bytes(&places[at], "wrong").await;
        }
        let answer = daemon.put_bytes(&places[at], contents[at]).await;
        assert_eq!(answer.status, StatusCode::OK);
        tags[at] = answer.header("etag").to_owned();
    }
    let parts = |tags: &[String]| -> Value {
        let part = |(at, tag): (usize, &String)| json!({"part_number": at + 1, "etag": tag});
        tags.iter().enumerate().map(part).collect()
    };
    let path = format!("/api/2.0/mlflow-artifacts/mpu/complete/{root}/deep");
    let done = |parts: Value| json!({"path": "big.bin", "upload_id": upload, "parts": parts});
    let wrong = [tags[1].clone(), tags[0].clone(), tags[2].clone()];
    for (parts, said) in
        [(parts(&tags[..2]), "part 3"), (parts(&wrong), "part 1"), (json!([]), "part 1")]
    {
        let answer = send(&daemon, Method::POST, &path, done(parts)).await;
        assert!(refusal(&answer, 400).1.contains(said), "{:?}", answer.body);
    }
    let other = json!({"path": "other.bin", "upload_id": upload, "parts": parts(&tags)});
    refusal(&send(&daemon, Method::POST, &path, other).await, 404);
    send(&daemon, Method::POST, &path, done(parts(&tags))).await.ok::<Value>("complete");
    let file = format!("/api/runs/{}/artifacts/deep/big.bin", run.run_id);
    assert_eq!(daemon.call(Method::GET, &file, None).await.body.as_ref(), b"first second third");
    // It is over.
    refusal(&daemon.put_bytes(&places[0], "more").await, 404);
    refusal(&send(&daemon, Method::POST, &path, done(parts(&tags))).await, 404);
}

#[tokio::test]
async fn an_upload_in_parts_that_cannot_be_is_refused() {
    let daemon = Daemon::start().await;
    let (upload, places) = begin_parts(&daemon, "dir", "a.bin", 2).await;
    daemon.put_bytes(&places[0], "x").await;
    let part = |number: u64| {
        places[0].rsplit_once('/').map(|(before, _)| format!("{before}/{number}")).unwrap()
    };
    refusal(&daemon.put_bytes(&part(0), "x").await, 400);
    refusal(&daemon.put_bytes(&part(3), "x").await, 400);
    let complete = "/api/2.0/mlflow-artifacts/mpu/complete/dir";
    let body =
        json!({"path": "a.bin", "upload_id": upload, "parts": [{"part_number": 1, "etag": ""}]});
    let (_, message) = refusal(&send(&daemon, Method::POST, complete, body.clone()).await, 400);
    assert!(message.contains("part 2 of 2 has not come"), "{message}");
    let abort = "/api/2.0/mlflow-artifacts/mpu/abort/dir";
    for _ in 0..2 {
        send(&daemon, Method::POST, abort, body.clone()).await.ok::<Value>("abort");
    }
    refusal(&daemon.put_bytes(&places[0], "x").await, 404);
    let listed: Value = daemon.get(PROXY).await;
    assert_eq!(listed, json!({}), "nothing of it is there");

    let create = "/api/2.0/mlflow-artifacts/mpu/create/";
    for (path, body, status) in [
        ("dir", json!({"num_parts": 1}), 400),
        ("dir", json!({"path": "a", "num_parts": 0}), 400),
        ("dir", json!({"path": "a", "num_parts": 10_001}), 400),
        ("dir", json!({"path": "a", "num_parts": -1}), 400),
        ("dir", json!({"path": "dir/", "num_parts": 1}), 400),
        ("%2e%2e/x", json!({"path": "a", "num_parts": 1}), 400),
        ("dir", json!({"path": "..", "num_parts": 1}), 400),
        ("model-versions/1", json!({"path": "a", "num_parts": 1}), 400),
        ("0/nobody_1/artifacts", json!({"path": "a", "num_parts": 1}), 404),
    ] {
        let answer = send(&daemon, Method::POST, &format!("{create}{path}"), body).await;
        refusal(&answer, status);
    }
}
