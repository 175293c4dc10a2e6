use axum::http::{Method, Request};
use lazuli_domain::{ArtifactPage, Run, RunStatus};
use serde_json::{Value, json};

use crate::support::{Answer, Daemon};

const LOG: &str = "user_logs/std_log.txt";

async fn append(daemon: &Daemon, run: &Run, offset: u64, text: &'static str) -> Answer {
    let path = format!("/api/runs/{}/logs/{LOG}?offset={offset}", run.run_id);
    daemon.send(Request::post(path).body(text.into()).unwrap()).await
}

async fn read(daemon: &Daemon, run: &Run, offset: u64) -> (String, String) {
    let path = format!("/api/runs/{}/logs/{LOG}?offset={offset}", run.run_id);
    let answer = daemon.call(Method::GET, &path, None).await;
    assert!(answer.status.is_success(), "{:?}", answer.body);
    (String::from_utf8(answer.body.to_vec()).unwrap(), answer.header("x-lazuli-size").to_owned())
}

#[tokio::test]
async fn a_log_grows_by_offset_and_becomes_an_artifact() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let size = |answer: Answer| answer.ok::<Value>("append")["size"].as_u64().unwrap();
    assert_eq!(size(append(&daemon, &run, 0, "one\n").await), 4);
    assert_eq!(size(append(&daemon, &run, 0, "one\n").await), 4, "sent again after a lost answer");
    assert_eq!(size(append(&daemon, &run, 2, "e\ntwo\n").await), 8, "what overlaps is skipped");
    assert_eq!(size(append(&daemon, &run, 1, "n").await), 8);
    let error = append(&daemon, &run, 100, "gap").await.refused(409);
    assert_eq!(error.message, "the log ends at 8; appending at 100 would leave a gap");

    assert_eq!(read(&daemon, &run, 0).await, ("one\ntwo\n".into(), "8".into()));
    assert_eq!(read(&daemon, &run, 4).await, ("two\n".into(), "8".into()));
    assert_eq!(read(&daemon, &run, 99).await, (String::new(), "8".into()));
    let logs: Value = daemon.get(&format!("/api/runs/{}/logs", run.run_id)).await;
    assert_eq!(logs, json!([{"path": LOG, "size": 8}]));

    let ended = daemon.complete(&run.run_id).await;
    assert_eq!(ended.status, RunStatus::Completed);
    assert_eq!(read(&daemon, &run, 4).await, ("two\n".into(), "8".into()));
    let after: Value = daemon.get(&format!("/api/runs/{}/logs", run.run_id)).await;
    assert_eq!(after, logs);
    let artifacts: ArtifactPage = daemon.get(&format!("/api/runs/{}/artifacts", run.run_id)).await;
    assert_eq!((artifacts.items[0].path.as_str(), artifacts.items[0].size), (LOG, 8));
    append(&daemon, &run, 8, "late").await.refused(409);
}

#[tokio::test]
async fn a_log_that_is_not_there_is_told() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let path = format!("/api/runs/{}/logs/nothing.txt", run.run_id);
    let error = daemon.get_refused(&path, 404).await;
    assert_eq!(
        error.to_string(),
        "log `nothing.txt` not found\nhint: the run has written no log yet"
    );
    append(&daemon, &run, 0, "x").await;
    let error = daemon.get_refused(&path, 404).await;
    assert_eq!(error.hint.as_deref(), Some("the run has `user_logs/std_log.txt`"));
}
