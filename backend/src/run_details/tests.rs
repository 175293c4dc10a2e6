use expect_test::{expect, expect_file};
use lazuli_domain::{
    Artifact, MIME_RUN, Metric, MetricKind, MetricPoint, MetricValue, Number, Run, RunDetails,
    RunError, RunKind, RunStatus,
};
use serde_json::{Value, json};

use super::bundle;

fn run(name: &str, status: RunStatus) -> Run {
    Run {
        run_id: format!("churn_1764000000_{:08x}", name.len()),
        workspace: "default".into(),
        experiment: "churn".into(),
        name: name.into(),
        kind: RunKind::Script,
        status,
        parent_run_id: None,
        user: "ada".into(),
        compute: "local".into(),
        created_at_ms: 1_764_000_000_000,
        started_at_ms: Some(1_764_000_001_000),
        ended_at_ms: status.is_final().then_some(1_764_000_084_000),
        tags: [("team".to_owned(), "retention".to_owned())].into(),
        properties: Default::default(),
        parameters: [("C".to_owned(), "0.1, 1, 10".to_owned())].into(),
        metrics: Vec::new(),
        activity: None,
        snapshot_id: None,
        error: None,
        rejected_records: 0,
        deleted_at_ms: None,
        rejected_reason: None,
    }
}

fn metric(name: &str, kind: MetricKind, values: impl IntoIterator<Item = Value>) -> Metric {
    let value = |json| serde_json::from_value::<MetricValue>(json).unwrap();
    let points: Vec<_> = values
        .into_iter()
        .zip(0..)
        .map(|(json, step)| MetricPoint { step, time_ms: 1_764_000_002_000, value: value(json) })
        .collect();
    let count = points.len() as u64;
    Metric { name: name.into(), kind, description: String::new(), count, points }
}

fn details(run: Run, metrics: Vec<Metric>) -> RunDetails {
    RunDetails {
        run,
        metrics,
        children: Vec::new(),
        artifacts: Vec::new(),
        datasets: Vec::new(),
        log_tail: Vec::new(),
        images: Default::default(),
        sequence: 7,
        observed_at_ms: 1_764_000_010_500,
    }
}

fn html(details: &RunDetails) -> String {
    bundle(details).data["text/html"].as_str().unwrap().to_owned()
}

fn text(details: &RunDetails) -> String {
    bundle(details).data["text/plain"].as_str().unwrap().to_owned()
}

/// A run with something of everything.
fn sample() -> RunDetails {
    let mut run = run("forest of 200 trees", RunStatus::Completed);
    run.properties.insert("git_commit".into(), "4f2c1d9".into());
    let loss = (0..60).map(|epoch| json!(2.0 * (-f64::from(epoch) / 15.0).exp() + 0.1));
    let accuracy = (0..12).map(|epoch| match epoch {
        5 => json!("NaN"),
        _ => json!(1.0 - 0.5 / f64::from(epoch + 1)),
    });
    let mut sample = details(
        run,
        vec![
            metric("loss", MetricKind::Scalar, loss),
            metric("accuracy", MetricKind::Scalar, accuracy),
            metric("epochs", MetricKind::Scalar, [json!(60)]),
            metric("solver", MetricKind::Scalar, [json!("liblinear")]),
            metric("importances", MetricKind::List, [json!([0.4, 0.3, 0.2, 0.07, 0.03])]),
            metric(
                "folds",
                MetricKind::Row,
                (0..3).map(|fold| json!({"fold": fold, "auc": 0.9 + 0.01 * f64::from(fold)})),
            ),
            metric(
                "coefficients",
                MetricKind::Table,
                [json!({"feature": ["age", "tenure"], "weight": [0.25, -1.5]})],
            ),
            metric(
                "confusion",
                MetricKind::ConfusionMatrix,
                [json!({"schema_type": "confusion_matrix", "schema_version": "1.0.0",
                    "data": {"class_labels": ["stays", "leaves"], "matrix": [[63, 4], [9, 38]]}})],
            ),
            metric(
                "residuals",
                MetricKind::Residuals,
                [json!({"schema_type": "residuals", "schema_version": "1.0.0", "data":
                    {"bin_edges": [-2.0, -1.0, 0.0, 1.0, 2.0], "bin_counts": [3, 12, 14, 2]}})],
            ),
            metric(
                "curves",
                MetricKind::AccuracyTable,
                [json!({"schema_type": "accuracy_table", "schema_version": "1.0.1", "data":
                    {"class_labels": ["stays", "leaves"], "probability_tables": [
                        [[67, 47, 0, 0], [60, 9, 38, 7], [0, 0, 47, 67]],
                        [[47, 67, 0, 0], [38, 4, 63, 9], [0, 0, 67, 47]]]}})],
            ),
            metric("plot", MetricKind::Image, [json!({"artifact": "outputs/plot.png"})]),
        ],
    );
    for (name, status) in [("fold 1", RunStatus::Completed), ("fold two", RunStatus::Running)] {
        sample.children.push(self::run(name, status));
    }
    for (path, size) in [("outputs/model.pkl", 4_711_000), ("user_logs/std_log.txt", 812)] {
        sample.artifacts.push(Artifact {
            path: path.into(),
            size,
            sha256: "0".repeat(64),
            created_at_ms: 1_764_000_080_000,
        });
    }
    sample.log_tail = vec!["reading churn.csv".into(), " 50%\r100% \x1b[32mdone\x1b[0m".into()];
    sample
}

#[test]
fn a_run_with_something_of_everything() {
    let sample = sample();
    expect_file!["sample.html"].assert_eq(&html(&sample));
    expect![[r#"
        ✔ Completed  forest of 200 trees  1 min 23 s
          experiment churn, run churn_1764000000_00000013
          loss          last 0.139157, min 0.139157, max 2.1 (60 points)
          accuracy      last 0.958333, min 0.5, max 0.958333, 1 not finite (12 points)
          epochs        60
          solver        liblinear
          importances   5 values: 0.4, 0.3, 0.2, 0.07, 0.03
          folds         table of 3 rows: auc, fold
          coefficients  table of 2 rows: feature, weight
          confusion     confusion matrix of stays, leaves
          residuals     residuals in 4 bins
          curves        ROC curves of the classes stays, leaves
          plot          image outputs/plot.png
          child ✔ Completed  fold 1
          child ▶ Running  fold two
          artifact outputs/model.pkl (4.7 MB)
          artifact user_logs/std_log.txt (812 B)
          | reading churn.csv
          | 100% done"#]]
    .assert_eq(&text(&sample));
}

#[test]
fn a_run_that_has_just_begun() {
    let mut details = details(run("first", RunStatus::Running), Vec::new());
    details.run.tags.clear();
    details.run.parameters.clear();
    expect![[r#"
        ▶ Running  first  9.5 s
          experiment churn, run churn_1764000000_00000005"#]]
    .assert_eq(&text(&details));
    assert!(!bundle(&details).is_final);
}

#[test]
fn a_failed_run_shows_why() {
    let mut details = details(run("broken", RunStatus::Failed), Vec::new());
    details.run.error = Some(RunError {
        message: "ValueError: could not convert string to float: 'x'".into(),
        details: "Traceback (most recent call last):\n  File \"train.py\", line 3".into(),
        exit_code: Some(1),
        signal: None,
    });
    let html = html(&details);
    assert!(html.contains("<b>ValueError: could not convert string to float: &#39;x&#39;</b>"));
    assert!(html.contains("File &quot;train.py&quot;, line 3"));
    assert!(bundle(&details).is_final);
}

#[test]
fn whatever_people_write_stays_text() {
    const EVIL: &str = "<script>alert(1)</script><img src=x onerror='alert(2)'>\" onload=\"a";
    let mut details = details(
        run(EVIL, RunStatus::Failed),
        vec![
            metric(EVIL, MetricKind::Scalar, [json!(EVIL)]),
            metric(EVIL, MetricKind::Scalar, [json!(1), json!(2)]),
            metric(EVIL, MetricKind::List, [json!([EVIL])]),
            metric(EVIL, MetricKind::Row, [json!({EVIL: EVIL})]),
            metric(EVIL, MetricKind::Table, [json!([{EVIL: EVIL}])]),
            metric(EVIL, MetricKind::Image, [json!({"artifact": EVIL})]),
            metric(EVIL, MetricKind::Residuals, [json!({EVIL: EVIL})]),
            metric(
                EVIL,
                MetricKind::ConfusionMatrix,
                [json!({"data": {"class_labels": [EVIL], "matrix": [[1]]}})],
            ),
            metric(
                EVIL,
                MetricKind::AccuracyTable,
                [json!({"data": {"class_labels": [EVIL], "probability_tables": [[[1, 1, 1, 1]]]}})],
            ),
        ],
    );
    let run = &mut details.run;
    for text in [&mut run.run_id, &mut run.experiment, &mut run.compute] {
        *text = EVIL.to_owned();
    }
    run.parent_run_id = Some(EVIL.into());
    for map in [&mut run.tags, &mut run.properties, &mut run.parameters] {
        map.insert(EVIL.into(), EVIL.into());
    }
    run.error = Some(RunError { message: EVIL.into(), details: EVIL.into(), ..Default::default() });
    run.rejected_records = 1;
    run.rejected_reason = Some(EVIL.into());
    details.metrics.iter_mut().for_each(|metric| metric.description = EVIL.into());
    details.children.push(details.run.clone());
    details.artifacts.push(Artifact {
        path: EVIL.into(),
        size: 1,
        sha256: String::new(),
        created_at_ms: 0,
    });
    details.images.insert(EVIL.into(), format!("javascript:{EVIL}"));
    details.log_tail.push(EVIL.into());

    let html = html(&details);
    assert!(!html.contains("<script"), "{html}");
    assert!(!html.contains("<img src=x"), "{html}");
    assert!(!html.contains("\" onload"), "{html}");
    assert!(!html.contains("javascript:"), "{html}");
    // Every tag is one of ours.
    for tag in html.split('<').skip(1) {
        let name: String =
            tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        let ours = ["div", "b", "span", "code", "table", "tr", "td", "th", "pre", "img"];
        assert!(ours.contains(&name.as_str()), "<{name}");
    }
}

#[test]
fn the_picture_asks_nobody_for_anything() {
    let mut sample = sample();
    sample.images.insert("outputs/plot.png".into(), "data:image/png;base64,AAAA".into());
    let html = html(&sample);
    for foreign in ["http:", "https:", "//", "url(", "<script", "<style", "<link", "@import"] {
        let without_images: String = html
            .split("src=\"data:")
            .map(|part| part.split_once('"').unwrap_or(("", part)).1)
            .collect();
        assert!(!without_images.contains(foreign), "{foreign}");
    }
    assert!(html.contains("<img src=\"data:image/png;base64,AAAA\""));
}

#[test]
fn the_state_reads_back_without_its_images() {
    let mut sample = sample();
    sample.images.insert("outputs/plot.png".into(), "data:image/png;base64,AAAA".into());
    let state: RunDetails = serde_json::from_value(bundle(&sample).data[MIME_RUN].clone()).unwrap();
    sample.images.clear();
    let Some(MetricValue::Number(Number::Float(nan))) =
        state.metrics[1].points.get(5).map(|point| point.value.clone())
    else {
        panic!("the sixth accuracy is a number");
    };
    assert!(nan.is_nan());
    assert_eq!(state.run, sample.run);
    assert_eq!(state.sequence, 7);
}

#[test]
fn a_value_without_the_promised_shape_is_shown_as_it_came() {
    let details = details(
        run("odd", RunStatus::Running),
        vec![
            metric("matrix", MetricKind::ConfusionMatrix, [json!({"data": 3})]),
            metric("uneven", MetricKind::Table, [json!({"a": [1, 2, 3], "b": 4})]),
            metric("empty", MetricKind::List, [json!([])]),
        ],
    );
    expect![[r#"
        ▶ Running  odd  9.5 s
          experiment churn, run churn_1764000000_00000003
          matrix  {"data":3}
          uneven  table of 3 rows: a, b
          empty   []"#]]
    .assert_eq(&text(&details));
}

#[test]
fn long_tables_show_their_last_rows() {
    let rows = (0..100).map(|row| json!({"row": row}));
    let details =
        details(run("long", RunStatus::Running), vec![metric("rows", MetricKind::Row, rows)]);
    let html = html(&details);
    assert!(html.contains("the last 12 of 100 rows"));
    assert!(html.contains(">99</td>") && html.contains(">88</td>") && !html.contains(">87</td>"));
}

#[test]
fn what_a_run_read_and_made_is_told() {
    let used = |dataset: &str, input_name: &str, direction| lazuli_domain::DatasetUse {
        run_id: "r".into(),
        experiment: "churn".into(),
        dataset: dataset.into(),
        dataset_id: "id".into(),
        version: 2,
        input_name: input_name.into(),
        direction,
    };
    let mut details = details(run("first", RunStatus::Completed), Vec::new());
    details.datasets = vec![
        used("a<b", "training", lazuli_domain::DataDirection::Input),
        used("c", "", lazuli_domain::DataDirection::Output),
    ];
    let bundle = bundle(&details);
    let html = bundle.data["text/html"].as_str().unwrap();
    assert!(html.contains("a&lt;b version 2") && html.contains("read as training"), "{html}");
    let text = bundle.data["text/plain"].as_str().unwrap();
    assert!(text.contains("\n  read dataset a<b version 2\n  made dataset c version 2"), "{text}");
}
