use serde_json::json;

use crate::fixture::Place;

#[test]
fn a_model_has_stages_aliases_and_tags() {
    let place = Place::new();
    place.write("model.pkl", "weights");
    for _ in 0..2 {
        place.ok(&["model", "register", "churn", "model.pkl"]);
    }
    assert_eq!(
        place.ok(&["model", "stage", "churn", "production", "--version", "1"]),
        "model `churn` version 1 is in Production\n"
    );
    assert_eq!(
        place.ok(&["model", "stage", "churn", "Production", "--archive-others"]),
        "model `churn` version 2 is in Production\n"
    );
    let models = place.json(&["model", "list"]);
    assert_eq!(
        (&models[0]["stage"], &models[1]["stage"]),
        (&json!("Production"), &json!("Archived"))
    );
    assert_eq!(
        place.ok(&["model", "alias", "churn", "champion"]),
        "`champion` of model `churn` is version 2\n"
    );
    assert_eq!(
        place.ok(&["model", "tag", "churn", "checked=yes"]),
        "model `churn` version 2: checked=yes\n"
    );
    let shown = place.ok(&["model", "show", "churn"]);
    for line in ["Stage      Production", "Aliases    champion", "Tags       checked=yes"] {
        assert!(shown.contains(line), "{shown}");
    }
    assert_eq!(
        place.ok(&["model", "alias", "churn", "champion", "--remove"]),
        "model `churn` has no alias `champion`\n"
    );
    let refused = place.run(&["model", "stage", "churn", "live"]);
    assert_eq!(refused.code, 2);
    assert!(refused.talk.contains("Production"), "{}", refused.talk);
    let refused = place.run(&["model", "alias", "churn", "v3"]);
    assert_eq!(refused.code, 1);
    assert!(refused.talk.contains("is reserved"), "{}", refused.talk);
}

#[test]
fn a_deleted_model_comes_back() {
    let place = Place::new();
    place.write("model.pkl", "weights");
    for _ in 0..2 {
        place.ok(&["model", "register", "churn", "model.pkl"]);
    }
    assert_eq!(
        place.ok(&["model", "delete", "churn", "--version", "1"]),
        "deleted version 1 of model `churn`; `lazuli model restore churn --version 1` brings it back\n"
    );
    assert_eq!(
        place.ok(&["model", "delete", "churn"]),
        "deleted model `churn` with its versions; `lazuli model restore churn` brings it back\n"
    );
    assert_eq!(place.json(&["model", "list"]), json!([]));
    assert_eq!(place.json(&["model", "list", "--deleted"]).as_array().unwrap().len(), 2);
    assert_eq!(place.run(&["model", "show", "churn"]).code, 1);
    assert_eq!(
        place.ok(&["model", "restore", "churn", "--version", "1"]),
        "restored version 1 of model `churn`\n"
    );
    assert_eq!(
        place.ok(&["model", "restore", "churn", "--version", "2"]),
        "restored version 2 of model `churn`\n"
    );
    assert_eq!(place.json(&["model", "list"]).as_array().unwrap().len(), 2);
    let refused = place.run(&["model", "restore", "churn"]);
    assert!(refused.talk.contains("is not deleted"), "{}", refused.talk);
}
