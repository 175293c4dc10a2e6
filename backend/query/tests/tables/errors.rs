//! Bad input gets one sentence that says where, and what to do.

use lazuli_domain::TableAsk;
use serde_json::{Value, json};

use crate::support::{Worker, csv, files, job, table, with_step};

/// For every question the sentence is the same; `FOLDER` stands for where the files are.
#[track_caller]
fn check(named: &[(&str, &str)], options: Value, wanted: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut job = csv(folder.path(), named, options);
    let place = folder.path().display().to_string();
    let mut worker = Worker::start();
    for ask in [TableAsk::Rows, TableAsk::Profile, TableAsk::Preview { rows: 5 }] {
        job.ask = ask;
        assert_eq!(worker.refused(&job).replace(&place, "FOLDER"), wanted);
    }
}

#[test]
fn ragged_text_is_told_by_file_and_row() {
    let hint = "\nhint: see whether the separator is right, and whether a value with the separator in it \
                lacks its quotes";
    check(
        &[("a.csv", "x,y\n1,2\n"), ("b.csv", "x,y\n1,2\n\n3,4,5\n")],
        json!({}),
        &format!("row 2 (line 4) of `FOLDER/b.csv` has 3 values where there are 2 columns{hint}"),
    );
    check(
        &[("a.csv", "x,y\n1,2\n3\n")],
        json!({}),
        &format!("row 2 (line 3) of `FOLDER/a.csv` has 1 value where there are 2 columns{hint}"),
    );
    check(
        &[("a.csv", "x,y\n\"1\n2\",3\n")],
        json!({}),
        "row 1 (line 2) of `FOLDER/a.csv` opens a quote that its line does not close\n\
         hint: with `support_multi_line=True` a value may hold line ends",
    );
}

#[test]
fn a_ragged_row_far_behind_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "x,y\n".to_owned();
    (0..500_000).for_each(|row| text += &format!("{row},{row}\n"));
    text += "1,2,3\n";
    let mut job = csv(folder.path(), &[("a.csv", &text)], json!({}));
    job.ask = TableAsk::Count;
    let refused = Worker::start().refused(&job);
    assert!(refused.starts_with("row 500001 (line 500002) of "), "{refused}");
}

#[test]
fn a_wrong_encoding_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display().to_string();
    let check = |encoding: &str, bytes: &[u8], wanted: &str| {
        let source = json!({"format": "delimited", "encoding": encoding});
        let job = job(table(source, files(folder.path(), &[("a.csv", bytes)])));
        let refused = Worker::start().refused(&job).replace(&place, "FOLDER");
        assert!(refused.starts_with(wanted), "{refused}");
    };
    check(
        "utf8",
        b"x,y\n1,2\n\xE4,4\n",
        "row 2 (line 3) of `FOLDER/a.csv` is not UTF-8\nhint: give the encoding",
    );
    check("ascii", b"x\n\xE4\n", "the file `FOLDER/a.csv` is not ASCII: see its byte 2\n");
    check(
        "utf16",
        b"\xFF\xFEx\0\n\0\x00\xD8a\0",
        "the file `FOLDER/a.csv` is not UTF-16LE: see its byte 6\n",
    );
    check("klingon", b"x\n", "there is no encoding `klingon`\nhint: known are `utf8`");
}

#[test]
fn files_that_differ_are_both_named() {
    check(
        &[("a.csv", "x,y\n1,2\n"), ("b.csv", "x,z\n1,2\n")],
        json!({}),
        "the files `FOLDER/a.csv` and `FOLDER/b.csv` have different columns: the second has `z` where the \
         first has `y`\nhint: with `header=PromoteHeadersBehavior.COMBINE_ALL_FILES_HEADERS` a column \
         that a file lacks is missing in its rows; NO_HEADERS is for files without a header",
    );
}

#[test]
fn what_is_no_table_is_told() {
    check(
        &[("a.csv", "")],
        json!({}),
        "the file `FOLDER/a.csv` is empty\nhint: a table needs at least a header, or one row",
    );
    check(
        &[("a.csv", "x\n1\n")],
        json!({"separator": "::"}),
        "the separator `::` is not one character\nhint: give one character, which is neither a quote nor \
         a line end: `,`, `;`, `|` or a tab",
    );
    check(
        &[("a.csv", "x\n1\n")],
        json!({"options": {"set_column_types": {"xx": {"type": "string"}}}}),
        "there is no column `xx`\nhint: did you mean `x`?",
    );
    let folder = tempfile::tempdir().unwrap();
    let bad = files(folder.path(), &[("a.parquet", b"PAR1 this is not one")]);
    let refused = Worker::start().refused(&job(table(json!({"format": "parquet"}), bad)));
    assert!(refused.contains("/a.parquet` is no Parquet file: "), "{refused}");
}

#[test]
fn unknown_columns_of_steps_have_a_neighbour() {
    let folder = tempfile::tempdir().unwrap();
    let all = csv(folder.path(), &[("a.csv", "Age,BMI\n1,2\n")], json!({}));
    let mut worker = Worker::start();
    for (step, wanted) in [
        (
            json!({"step": "keep_columns", "columns": ["Agee"]}),
            "there is no column `Agee`\nhint: did you mean `Age`?",
        ),
        (
            json!({"step": "drop_columns", "columns": ["bmi"]}),
            "there is no column `bmi`\nhint: did you mean `BMI`?",
        ),
        (
            json!({"step": "filter", "expression": "age > 3"}),
            "the filter `age > 3` cannot be used: there is no column `age`\nhint: did you mean `Age`?",
        ),
        (
            json!({"step": "time_range", "start_ms": 1}),
            "the dataset has no timestamp column to compare\nhint: name it with \
             `with_timestamp_columns(timestamp=\"…\")`",
        ),
        (
            json!({"step": "sample", "probability": 3, "seed": 1}),
            "the probability 3 is not between 0 and 1\nhint: 0.3 is three of ten rows",
        ),
    ] {
        assert_eq!(worker.refused(&with_step(all.clone(), step)), wanted);
    }
    let filter = json!({"step": "filter", "expression": "Age >"});
    let refused = worker.refused(&with_step(all.clone(), filter));
    assert!(refused.starts_with("the filter `Age >` cannot be used: "), "{refused}");
    // The worker goes on after all of them.
    assert_eq!(worker.count(&mut all.clone()), 1);
}
