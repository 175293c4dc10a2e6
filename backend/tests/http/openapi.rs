use axum::http::{Method, StatusCode};
use serde_json::Value;

use crate::support::Daemon;

#[tokio::test]
async fn every_described_route_is_there() {
    let daemon = Daemon::start().await;
    let document: Value = daemon.get("/api/openapi.json").await;
    let mut described = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let concrete = path.replace(['{', '}'], "");
            if concrete == "/api/events" {
                // Has no end; the tests of events read it.
                continue;
            }
            let answer = daemon.call(method.clone(), &concrete, None).await;
            assert_ne!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            let body = String::from_utf8_lossy(&answer.body);
            assert!(!body.contains("route `"), "{method} {path}: {body}");
            described += 1;
        }
    }
    assert!(described > 46, "{described}");
}

#[tokio::test]
async fn what_travels_is_described() {
    let daemon = Daemon::start().await;
    let document: Value = daemon.get("/api/openapi.json").await;
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in ["Run", "NewRun", "Metric", "ApiError", "Model", "JobReport", "RunDetails", "Event"]
    {
        assert!(schemas.contains_key(name), "{name}");
    }
    let run = &document["paths"]["/api/runs/{run_id}"]["get"];
    assert_eq!(
        run["responses"]["200"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/Run"
    );
    assert_eq!(run["parameters"][0]["name"], "run_id");
    let create = &document["paths"]["/api/workspaces/{workspace}/runs"]["post"];
    assert_eq!(
        create["requestBody"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/NewRun"
    );
}

/// Studio's types are made from that file: what changes here is seen there when it is built.
#[tokio::test]
async fn studio_is_built_for_this_api() {
    let daemon = Daemon::start().await;
    let document: Value = daemon.get("/api/openapi.json").await;
    let text = serde_json::to_string_pretty(&document).unwrap() + "\n";
    expect_test::expect_file!["../../../studio/openapi.json"].assert_eq(&text);
}

/// Clients are made from the document by generators that give each operation one name.
#[tokio::test]
async fn every_operation_has_a_name_of_its_own() {
    let daemon = Daemon::start().await;
    let document: Value = daemon.get("/api/openapi.json").await;
    let mut names = std::collections::BTreeSet::new();
    for operations in document["paths"].as_object().unwrap().values() {
        for operation in operations.as_object().unwrap().values() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name}");
        }
    }
}
