use serde_json::json;

use crate::fixture::Place;

#[test]
fn what_is_deleted_comes_back() {
    let place = Place::new();
    let first = place.start_run(&["--experiment", "churn"]);
    let second = place.start_run(&["--experiment", "churn"]);
    place.ok(&["run", "complete", &first]);
    let refused = place.run(&["run", "delete", &first, &second]);
    assert_eq!(refused.code, 1);
    assert_eq!(
        refused.talk,
        format!(
            "error: run `{second}` cannot be deleted while it goes on\n\
             hint: end it first: `lazuli run cancel {second}`, or `run complete`\n"
        )
    );
    assert_eq!(place.json(&["run", "list", "--deleted"]), json!([]));
    place.ok(&["run", "cancel", &second]);
    assert_eq!(
        place.ok(&["run", "delete", &second, &first]),
        "deleted 2 runs; `lazuli run restore RUN…` brings them back\n"
    );
    assert_eq!(place.json(&["run", "list"]), json!([]));
    assert_eq!(place.json(&["run", "list", "--deleted"]).as_array().unwrap().len(), 2);
    assert!(place.ok(&["run", "show", &first]).contains("Deleted "));
    assert_eq!(place.ok(&["run", "restore", &first]), format!("restored run `{first}`\n"));

    let deleted = place.ok(&["experiment", "delete", "churn"]);
    assert_eq!(
        deleted,
        "deleted experiment `churn`; `lazuli experiment restore churn` brings it back\n"
    );
    assert_eq!(place.ok(&["experiment", "list"]), "workspace `default` has no experiments\n");
    assert!(place.ok(&["experiment", "list", "--deleted"]).contains("churn"));
    assert!(place.ok(&["experiment", "show", "churn"]).contains("Deleted "));
    let restored = place.ok(&["experiment", "restore", "churn"]);
    assert_eq!(restored, "restored experiment `churn` with 1 run\n");
    assert_eq!(place.json(&["run", "list"])[0]["run_id"], json!(first));
    assert_eq!(place.run(&["run", "delete", "nothing_at_all"]).code, 1);
}

#[test]
fn what_is_gone_for_good_is_told() {
    let place = Place::new();
    assert_eq!(place.ok(&["gc"]), "there was nothing to remove\n");
    let run = place.start_run(&["--experiment", "churn"]);
    place.ok(&["run", "complete", &run]);
    place.ok(&["experiment", "delete", "churn"]);
    assert_eq!(place.ok(&["gc"]), "there was nothing to remove\n");
    assert_eq!(
        place.ok(&["gc", "--older-than", "0", "--dry-run"]),
        "would remove 1 run, 1 experiment; that frees 0 B\n"
    );
    let report = place.json(&["gc", "--older-than", "0"]);
    assert_eq!((&report["runs"], &report["experiments"]), (&json!(1), &json!(1)));
    assert_eq!(place.run(&["run", "restore", &run]).code, 1);
    let refused = place.run(&["gc", "--older-than", "soon"]);
    assert_eq!(refused.code, 2);
}
