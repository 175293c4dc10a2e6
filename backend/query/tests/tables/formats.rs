//! What the formats mean, in every way in which files can be written.

use std::path::Path;

use lazuli_domain::{DataPath, QueryJob, TableAsk};
use lazuli_tests::stores::ObjectStore;
use serde_json::{Value, json};

use crate::support::{Worker, csv, files, job, sql, table, with_datastore, with_step};

#[track_caller]
fn check(named: &[(&str, &str)], options: Value, wanted: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut job = csv(folder.path(), named, options);
    assert_eq!(Worker::start().table(&mut job), wanted);
}

#[test]
fn types_are_what_all_values_say() {
    check(
        &[("a.csv", "b,i,f,t,s,n\nTrue,1,1.5,2020-01-02,x,\nfalse,NA,2,2020-01-02T03:04:05Z,7,\n")],
        json!({}),
        "b boolean, i integer, f float, t datetime, s string, n string\n\
         true 1 1.5 \"2020-01-02T00:00:00Z\" \"x\" null\n\
         false null 2.0 \"2020-01-02T03:04:05Z\" \"7\" null",
    );
    check(
        &[("a.csv", "i,s\n1,NA\n2,DE\n")],
        json!({"infer_column_types": false}),
        "i string, s string\n\"1\" \"NA\"\n\"2\" \"DE\"",
    );
}

#[test]
fn a_value_far_behind_the_beginning_counts() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "id,value\n".to_owned();
    (0..400_000).for_each(|row| text += &format!("{row},{row}\n"));
    text += "400000,0.5\n400001,x\n";
    let mut all = csv(folder.path(), &[("a.csv", &text)], json!({}));
    let mut worker = Worker::start();
    // What is sent while it is read has to be certain before.
    all.ask = TableAsk::Rows;
    worker.ask(&all).unwrap();
    // What is not begins again.
    let mut sum = sql("SELECT max(value) m FROM t", vec![("t", all.tables["table"].clone())]);
    assert_eq!(worker.table(&mut sum), "m string\n\"x\"");
    assert_eq!(worker.count(&mut all), 400_002);
    all.ask = TableAsk::Columns;
    assert_eq!(worker.json(&all)["columns"][1], json!({"name": "value", "type": "string"}));
}

#[test]
fn headers_come_in_four_ways() {
    let two = [("1.csv", "a,b\n1,2\n"), ("2.csv", "b,a\n3,4\n")];
    check(&two, json!({}), "a integer, b integer\n1 2\n4 3");
    let differing = [("1.csv", "a,b\n1,2\n"), ("2.csv", "b,c\n3,4\n")];
    check(
        &differing,
        json!({"header": "combine_all_files_headers"}),
        "a integer, b integer, c integer\n1 2 null\nnull 3 4",
    );
    let first = [("1.csv", "a,b\n1,2\n"), ("2.csv", "3,4\n")];
    let header = json!({"header": "only_first_file_has_headers"});
    check(&first, header, "a integer, b integer\n1 2\n3 4");
    let none = [("1.csv", "1,x\n"), ("2.csv", "3,y\n")];
    let header = json!({"header": "no_headers"});
    check(&none, header, "Column1 integer, Column2 string\n1 \"x\"\n3 \"y\"");
    // Files of 0 bytes and headers without rows are tables too.
    let empty = [("0.csv", ""), ("1.csv", "a,b\n"), ("2.csv", "a,b\n1,2\n"), ("3.csv", "")];
    check(&empty, json!({}), "a integer, b integer\n1 2");
}

#[test]
fn text_is_quoted_separated_and_ended_in_many_ways() {
    check(
        &[("a.csv", "a;b\r\n\"x;\"\"y\"\"\";\"\"\r\n\r\nz;2")],
        json!({"separator": ";"}),
        "a string, b integer\n\"x;\\\"y\\\"\" null\n\"z\" 2",
    );
    check(&[("a.tsv", "a\tb\n1\t2\n")], json!({"separator": "\t"}), "a integer, b integer\n1 2");
    check(&[("a.csv", "a§b\nä§2\n")], json!({"separator": "§"}), "a string, b integer\n\"ä\" 2");
    check(
        &[("a.csv", "a,b\n\"1\n2\",x\n\"\",\n")],
        json!({"support_multi_line": true, "empty_as_string": true}),
        "a string, b string\n\"1\\n2\" \"x\"\n\"\" \"\"",
    );
}

#[test]
fn encodings_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let utf16: Vec<u8> = "\u{feff}a,b\nä€,1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf32: Vec<u8> =
        "\u{feff}a,b\nä€,1\n".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    let mut worker = Worker::start();
    for (encoding, bytes, value) in [
        ("utf8", "a,b\nä€,1\n".as_bytes().to_vec(), "ä€"),
        ("utf8bom", "\u{feff}a,b\nä€,1\n".as_bytes().to_vec(), "ä€"),
        ("latin1", b"a,b\n\xE4,1\n".to_vec(), "ä"),
        ("iso88591", b"a,b\n\xE4,1\n".to_vec(), "ä"),
        ("windows1252", b"a,b\n\xE4\x80,1\n".to_vec(), "ä€"),
        ("ascii", b"a,b\nx,1\n".to_vec(), "x"),
        ("utf16", utf16, "ä€"),
        ("utf32", utf32, "ä€"),
    ] {
        let source = json!({"format": "delimited", "encoding": encoding});
        let mut job = job(table(source, files(folder.path(), &[(encoding, &bytes)])));
        let wanted = format!("a string, b integer\n\"{value}\" 1");
        assert_eq!(worker.table(&mut job), wanted, "{encoding}");
    }
}

#[test]
fn given_types_rule_and_what_does_not_fit_is_missing() {
    check(
        &[("a.csv", "i,f,d,s,b\n1,\"1.234,5\",31/12/2019,007,yes\nx,y,2019-12-31,8,maybe\n")],
        json!({"options": {"set_column_types": {
            "i": {"type": "integer"},
            "f": {"type": "float", "decimal_mark": ","},
            "d": {"type": "datetime", "formats": ["%d/%m/%Y"]},
            "s": {"type": "string"},
            "b": {"type": "boolean"},
        }}}),
        "i integer, f float, d datetime, s string, b boolean\n\
         1 1234.5 \"2019-12-31T00:00:00Z\" \"007\" true\n\
         null null null \"8\" null",
    );
}

#[test]
fn paths_give_columns() {
    let named = [("de/2019/01/02/a #1.csv", "v\n1\n"), ("fr/2020/12/31/a #1.csv", "v\n2\n")];
    check(
        &named,
        json!({"options": {"partition_format": "/{country}/{day:yyyy/MM/dd}/*.csv"}}),
        "country string, day datetime, v integer\n\
         \"de\" \"2019-01-02T00:00:00Z\" 1\n\
         \"fr\" \"2020-12-31T00:00:00Z\" 2",
    );
    let folder = tempfile::tempdir().unwrap();
    let mut with_path = csv(folder.path(), &named, json!({"options": {"include_path": true}}));
    let shown = folder.path().display();
    let wanted = format!(
        "Path string, v integer\n\"{shown}/de/2019/01/02/a #1.csv\" 1\n\"{shown}/fr/2020/12/31/a #1.csv\" 2"
    );
    let mut worker = Worker::start();
    assert_eq!(worker.table(&mut with_path), wanted);
    // Also when nothing but the path is asked for.
    let only = json!({"step": "keep_columns", "columns": ["Path"]});
    assert_eq!(worker.count(&mut with_step(with_path, only)), 2);
}

#[test]
fn json_lines_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let text = "{\"b\": 1, \"a\": \"x\\n\", \"t\": true}\n\n{\"a\": null, \"b\": 1.5, \"n\": {\"k\": [1]}}\n{}\n";
    let mut lines = job(table(
        json!({"format": "json_lines"}),
        files(folder.path(), &[("a.jsonl", text.as_bytes())]),
    ));
    assert_eq!(
        Worker::start().table(&mut lines),
        "b float, a string, t boolean, n string\n\
         1.0 \"x\\n\" true null\n\
         1.5 null null \"{\\\"k\\\":[1]}\"\n\
         null null null null"
    );
    let broken = "{\"a\": 1}\nnot json\n[1]\n{\"a\": 2}\n";
    let broken = files(folder.path(), &[("b.jsonl", broken.as_bytes())]);
    let source = json!({"format": "json_lines", "invalid_lines": "drop"});
    let mut dropped = job(table(source, broken.clone()));
    assert_eq!(Worker::start().table(&mut dropped), "a integer\n1\n2");
    let refused = Worker::start().refused(&job(table(json!({"format": "json_lines"}), broken)));
    assert!(refused.starts_with("row 2 (line 2) of `"), "{refused}");
    assert!(refused.contains("/b.jsonl` is no JSON object: "), "{refused}");
}

/// The table of both formats, written by the worker and read again.
fn written_and_read(mut worker: Worker, at: impl Fn(QueryJob) -> QueryJob) {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "id,name,price,day\n".to_owned();
    for row in 0..50_000 {
        text += &format!("{row},\"n, {}\",{}.25,2020-01-{:02}\n", row % 7, row % 100, row % 28 + 1);
    }
    let from = csv(folder.path(), &[("a.csv", &text)], json!({}));
    let mut wanted = from.clone();
    wanted.ask = TableAsk::Preview { rows: 1000 };
    let wanted = worker.json(&wanted);
    for (format, source) in [
        (
            json!({"type": "csv", "separator": ";"}),
            json!({"format": "delimited", "separator": ";"}),
        ),
        (json!({"type": "parquet"}), json!({"format": "parquet"})),
    ] {
        let name = source["format"].as_str().unwrap();
        let path = format!("out put/#1/{name}");
        let ask = json!({"type": "write", "datastore": "store", "path": path, "format": format});
        let mut write = at(from.clone());
        write.ask = serde_json::from_value(ask).unwrap();
        let written = worker.json(&write);
        let ending = if name == "parquet" { "parquet" } else { "csv" };
        let file = format!("{path}/part-00000.{ending}");
        assert_eq!(written["files"][0]["path"], file);
        assert!(written["files"][0]["size"].as_u64().unwrap() > 1000);
        // Again would mix two tables.
        let again = worker.refused(&write);
        assert!(again.contains("already has files of a table"), "{again}");

        let file = DataPath::Datastore { datastore: "store".into(), path: file };
        let mut read = at(job(table(source.clone(), vec![file.clone()])));
        assert_eq!(worker.count(&mut read), 50_000);
        read.ask = TableAsk::Preview { rows: 1000 };
        assert_eq!(worker.json(&read), wanted, "{name}");
        let aggregate =
            "SELECT name, sum(price) p FROM t WHERE id >= 10 GROUP BY name ORDER BY name";
        let mut sum = sql(aggregate, vec![("t", read.tables["table"].clone())]);
        sum.datastores = read.datastores.clone();
        let text = worker.table(&mut sum);
        assert_eq!(text.lines().count(), 8);
        assert!(text.starts_with("name string, p float\n\"n, 0\" "), "{text}");
        // What is gone is told by its name.
        let gone = DataPath::Datastore { datastore: "store".into(), path: "gone.csv".into() };
        let gone = worker.refused(&at(job(table(source, vec![file, gone]))));
        assert_eq!(
            gone,
            "the file `gone.csv` of the datastore `store` is not there any more\n\
             hint: put it back, or register a new version of the dataset without it"
        );
    }
}

#[test]
fn every_format_on_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let place = json!({"type": "folder", "path": folder.path()});
    written_and_read(Worker::start(), |job| {
        with_datastore(job, "store", place.clone(), Value::Null)
    });
}

fn from_environment(store: &ObjectStore, name: &str) -> String {
    let found = store.environment.iter().find(|(known, _)| *known == name);
    found.unwrap().1.clone()
}

#[test]
fn every_format_on_s3() {
    let Some(store) = ObjectStore::s3() else { return };
    let place = json!({
        "type": "s3",
        "bucket": "lazuli",
        "region": "us-east-1",
        "endpoint": from_environment(&store, "AWS_ENDPOINT"),
    });
    let credential = json!({
        "type": "access_key",
        "access_key_id": from_environment(&store, "AWS_ACCESS_KEY_ID"),
        "secret_access_key": from_environment(&store, "AWS_SECRET_ACCESS_KEY"),
    });
    written_and_read(Worker::start(), |job| {
        with_datastore(job, "store", place.clone(), credential.clone())
    });
}

#[test]
fn every_format_on_azure() {
    let Some(store) = ObjectStore::azure() else { return };
    let account = from_environment(&store, "AZURE_STORAGE_ACCOUNT_NAME");
    let endpoint = format!("{}/{account}", from_environment(&store, "AZURITE_BLOB_STORAGE_URL"));
    let place = |kind: &str, name: &str| json!({"type": kind, "account": account, name: "lazuli", "endpoint": endpoint});
    let key = from_environment(&store, "AZURE_STORAGE_ACCOUNT_KEY");
    let credential = json!({"type": "account_key", "key": key});
    written_and_read(Worker::start(), |job| {
        with_datastore(job, "store", place("azure_blob", "container"), credential.clone())
    });

    // A wrong key, and a token that has expired, are told; neither is repeated.
    let refused = |credential: Value| {
        let at = DataPath::Datastore { datastore: "store".into(), path: "a.csv".into() };
        let job = job(table(json!({"format": "delimited"}), vec![at]));
        let job = with_datastore(job, "store", place("azure_blob", "container"), credential);
        Worker::start().refused(&job)
    };
    let wrong = refused(json!({"type": "account_key", "key": "bm90LXRoZS1rZXk="}));
    assert_eq!(
        wrong,
        "the store refused to give the file `a.csv` of the datastore `store`: its credential is wrong \
         or does not allow it\nhint: register the datastore again with the right credential and `overwrite`"
    );
    let token = "sv=2021-08-06&ss=b&srt=sco&sp=rl&se=2020-01-01T00%3A00%3A00Z&sig=c2VjcmV0";
    let expired = refused(json!({"type": "sas", "token": token}));
    assert_eq!(
        expired,
        "the SAS token of the datastore `store` expired at 2020-01-01T00:00:00Z\n\
         hint: make a new one and register the datastore again with `overwrite`"
    );
}

#[test]
fn a_file_of_the_web_is_fetched() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a b.csv"), "x\n1\n2\n").unwrap();
    let (address, _server) = serve(folder.path());
    let read =
        |url: String| job(table(json!({"format": "delimited"}), vec![DataPath::Url { url }]));
    let mut worker = Worker::start();
    let mut there = read(format!("{address}/a%20b.csv?token=secret"));
    assert_eq!(worker.table(&mut there), "x integer\n1\n2");
    assert_eq!(worker.left_behind(), 0);
    let missing = worker.refused(&read(format!("{address}/none.csv?token=secret")));
    assert_eq!(
        missing,
        format!(
            "`{address}/none.csv` cannot be fetched: the server says 404 Not Found\n\
             hint: see that the address is right and still valid"
        )
    );
    let nobody = worker.refused(&read("http://127.0.0.1:9/a.csv?token=secret".into()));
    assert!(nobody.starts_with("`http://127.0.0.1:9/a.csv` cannot be fetched: "), "{nobody}");
    assert!(!nobody.contains("secret"), "{nobody}");
}

/// A web server of files that knows no ranges, as many do not.
fn serve(folder: &Path) -> (String, std::thread::JoinHandle<()>) {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let folder = folder.to_owned();
    let thread = std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
            let path = first.split(' ').nth(1).unwrap().split('?').next().unwrap();
            let content = std::fs::read(folder.join(path.replace("%20", " ").trim_matches('/')));
            let mut connection = connection;
            let (status, content) = match content {
                Ok(content) => ("200 OK", content),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n\r\n");
            connection.write_all(&[head.as_bytes(), &content].concat()).unwrap();
        }
    });
    (address, thread)
}

#[test]
fn rows_come_in_the_order_of_files_and_rows() {
    let folder = tempfile::tempdir().unwrap();
    let texts: Vec<(String, String)> = (0..12)
        .map(|file| {
            let rows = (0..20_000).map(|row| format!("{},{}\n", file * 20_000 + row, row % 3));
            (format!("{file:02}.csv"), format!("id,k\n{}", rows.collect::<String>()))
        })
        .collect();
    let named: Vec<(&str, &str)> =
        texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let from = csv(folder.path(), &named, json!({}));
    let mut worker = Worker::start();
    let place = json!({"type": "folder", "path": folder.path()});
    let mut write = with_datastore(from.clone(), "store", place.clone(), Value::Null);
    let ask =
        json!({"type": "write", "datastore": "store", "path": "p", "format": {"type": "parquet"}});
    write.ask = serde_json::from_value(ask).unwrap();
    worker.json(&write);
    let parquet =
        DataPath::Local { local: folder.path().join("p/part-00000.parquet").display().to_string() };
    let parquet = job(table(json!({"format": "parquet"}), vec![parquet]));
    let filtered = sql("SELECT id FROM t WHERE k < 2", vec![("t", from.tables["table"].clone())]);
    for (query, wanted) in [
        (from, (0..240_000).collect::<Vec<i64>>()),
        (parquet, (0..240_000).collect()),
        (filtered, (0..240_000).filter(|id| id % 20_000 % 3 < 2).collect()),
    ] {
        assert_eq!(ids(&worker.ask(&query).unwrap()), wanted);
    }
}

/// The first column of an Arrow IPC stream.
fn ids(stream: &[u8]) -> Vec<i64> {
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::Int64Type;
    let reader = datafusion::arrow::ipc::reader::StreamReader::try_new(stream, None).unwrap();
    reader
        .flat_map(|batch| batch.unwrap().column(0).as_primitive::<Int64Type>().values().to_vec())
        .collect()
}
