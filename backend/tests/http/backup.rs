use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::{Method, StatusCode};
use lazuli_domain::{
    Artifact, Experiment, Metric, Model, NewSecret, RestoreReport, Run, spool_line,
};
use serde_json::{Value, json};

use crate::support::{Daemon, record, scalar, sha256};

impl Daemon {
    pub async fn backup(&self) -> Vec<u8> {
        let answer = self.call(Method::GET, "/api/backup", None).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("content-type"), "application/x-tar");
        answer.body.to_vec()
    }

    /// What a client can see of runs, experiments and models.
    pub async fn everything(&self) -> BTreeMap<String, Value> {
        let mut seen = BTreeMap::new();
        for path in ["runs?view=all", "experiments?view=all", "models", "secrets"] {
            let path = format!("/api/workspaces/default/{path}");
            seen.insert(path.clone(), self.get::<Value>(&path).await);
        }
        let runs = seen["/api/workspaces/default/runs?view=all"]["items"].clone();
        for run in runs.as_array().unwrap() {
            let run_id = run["run_id"].as_str().unwrap();
            for part in ["metrics", "artifacts"] {
                let path = format!("/api/runs/{run_id}/{part}");
                seen.insert(path.clone(), self.get::<Value>(&path).await);
            }
        }
        seen
    }
}

/// A home with one of everything; the id of its first run.
async fn furnished(daemon: &Daemon) -> String {
    let run = daemon
        .new_run_with(json!({"experiment": "churn", "name": "first", "tags": {"a": "ü\n\""},
            "properties": {"p": "1"}}))
        .await
        .run_id;
    for value in [0.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 5e-324] {
        daemon.log(&run, &scalar("loss", value));
    }
    daemon.log(&run, &scalar("whole", 3.0));
    daemon.log(
        &run,
        &record(json!({"record": "metric", "name": "exact", "kind": "scalar",
            "value": 9_007_199_254_740_993_i64, "time_ms": 1})),
    );
    daemon.log(
        &run,
        &record(json!({"record": "metric", "name": "rows", "kind": "row",
            "value": {"x": 1, "y": "NaN"}, "time_ms": 1})),
    );
    daemon.log(&run, &record(json!({"record": "parameter", "key": "lr", "value": "0.1"})));
    let path = format!("/api/runs/{run}/artifacts/outputs/model.pkl");
    daemon.put_bytes(&path, "weights").await.ok::<Artifact>("put");
    let child = daemon.new_run_with(json!({"experiment": "churn", "parent_run_id": run})).await;
    daemon.complete(&child.run_id).await;
    daemon.complete(&run).await;
    let new = json!({"name": "m", "source": {"run": {"run_id": run, "path": "outputs"}}});
    daemon.post::<Model>("/api/workspaces/default/models", new).await;
    daemon.snapshot(&[("train.py", "print()")]).await;
    let path = "/api/workspaces/default/secrets/password";
    daemon.call(Method::PUT, path, Some(json!({"value": "correct horse"}))).await;
    let gone = daemon.new_run_with(json!({"experiment": "gone"})).await.run_id;
    daemon.complete(&gone).await;
    let path = "/api/workspaces/default/experiments/gone";
    daemon.call(Method::DELETE, path, None).await.ok::<Experiment>("delete");
    run
}

#[tokio::test]
async fn a_home_comes_back_from_its_backup() {
    let daemon = Daemon::start().await;
    let run = furnished(&daemon).await;
    let before = daemon.everything().await;
    let archive = daemon.backup().await;
    for secret in [daemon.app.token().as_bytes(), b"correct horse"] {
        assert!(!archive.windows(secret.len()).any(|window| window == secret));
    }
    let key = std::fs::read(daemon.home().join("key")).unwrap();
    assert!(!archive.windows(key.len()).any(|window| window == key));

    let other = Daemon::start().await;
    let report: RestoreReport = other.post_lines("/api/restore", archive.clone()).await.unwrap();
    let expected = RestoreReport {
        runs: 3,
        experiments: 2,
        models: 1,
        datasets: 0,
        secrets: 1,
        blobs: 2,
        bytes: ("weights".len() + "print()".len()) as u64,
        missing: Vec::new(),
    };
    assert_eq!(report, expected);
    assert_eq!(other.everything().await, before);
    let path = format!("/api/runs/{run}/artifacts/outputs/model.pkl");
    assert_eq!(other.call(Method::GET, &path, None).await.body.as_ref(), b"weights");
    let path = "/api/workspaces/default/secrets/password";
    let sealed = other.get_refused(path, 503).await;
    assert!(sealed.message.contains("does not open with this home's key"), "{}", sealed.message);

    // What comes next counts on: no key is given twice.
    let next = other.new_run_with(json!({"experiment": "churn"})).await;
    other.log(&next.run_id, &scalar("loss", 1.0));
    assert_eq!(other.complete(&next.run_id).await.metrics[0].count, 1);
    let restored = "/api/workspaces/default/experiments/gone/restore";
    other.post::<Experiment>(restored, Value::Null).await;

    // Not in the place of what is there, unless it is told to.
    let refused = other.post_lines::<RestoreReport>("/api/restore", archive.clone()).await;
    assert_eq!(
        refused.unwrap_err().message,
        "there are runs, models, datasets or secrets here already"
    );
    assert_eq!(other.run(&next.run_id).await.run_id, next.run_id);
    let forced = "/api/restore?force=true";
    assert_eq!(other.post_lines::<RestoreReport>(forced, archive.clone()).await, Ok(expected));
    assert_eq!(other.everything().await, before);
    other.get_refused(&format!("/api/runs/{}", next.run_id), 404).await;
    // With the key, the secret opens.
    std::fs::write(other.home().join("key"), key).unwrap();
    let other = other.killed_and_started_again().await;
    assert_eq!(other.get::<NewSecret>(path).await.value, "correct horse");
    assert_eq!(other.everything().await, before);
}

#[tokio::test]
async fn an_archive_moves_between_databases() {
    let here = Daemon::start().await;
    furnished(&here).await;
    let before = here.everything().await;
    let there = Daemon::start_on_sqlite().await;
    let archive = here.backup().await;
    there.post_lines::<RestoreReport>("/api/restore", archive).await.unwrap();
    assert_eq!(there.everything().await, before);
    let archive = there.backup().await;
    let back = Daemon::start().await;
    back.post_lines::<RestoreReport>("/api/restore", archive).await.unwrap();
    assert_eq!(back.everything().await, before);
}

#[tokio::test]
async fn what_is_torn_or_foreign_changes_nothing() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await.run_id;
    daemon.log(&run, &scalar("loss", 1.0));
    daemon.put_bytes(&format!("/api/runs/{run}/artifacts/a"), "content").await;
    daemon.complete(&run).await;
    let archive = daemon.backup().await;
    let other = Daemon::start().await;
    let before = other.everything().await;
    let refused = async |bytes: Vec<u8>| {
        let path = "/api/restore?force=true";
        other.post_lines::<RestoreReport>(path, bytes).await.unwrap_err().message
    };
    let torn = "the file is a backup that is torn or damaged";
    for length in (1..archive.len() / 512 - 2).map(|block| block * 512).chain([700, 5000]) {
        assert_eq!(refused(archive[..length].to_vec()).await, torn, "{length}");
    }
    for at in (600..archive.len() - 3000).step_by(97) {
        let mut damaged = archive.clone();
        damaged[at] ^= 0x20;
        let message = refused(damaged).await;
        assert!(message.starts_with("the file is "), "{at}: {message}");
    }
    for (bytes, wanted) in [
        (b"".to_vec(), "the file is not a backup of Lazuli: it is too short"),
        (b"hello".to_vec(), "the file is not a backup of Lazuli: it is too short"),
        (vec![b'x'; 4096], "the file is not a backup of Lazuli: a header is damaged"),
        (vec![0; 4096], torn),
        (
            tar(&[("etc/passwd", b"root")]),
            "the file is not a backup of Lazuli: it does not begin with `lazuli.json`",
        ),
        (
            tar(&[("lazuli.json", b"{}")]),
            "the file is not a backup of Lazuli: its `lazuli.json` says something else",
        ),
    ] {
        assert_eq!(refused(bytes).await, wanted);
    }
    let about = |change: (&str, Value)| {
        let mut about: Value =
            serde_json::from_slice(&archive[512..][..length_of(&archive)]).unwrap();
        about[change.0] = change.1;
        about.to_string().into_bytes()
    };
    let newer = tar(&[("lazuli.json", &about(("format", json!(99))))]);
    assert!(refused(newer).await.starts_with("the archive was written by version "));
    let experiment = tar(&[("lazuli.json", &about(("lazuli", json!("experiment"))))]);
    assert_eq!(refused(experiment).await, "the archive holds one experiment, not a whole home");
    for name in ["../../etc/passwd", "/etc/passwd", "blobs/../../x", "blobs/abc", "tables/x", "key"]
    {
        let evil = tar(&[("lazuli.json", &about(("format", json!(1)))), (name, b"x")]);
        assert_eq!(
            refused(evil).await,
            "the file is not a backup of Lazuli: a name is not one of ours",
            "{name}"
        );
    }
    let wrong = format!("blobs/{}", sha256(b"other"));
    let wrong = tar(&[("lazuli.json", &about(("format", json!(1)))), (&wrong, b"content")]);
    assert_eq!(refused(wrong).await, torn);
    assert_eq!(other.everything().await, before);
    assert_eq!(other.files_in("blobs"), ["tmp", "uploads"]);
    assert_eq!(other.files_in("blobs/tmp"), [""; 0]);
}

#[tokio::test]
async fn nothing_is_restored_while_a_run_goes_on() {
    let daemon = Daemon::start().await;
    let archive = daemon.backup().await;
    let run = daemon.new_run().await.run_id;
    let path = "/api/restore?force=true";
    let refused = daemon.post_lines::<RestoreReport>(path, archive.clone()).await.unwrap_err();
    assert_eq!(refused.message, format!("nothing is restored while run `{run}` goes on"));
    daemon.complete(&run).await;
    daemon.post_lines::<RestoreReport>(path, archive).await.unwrap();
    daemon.get_refused(&format!("/api/runs/{run}"), 404).await;
}

#[tokio::test]
async fn a_run_that_went_on_goes_on() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await.run_id;
    daemon.log(&run, &scalar("loss", 1.0));
    let archive = daemon.backup().await;
    let other = Daemon::start().await;
    other.post_lines::<RestoreReport>("/api/restore", archive).await.unwrap();
    other.log(&run, &scalar("loss", 2.0));
    assert_eq!(other.complete(&run).await.metrics[0].count, 2);
}

/// A backup is one moment: no run is in it without the points that its count names.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_is_whole_while_others_write() {
    let daemon = Arc::new(Daemon::start().await);
    let writer = {
        let daemon = Arc::clone(&daemon);
        tokio::spawn(async move {
            for _ in 0..20 {
                let run = daemon.new_run().await.run_id;
                let lines = spool_line(&scalar("loss", 1.0)).repeat(50);
                daemon.append_to_spool(&run, lines.as_bytes());
                daemon.put_bytes(&format!("/api/runs/{run}/artifacts/a"), run.clone()).await;
                daemon.complete(&run).await;
            }
        })
    };
    let mut archives = Vec::new();
    while !writer.is_finished() {
        archives.push(daemon.backup().await);
    }
    writer.await.unwrap();
    archives.push(daemon.backup().await);
    assert!(archives.len() > 1);
    for archive in archives {
        let other = Daemon::start().await;
        let report: RestoreReport = other.post_lines("/api/restore", archive).await.unwrap();
        assert_eq!(report.missing, [""; 0]);
        let runs: Value = other.get("/api/workspaces/default/runs").await;
        for run in runs["items"].as_array().unwrap() {
            let run: Run = serde_json::from_value(run.clone()).unwrap();
            let metrics: Vec<Metric> =
                other.get(&format!("/api/runs/{}/metrics", run.run_id)).await;
            for metric in metrics {
                assert_eq!(metric.points.len() as u64, metric.count);
            }
            if run.status.is_final() {
                let path = format!("/api/runs/{}/artifacts/a", run.run_id);
                assert_eq!(other.call(Method::GET, &path, None).await.body, run.run_id);
            }
        }
    }
}

#[tokio::test]
async fn a_lost_file_is_told() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await.run_id;
    daemon.put_bytes(&format!("/api/runs/{run}/artifacts/a"), "lost").await;
    daemon.complete(&run).await;
    let digest = sha256(b"lost");
    std::fs::remove_file(daemon.home().join("blobs").join(&digest[..2]).join(&digest)).unwrap();
    let other = Daemon::start().await;
    let archive = daemon.backup().await;
    let report: RestoreReport = other.post_lines("/api/restore", archive).await.unwrap();
    assert_eq!((report.blobs, report.missing), (0, vec![digest]));
}

fn length_of(archive: &[u8]) -> usize {
    usize::from_str_radix(std::str::from_utf8(&archive[124..135]).unwrap(), 8).unwrap()
}

/// Written by hand, as somebody else might.
pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in files {
        let mut header = vec![0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = b'0';
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend(header);
        archive.extend(*content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.extend([0; 1024]);
    archive
}
