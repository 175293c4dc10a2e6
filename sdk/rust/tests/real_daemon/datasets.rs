use std::fs;

use lazuli::prelude::*;

use crate::alone::{alone, check_error};

#[test]
fn versions_keep_the_files_that_they_found() {
    alone("datasets::versions_keep_the_files_that_they_found", || {
        let ws = Workspace::from_config().unwrap();
        fs::create_dir("data").unwrap();
        fs::write("data/b.csv", "x,y\n3,c\n").unwrap();
        fs::write("data/a.csv", "x,y\n1,a\n2,\n").unwrap();
        let csv = Dataset::tabular().delimited(&["data/*.csv"]).unwrap();
        let names = |dataset: &Dataset| -> Vec<String> {
            dataset.files().unwrap().iter().map(|file| file.relative_path.clone()).collect()
        };
        assert_eq!(names(&csv), ["a.csv", "b.csv"]);
        let first = csv.register(&ws, "points").unwrap();
        assert_eq!(first.info().unwrap().version, 1);

        fs::write("data/c.csv", "x,y\n4,d\n").unwrap();
        let registration =
            DatasetRegistration::new("points").tag("year", "2026").create_new_version();
        csv.register(&ws, registration).unwrap();
        let newest = ws.dataset("points").unwrap();
        assert_eq!(newest.info().unwrap().tags["year"], "2026");
        assert_eq!(names(&newest), ["a.csv", "b.csv", "c.csv"]);
        assert_eq!(names(&newest.version(1)), ["a.csv", "b.csv"]);
        assert_eq!(newest.versions().unwrap().len(), 2);
        assert!(ws.datasets().unwrap().to_string().starts_with("1 dataset\nDataset  Version"));

        let other = Dataset::file().files(&["data"]).unwrap();
        check_error(
            other.register(&ws, "points"),
            "the dataset `points` exists already and is defined otherwise",
        );
        check_error(other.take(1), "the dataset is a dataset of files and has no rows");
        check_error(other.info(), "the dataset is not registered");
        check_error(ws.dataset("pionts"), "dataset `pionts` not found");
        let none: [&str; 0] = [];
        check_error(Dataset::tabular().parquet(&none), "the dataset names no files");

        newest.unregister().unwrap();
        check_error(ws.dataset("points"), "dataset `points` not found");
        assert!(fs::exists("data/a.csv").unwrap());
    });
}

#[test]
fn rows_are_read_as_tables_and_as_arrow() {
    alone("datasets::rows_are_read_as_tables_and_as_arrow", || {
        let ws = Workspace::from_config().unwrap();
        fs::write("a.csv", "x,y\n1,a\n2,\n3,c\n").unwrap();
        let csv = Dataset::tabular().delimited(&["a.csv"]).unwrap().register(&ws, "p").unwrap();
        let table = csv.take(2).unwrap();
        assert_eq!(table.to_string(), "x  y\n1  a\n2\nthe first 2 rows × 2 columns");
        assert_eq!(table.column::<i64>("x").unwrap(), [1, 2]);
        let columns: Vec<String> = csv
            .schema()
            .unwrap()
            .iter()
            .map(|it| format!("{} {}", it.name, it.data_type))
            .collect();
        assert_eq!(columns, ["x integer", "y string"]);
        assert_eq!(csv.filter("x > 1").count().unwrap(), 2);
        assert_eq!(csv.keep_columns(&["y"]).skip(2).take(9).unwrap().rows(), [[json!("c")]]);
        let (first, second) = csv.random_split(0.5, 1);
        assert_eq!(first.count().unwrap() + second.count().unwrap(), 3);
        let profile = csv.profile().unwrap();
        assert_eq!((profile.row_count, profile.columns[1].missing_count), (3, 1));
        assert_eq!(ws.sql("SELECT sum(x) AS s FROM p@1").unwrap().rows(), [[json!(6)]]);
        let error = ws.sql("SELECT * FROM q").unwrap_err();
        assert!(error.message().contains("dataset `q` not found"), "{error}");

        // A stream begins with a message's marker, its length and its content.
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut csv.arrow_stream().unwrap(), &mut bytes).unwrap();
        assert_eq!(bytes[..4], [0xff; 4]);
        assert_eq!(bytes[bytes.len() - 8..], [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);

        let store = ws.default_datastore().unwrap();
        store.upload_files(["a.csv"], "data", false).unwrap();
        let stored = Dataset::tabular().delimited(&[(&store, "data/*.csv")]).unwrap();
        assert_eq!(stored.register(&ws, "stored").unwrap().count().unwrap(), 3);
        let info = csv.info().unwrap();
        let bundle =
            ws.client().unwrap().display_dataset(ws.name(), &info.name, info.version).unwrap();
        let html = bundle.data["text/html"].as_str().unwrap();
        assert!(html.contains("<b>3 rows</b>") && html.contains("33 % missing"), "{html}");

        fs::remove_file("a.csv").unwrap();
        let error = csv.take(1).unwrap_err();
        assert!(error.message().contains("a.csv"), "{error}");
    });
}
