use serde_json::json;

use crate::fixture::Place;

#[test]
fn a_model_goes_in_and_comes_out() {
    let place = Place::new();
    place.write("model.pkl", "weights");
    place.write("net/layer/a.bin", "one");
    place.write("net/b.bin", "two");
    let first = place.ok(&["register_model", "churn", "model.pkl", "--framework", "ScikitLearn"]);
    assert_eq!(first, "registered model `churn` version 1 from `model.pkl` (1 file, 7 B)\n");
    let second = place.json(&["model", "register", "churn", "net", "--tag", "quality=good"]);
    assert_eq!(second["version"], 2);
    assert_eq!(second["tags"], json!({ "quality": "good" }));
    let versions = place.json(&["model", "list", "churn"]);
    assert_eq!(versions[0]["version"], 2);
    assert_eq!(versions[1]["framework"], "ScikitLearn");

    place.ok(&["model", "download", "churn", "--to", "down"]);
    assert_eq!(place.read("down/net/layer/a.bin"), "one");
    assert_eq!(place.read("down/net/b.bin"), "two");
    place.ok(&["model", "download", "churn", "--version", "1", "--to", "down"]);
    assert_eq!(place.read("down/model.pkl"), "weights");
    place.write("down/model.pkl", "mine");
    let there = place.run(&["model", "download", "churn", "--version", "1", "--to", "down"]);
    assert_eq!(there.code, 1);
    assert_eq!(place.read("down/model.pkl"), "mine");
    place.ok(&["model", "download", "churn", "--version", "1", "--to", "down", "--force"]);
    assert_eq!(place.read("down/model.pkl"), "weights");
}

#[test]
fn files_are_kept_with_a_run() {
    let place = Place::new();
    let run_id = place.start_run(&[]);
    place.write("outputs/model.pkl", "weights");
    place.write("plots/roc.png", "png");
    place.ok(&["upload", "outputs", "--run", &run_id]);
    place.ok(&["upload", "plots/roc.png", "--name", "roc.png", "--run", &run_id]);
    place.ok(&["log_image", "roc", "plots/roc.png", "--run", &run_id]);
    let run = place.json(&["run", "show"]);
    let names: Vec<_> =
        run["artifacts"].as_array().unwrap().iter().map(|file| file["path"].clone()).collect();
    assert_eq!(names, ["images/roc.png", "outputs/model.pkl", "roc.png"]);
    assert_eq!(run["metrics"][0]["last"]["value"], json!({ "artifact": "images/roc.png" }));

    place.ok(&["run", "download", "outputs", "--to", "down"]);
    assert_eq!(place.read("down/outputs/model.pkl"), "weights");
    place.ok(&["run", "download", "outputs/model.pkl", "--to", "down"]);
    assert_eq!(place.read("down/model.pkl"), "weights");
    let model = place.json(&["register_model", "churn", "outputs/model.pkl", "--run", &run_id]);
    assert_eq!(model["run_id"], json!(run_id));
    assert_eq!(model["files"][0]["path"], "model.pkl");
}

#[test]
fn a_snapshot_is_known_by_its_content() {
    let place = Place::new();
    place.write("source/train.py", "print('hello')\n");
    place.write("source/.amlignore", "data/\n");
    place.write("source/data/big.csv", "1,2\n");
    let first = place.json(&["snapshot", "create", "source"]);
    assert_eq!((&first["files"], &first["size"]), (&json!(2), &json!(21)));
    place.write("source/data/more.csv", "3,4\n");
    assert_eq!(place.json(&["snapshot", "create", "source"]), first);
    assert_eq!(
        place.ok(&["snapshot", "create", "source"]).trim(),
        first["snapshot_id"].as_str().unwrap()
    );
    place.write("source/train.py", "print('other')\n");
    let second = place.json(&["snapshot", "create", "source"]);
    assert_ne!(second["snapshot_id"], first["snapshot_id"]);
}
