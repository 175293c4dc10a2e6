use std::fs::File;
use std::io::Write;

use lazuli_backend::tracking;
use lazuli_domain::{Metric, MetricKind, MetricValue, Number, Page, Run, RunStatus, spool_line};
use serde_json::{Value, json};

use crate::support::{Daemon, record, scalar};

async fn metrics(daemon: &Daemon, run: &Run) -> Vec<Metric> {
    daemon.get(&format!("/api/runs/{}/metrics", run.run_id)).await
}

#[tokio::test]
async fn every_kind_of_metric_comes_back_as_it_went() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let matrix = json!({"schema_type": "confusion_matrix", "schema_version": "v1", "data": {}});
    let logged = [
        ("scalar", json!(0.1)),
        ("scalar", json!(7)),
        ("scalar", json!("liblinear")),
        ("list", json!([1, 2.5, "NaN"])),
        ("row", json!({"x": 1, "y": "a"})),
        ("table", json!({"x": [1, 2], "y": [3, "Infinity"]})),
        ("image", json!({"artifact": "outputs/plot.png"})),
        ("confusion_matrix", matrix.clone()),
        ("accuracy_table", matrix.clone()),
        ("predictions", matrix.clone()),
        ("residuals", matrix),
    ];
    for (number, (kind, value)) in logged.iter().enumerate() {
        let name = format!("metric {number}");
        let logged = json!({
            "record": "metric", "name": name, "kind": kind, "value": value,
            "step": 7, "time_ms": 99, "description": "what it is",
        });
        daemon.log(&run.run_id, &record(logged));
    }
    let metrics = metrics(&daemon, &run).await;
    assert_eq!(metrics.len(), logged.len());
    for (number, (metric, (kind, value))) in metrics.iter().zip(&logged).enumerate() {
        assert_eq!(metric.name, format!("metric {number}"));
        assert_eq!(metric.kind.as_str(), *kind);
        assert_eq!(metric.description, "what it is");
        let [point] = metric.points.as_slice() else { panic!("one point: {metric:?}") };
        assert_eq!((point.step, point.time_ms), (7, 99));
        assert_eq!(serde_json::to_value(&point.value).unwrap(), *value);
    }
    let one: Metric = daemon.get(&format!("/api/runs/{}/metrics/metric%205", run.run_id)).await;
    assert_eq!(one, metrics[5]);
    let path = format!("/api/runs/{}/metrics/metrc%205", run.run_id);
    assert!(daemon.get_refused(&path, 404).await.hint.unwrap().starts_with("did you mean"));
}

#[tokio::test]
async fn nan_and_infinities_survive_and_whole_numbers_stay_whole() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let written = [
        Number::Float(f64::NAN),
        Number::Float(f64::INFINITY),
        Number::Float(f64::NEG_INFINITY),
        Number::Float(0.1 + 0.2),
        Number::Float(3.0),
        Number::Float(-0.0),
        Number::Integer(3),
        Number::Integer(i64::MAX),
        Number::Float(5e-324),
    ];
    for value in written {
        daemon.log(
            &run.run_id,
            &record(json!({
                "record": "metric", "name": "m", "kind": "scalar", "time_ms": 1, "value": value,
            })),
        );
    }
    let metrics = metrics(&daemon, &run).await;
    for (point, written) in metrics[0].points.iter().zip(written) {
        let same = match (&point.value, written) {
            (MetricValue::Number(Number::Float(read)), Number::Float(written)) => {
                read.to_bits() == written.to_bits() || (read.is_nan() && written.is_nan())
            }
            (MetricValue::Number(Number::Integer(read)), Number::Integer(written)) => {
                *read == written
            }
            _ => false,
        };
        assert!(same, "{:?} came back as {:?}", written, point.value);
    }
    let summary = &daemon.run(&run.run_id).await.metrics[0];
    assert_eq!(summary.min, Some(Number::Float(f64::NEG_INFINITY)));
    assert_eq!(summary.max, Some(Number::Float(f64::INFINITY)));
}

#[tokio::test]
async fn a_list_of_runs_shows_what_was_logged_until_now() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    for count in 1..=20_u64 {
        daemon.log(&run.run_id, &scalar("loss", 0.5));
        let path = format!("/api/workspaces/{}/runs", run.workspace);
        let page: Page<Run> = daemon.get(&path).await;
        assert_eq!(page.items[0].metrics[0].count, count);
    }
}

#[tokio::test]
async fn steps_are_counted_per_metric_when_none_is_given() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    for name in ["a", "b", "a", "a"] {
        daemon.log(&run.run_id, &scalar(name, 1.0));
    }
    let steps: Vec<Vec<i64>> = metrics(&daemon, &run)
        .await
        .into_iter()
        .map(|metric| metric.points.into_iter().map(|point| point.step).collect())
        .collect();
    assert_eq!(steps, [vec![0, 1, 2], vec![0]]);
}

#[tokio::test]
async fn a_record_that_does_not_fit_is_told_and_the_others_stay() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let metric = |name: &str, kind: &str, value: Value| {
        record(
            json!({"record": "metric", "name": name, "kind": kind, "value": value, "time_ms": 1}),
        )
    };
    let property = |value: &str| record(json!({"record": "property", "key": "p", "value": value}));
    daemon.log(&run.run_id, &scalar("loss", 1.0));
    for (bad, reason) in [
        (
            metric("loss", "list", json!([1])),
            "the metric `loss` is of kind scalar and cannot take a list",
        ),
        (metric("rows", "row", json!(3)), "a point of the metric `rows` is no row"),
        (metric("picture", "image", json!({})), "a point of the metric `picture` is no image"),
        (metric("flags", "scalar", json!([])), "a point of the metric `flags` is no scalar"),
        (metric("", "scalar", json!(1)), "the metric name `` is empty"),
    ] {
        daemon.log(&run.run_id, &bad);
        let read = daemon.run(&run.run_id).await;
        assert_eq!(read.rejected_reason.as_deref(), Some(reason));
    }
    daemon.log(&run.run_id, &property("1"));
    daemon.log(&run.run_id, &property("1"));
    daemon.log(&run.run_id, &property("2"));
    daemon.log(&run.run_id, &scalar("loss", 2.0));
    let read = daemon.run(&run.run_id).await;
    assert_eq!(read.rejected_records, 6);
    assert_eq!(read.rejected_reason.as_deref(), Some("the property `p` is `1` and never changes"));
    assert_eq!(read.metrics.len(), 1, "{:?}", read.metrics);
    assert_eq!((read.metrics[0].count, read.properties["p"].as_str()), (2, "1"));
}

#[tokio::test]
async fn a_torn_line_is_counted_and_skipped() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let line = spool_line(&scalar("loss", 0.5));
    // A short write, then as the protocol says: a newline and the whole line once more.
    daemon.append_to_spool(&run.run_id, &line.as_bytes()[..20]);
    assert_eq!(daemon.run(&run.run_id).await.rejected_records, 0, "it may still become whole");
    daemon.append_to_spool(&run.run_id, format!("\n{line}").as_bytes());
    let read = daemon.run(&run.run_id).await;
    assert_eq!((read.rejected_records, read.metrics[0].count), (1, 1));
    assert!(read.rejected_reason.unwrap().starts_with("a record is torn or malformed: "));
    daemon.append_to_spool(&run.run_id, b"\xff\xfe\n\n[]\n");
    assert_eq!(daemon.run(&run.run_id).await.rejected_records, 3);
}

#[tokio::test]
async fn a_record_that_was_never_whole_ends_with_the_run() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    daemon.log(&run.run_id, &scalar("loss", 0.5));
    daemon.append_to_spool(&run.run_id, b"{\"record\":\"metr");
    let ended = daemon.complete(&run.run_id).await;
    assert_eq!((ended.rejected_records, ended.metrics[0].count), (1, 1));
    assert_eq!(ended.rejected_reason.as_deref(), Some("the last record is torn"));
}

#[tokio::test]
async fn a_record_longer_than_a_chunk_is_read_whole() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let column: Vec<u32> = (0..600_000).collect();
    daemon.log(&run.run_id, &scalar("before", 1.0));
    daemon.log(
        &run.run_id,
        &record(json!({
            "record": "metric", "name": "big", "kind": "list", "value": column, "time_ms": 1,
        })),
    );
    daemon.log(&run.run_id, &scalar("after", 1.0));
    let metrics = metrics(&daemon, &run).await;
    let MetricValue::Json(Value::Array(read)) = &metrics[1].points[0].value else {
        panic!("a list is wanted")
    };
    assert_eq!((read.len(), metrics[1].kind, metrics.len()), (600_000, MetricKind::List, 3));
}

#[tokio::test]
async fn nobody_logs_to_a_finished_run() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let path = daemon.app.home.spool(&run.run_id);
    // A writer that opened the file before the run ended and gets its lock after.
    let opened_before = File::options().append(true).open(&path).unwrap();
    daemon.complete(&run.run_id).await;
    opened_before.lock_shared().unwrap();
    let links = std::os::unix::fs::MetadataExt::nlink(&opened_before.metadata().unwrap());
    assert_eq!(links, 0, "the link count tells the writer that the run is finished");
    assert!(!path.exists());
}

#[tokio::test]
async fn an_end_waits_for_the_record_that_is_being_written() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let mut writer = File::options().append(true).open(daemon.app.home.spool(&run.run_id)).unwrap();
    writer.lock_shared().unwrap();
    let path = format!("/api/runs/{}/complete", run.run_id);
    let ending = daemon.post::<Run>(&path, Value::Null);
    tokio::pin!(ending);
    let line = spool_line(&scalar("loss", 0.5));
    tokio::select! {
        biased;
        _ = &mut ending => panic!("the run ended while a record was being written"),
        () = tokio::time::sleep(std::time::Duration::from_millis(100)) => {}
    }
    writer.write_all(line.as_bytes()).unwrap();
    drop(writer);
    assert_eq!(ending.await.metrics[0].count, 1);
}

#[tokio::test]
async fn many_readers_at_once_double_nothing() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let watching = tracking::watch_spool(&daemon.app).unwrap();
    let lines: String = (0..100).map(|_| spool_line(&scalar("loss", 0.5))).collect();
    for _ in 0..50 {
        daemon.append_to_spool(&run.run_id, lines.as_bytes());
        let run_id = run.run_id.as_str();
        futures_util::future::join_all((0..4).map(|_| daemon.run(run_id))).await;
    }
    let ended = daemon.complete(&run.run_id).await;
    assert_eq!((ended.metrics[0].count, ended.status), (5000, RunStatus::Completed));
    assert_eq!(metrics(&daemon, &run).await[0].points.len(), 5000);
    daemon.app.request_shutdown();
    watching.await.unwrap();
}

#[tokio::test]
async fn the_spool_is_read_without_being_asked() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let mut events = daemon.app.store.recent().last();
    events.mark_unchanged();
    let watching = tracking::watch_spool(&daemon.app).unwrap();
    daemon.log(&run.run_id, &scalar("loss", 0.5));
    events.changed().await.unwrap();
    let details: Value = daemon
        .get(&format!("/api/workspaces/default/runs?limit=1&experiment={}", run.experiment))
        .await;
    assert_eq!(details["items"][0]["metrics"][0]["count"], 1);
    daemon.app.request_shutdown();
    watching.await.unwrap();
}
