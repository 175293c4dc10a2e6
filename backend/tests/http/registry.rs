//! What Lazuli's own API says of names, stages, aliases and deletion.

use axum::http::{Method, StatusCode};
use lazuli_domain::{ErrorKind, Model, RegisteredModel};
use serde_json::{Value, json};

use crate::support::{Daemon, sha256};

const MODELS: &str = "/api/workspaces/default/models";

/// Registers so many versions of a model.
async fn register(daemon: &Daemon, name: &str, versions: usize) {
    let digest = sha256(b"weights");
    daemon.put_bytes(&format!("/api/blobs/{digest}"), "weights").await;
    let files = json!([{"path": "model.pkl", "size": 7, "sha256": digest}]);
    for _ in 0..versions {
        let _model: Model =
            daemon.post(MODELS, json!({"name": name, "source": {"blobs": files}})).await;
    }
}

async fn patch<T: serde::de::DeserializeOwned>(daemon: &Daemon, path: &str, body: Value) -> T {
    daemon.call(Method::PATCH, path, Some(body)).await.ok(path)
}

async fn delete(daemon: &Daemon, path: &str) {
    let answer = daemon.call(Method::DELETE, path, None).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{path}: {:?}", answer.body);
}

async fn versions(daemon: &Daemon, query: &str) -> Vec<u64> {
    let models: Vec<Model> = daemon.get(&format!("{MODELS}?name=churn{query}")).await;
    models.iter().map(|model| model.version).collect()
}

#[tokio::test]
async fn a_version_takes_the_place_of_another_in_one_step() {
    let daemon = Daemon::start().await;
    register(&daemon, "churn", 3).await;
    for version in [1, 2] {
        let _model: Model =
            patch(&daemon, &format!("{MODELS}/churn/{version}"), json!({"stage": "production"}))
                .await;
    }
    let third: Model = patch(
        &daemon,
        &format!("{MODELS}/churn/3"),
        json!({"stage": "Production", "archive_others": true, "set_tags": {"checked": "yes"}}),
    )
    .await;
    assert_eq!((third.stage.as_str(), third.tags["checked"].as_str()), ("Production", "yes"));
    let models: Vec<Model> = daemon.get(MODELS).await;
    let stages: Vec<&str> = models.iter().map(|model| model.stage.as_str()).collect();
    assert_eq!(stages, ["Production", "Archived", "Archived"]);

    // A wrong stage changes nothing, not even what else the request asks for.
    let path = format!("{MODELS}/churn/3");
    let bad = json!({"stage": "Live", "description": "changed"});
    let error = daemon.call(Method::PATCH, &path, Some(bad)).await.refused(400);
    assert_eq!(
        error.to_string(),
        "`Live` is no stage\nhint: use one of None, Staging, Production, Archived"
    );
    assert_eq!(daemon.get::<Model>(&format!("{MODELS}/churn?version=3")).await.description, "");
}

#[tokio::test]
async fn aliases_point_to_versions_that_are_there() {
    let daemon = Daemon::start().await;
    register(&daemon, "churn", 2).await;
    let path = format!("{MODELS}/churn");
    let named: RegisteredModel =
        patch(&daemon, &path, json!({"set_aliases": {"champion": 2, "old": 1}})).await;
    assert_eq!(
        named.aliases.into_iter().collect::<Vec<_>>(),
        [("champion".to_owned(), 2), ("old".to_owned(), 1)]
    );
    let newest: Model = daemon.get(&path).await;
    assert_eq!(newest.aliases, ["champion"]);

    for (alias, version, status) in
        [("champion", 9, 404), ("latest", 1, 400), ("v12", 1, 400), ("a/b", 1, 400), ("", 1, 400)]
    {
        let body = json!({"set_aliases": {alias: version}, "description": "changed"});
        daemon.call(Method::PATCH, &path, Some(body)).await.refused(status);
    }
    delete(&daemon, &format!("{path}/2")).await;
    let named: RegisteredModel = daemon.get(&format!("{path}/registered")).await;
    assert_eq!((named.aliases.len(), named.description.as_str()), (1, ""));
    // A version that comes back has lost its aliases: another may bear them by now.
    let back: Model = daemon.post(&format!("{path}/2/restore"), Value::Null).await;
    assert_eq!((back.version, back.aliases.len(), back.deleted_at_ms), (2, 0, None));
}

#[tokio::test]
async fn a_model_comes_back_with_what_was_deleted_with_it() {
    let daemon = Daemon::start().await;
    register(&daemon, "churn", 3).await;
    let path = format!("{MODELS}/churn");
    delete(&daemon, &format!("{path}/1")).await;
    // Another moment than the one in which the name goes.
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    delete(&daemon, &path).await;
    assert_eq!(versions(&daemon, "").await, [0; 0]);
    assert_eq!(versions(&daemon, "&deleted=true").await, [3, 2, 1]);
    daemon.get_refused(&path, 404).await;

    let named: RegisteredModel = daemon.post(&format!("{path}/restore"), Value::Null).await;
    assert_eq!(named.name, "churn");
    assert_eq!(versions(&daemon, "").await, [3, 2]);
    let error = daemon.post_refused(&format!("{path}/restore"), Value::Null, 409).await;
    assert_eq!(error.message, "the model `churn` is not deleted");
    daemon.post_refused(&format!("{path}/2/restore"), Value::Null, 409).await;
    daemon.post_refused(&format!("{path}/9/restore"), Value::Null, 404).await;
    let _first: Model = daemon.post(&format!("{path}/1/restore"), Value::Null).await;
    assert_eq!(versions(&daemon, "").await, [3, 2, 1]);
}

/// What somebody wrote down as `churn:3` never becomes something else.
#[tokio::test]
async fn a_number_is_not_given_twice() {
    let daemon = Daemon::start().await;
    register(&daemon, "churn", 2).await;
    let path = format!("{MODELS}/churn");
    let _tagged: RegisteredModel =
        patch(&daemon, &path, json!({"set_tags": {"a": "b"}, "set_aliases": {"best": 1}})).await;
    delete(&daemon, &path).await;
    register(&daemon, "churn", 1).await;
    assert_eq!(versions(&daemon, "").await, [3]);
    let named: RegisteredModel = daemon.get(&format!("{path}/registered")).await;
    assert_eq!((named.tags.len(), named.aliases.len()), (0, 0), "nothing else came back");
    assert_eq!(versions(&daemon, "&deleted=true").await, [2, 1]);
    let _second: Model = daemon.post(&format!("{path}/2/restore"), Value::Null).await;
    assert_eq!(versions(&daemon, "").await, [3, 2]);
}

#[tokio::test]
async fn a_name_is_not_taken_twice() {
    let daemon = Daemon::start().await;
    register(&daemon, "churn", 1).await;
    register(&daemon, "fraud", 1).await;
    let path = format!("{MODELS}/churn");
    let to = |name: &str| Some(json!({"name": name}));
    let error = daemon.call(Method::PATCH, &path, to("fraud")).await.refused(409);
    assert_eq!(error.kind, ErrorKind::Conflict);
    daemon.call(Method::PATCH, &path, to("")).await.refused(400);
    daemon.call(Method::PATCH, &path, to("a\nb")).await.refused(400);
    let renamed: RegisteredModel = patch(&daemon, &path, json!({"name": "churn 2"})).await;
    assert_eq!(renamed.latest[0].name, "churn 2");
    daemon.get_refused(&path, 404).await;
    assert_eq!(daemon.get::<Model>(&format!("{MODELS}/churn%202")).await.version, 1);
    daemon.call(Method::PATCH, &format!("{MODELS}/nobody"), to("x")).await.refused(404);
}
