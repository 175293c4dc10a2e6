use lazuli_domain::{
    ColumnProfile, DatasetDefinition, DatasetKind, FileDefinition, PlotKind, StringMap,
    TableColumn, ValueCount,
};
use serde_json::json;

use super::*;

fn column(name: &str, data_type: &str) -> TableColumn {
    TableColumn { name: name.into(), data_type: data_type.into() }
}

fn preview() -> TablePreview {
    TablePreview {
        columns: vec![
            column("day", "datetime"),
            column("<b>sex</b>", "string"),
            column("age", "integer"),
        ],
        rows: vec![
            vec![json!("2026-01-01T00:00:00"), json!("f"), json!(30)],
            vec![json!("2026-01-02T00:00:00"), json!("<script>"), json!(null)],
            vec![json!("2026-01-03T00:00:00"), json!("m"), json!(50)],
        ],
        has_more: true,
    }
}

fn details() -> DatasetDetails {
    let definition = DatasetDefinition::File(FileDefinition::default());
    let dataset = Dataset {
        workspace: "default".into(),
        id: "id".into(),
        name: "patients & others".into(),
        version: 3,
        kind: DatasetKind::Tabular,
        description: "all of them".into(),
        tags: StringMap::from([("year".into(), "2026".into())]),
        definition,
        file_count: 2,
        size: 1500,
        columns: None,
        run_id: None,
        created_at_ms: 0,
        updated_at_ms: 0,
        deleted_at_ms: None,
    };
    let of = |name: &str, data_type: &str| ColumnProfile {
        name: name.into(),
        data_type: data_type.into(),
        count: 9_000,
        missing_count: 1_000,
        distinct_count: 12_345,
        is_distinct_exact: true,
        min: json!(null),
        max: json!(null),
        mean: None,
        standard_deviation: None,
        quantiles: Vec::new(),
        histogram: Vec::new(),
        most_frequent: Vec::new(),
    };
    let age = ColumnProfile {
        min: json!(18),
        max: json!(99),
        mean: Some(41.25),
        histogram: vec![1, 5, 9, 0],
        ..of("age", "integer")
    };
    let sex = ColumnProfile {
        most_frequent: vec![ValueCount { value: "f".into(), count: 5_300 }],
        ..of("<b>sex</b>", "string")
    };
    DatasetDetails {
        dataset,
        preview: Some(preview()),
        profile: Some(TableProfile {
            row_count: 10_000,
            columns: vec![of("day", "datetime"), sex, age],
        }),
        profiled_rows: None,
        files: Vec::new(),
        uses: Vec::new(),
        problem: None,
    }
}

fn html(details: &DatasetDetails) -> String {
    bundle(details).data["text/html"].as_str().unwrap().to_owned()
}

#[test]
fn the_picture_says_types_missing_and_spread() {
    let html = html(&details());
    for said in [
        "patients &amp; others",
        "<b>10,000 rows</b>",
        "2 files, 1.5 kB",
        "year=2026",
        "<b>10 % missing</b>",
        "18 … 99",
        "mean 41.25",
        "12,345 distinct",
        "53 %",
        "2026-01-02 00:00:00",
        "integer",
    ] {
        assert!(html.contains(said), "`{said}` is not in {html}");
    }
    assert_eq!(html.matches("<img src=\"data:image/svg+xml;base64,").count(), 1);
}

#[test]
fn nothing_in_a_table_becomes_markup() {
    let mut details = details();
    details.problem = Some(ApiError::invalid("<i>bad</i>").hint("<u>look</u>"));
    details.dataset.description = "<script>alert(1)</script>".into();
    let html = html(&details);
    for markup in ["<script", "<b>sex", "<i>", "<u>", "http://", "https://"] {
        assert!(!html.contains(markup), "{markup}");
    }
    assert!(html.contains("&lt;b&gt;sex&lt;/b&gt;"));
}

#[test]
fn the_text_says_the_same() {
    let bundle = bundle(&details());
    let text = bundle.data["text/plain"].as_str().unwrap();
    let expected = "patients & others version 3\n  10,000 rows, 3 columns, 2 files, 1.5 kB, \
                    registered 1970-01-01 00:00:00 UTC\n  all of them\n  year=2026\n";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("age         integer      10 %    12,345   18   99  41.25"), "{text}");
    assert!(text.ends_with("2026-01-03 00:00:00  m            50"), "{text}");
}

#[test]
fn rows_are_drawn_as_they_are_asked_for() {
    for kind in [PlotKind::Line, PlotKind::Bar, PlotKind::Scatter] {
        let plot = Plot { kind, x: None, y: Vec::new() };
        let html = answer(preview(), 2, Some(&plot)).unwrap().html;
        assert!(html.contains("</span> age <span"), "{html}");
        assert_eq!(html.matches("<img").count(), 1);
    }
    let plot = Plot { kind: PlotKind::Bar, x: Some("<b>sex</b>".into()), y: vec!["age".into()] };
    assert!(
        answer(preview(), 2, Some(&plot)).unwrap().html.contains("over &lt;b&gt;sex&lt;/b&gt;")
    );
}

#[test]
fn an_answer_shows_as_many_rows_as_are_read() {
    let answer = answer(preview(), 1, None).unwrap();
    assert_eq!(answer.preview.rows.len(), 3);
    let expected = "day                  <b>sex</b>  age\n2026-01-01 00:00:00  f            30\n\
                    more than 3 rows, 1 shown";
    assert_eq!(answer.text, expected);
    assert!(answer.html.contains("more than 3 rows, 1 shown × 3 columns"));
    assert!(!answer.html.contains("2026-01-02"));
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let refused = |x: Option<&str>, y: &[&str]| {
        let y = y.iter().map(|&name| name.to_owned()).collect();
        let plot = Plot { kind: PlotKind::Line, x: x.map(str::to_owned), y };
        answer(preview(), 2, Some(&plot)).unwrap_err().to_string()
    };
    assert_eq!(
        refused(Some("weight"), &[]),
        "column `weight` not found\nhint: the rows have day, <b>sex</b>, age"
    );
    assert!(refused(Some("age"), &[]).starts_with("there is nothing to draw: no second column"));
    assert!(refused(None, &["<b>sex</b>"]).starts_with("there is nothing to draw: no row has"));
}
