use serde_json::json;

use crate::fixture::Place;

#[test]
fn a_home_goes_into_a_file_and_comes_back() {
    let place = Place::new();
    let run = place.start_run(&["--experiment", "churn"]);
    place.write("model.pkl", "weights");
    place.ok(&["upload", "model.pkl", "--run", &run]);
    place.ok(&["log", "loss=nan", "--run", &run]);
    place.ok(&["run", "complete", &run]);
    let kept = place.run(&["backup", "home.tar"]);
    assert_eq!(kept.code, 0, "{kept:?}");
    assert!(kept.out.starts_with("kept everything in `home.tar` ("), "{kept:?}");
    assert!(kept.talk.contains("the secrets in it open only with the file `key`"), "{kept:?}");
    let again = place.run(&["backup", "home.tar"]);
    assert_eq!(
        (again.code, again.talk.as_str()),
        (
            1,
            "error: `home.tar` exists already\n\
             hint: replace it with `--force`, or choose another name\n"
        )
    );
    place.ok(&["backup", "home.tar", "--force"]);
    assert_eq!(std::fs::read_dir(&place.folder).unwrap().count(), 2);

    let other = Place::new();
    let archive = place.folder.join("home.tar").display().to_string();
    assert_eq!(
        other.ok(&["restore", &archive]),
        "restored 1 run, 1 experiment, 0 model versions, 0 dataset versions, 0 secrets, 1 file (7 B)\n"
    );
    assert_eq!(other.json(&["run", "show", &run]), place.json(&["run", "show", &run]));
    other.ok(&["run", "download", "model.pkl", "--run", &run]);
    assert_eq!(other.read("model.pkl"), "weights");
    let refused = other.run(&["restore", &archive]);
    assert_eq!(
        (refused.code, refused.talk.as_str()),
        (
            1,
            "error: there are runs, models, datasets or secrets here already\n\
             hint: `--force` puts the backup in their place; `lazuli backup` keeps them first\n"
        )
    );
    other.ok(&["restore", &archive, "--force"]);
    let nothing = other.run(&["restore", "nothing.tar"]);
    assert_eq!(nothing.code, 1);
    other.write("text.tar", "hello");
    let foreign = other.run(&["restore", "text.tar", "--force"]);
    assert!(foreign.talk.contains("the file is not a backup of Lazuli"), "{foreign:?}");
    assert_eq!(other.run(&["backup", "no/such/folder/a.tar"]).code, 1);
}

#[test]
fn an_experiment_goes_into_a_file_and_comes_in() {
    let place = Place::new();
    let run = place.start_run(&["--experiment", "churn"]);
    place.ok(&["log", "loss=0.5", "--run", &run]);
    place.ok(&["run", "complete", &run]);
    place.start_run(&["--experiment", "churn"]);
    let kept = place.run(&["experiment", "export", "churn", "churn.tar"]);
    assert!(kept.out.starts_with("kept 1 run of experiment `churn` in `churn.tar` ("), "{kept:?}");
    assert_eq!(kept.talk, "1 run goes on and is left out\n");
    let other = Place::new();
    let archive = place.folder.join("churn.tar").display().to_string();
    let first = other.ok(&["experiment", "import", &archive]);
    assert_eq!(first, "brought 1 run into experiment `churn`\n");
    let second = other.ok(&["experiment", "import", &archive]);
    assert_eq!(second, "brought 0 runs into experiment `churn`; 1 run was here already\n");
    let copy = other.json(&["experiment", "import", &archive, "--name", "copy"]);
    assert_eq!((&copy["experiment"], &copy["runs"]), (&json!("copy"), &json!(1)));
    assert_eq!(other.json(&["run", "show", &run])["metrics"][0]["last"]["value"], json!(0.5));
    assert_eq!(other.run(&["experiment", "export", "nothing", "a.tar"]).code, 1);
    assert!(!other.folder.join("a.tar").exists());
}
