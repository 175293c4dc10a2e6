//! Steps of a definition, SQL and figures.

use lazuli_domain::{ColumnProfile, QueryJob, TableAsk};
use serde_json::{Value, json};

use crate::support::{Worker, csv, sql, with_step};

const TABLE: &str = "id,Name,t\n1,a,2020-01-01\n2,b,2020-01-02\n3,,2020-01-03\n4,b,2020-01-04\n";

fn steps(steps: Value) -> QueryJob {
    let folder = tempfile::tempdir().unwrap();
    let mut job = csv(&folder.keep(), &[("a.csv", TABLE)], json!({}));
    job.tables.get_mut("table").unwrap().definition.timestamp = Some("t".into());
    for step in steps.as_array().unwrap() {
        job = with_step(job, step.clone());
    }
    job
}

/// The ids that remain.
#[track_caller]
fn check(worker: &mut Worker, list: Value, wanted: &[u64]) {
    let mut job = steps(list);
    let preview = worker.preview(&mut job);
    let ids: Vec<u64> = preview.rows.iter().map(|row| row[0].as_u64().unwrap()).collect();
    assert_eq!(ids, wanted);
    assert_eq!(worker.count(&mut job), wanted.len() as u64);
}

#[test]
fn steps_are_taken_in_their_order() {
    let worker = &mut Worker::start();
    check(worker, json!([]), &[1, 2, 3, 4]);
    check(worker, json!([{"step": "skip", "count": 1}, {"step": "take", "count": 2}]), &[2, 3]);
    check(worker, json!([{"step": "take", "count": 2}, {"step": "skip", "count": 1}]), &[2]);
    check(worker, json!([{"step": "skip", "count": 9}]), &[]);
    check(
        worker,
        json!([{"step": "filter", "expression": "Name = 'b' OR \"Name\" IS NULL"}]),
        &[2, 3, 4],
    );
    check(
        worker,
        json!([{"step": "take", "count": 2}, {"step": "filter", "expression": "Name = 'b'"}]),
        &[2],
    );
    check(
        worker,
        json!([{"step": "filter", "expression": "Name = 'b'"}, {"step": "take", "count": 2}]),
        &[2, 4],
    );
    check(worker, json!([{"step": "keep_columns", "columns": ["id", "t"]}]), &[1, 2, 3, 4]);
    check(worker, json!([{"step": "drop_columns", "columns": ["Name"]}]), &[1, 2, 3, 4]);
    let day = 86_400_000_i64;
    let second = 1_577_923_200_000_i64;
    check(worker, json!([{"step": "time_range", "start_ms": second}]), &[2, 3, 4]);
    check(
        worker,
        json!([{"step": "time_range", "start_ms": second, "end_ms": second + day, "include_boundary": false}]),
        &[],
    );
    check(worker, json!([{"step": "time_range", "end_ms": second + day}]), &[1, 2, 3]);
    check(worker, json!([{"step": "time_recent", "delta_ms": day}]), &[]);
    check(worker, json!([{"step": "time_recent", "delta_ms": 100 * 365 * day}]), &[1, 2, 3, 4]);
}

#[test]
fn the_parts_of_a_split_are_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("id\n{}", (0..10_000).map(|id| format!("{id}\n")).collect::<String>());
    let all = csv(folder.path(), &[("a.csv", &text)], json!({}));
    let mut worker = Worker::start();
    let mut ids = |step: Value| -> Vec<u64> {
        let mut job = with_step(all.clone(), step);
        job.ask = TableAsk::Preview { rows: 20_000 };
        let rows = worker.json(&job)["rows"].as_array().unwrap().clone();
        rows.iter().map(|row| row[0].as_u64().unwrap()).collect()
    };
    let split = |part: &str, seed: u64| json!({"step": "split", "percentage": 0.7, "seed": seed, "part": part});
    let (first, second) = (ids(split("first", 1)), ids(split("second", 1)));
    assert!((6_800..7_200).contains(&first.len()), "{}", first.len());
    assert!(first.is_sorted() && second.is_sorted());
    let mut both = [first.clone(), second].concat();
    both.sort_unstable();
    assert_eq!(both, (0..10_000).collect::<Vec<u64>>());
    assert_eq!(ids(split("first", 1)), first);
    assert_ne!(ids(split("first", 2)), first);
    let sample = ids(json!({"step": "sample", "probability": 0.1, "seed": 1}));
    assert!((900..1_100).contains(&sample.len()), "{}", sample.len());
    assert_eq!(ids(json!({"step": "sample", "probability": 0.0, "seed": 1})), Vec::<u64>::new());
}

#[test]
fn sql_reads_tables_by_name_and_version() {
    let folder = tempfile::tempdir().unwrap();
    let one =
        csv(folder.path(), &[("1.csv", "id,v\n1,10\n2,20\n")], json!({})).tables["table"].clone();
    let two =
        csv(folder.path(), &[("2.csv", "id,w\n2,5\n3,6\n")], json!({})).tables["table"].clone();
    let mut worker = Worker::start();
    let mut check = |text: &str, wanted: &str| {
        let tables = vec![
            ("one", one.clone()),
            ("one@2", two.clone()),
            ("my data@1", two.clone()),
            ("b-c", two.clone()),
        ];
        let tables = tables.into_iter().filter(|(name, _)| {
            text.contains(&name.replace("my data", "my data\"")) || text.contains(name)
        });
        assert_eq!(worker.table(&mut sql(text, tables.collect())), wanted);
    };
    check("SELECT * FROM one", "id integer, v integer\n1 10\n2 20");
    check("SELECT one.w FROM one@2 WHERE id = 3", "w integer\n6");
    check(
        "SELECT a.id, v + w AS sum FROM one a JOIN one@2 b ON a.id = b.id",
        "id integer, sum integer\n2 25",
    );
    check("SELECT count(*) AS n FROM \"my data\"@1", "n integer\n2");
    check("SELECT max(w) m FROM b-c", "m integer\n6");
    check(
        "WITH x AS (SELECT id, v FROM one) SELECT upper(concat('a', id)) s FROM x ORDER BY id DESC LIMIT 1",
        "s string\n\"A2\"",
    );
    let job = |text: &str| sql(text, vec![("one", one.clone())]);
    for (text, wanted) in [
        ("SELECT vv FROM one", "there is no column `vv`\nhint: did you mean `v`?"),
        ("SELEKT id FROM one", "the SQL cannot be understood: "),
        ("DROP TABLE one", "only SELECT is answered: "),
        ("CREATE TABLE x AS SELECT 1", "only SELECT is answered: "),
        ("COPY one TO '/tmp/x.csv'", "only SELECT is answered: "),
        ("SELECT * FROM '/etc/passwd'", "table '/etc/passwd' not found"),
    ] {
        let refused = Worker::start().refused(&job(text));
        assert!(refused.starts_with(wanted), "{text}: {refused}");
        assert!(!refused.contains("internal error"), "{text}: {refused}");
    }
}

#[test]
fn a_profile_has_the_figures_of_pandas() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "n,f,s,b,t\n".to_owned();
    for row in 0..1000 {
        let missing = row % 10 == 0;
        let number = if missing { String::new() } else { row.to_string() };
        text += &format!(
            "{number},{}.5,k{},{},2020-01-{:02}\n",
            row % 50,
            row % 4,
            row % 2 == 0,
            row % 28 + 1
        );
    }
    let profile = Worker::start().profile(&mut csv(folder.path(), &[("a.csv", &text)], json!({})));
    assert_eq!(profile.row_count, 1000);
    let [n, f, s, b, t] = &profile.columns[..] else { panic!("{profile:?}") };
    assert_eq!(
        (n.count, n.missing_count, n.distinct_count, n.is_distinct_exact),
        (900, 100, 900, true)
    );
    assert_eq!((&n.min, &n.max, n.mean), (&json!(1), &json!(999), Some(500.0)));
    assert!((n.standard_deviation.unwrap() - 288.832_76).abs() < 0.01, "{n:?}");
    assert_eq!(n.quantiles.len(), ColumnProfile::QUANTILES.len());
    assert_eq!(n.quantiles[4], 500.0);
    assert_eq!((n.histogram.len(), n.histogram.iter().sum::<u64>()), (20, 900));
    assert_eq!(
        (&f.min, &f.max, f.mean, f.distinct_count),
        (&json!(0.5), &json!(49.5), Some(25.0), 50)
    );
    assert_eq!((&s.min, &s.max, s.most_frequent.len()), (&json!("k0"), &json!("k3"), 4));
    assert_eq!((s.most_frequent[0].value.as_str(), s.most_frequent[0].count), ("k0", 250));
    assert_eq!(
        (&b.min, &b.max, b.most_frequent[0].value.as_str()),
        (&json!(false), &json!(true), "false")
    );
    assert_eq!((&t.min, &t.max), (&json!("2020-01-01T00:00:00Z"), &json!("2020-01-28T00:00:00Z")));
    assert_eq!((t.mean, t.histogram.iter().sum::<u64>()), (None, 1000));
}
