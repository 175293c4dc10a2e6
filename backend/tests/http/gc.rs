use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::http::Method;
use lazuli_domain::{
    Artifact, ArtifactPage, Experiment, GcReport, Line, Model, Run, SnapshotCreated, Upload,
};
use serde_json::{Value, json};

use crate::support::{Daemon, scalar, sha256};

impl Daemon {
    async fn gc(&self, asked: Value) -> GcReport {
        let answer = self.call(Method::POST, "/api/gc", Some(asked)).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        let line = text.lines().last().unwrap();
        match serde_json::from_str(line).unwrap() {
            Line::Done(report) => report,
            other => panic!("{other:?}"),
        }
    }

    async fn gc_now(&self) -> GcReport {
        self.gc(json!({"older_than_seconds": 0})).await
    }

    /// Every blob looks as if it had been written long ago.
    fn age_blobs(&self) {
        let long_ago = SystemTime::now() - Duration::from_secs(2 * 3600);
        for blob in self.blobs() {
            let path = self.home().join("blobs").join(&blob[..2]).join(blob);
            let file = std::fs::File::options().write(true).open(path).unwrap();
            file.set_modified(long_ago).unwrap();
        }
    }

    /// Digests of the blobs on disk.
    fn blobs(&self) -> Vec<String> {
        let folders = self.files_in("blobs").into_iter().filter(|name| name.len() == 2);
        let mut blobs: Vec<String> =
            folders.flat_map(|folder| self.files_in(&format!("blobs/{folder}"))).collect();
        blobs.sort();
        blobs
    }

    async fn put_artifact(&self, run_id: &str, name: &str, content: &str) {
        let path = format!("/api/runs/{run_id}/artifacts/{name}");
        self.put_bytes(&path, content.to_owned()).await.ok::<Artifact>(name);
    }
}

fn digests(contents: &[&str]) -> Vec<String> {
    let mut digests: Vec<String> =
        contents.iter().map(|content| sha256(content.as_bytes())).collect();
    digests.sort();
    digests
}

#[tokio::test]
async fn what_was_deleted_goes_for_good_and_what_is_shared_stays() {
    let daemon = Daemon::start().await;
    let gone = daemon.new_run_with(json!({"experiment": "gone"})).await.run_id;
    let child =
        daemon.new_run_with(json!({"experiment": "kept", "parent_run_id": gone})).await.run_id;
    let kept = daemon.new_run_with(json!({"experiment": "kept"})).await.run_id;
    daemon.put_artifact(&gone, "own.txt", "only here").await;
    daemon.put_artifact(&gone, "shared.txt", "shared").await;
    daemon.put_artifact(&gone, "model.pkl", "weights").await;
    daemon.put_artifact(&kept, "shared.txt", "shared").await;
    for step in 0..3 {
        daemon.log(&gone, &scalar("loss", f64::from(step)));
        daemon.log(&kept, &scalar("loss", f64::from(step)));
    }
    let new = json!({"name": "churn", "source": {"run": {"run_id": gone, "path": "model.pkl"}}});
    let model: Model = daemon.post("/api/workspaces/default/models", new).await;
    let snapshot = daemon.snapshot(&[("train.py", "print()")]).await;
    for run in [&child, &gone, &kept] {
        daemon.complete(run).await;
    }
    daemon.call(Method::DELETE, &format!("/api/runs/{gone}"), None).await.ok::<Run>("delete");
    daemon.post::<Run>(&format!("/api/runs/{child}/restore"), Value::Null).await;
    let experiment = "/api/workspaces/default/experiments/gone";
    daemon.call(Method::DELETE, experiment, None).await.ok::<Experiment>("delete");

    // Not long enough ago, and too young.
    assert_eq!(daemon.gc(json!({})).await, GcReport::default());
    daemon.age_blobs();
    let would = daemon.gc(json!({"older_than_seconds": 0, "dry_run": true})).await;
    let expected = GcReport {
        dry_run: true,
        runs: 1,
        experiments: 1,
        blobs: 1,
        bytes: "only here".len() as u64,
        ..GcReport::default()
    };
    assert_eq!(would, expected);
    assert_eq!(daemon.blobs(), digests(&["only here", "shared", "weights", "print()"]));
    daemon.post::<Experiment>(&format!("{experiment}/restore"), Value::Null).await;
    daemon.call(Method::DELETE, experiment, None).await.ok::<Experiment>("delete");

    assert_eq!(daemon.gc_now().await, GcReport { dry_run: false, ..expected });
    assert_eq!(daemon.blobs(), digests(&["shared", "weights", "print()"]));
    daemon.get_refused(&format!("/api/runs/{gone}"), 404).await;
    daemon.get_refused(experiment, 404).await;
    assert_eq!(daemon.run(&child).await.parent_run_id, None);
    assert_eq!(daemon.run(&kept).await.metrics[0].count, 3);
    let files = format!("/api/workspaces/default/models/churn/{}/files/model.pkl", model.version);
    assert_eq!(daemon.call(Method::GET, &files, None).await.body.as_ref(), b"weights");
    daemon.get::<Value>(&format!("/api/snapshots/{snapshot}")).await;
    assert_eq!(daemon.gc_now().await, GcReport::default());
}

#[tokio::test]
async fn a_run_with_many_points_goes_piece_by_piece() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await.run_id;
    for name in ["loss", "accuracy"] {
        let line = lazuli_domain::spool_line(&scalar(name, 0.5));
        daemon.append_to_spool(&run, line.repeat(30_000).as_bytes());
    }
    let ended = daemon.complete(&run).await;
    assert_eq!(ended.metrics[0].count, 30_000);
    daemon.call(Method::DELETE, &format!("/api/runs/{run}"), None).await.ok::<Run>("delete");
    assert_eq!(daemon.gc_now().await.runs, 1);
    let left: i64 = daemon
        .app
        .store
        .read(|database| database.value("SELECT count(*) FROM metric_points", &[]))
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn snapshots_that_no_job_names_go() {
    let daemon = Daemon::start().await;
    let unused = daemon.snapshot(&[("a.py", "unused")]).await;
    let used = daemon.snapshot(&[("a.py", "used")]).await;
    let job = json!({
        "experiment": "e",
        "job": {"snapshot_id": used, "script": "a.py", "compute": "local"}
    });
    let run: Run = daemon.post("/api/workspaces/default/jobs", job).await;
    daemon.age_blobs();
    daemon
        .app
        .store
        .write(|write| {
            write.execute("UPDATE snapshots SET created_at_ms = 0", &[])?;
            Ok(())
        })
        .await
        .unwrap();
    // Looked at again, it may be about to be used: it counts as new.
    let files = json!({"files": [{"path": "a.py", "size": 0, "sha256": sha256(b"unused")}]});
    daemon.post::<SnapshotCreated>("/api/snapshots", files).await;
    assert_eq!(daemon.gc_now().await, GcReport::default());
    daemon.age_blobs();
    daemon
        .app
        .store
        .write(|write| {
            write.execute("UPDATE snapshots SET created_at_ms = 0", &[])?;
            Ok(())
        })
        .await
        .unwrap();
    let report = daemon.gc_now().await;
    assert_eq!((report.snapshots, report.blobs, report.bytes), (1, 1, 6));
    daemon.get_refused(&format!("/api/snapshots/{unused}"), 404).await;
    daemon.get::<Value>(&format!("/api/snapshots/{used}")).await;
    assert_eq!(daemon.blobs(), digests(&["used"]));
    daemon.post::<Run>(&format!("/api/runs/{}/cancel", run.run_id), Value::Null).await;
    daemon.call(Method::DELETE, &format!("/api/runs/{}", run.run_id), None).await.ok::<Run>("d");
    let report = daemon.gc_now().await;
    assert_eq!((report.runs, report.snapshots, report.blobs), (1, 1, 1));
}

/// A blob is written before the row that refers to it: nothing may fall into that gap.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_about_to_be_referred_to_is_never_removed() {
    let daemon = Arc::new(Daemon::start().await);
    let run = daemon.new_run().await.run_id;
    let contents: Vec<String> = (0..40).map(|number| format!("content {number}")).collect();
    // All of it is here and old, and nobody refers to it: what comes now finds it and refers to it.
    for content in &contents {
        let path = format!("/api/blobs/{}", sha256(content.as_bytes()));
        daemon.put_bytes(&path, content.clone()).await;
    }
    let sweeping = {
        let daemon = Arc::clone(&daemon);
        tokio::spawn(async move {
            let mut removed = 0;
            for _ in 0..30 {
                daemon.age_blobs_if_there();
                removed += daemon.gc_now().await.blobs;
            }
            removed
        })
    };
    let mut uploads = Vec::new();
    for (at, content) in contents.iter().enumerate() {
        let (daemon, run, content) = (Arc::clone(&daemon), run.clone(), content.clone());
        uploads.push(tokio::spawn(async move {
            for round in 0..5 {
                let name = format!("{at}-{round}");
                if at % 2 == 0 {
                    daemon.put_artifact(&run, &name, &content).await;
                } else {
                    let new = json!({
                        "path": name, "size": content.len(), "sha256": sha256(content.as_bytes())
                    });
                    let uploads = format!("/api/runs/{run}/uploads");
                    let mut upload: Upload = daemon.post(&uploads, new).await;
                    if upload.artifact.is_none() {
                        let path = format!("/api/uploads/{}", upload.upload_id);
                        let piece = format!("{path}?offset={}", upload.offset);
                        daemon.put_bytes(&piece, content.clone()).await.ok::<Upload>("piece");
                        upload = daemon.post(&format!("{path}/complete"), Value::Null).await;
                    }
                    assert!(upload.artifact.is_some());
                }
            }
        }));
    }
    for upload in uploads {
        upload.await.unwrap();
    }
    sweeping.await.unwrap();
    let page: ArtifactPage = daemon.get(&format!("/api/runs/{run}/artifacts")).await;
    assert_eq!(page.items.len(), 200);
    for artifact in page.items {
        let path = format!("/api/runs/{run}/artifacts/{}", artifact.path);
        let answer = daemon.call(Method::GET, &path, None).await;
        assert_eq!(sha256(&answer.body), artifact.sha256, "{}", artifact.path);
    }
}

impl Daemon {
    fn age_blobs_if_there(&self) {
        let long_ago = SystemTime::now() - Duration::from_secs(2 * 3600);
        for blob in self.blobs() {
            let path = self.home().join("blobs").join(&blob[..2]).join(blob);
            // The sweep may be quicker.
            if let Ok(file) = std::fs::File::options().write(true).open(path) {
                file.set_modified(long_ago).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_malformed_request_removes_nothing() {
    let daemon = Daemon::start().await;
    for asked in [json!({"older_than_seconds": "soon"}), json!({"older_than_seconds": -1})] {
        let refused = daemon.post_refused("/api/gc", asked, 400).await;
        assert!(refused.message.starts_with("the body is not"), "{}", refused.message);
    }
}

#[tokio::test]
async fn environments_nobody_uses_go() {
    let daemon = Daemon::start().await;
    let folder = daemon.home().join("environments");
    for (hash, age) in [("used", 0), ("unused", 7200)] {
        std::fs::create_dir_all(folder.join(hash).join("bin")).unwrap();
        let environment = json!({"hash": hash, "state": "ready", "python": "3.12.1",
            "packages": ["numpy"], "created_at_ms": 1, "size": 1000});
        let description = folder.join(hash).join("environment.json");
        std::fs::write(description, environment.to_string()).unwrap();
        let lock = std::fs::File::create(folder.join(format!("{hash}.lock"))).unwrap();
        lock.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
    }
    let report = daemon.gc(json!({"older_than_seconds": 3600})).await;
    assert_eq!((report.environments, report.bytes), (1, 1000));
    assert_eq!(daemon.files_in("environments"), ["unused.lock", "used", "used.lock"]);
    // One that somebody has locked is in use.
    let lock = std::fs::File::open(folder.join("used.lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(daemon.gc_now().await.environments, 0);
}
