use lazuli_backend::{process, tracking};
use lazuli_domain::{ProcessIdentity, Run, RunKind, RunStatus};
use serde_json::{Value, json};

use crate::support::Daemon;

async fn submit(daemon: &Daemon) -> Run {
    let snapshot_id = daemon.snapshot(&[("train.py", "print('hi')")]).await;
    let job = json!({"snapshot_id": snapshot_id, "script": "train.py", "arguments": ["--lr", "1"]});
    let new = json!({"experiment": "diabetes", "job": job, "tags": {"a": "b"}});
    daemon.post("/api/workspaces/default/jobs", new).await
}

fn agent() -> ProcessIdentity {
    process::identity_of(std::process::id()).unwrap()
}

async fn report(daemon: &Daemon, run: &Run, stage: &str, end: Value) -> Run {
    let mut body = json!({"stage": stage, "agent": agent()});
    if !end.is_null() {
        body["end"] = end;
    }
    daemon.post(&format!("/api/runs/{}/job/report", run.run_id), body).await
}

#[tokio::test]
async fn a_job_is_queued_taken_up_reported_and_ended() {
    let daemon = Daemon::start().await;
    let run = submit(&daemon).await;
    assert_eq!(
        (run.kind, run.status, run.started_at_ms),
        (RunKind::Script, RunStatus::Queued, None)
    );
    let queued = tracking::jobs_queued(&daemon.app).await.unwrap();
    assert_eq!(queued[0].run_id, run.run_id);
    let claimed = tracking::claim_job(&daemon.app, &run.run_id).await.unwrap().unwrap();
    assert_eq!(claimed.spec.arguments, ["--lr", "1"]);
    assert!(tracking::claim_job(&daemon.app, &run.run_id).await.unwrap().is_none());
    assert!(tracking::jobs_queued(&daemon.app).await.unwrap().is_empty());

    for (stage, status) in [
        ("preparing", RunStatus::Preparing),
        ("preparing", RunStatus::Preparing),
        ("running", RunStatus::Running),
        ("preparing", RunStatus::Running),
        ("finalizing", RunStatus::Finalizing),
    ] {
        assert_eq!(report(&daemon, &run, stage, Value::Null).await.status, status, "{stage}");
    }
    let job: Value = daemon.get(&format!("/api/runs/{}/job", run.run_id)).await;
    assert_eq!((&job["stage"], &job["spec"]["script"]), (&json!("finalizing"), &json!("train.py")));
    assert_eq!(job["agent"], serde_json::to_value(agent()).unwrap());

    std::fs::create_dir_all(daemon.app.home.run_folder(&run.run_id)).unwrap();
    let ended = report(&daemon, &run, "ended", json!("completed")).await;
    assert_eq!(ended.status, RunStatus::Completed);
    assert!(ended.started_at_ms.is_some());
    assert_eq!(report(&daemon, &run, "ended", json!("completed")).await, ended);
    assert!(tracking::jobs_active(&daemon.app).await.unwrap().is_empty());
    let path = format!("/api/runs/{}/job/report", run.run_id);
    let body = json!({"stage": "running", "agent": agent()});
    daemon.post_refused(&path, body, 409).await;
}

#[tokio::test]
async fn a_script_that_fails_tells_how() {
    let daemon = Daemon::start().await;
    let run = submit(&daemon).await;
    tracking::claim_job(&daemon.app, &run.run_id).await.unwrap();
    let error = json!({"message": "ValueError: x", "details": "Traceback", "exit_code": 1});
    let ended = report(&daemon, &run, "ended", json!({"failed": error})).await;
    assert_eq!(ended.status, RunStatus::Failed);
    assert_eq!(serde_json::to_value(ended.error).unwrap(), error);
}

#[tokio::test]
async fn what_a_script_says_of_itself_takes_effect_when_it_ends() {
    let daemon = Daemon::start().await;
    let run = submit(&daemon).await;
    tracking::claim_job(&daemon.app, &run.run_id).await.unwrap();
    report(&daemon, &run, "running", Value::Null).await;
    assert_eq!(daemon.complete(&run.run_id).await.status, RunStatus::Running);
    let fail = json!({"message": "the data is bad"});
    let failed: Run = daemon.post(&format!("/api/runs/{}/fail", run.run_id), fail).await;
    assert_eq!(failed.status, RunStatus::Running);
    let ended = report(&daemon, &run, "ended", json!("completed")).await;
    assert_eq!(ended.status, RunStatus::Failed);
    assert_eq!(ended.error.unwrap().message, "the data is bad");
}

#[tokio::test]
async fn a_job_that_waits_is_canceled_at_once() {
    let daemon = Daemon::start().await;
    let run = submit(&daemon).await;
    let canceled: Run = daemon.post(&format!("/api/runs/{}/cancel", run.run_id), Value::Null).await;
    assert_eq!(canceled.status, RunStatus::Canceled);
    assert!(tracking::claim_job(&daemon.app, &run.run_id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_job_that_runs_is_asked_to_end() {
    let daemon = Daemon::start().await;
    let run = submit(&daemon).await;
    tracking::claim_job(&daemon.app, &run.run_id).await.unwrap();
    report(&daemon, &run, "running", Value::Null).await;
    let path = format!("/api/runs/{}/cancel", run.run_id);
    for _ in 0..2 {
        let asked: Run = daemon.post(&path, Value::Null).await;
        assert_eq!(asked.status, RunStatus::CancelRequested);
    }
    let asked = report(&daemon, &run, "finalizing", Value::Null).await;
    assert_eq!(asked.status, RunStatus::CancelRequested);
    let ended = report(&daemon, &run, "ended", json!("canceled")).await;
    assert_eq!(ended.status, RunStatus::Canceled);
}

#[tokio::test]
async fn another_agent_is_refused() {
    let daemon = Daemon::start().await;
    let run = submit(&daemon).await;
    tracking::claim_job(&daemon.app, &run.run_id).await.unwrap();
    report(&daemon, &run, "running", Value::Null).await;
    let path = format!("/api/runs/{}/job/report", run.run_id);
    let stranger = json!({"pid": 1, "start_time": 2, "boot_id": "x"});
    for stage in ["running", "ended"] {
        let body = json!({"stage": stage, "agent": stranger, "end": "completed"});
        let error = daemon.post_refused(&path, body, 409).await;
        assert!(error.message.contains("another agent"), "{}", error.message);
    }
    daemon.post_refused(&path, json!({"stage": "ended", "agent": agent()}), 400).await;
}

#[tokio::test]
async fn a_job_that_cannot_run_is_refused() {
    let daemon = Daemon::start().await;
    let snapshot_id = daemon.snapshot(&[("train.py", "1")]).await;
    let path = "/api/workspaces/default/jobs";
    for (snapshot, script, compute, status, message) in [
        ("0", "train.py", "local", 404, "snapshot `0` not found"),
        (
            snapshot_id.as_str(),
            "trian.py",
            "local",
            400,
            "the script `trian.py` is not in the source folder that was submitted",
        ),
        (&snapshot_id, "../x.py", "local", 400, "the artifact name `../x.py` contains `..`"),
        (&snapshot_id, "train.py", "gpu", 404, "compute target `gpu` not found"),
    ] {
        let job = json!({"snapshot_id": snapshot, "script": script, "compute": compute});
        let new = json!({"experiment": "x", "job": job});
        assert_eq!(daemon.post_refused(path, new, status).await.message, message);
    }
    assert_eq!(daemon.files_in("spool"), [""; 0]);
    let run = daemon.new_run().await;
    let error = daemon.get_refused(&format!("/api/runs/{}/job", run.run_id), 400).await;
    assert!(error.message.ends_with("is not a script run; it has no job"));
    let new = json!({"experiment": "x", "kind": "script"});
    daemon.post_refused("/api/workspaces/default/runs", new, 400).await;
}

#[tokio::test]
async fn data_that_cannot_be_there_is_refused_before_the_job_is_queued() {
    let daemon = Daemon::start().await;
    let snapshot_id = daemon.snapshot(&[("train.py", "print('hi')")]).await;
    // An empty file is an empty database.
    let database = tempfile::NamedTempFile::new().unwrap();
    let place = json!({"type": "sqlite", "path": database.path()});
    let new = json!({"name": "tables", "place": place});
    daemon.post::<Value>("/api/workspaces/default/datastores", new).await;
    let input = |name: &str, datastore: &str, path: &str| {
        let paths = json!([{"datastore": datastore, "path": path}]);
        let definition = json!({"type": "file", "paths": paths});
        json!({"name": name, "source": {"definition": definition}, "mode": "download"})
    };
    let output = |name: &str, datastore: &str, path: &str| json!({"name": name, "datastore": datastore, "path": path, "mode": "upload"});
    let store = "workspaceblobstore";
    let mut away = input("a", store, "x");
    away["path_on_compute"] = json!("../outside");
    let mut table = input("a", store, "x");
    table["source"]["definition"] =
        json!({"type": "tabular", "source": {"format": "parquet", "paths": []}});
    let mut glob = output("a", store, "x");
    glob["source_globs"] = json!(["../*"]);
    for (inputs, outputs, status, wanted) in [
        (vec![input("a b", store, "x")], vec![], 400, "the input name `a b` is no word"),
        (vec![], vec![output("", store, "x")], 400, "the output name `` is no word"),
        (
            vec![input("a", store, "x")],
            vec![output("a", store, "x")],
            400,
            "two of the job's inputs and outputs are called `a`",
        ),
        (vec![input("a", "lake", "x")], vec![], 404, "datastore `lake` not found"),
        (vec![], vec![output("a", "lake", "x")], 404, "datastore `lake` not found"),
        (
            vec![input("a", "tables", "x")],
            vec![],
            400,
            "the datastore `tables` holds tables, not files",
        ),
        (vec![input("a", store, "../x")], vec![], 400, "the path `../x` contains `..`"),
        (vec![], vec![output("a", store, "../x")], 400, "the path `../x` contains `..`"),
        (vec![], vec![glob], 400, "the path `../*` contains `..`"),
        (
            vec![away],
            vec![],
            400,
            "the input `a` has the path `../outside` on the compute, which is no place",
        ),
        (vec![table], vec![], 400, "the input `a` is a table, which has no files to put on a disk"),
    ] {
        let job = json!({"snapshot_id": snapshot_id, "script": "train.py", "inputs": inputs, "outputs": outputs});
        let new = json!({"experiment": "diabetes", "job": job});
        let error = daemon.post_refused("/api/workspaces/default/jobs", new, status).await;
        assert_eq!(error.message, wanted);
    }
    let runs: lazuli_domain::Page<Run> = daemon.get("/api/workspaces/default/runs").await;
    assert_eq!(runs.items, []);
}
