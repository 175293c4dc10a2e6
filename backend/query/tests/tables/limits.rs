//! Tables larger than memory, and queries that run away.

use std::io::Write;

use lazuli_domain::TableAsk;
use serde_json::json;

use crate::support::{Worker, csv, files, job, sql, table};

/// 150 MB in a file, four million rows.
fn large(folder: &std::path::Path) -> lazuli_domain::ResolvedTable {
    let path = folder.join("large.csv");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    writeln!(file, "id,key,text").unwrap();
    for row in 0..4_000_000_u64 {
        let key = row.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        writeln!(file, "{row},{key},some text of row {row}").unwrap();
    }
    file.flush().unwrap();
    let at = lazuli_domain::DataPath::Local { local: path.display().to_string() };
    table(json!({"format": "delimited"}), vec![at])
}

#[test]
fn a_file_larger_than_memory_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let table = large(folder.path());
    let mut worker = Worker::start_with(&[("LAZULI_QUERY_MEMORY_MB", "32")]);
    // An aggregate in a stream.
    let mut few = sql(
        "SELECT key % 10 k, count(*) n FROM t GROUP BY 1 ORDER BY 1",
        vec![("t", table.clone())],
    );
    assert_eq!(worker.table(&mut few).lines().count(), 11);
    let peak = worker.peak_memory();
    assert!(peak < 300, "{peak} MB");
    // More groups than memory holds, and a sort of all rows: both go to disk.
    let many = "SELECT count(*) n FROM (SELECT key, text, count(*) FROM t GROUP BY key, text)";
    let mut many = sql(many, vec![("t", table.clone())]);
    assert_eq!(worker.table(&mut many), "n integer\n4000000");
    let sorted = "SELECT max(place) n FROM
        (SELECT row_number() OVER (ORDER BY text DESC, id) place FROM t)";
    let mut sorted = sql(sorted, vec![("t", table.clone())]);
    assert_eq!(worker.table(&mut sorted), "n integer\n4000000");
    assert_eq!(worker.left_behind(), 0);
    // All rows leave in a stream.
    let rows = job(table);
    assert!(worker.ask(&rows).unwrap().len() > 100_000_000);
    let peak = worker.peak_memory();
    assert!(peak < 300, "{peak} MB");
}

#[test]
fn what_memory_cannot_hold_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = csv(folder.path(), &[("a.csv", "x\n1\n2\n")], json!({}));
    let array = "SELECT count(a) FROM (SELECT array_agg(text) a FROM t)";
    let mut all = sql(array, vec![("t", large(folder.path()))]);
    all.ask = TableAsk::Preview { rows: 1 };
    let mut worker = Worker::start_with(&[("LAZULI_QUERY_MEMORY_MB", "16")]);
    let refused = worker.refused(&all);
    assert!(refused.contains("more memory than a query may take"), "{refused}");
    assert!(refused.contains("LAZULI_QUERY_MEMORY_MB"), "{refused}");
    assert_eq!(worker.count(&mut job), 2);
}

#[test]
fn ten_thousand_files_are_one_table() {
    let folder = tempfile::tempdir().unwrap();
    let texts: Vec<(String, String)> =
        (0..10_000).map(|file| (format!("{file:05}.csv"), format!("id\n{file}\n"))).collect();
    let named: Vec<(&str, &[u8])> =
        texts.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    let mut job = job(table(json!({"format": "delimited"}), files(folder.path(), &named)));
    let mut worker = Worker::start();
    assert_eq!(worker.count(&mut job), 10_000);
    let preview = worker.preview(&mut job);
    assert_eq!((preview.rows[999][0].clone(), preview.has_more), (json!(999), true));
}
