use serde_json::json;

use crate::fixture::Place;

#[test]
fn a_dataset_has_versions_files_and_an_end() {
    let place = Place::new();
    place.write("data/a.csv", "x,y\n1,2\n");
    assert_eq!(
        place.ok(&["dataset", "register", "points", "data/*.csv", "--tag", "a=b"]),
        "registered dataset `points` version 1 (1 file, 8 B)\n"
    );
    place.write("data/b.csv", "x,y\n3,4\n");
    assert_eq!(
        place.ok(&["dataset", "register", "points", "data/*.csv", "--new-version"]),
        "registered dataset `points` version 2 (2 files, 16 B)\n"
    );
    let listed = place.json(&["dataset", "list"]);
    assert_eq!((&listed[0]["name"], &listed[0]["version"]), (&json!("points"), &json!(2)));
    let versions = place.json(&["dataset", "versions", "points"]);
    assert_eq!(versions.as_array().unwrap().len(), 2);
    let files = place.ok(&["dataset", "files", "points@1"]);
    assert!(files.starts_with("File   Size  Where\na.csv  8 B   /"), "{files}");
    assert_eq!(
        place.ok(&["dataset", "remove", "points"]),
        "unregistered dataset `points`; `lazuli dataset restore points` brings it back\n"
    );
    assert!(place.ok(&["dataset", "list"]).contains("has no datasets"));
    assert_eq!(
        place.ok(&["dataset", "restore", "points"]),
        "brought back dataset `points`, version 2\n"
    );
}

#[test]
fn what_is_not_clear_is_asked() {
    let place = Place::new();
    place.write("data/readme", "hello");
    for (words, said) in [
        (
            &["dataset", "register", "d", "data/readme"][..],
            "error: how `data/readme` is read is not clear from its name\n\
             hint: say `--format delimited`, `json_lines`, `parquet`, or `file` for the files \
             themselves\n",
        ),
        (
            &["sql", "SELECT 1", "-o", "rows"],
            "error: `--output` names a variable, and a shell has none\n\
             hint: say `--json` or `--csv`, and `> FILE`\n",
        ),
        (&["sql", " "], "error: the query is empty\nhint: for instance `SELECT * FROM diabetes`\n"),
        (
            &["dataset", "show", "d"],
            "error: dataset `d` not found\nhint: `lazuli dataset list` shows what is registered\n",
        ),
    ] {
        let refused = place.run(words);
        assert_eq!((refused.talk.as_str(), refused.code), (said, 1));
    }
    place.ok(&["dataset", "register", "d", "data", "--format", "file"]);
}

#[test]
fn a_query_answers_rows_json_and_csv() {
    let place = Place::new();
    place.write("a.csv", "x,y\n1,a\n2,\n3,\"c,d\"\n");
    place.ok(&["dataset", "register", "points", "a.csv"]);
    let query = "SELECT x, y FROM points@1 ORDER BY x DESC";
    assert_eq!(place.ok(&["sql", query]), "x  y\n3  c,d\n2\n1  a\n3 rows\n");
    assert_eq!(place.ok(&["sql", query, "--csv"]), "x,y\n3,\"c,d\"\n2,\n1,a\n");
    let answered = place.json(&["sql", query, "--limit", "2"]);
    assert_eq!(
        (&answered["rows"], &answered["has_more"]),
        (&json!([[3, "c,d"], [2, null]]), &json!(true))
    );
    let counted =
        place.ok(&["sql", "SELECT count(*) AS n FROM points p JOIN points@1 q ON p.x = q.x"]);
    assert_eq!(counted, "n\n3\n1 row\n");

    let shown = place.ok(&["dataset", "show", "points"]);
    assert!(shown.starts_with("points version 1\n  3 rows, 2 columns, 1 file, "), "{shown}");
    assert!(shown.contains("y       string      33 %         2"), "{shown}");
    assert_eq!(place.ok(&["dataset", "preview", "points", "--rows", "1"]), "x  y\n1  a\n");
    assert!(place.ok(&["dataset", "profile", "points"]).ends_with("\n3 rows\n"));

    for (query, said) in [
        ("SELECT * FROM pionts", "dataset `pionts` not found"),
        ("SELECT * FROM points@7", "dataset `points@7` not found"),
        ("SELECT z FROM points", "z"),
        ("DELETE FROM points", ""),
    ] {
        let refused = place.run(&["sql", query]);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.talk.starts_with("error: ") && refused.talk.contains(said), "{refused:?}");
        assert!(refused.talk.contains("\nhint: "), "{refused:?}");
    }
    let refused = place.run(&["sql", "SELECT y FROM points", "--plot", "bar"]);
    assert!(refused.talk.starts_with("error: there is nothing to draw"), "{refused:?}");
    place.write("a.csv", "gone");
    std::fs::remove_file(place.folder.join("a.csv")).unwrap();
    let shown = place.ok(&["dataset", "show", "points"]);
    assert!(shown.contains("error: ") && shown.contains("a.csv"), "{shown}");
}
