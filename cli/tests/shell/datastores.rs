use serde_json::json;

use crate::fixture::Place;

#[test]
fn files_go_up_and_come_down() {
    let place = Place::new();
    place.write("data/a b.csv", "1,2\n");
    place.write("data/deep/größe#1.csv", "3,4\n");
    place.write("data/empty", "");
    assert_eq!(
        place.ok(&["datastore", "upload", "data", "--target", "diabetes"]),
        "uploaded 3 files (8 B) to datastore `workspaceblobstore`\n"
    );
    let listed = place.json(&["datastore", "files"]);
    let paths: Vec<&str> =
        listed["items"].as_array().unwrap().iter().map(|it| it["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["diabetes/a b.csv", "diabetes/deep/größe#1.csv", "diabetes/empty"]);
    let listed =
        place.json(&["datastore", "files", "workspaceblobstore", "diabetes/deep", "--limit", "5"]);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);

    // What is there stays, unless it is to be replaced.
    place.write("data/a b.csv", "new\n");
    assert_eq!(
        place.ok(&["datastore", "upload", "data/a b.csv", "--target", "diabetes"]),
        "uploaded 0 files (0 B) to datastore `workspaceblobstore`; 1 file was there already and stays (`--overwrite` replaces it)\n"
    );
    place.ok(&["datastore", "upload", "data/a b.csv", "--target", "diabetes", "--overwrite"]);
    assert_eq!(
        place.ok(&["datastore", "download", "diabetes/**/*.csv", "--to", "down"]),
        "downloaded 2 files (8 B) to `down`\n"
    );
    assert_eq!(place.read("down/diabetes/a b.csv"), "new\n");
    assert_eq!(place.read("down/diabetes/deep/größe#1.csv"), "3,4\n");
    let again = place.json(&["datastore", "download", "diabetes", "--to", "down"]);
    assert_eq!(again["skipped"], json!(["diabetes/a b.csv", "diabetes/deep/größe#1.csv"]));

    place.ok(&["datastore", "remove", "workspaceblobstore", "--file", "diabetes/empty"]);
    let gone = place.run(&["datastore", "download", "diabetes/empty"]);
    assert_eq!(gone.code, 1);
    assert_eq!(
        gone.talk,
        "error: datastore `workspaceblobstore` has no file `diabetes/empty`\n\
         hint: `lazuli datastore files workspaceblobstore` lists what it has\n"
    );
}

#[test]
fn a_key_comes_from_where_nobody_reads_along() {
    let place = Place::new();
    let key = "bm90LXRvLWJlLXNlZW4=";
    let blob = ["--azure-blob", "acc/data", "--skip-validation"];
    place.ok(&["secret", "set", "lake-key", key]);
    let mut said = String::new();
    let add = |words: &[&'static str]| [&["datastore", "add"], words, &blob].concat();
    said += &place.ok(&add(&["by-secret", "--key-secret", "lake-key"]));
    let by_env =
        place.command(&add(&["by-env", "--key-env", "LAKE_KEY"])).env("LAKE_KEY", key).output();
    let by_env = by_env.unwrap();
    assert!(by_env.status.success(), "{by_env:?}");
    said += &String::from_utf8_lossy(&by_env.stdout);
    let by_pipe =
        place.run_with_input(&add(&["by-pipe", "--ask-key", "--default"]), &format!("{key}\n"));
    assert_eq!(by_pipe.code, 0, "{by_pipe:?}");
    assert_eq!(
        by_pipe.out,
        "registered datastore `by-pipe`, the default one: container `data` of storage account `acc`\n"
    );
    said += &by_pipe.talk;
    said += &place.ok(&["datastore", "list"]);
    said += &place.json(&["datastore", "list"]).to_string();
    for name in ["by-secret", "by-env", "by-pipe"] {
        let shown = place.ok(&["datastore", "show", name]);
        assert!(shown.contains("Credential account key\n"), "{shown}");
        said += &shown;
    }
    assert!(!said.contains(key), "{said}");

    for (words, wanted) in [
        (vec!["x", "--key-secret", "none"], "secret `none` not found"),
        (vec!["x", "--key-env", "NOT_SET"], "the environment variable `NOT_SET` is not set"),
        (vec!["x", "--ask-key"], "the datastore `x` was given no key"),
    ] {
        let said = place.run(&add(&words));
        assert_eq!(said.code, 1);
        assert!(said.talk.contains(wanted), "{said:?}");
    }
    let nowhere = place.run(&["datastore", "add", "x"]);
    assert!(nowhere.talk.contains("it is not said where the datastore `x` is"), "{nowhere:?}");
    let with_password = place.run(&["datastore", "add", "x", "--postgresql", "u:secret@host/d"]);
    assert!(!with_password.talk.contains("secret@"), "{with_password:?}");
    assert_eq!(with_password.code, 1);
    place.ok(&["datastore", "default", "workspacefilestore"]);
    place.ok(&["datastore", "remove", "by-pipe"]);
    let names: Vec<_> = place
        .json(&["datastore", "list"])
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].clone())
        .collect();
    assert_eq!(names, ["workspaceblobstore", "workspacefilestore", "by-env", "by-secret"]);
}
