//! Compute targets and environments, as people name them.

use serde_json::json;

use crate::fixture::Place;

#[test]
fn a_cluster_is_made_shown_changed_and_deleted() {
    let place = Place::new();
    let made = place.ok(&[
        "compute",
        "create",
        "cpu-cluster",
        "--max-nodes",
        "2",
        "--setting",
        "vm_size=STANDARD_DS11_V2",
    ]);
    assert_eq!(made, "compute target `cpu-cluster` is there: 2 slots on this machine\n");
    let shown = place.ok(&["compute", "status", "cpu-cluster"]);
    for said in ["Nodes    0 of 2 (at least 0)", "Kept     vm_size=STANDARD_DS11_V2"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    place.ok(&["compute", "create", "cpu-cluster", "--max-nodes", "3"]);
    assert_eq!(place.json(&["compute", "show", "cpu-cluster"])["max_nodes"], 3);
    let names: Vec<String> = place
        .json(&["compute", "list"])
        .as_array()
        .unwrap()
        .iter()
        .map(|target| target["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["local", "cpu-cluster"]);

    place.write("train.py", "print('on the cluster')\n");
    let said = place.ok(&["submit", "train.py", "--compute", "cpu-cluster", "--wait"]);
    assert!(said.contains("on the cluster"), "{said}");
    assert_eq!(place.json(&["run", "show"])["compute"], "cpu-cluster");

    place.ok(&["compute", "delete", "cpu-cluster"]);
    let gone = place.run(&["submit", "train.py", "--compute", "cpu-cluster"]);
    assert_eq!(gone.code, 1);
    assert!(gone.talk.contains("error: compute target `cpu-cluster` not found"), "{gone:?}");
    let local = place.run(&["compute", "delete", "local"]);
    assert_eq!(local.code, 1, "{local:?}");
}

#[test]
fn an_instance_is_stopped_and_started() {
    let place = Place::new();
    place.ok(&["compute", "create", "my-workstation", "--kind", "instance"]);
    place.write("train.py", "print(1)\n");
    assert_eq!(
        place.ok(&["compute", "stop", "my-workstation"]),
        "stopped compute instance `my-workstation`\n"
    );
    let refused = place.run(&["submit", "train.py", "--compute", "my-workstation"]);
    assert_eq!(refused.code, 1);
    assert!(refused.talk.contains("`my-workstation`"), "{refused:?}");
    place.ok(&["compute", "start", "my-workstation"]);
    place.ok(&["submit", "train.py", "--compute", "my-workstation", "--wait"]);
}

#[test]
fn an_environment_is_registered_made_and_used() {
    let place = Place::new();
    let create = ["environment", "create", "training", "--pip", "six==1.16.0", "--variable", "A=b"];
    assert_eq!(place.ok(&create), "environment `training:1` is registered\n");
    assert_eq!(place.ok(&create), "environment `training:1` is registered\n");
    let second = place.ok(&["environment", "create", "training", "--pip", "six==1.17.0"]);
    assert_eq!(second, "environment `training:2` is registered\n");
    let shown = place.ok(&["environment", "show", "training:1"]);
    for said in ["Version     1", "pip         six==1.16.0", "Variable    A=b"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    assert!(place.ok(&["environment", "list", "--all"]).contains("AzureML-Tutorial"));
    assert!(!place.ok(&["environment", "list"]).contains("AzureML-Tutorial"));

    let built = place.ok(&["environment", "build", "training:1"]);
    assert!(built.contains("environment `training:1` is made: "), "{built}");
    place.write("train.py", "import os, six\nprint('six', six.__version__, os.environ['A'])\n");
    let said = place.ok(&["submit", "train.py", "--environment", "training:1", "--wait"]);
    assert!(said.contains("six 1.16.0 b\n"), "{said}");
    let made = place.json(&["environment", "list", "--cached"]);
    assert_eq!(made.as_array().map(Vec::len), Some(1), "{made}");
    assert_eq!(made[0]["packages"], json!(["six==1.16.0"]));

    place.ok(&["environment", "delete", "training"]);
    let gone = place.run(&["submit", "train.py", "--environment", "training"]);
    assert!(gone.talk.contains("error: environment `training` not found"), "{gone:?}");
}

#[test]
fn what_cannot_be_made_says_where_it_fails() {
    let place = Place::new();
    place.write("broken.yml", "dependencies:\n- python=3.8\n  - pip: [\n");
    place.write("unknown.yml", "dependencies:\n- pip:\n  - lazuli-test-no-such-package-4711\n");
    let refused = |words: &[&str]| {
        let said = place.run(words);
        assert_eq!(said.code, 1, "{said:?}");
        said.talk
    };
    let said = refused(&["environment", "create", "x", "--conda-file", "broken.yml"]);
    assert!(said.contains("`broken.yml`") && said.contains("line 3"), "{said}");
    let said = refused(&["environment", "create", "x", "--conda-file", "nowhere.yml"]);
    assert!(said.contains("`nowhere.yml` does not exist"), "{said}");
    let said = refused(&["environment", "create", "x"]);
    assert!(said.contains("error: the environment `x` is made of nothing"), "{said}");
    let said = refused(&["compute", "create", "1x"]);
    assert!(said.contains("1x"), "{said}");
    place.ok(&["environment", "create", "unknown", "--conda-file", "unknown.yml"]);
    let said = refused(&["environment", "build", "unknown"]);
    assert!(said.contains("there is no package `lazuli-test-no-such-package-4711`"), "{said}");
}
