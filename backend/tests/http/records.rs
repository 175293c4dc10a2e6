//! What a script logs on another machine comes in pieces by their place in the file there.

use axum::body::Body;
use axum::http::Request;
use lazuli_domain::{ApiError, Metric, Run, spool_line};
use serde_json::Value;

use crate::support::{Answer, Daemon, scalar};

async fn send(daemon: &Daemon, run: &Run, offset: u64, bytes: &[u8]) -> Answer {
    let path = format!("/api/runs/{}/records?offset={offset}", run.run_id);
    daemon.send(Request::post(path).body(Body::from(bytes.to_vec())).unwrap()).await
}

async fn reached(daemon: &Daemon, run: &Run, offset: u64, bytes: &[u8]) -> u64 {
    let answer: Value = send(daemon, run, offset, bytes).await.ok("records");
    answer["offset"].as_u64().unwrap()
}

/// Steps are told apart by their values.
async fn values(daemon: &Daemon, run: &Run) -> Vec<f64> {
    let metrics: Vec<Metric> = daemon.get(&format!("/api/runs/{}/metrics", run.run_id)).await;
    let points = metrics.first().map(|metric| serde_json::to_value(&metric.points).unwrap());
    let points = points.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
    points.iter().map(|point| point["value"].as_f64().unwrap()).collect()
}

fn line(value: f64) -> Vec<u8> {
    spool_line(&scalar("loss", value)).into()
}

#[tokio::test]
async fn repeated_and_overlapping_pieces_are_added_once() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let file = [line(1.0), line(2.0), line(3.0)].concat();
    let one = line(1.0).len() as u64;

    assert_eq!(reached(&daemon, &run, 0, &line(1.0)).await, one);
    // The answer was lost, so it is sent again, and more with it the next time.
    assert_eq!(reached(&daemon, &run, 0, &line(1.0)).await, one);
    assert_eq!(reached(&daemon, &run, 0, &file[..2 * one as usize]).await, 2 * one);
    assert_eq!(values(&daemon, &run).await, [1.0, 2.0]);

    // Half a line waits for its other half.
    let cut = file.len() - 5;
    // A line begins with the end of one that may be torn, which is whole by itself.
    assert_eq!(reached(&daemon, &run, 2 * one, &file[2 * one as usize..cut]).await, 2 * one + 1);
    assert_eq!(values(&daemon, &run).await, [1.0, 2.0]);
    let daemon = daemon.killed_and_started_again().await;
    assert_eq!(reached(&daemon, &run, one, &file[one as usize..]).await, file.len() as u64);
    assert_eq!(reached(&daemon, &run, 0, &file).await, file.len() as u64);
    assert_eq!(values(&daemon, &run).await, [1.0, 2.0, 3.0]);
}

#[tokio::test]
async fn a_gap_is_refused_and_changes_nothing() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let one = line(1.0).len() as u64;
    reached(&daemon, &run, 0, &line(1.0)).await;
    let error: ApiError = send(&daemon, &run, one + 7, &line(2.0)).await.refused(409);
    assert!(error.message.contains(&format!("from byte {} on", one + 7)), "{error:?}");
    assert_eq!(error.hint.as_deref(), Some(format!("send them from byte {one} on").as_str()));
    assert_eq!(values(&daemon, &run).await, [1.0]);
}

#[tokio::test]
async fn what_is_no_record_is_counted_and_the_rest_is_kept() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let file = [b"{\"record\":\"nothing\"}\n".to_vec(), line(2.0)].concat();
    assert_eq!(reached(&daemon, &run, 0, &file).await, file.len() as u64);
    assert_eq!(values(&daemon, &run).await, [2.0]);
    let verified: Value = daemon.get(&format!("/api/runs/{}/verify", run.run_id)).await;
    assert_eq!(verified["rejected"], 1, "{verified}");
}

#[tokio::test]
async fn a_run_that_has_ended_takes_none_and_a_stranger_gives_none() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let path = format!("/api/runs/{}/records?offset=0", run.run_id);
    let stranger = Request::post(&path)
        .header("authorization", format!("Bearer {}", "0".repeat(64)))
        .body(Body::from(line(1.0)))
        .unwrap();
    daemon.send(stranger).await.refused(401);
    assert_eq!(values(&daemon, &run).await, [0.0; 0]);
    daemon.complete(&run.run_id).await;
    let error = send(&daemon, &run, 0, &line(1.0)).await.refused(409);
    assert!(error.message.contains(&run.run_id), "{error:?}");
}
