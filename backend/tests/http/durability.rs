//! `kill -9` at any moment: what was acknowledged is there, once.

use axum::http::Method;
use lazuli_domain::{Artifact, Metric, Run, RunStatus, spool_line};
use serde_json::{Value, json};

use crate::support::{Daemon, scalar};

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_kill() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let path = format!("/api/runs/{}/artifacts/a.txt", run.run_id);
    daemon.put_bytes(&path, "kept").await.ok::<Artifact>("put");
    daemon.log(&run.run_id, &scalar("loss", 1.0));
    let before = daemon.run(&run.run_id).await;
    let other = daemon.new_run().await;
    let other = daemon.complete(&other.run_id).await;

    let daemon = daemon.killed_and_started_again().await;
    assert_eq!(daemon.run(&run.run_id).await, before);
    assert_eq!(daemon.run(&other.run_id).await, other);
    assert_eq!(daemon.call(Method::GET, &path, None).await.body.as_ref(), b"kept");
    let again = daemon.complete(&run.run_id).await;
    assert_eq!(again.status, RunStatus::Completed);
}

#[tokio::test]
async fn points_logged_around_a_kill_are_there_once() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let lines = |from: u32, to: u32| -> String {
        (from..to).map(|value| spool_line(&scalar("loss", f64::from(value)))).collect()
    };
    daemon.append_to_spool(&run.run_id, lines(0, 4000).as_bytes());
    daemon.run(&run.run_id).await;
    daemon.append_to_spool(&run.run_id, lines(4000, 9000).as_bytes());
    let mut daemon = daemon.killed_and_started_again().await;
    for _ in 0..3 {
        daemon = daemon.killed_and_started_again().await;
        daemon.run(&run.run_id).await;
    }
    daemon.append_to_spool(&run.run_id, lines(9000, 10_000).as_bytes());
    daemon.complete(&run.run_id).await;
    let metric: Metric = daemon.get(&format!("/api/runs/{}/metrics/loss", run.run_id)).await;
    let values: Vec<Value> =
        metric.points.into_iter().map(|point| serde_json::to_value(point.value).unwrap()).collect();
    let wanted: Vec<Value> = (0..10_000).map(|value| json!(f64::from(value))).collect();
    assert_eq!(values, wanted);
}

#[tokio::test]
async fn a_kill_between_an_end_and_its_cleaning_up_loses_nothing() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    daemon.log(&run.run_id, &scalar("loss", 1.0));
    let spool = daemon.app.home.spool(&run.run_id);
    let saved = std::fs::read(&spool).unwrap();
    daemon.complete(&run.run_id).await;
    // As if the daemon had died after the commit, before it removed the file, and a process had
    // logged once more meanwhile: its call returned, so the point must be there.
    let last = spool_line(&scalar("loss", 2.0));
    std::fs::write(&spool, [saved.as_slice(), last.as_bytes()].concat()).unwrap();
    let log = daemon.app.home.logs(&run.run_id).join("user_logs/std_log.txt");
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    std::fs::write(&log, "left over").unwrap();
    std::fs::create_dir_all(daemon.app.home.run_folder(&run.run_id)).unwrap();

    let daemon = daemon.killed_and_started_again().await;
    let read = daemon.run(&run.run_id).await;
    assert_eq!((read.status, read.metrics[0].count), (RunStatus::Completed, 2));
    for folder in ["spool", "logs", "runs"] {
        assert_eq!(daemon.files_in(folder), [""; 0], "{folder}");
    }
}

#[tokio::test]
async fn a_kill_before_a_run_was_committed_leaves_nothing() {
    let daemon = Daemon::start().await;
    std::fs::write(daemon.app.home.spool("never_1_00000000"), "").unwrap();
    std::fs::write(daemon.home().join("blobs/tmp/half"), "half").unwrap();
    let daemon = daemon.killed_and_started_again().await;
    assert_eq!(daemon.files_in("spool"), [""; 0]);
    assert_eq!(daemon.files_in("blobs/tmp"), [""; 0]);
}

#[tokio::test]
async fn a_run_that_goes_on_can_be_logged_to_after_a_start() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    daemon.log(&run.run_id, &scalar("loss", 1.0));
    daemon.run(&run.run_id).await;
    std::fs::remove_file(daemon.app.home.spool(&run.run_id)).unwrap();
    let daemon = daemon.killed_and_started_again().await;
    daemon.log(&run.run_id, &scalar("loss", 2.0));
    assert_eq!(daemon.run(&run.run_id).await.metrics[0].count, 2);
}

#[tokio::test]
async fn a_cancel_that_a_kill_interrupted_is_carried_out() {
    let daemon = Daemon::start().await;
    let snapshot_id = daemon.snapshot(&[("a.py", "1")]).await;
    let job = json!({"snapshot_id": snapshot_id, "script": "a.py"});
    let run: Run =
        daemon.post("/api/workspaces/default/jobs", json!({"experiment": "x", "job": job})).await;
    let run_id = run.run_id.clone();
    daemon
        .app
        .store
        .write(move |write| {
            let head = lazuli_backend::store::runs::head(write, &run_id)?;
            lazuli_backend::store::runs::set_status(write, head.key, RunStatus::CancelRequested, 1)
        })
        .await
        .unwrap();
    let daemon = daemon.killed_and_started_again().await;
    assert_eq!(daemon.run(&run.run_id).await.status, RunStatus::Canceled);
}

#[tokio::test]
async fn a_write_that_is_refused_or_breaks_down_leaves_the_others_alone() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let path = format!("/api/runs/{}", run.run_id);
    let patches = (0..100).map(|number| {
        let patch = match number % 3 {
            0 => json!({"set_tags": {format!("good {number}"): "1"}}),
            1 => json!({"set_tags": {"bad": "1"}, "add_properties": {"p": number.to_string()}}),
            _ => json!({"set_tags": {"bad": "1"}, "name": ""}),
        };
        daemon.call(Method::PATCH, &path, Some(patch))
    });
    let broken = daemon
        .app
        .store
        .write(|_write| -> lazuli_backend::Result<()> { panic!("a defect in one write") });
    let (answers, broken) =
        futures_util::future::join(futures_util::future::join_all(patches), broken).await;
    assert!(broken.unwrap_err().to_string().contains("a write broke down"));
    let accepted = answers.iter().filter(|answer| answer.status.is_success()).count();
    assert_eq!(accepted, 34 + 1, "the good ones and the first who set the property");
    let read = daemon.run(&run.run_id).await;
    assert_eq!(read.tags.len(), 34 + 1);
}
