use lazuli_domain::{RunStatus, RunVerification};
use serde_json::json;

use crate::support::{Daemon, record, scalar};

async fn verify(daemon: &Daemon, run_id: &str) -> RunVerification {
    daemon.get(&format!("/api/runs/{run_id}/verify")).await
}

#[tokio::test]
async fn everything_that_was_logged_is_counted() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    for value in 0..300 {
        daemon.log(&run.run_id, &scalar("loss", f64::from(value)));
    }
    daemon.log(&run.run_id, &record(json!({"record": "tag", "key": "k", "value": "v"})));
    let bad = json!({"record": "metric", "name": "loss", "kind": "row", "value": {}, "time_ms": 1});
    daemon.log(&run.run_id, &record(bad));
    daemon.append_to_spool(&run.run_id, b"{\"record\":\"metr");

    let found = verify(&daemon, &run.run_id[..12]).await;
    let reason = "the metric `loss` is of kind scalar and cannot take a row";
    let mut wanted = RunVerification {
        run_id: run.run_id.clone(),
        status: RunStatus::Running,
        logged: 302,
        shipped: 302,
        committed: 301,
        rejected: 1,
        rejected_reason: Some(reason.to_owned()),
        unfinished_bytes: 15,
        points_from_records: 300,
        points_from_requests: 0,
        points_stored: 300,
        agrees: true,
        problems: Vec::new(),
    };
    assert_eq!(found, wanted);

    // The run's end gives the torn record up, and its numbers stay.
    daemon.complete(&run.run_id).await;
    wanted.status = RunStatus::Completed;
    (wanted.logged, wanted.shipped, wanted.rejected) = (303, 303, 2);
    wanted.rejected_reason = Some("the last record is torn".to_owned());
    wanted.unfinished_bytes = 0;
    assert_eq!(verify(&daemon, &run.run_id).await, wanted);
    daemon.get_refused("/api/runs/nobody_1/verify", 404).await;
}

#[tokio::test]
async fn what_is_missing_is_found() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    for value in 0..10 {
        daemon.log(&run.run_id, &scalar("loss", f64::from(value)));
    }
    assert!(verify(&daemon, &run.run_id).await.agrees);
    // As damage would: a point, and records of the spool, go behind the daemon's back.
    let lose = "DELETE FROM metric_points WHERE sequence = 4";
    daemon.app.store.write(|write| write.execute(lose, &[])).await.unwrap();
    let spool = daemon.app.home.spool(&run.run_id);
    let text = std::fs::read_to_string(&spool).unwrap();
    let half = &text[text.len() / 2..];
    std::fs::write(&spool, [&"\n".repeat(text.len() - half.len()), half].concat()).unwrap();

    let found = verify(&daemon, &run.run_id).await;
    assert!(!found.agrees);
    assert_eq!((found.points_stored, found.points_from_records), (9, 10));
    let told = found.problems.join("\n");
    assert!(told.contains("10 points were committed, the histories hold 9"), "{told}");
    assert!(told.contains("10 records were read from the spool, which holds "), "{told}");
}

#[tokio::test]
async fn a_record_after_a_torn_one_arrives() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    daemon.log(&run.run_id, &scalar("loss", 1.0));
    // Its writer was killed here; the next one is another process.
    daemon.append_to_spool(&run.run_id, b"\n{\"record\":\"metric\",\"na");
    daemon.log(&run.run_id, &scalar("loss", 2.0));
    let found = verify(&daemon, &run.run_id).await;
    assert_eq!((found.points_stored, found.rejected, found.agrees), (2, 1, true));
    assert!(found.rejected_reason.unwrap().starts_with("a record is torn or malformed"));
}
