//! Tables that a database answers.

use lazuli_domain::ResolvedTable;
use lazuli_tests::postgres::{PASSWORD, Postgres};
use serde_json::{Value, json};

use crate::support::{Worker, job, sql, with_datastore};

fn query(text: &str) -> ResolvedTable {
    let source = json!({"format": "sql", "datastore": "db", "query": text, "query_timeout": 2});
    let table = json!({"definition": {"source": source}, "files": []});
    serde_json::from_value(table).unwrap()
}

#[test]
fn sqlite_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a b.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    database
        .execute_batch(
            "CREATE TABLE t (id INTEGER, name TEXT, price REAL, day DATE, data BLOB);
             INSERT INTO t VALUES (1, 'a, \"b\"\nc', 1.0, '2020-01-02', x'00ff');
             INSERT INTO t VALUES (NULL, '', 2.5, NULL, NULL), (3, 'NULL', NULL, NULL, NULL);",
        )
        .unwrap();
    let place = json!({"type": "sqlite", "path": path});
    let ask = |text: &str| with_datastore(job(query(text)), "db", place.clone(), Value::Null);
    let mut worker = Worker::start();
    assert_eq!(
        worker.table(&mut ask("SELECT * FROM t; ")),
        "id integer, name string, price float, day datetime, data string\n\
         1 \"a, \\\"b\\\"\\nc\" 1.0 \"2020-01-02T00:00:00Z\" \"00ff\"\n\
         null \"\" 2.5 null null\n\
         3 \"NULL\" null null null"
    );
    assert_eq!(worker.count(&mut ask("SELECT id FROM t")), 3);
    let mut sum = sql("SELECT sum(price) s FROM x", vec![("x", query("SELECT price FROM t"))]);
    sum = with_datastore(sum, "db", place.clone(), Value::Null);
    assert_eq!(worker.table(&mut sum), "s float\n3.5");

    let refused = |worker: &mut Worker, text: &str| worker.refused(&ask(text));
    assert!(
        refused(&mut worker, "SELECT nme FROM t")
            .starts_with("the database `db` refuses the query: no such column: nme")
    );
    assert!(
        refused(&mut worker, "DELETE FROM t")
            .starts_with("the query to the database `db` answers no table")
    );
    let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n";
    assert_eq!(
        refused(&mut worker, endless),
        "the query to the database `db` took longer than 2 seconds\nhint: give it more time with \
         `query_timeout`, or ask for less"
    );
    let nowhere = json!({"type": "sqlite", "path": "/nowhere.db"});
    let nowhere = with_datastore(job(query("SELECT 1")), "db", nowhere, Value::Null);
    assert!(
        worker
            .refused(&nowhere)
            .starts_with("the file `/nowhere.db` of the database `db` is not there")
    );
}

#[test]
fn postgresql_is_asked() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    database.sql(
        "CREATE TABLE t (id bigint, name text, price numeric, ok boolean, at timestamptz, n float8);
         INSERT INTO t VALUES (1, 'a, \"b\"' || chr(10) || 'c', 1.50, true, '2020-01-02 03:04:05+01', 'Infinity'),
                              (NULL, '', NULL, false, NULL, NULL), (3, 'NULL', 7, NULL, NULL, 0.1)",
    );
    // postgres://user:password@host:port/name
    let address = database.address();
    let (host, name) = address.rsplit_once('@').unwrap().1.split_once('/').unwrap();
    let (host, port) = host.split_once(':').unwrap();
    let name = name.split('?').next().unwrap();
    let place = json!({"type": "postgresql", "host": host, "port": port.parse::<u16>().unwrap(), "database": name, "user": "lazuli"});
    let password = json!({"type": "password", "password": PASSWORD});
    let ask = |text: &str| with_datastore(job(query(text)), "db", place.clone(), password.clone());
    let mut worker = Worker::start();
    assert_eq!(
        worker.table(&mut ask("SELECT * FROM t -- all")),
        "id integer, name string, price float, ok boolean, at datetime, n float\n\
         1 \"a, \\\"b\\\"\\nc\" 1.5 true \"2020-01-02T02:04:05Z\" \"Infinity\"\n\
         null \"\" null false null null\n\
         3 \"NULL\" 7.0 null null 0.1"
    );
    assert_eq!(worker.count(&mut ask("SELECT id FROM t")), 3);
    assert_eq!(worker.count(&mut ask("SELECT generate_series(1, 300000) AS i")), 300_000);
    for (text, wanted) in [
        (
            "SELECT nme FROM t",
            "the database `db` refuses the query: column \"nme\" does not exist\n",
        ),
        ("DELETE FROM t", "the query to the database `db` answers no table\n"),
        ("DELETE FROM t RETURNING id", "the database `db` refuses the query: "),
        ("SELECT 1) TO PROGRAM 'true' --", "the database `db` refuses the query: syntax error"),
        ("SELECT pg_sleep(9)::text", "the query to the database `db` took longer than 2 seconds\n"),
    ] {
        let refused = worker.refused(&ask(text));
        assert!(refused.starts_with(wanted), "{text}: {refused}");
    }
    assert_eq!(database.sql("SELECT count(*) FROM t").trim(), "3");
    let wrong = json!({"type": "password", "password": "wrong-secret"});
    let wrong = with_datastore(job(query("SELECT 1 AS x")), "db", place, wrong);
    let refused = worker.refused(&wrong);
    assert!(
        refused.starts_with("the database `db` refuses: password authentication failed"),
        "{refused}"
    );
    assert!(!refused.contains("secret"), "{refused}");
}
