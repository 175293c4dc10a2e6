//! Blobs in object stores: the real protocols, spoken by programs that run here.

use std::process::Command;
use std::time::{Duration, SystemTime};

use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode};
use futures_util::stream;
use lazuli_backend::Storage;
use lazuli_backend::app::App;
use lazuli_backend::home::Home;
use lazuli_domain::{Artifact, ErrorKind, GcReport, Model, RestoreReport, Upload};
use lazuli_tests::stores::ObjectStore;
use serde_json::{Value, json};

use crate::support::{Daemon, sha256};

/// Where the tests below keep blobs; they run in a process whose environment has the credentials.
const ADDRESS: &str = "LAZULI_TEST_BLOBS";

fn again_on(store: Option<ObjectStore>) {
    let Some(store) = store else { return };
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stores::everything_on_a_store", "stores::a_store_that_fails_is_told"])
        .envs(store.environment.iter().map(|(name, value)| (name, value)))
        .env(ADDRESS, store.address)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("2 passed"), "{text}");
}

#[test]
fn blobs_are_kept_in_s3() {
    again_on(ObjectStore::s3());
}

#[test]
fn blobs_are_kept_in_azure() {
    again_on(ObjectStore::azure());
}

fn content(size: usize) -> Vec<u8> {
    (0..size as u32).map(|number| (number * 7 % 251) as u8).collect()
}

impl Daemon {
    /// Digests of all blobs, whoever refers to them.
    async fn stored(&self) -> Vec<String> {
        let later = SystemTime::now() + Duration::from_secs(3600);
        let found = self.app.blobs.find(later, |_| true).await.unwrap();
        let mut digests: Vec<String> = found.into_iter().map(|blob| blob.sha256).collect();
        digests.sort();
        digests
    }
}

#[tokio::test]
async fn everything_on_a_store() {
    let Ok(address) = std::env::var(ADDRESS) else { return };
    let daemon = Daemon::start_with_blobs(format!("{address}/team/lazuli")).await;
    let run = daemon.new_run().await.run_id;
    // More than one part.
    let large = content(40_000_000);
    let path = format!("/api/runs/{run}/artifacts/large.bin");
    let put: Artifact = daemon.put_bytes(&path, large.clone()).await.ok("large");
    assert_eq!((put.size, &put.sha256), (40_000_000, &sha256(&large)));
    let got = daemon.call(Method::GET, &path, None).await;
    assert_eq!(got.header("etag"), format!("\"{}\"", put.sha256));
    assert!(got.body == large);
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=16777210-33554440", 16_777_210, 33_554_441),
        ("bytes=-7", 39_999_993, 40_000_000),
    ] {
        let request = Request::get(&path).header("range", range).body(Body::empty()).unwrap();
        let part = daemon.send(request).await;
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
        assert!(part.body == large[from..to], "{range}");
    }
    let outside = daemon
        .send(Request::get(&path).header("range", "bytes=40000000-").body(Body::empty()).unwrap());
    assert_eq!(outside.await.status, StatusCode::RANGE_NOT_SATISFIABLE);
    // Nothing of it stays here, and nothing is sent twice.
    assert_eq!(daemon.files_in("blobs"), ["tmp", "uploads"]);
    assert_eq!(daemon.files_in("blobs/tmp"), [""; 0]);
    let again = format!("/api/runs/{run}/artifacts/again.bin");
    daemon.put_bytes(&again, large.clone()).await.ok::<Artifact>("again");
    assert_eq!(daemon.stored().await, *std::slice::from_ref(&put.sha256));

    let empty = format!("/api/runs/{run}/artifacts/empty");
    daemon.put_bytes(&empty, "").await.ok::<Artifact>("empty");
    let got = daemon.call(Method::GET, &empty, None).await;
    assert_eq!((got.status, got.body.len()), (StatusCode::OK, 0));

    // What breaks off, or is something else than announced, leaves nothing.
    let before = daemon.stored().await;
    let chunks: Vec<Result<Bytes, std::io::Error>> =
        vec![Ok(Bytes::from(vec![9; 1 << 20])), Err(std::io::ErrorKind::ConnectionReset.into())];
    let broken = format!("/api/runs/{run}/artifacts/broken");
    daemon.put_bytes(&broken, Body::from_stream(stream::iter(chunks))).await.refused(400);
    let wrong = format!("/api/blobs/{}", sha256(b"right"));
    daemon.put_bytes(&wrong, "wrong").await.refused(400);
    assert_eq!(daemon.stored().await, before);
    daemon.get_refused(&format!("/api/blobs/{}", sha256(b"right")), 404).await;

    // Pieces, snapshots, models and logs.
    let new =
        json!({"path": "pieces.bin", "size": 20_000_000, "sha256": sha256(&large[..20_000_000])});
    let upload: Upload = daemon.post(&format!("/api/runs/{run}/uploads"), new).await;
    let pieces = format!("/api/uploads/{}", upload.upload_id);
    daemon
        .put_bytes(&format!("{pieces}?offset=0"), large[..9_000_000].to_vec())
        .await
        .ok::<Upload>("1");
    let rest = large[9_000_000..20_000_000].to_vec();
    daemon.put_bytes(&format!("{pieces}?offset=9000000"), rest).await.ok::<Upload>("2");
    let complete: Upload = daemon.post(&format!("{pieces}/complete"), Value::Null).await;
    assert_eq!(complete.artifact.unwrap().size, 20_000_000);
    let snapshot = daemon.snapshot(&[("train.py", "print()")]).await;
    let log = format!("/api/runs/{run}/logs/user_logs/std_log.txt");
    daemon.send(Request::post(format!("{log}?offset=0")).body("line\n".into()).unwrap()).await;
    daemon.complete(&run).await;
    assert_eq!(daemon.call(Method::GET, &log, None).await.body.as_ref(), b"line\n");
    let new = json!({"name": "m", "source": {"run": {"run_id": run, "path": "pieces.bin"}}});
    daemon.post::<Model>("/api/workspaces/default/models", new).await;
    let file = "/api/workspaces/default/models/m/1/files/pieces.bin";
    assert!(daemon.call(Method::GET, file, None).await.body == large[..20_000_000]);

    // It is young, so gc leaves it; the sweep itself removes what nobody holds.
    daemon.put_bytes(&format!("/api/blobs/{}", sha256(b"unused")), "unused").await;
    let before = daemon.stored().await;
    let answer = daemon.call(Method::POST, "/api/gc", Some(json!({"older_than_seconds": 0}))).await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(serde_json::from_value::<GcReport>(last["done"].clone()).unwrap().blobs, 0);
    assert_eq!(daemon.stored().await, before);
    let sweep = daemon.app.blobs.begin_sweep();
    assert!(daemon.app.blobs.remove(&sweep, &sha256(b"unused")).await.unwrap());
    drop(sweep);
    daemon.get_refused(&format!("/api/blobs/{}", sha256(b"unused")), 404).await;
    assert_eq!(daemon.stored().await.len(), before.len() - 1);

    // A backup brings it onto this machine's disk, or from there.
    let archive = daemon.backup().await;
    let local = Daemon::start().await;
    let report: RestoreReport = local.post_lines("/api/restore", archive).await.unwrap();
    assert_eq!((report.missing.len(), report.blobs as usize), (0, before.len() - 1));
    assert!(local.call(Method::GET, &path, None).await.body == large);
    local.get::<Value>(&format!("/api/snapshots/{snapshot}")).await;

    // Another daemon of the same store finds it there.
    let other = Daemon::start_with_blobs(format!("{address}/team/lazuli")).await;
    assert_eq!(other.stored().await.len(), before.len() - 1);
    let elsewhere = Daemon::start_with_blobs(format!("{address}/other")).await;
    assert_eq!(elsewhere.stored().await, [""; 0]);
}

#[tokio::test]
async fn a_store_that_fails_is_told() {
    let Ok(address) = std::env::var(ADDRESS) else { return };
    let scheme = address.split(':').next().unwrap();
    let missing = refusal(&format!("{scheme}://no-such-bucket/x")).await;
    assert_eq!(missing.kind, ErrorKind::Unavailable);
    let beginning = format!("the blob store `{scheme}://no-such-bucket/x` cannot be used: ");
    assert!(missing.message.starts_with(&beginning), "{}", missing.message);
    for secret in ["not-to-be-seen", "Eby8vdM02xNOcqFl", "Signature", "SharedKey"] {
        assert!(!missing.to_string().contains(secret), "{missing}");
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    for (address, wanted) in [
        ("relative/folder", "`relative/folder` is no place for files"),
        (
            "ftp://host/x",
            "the address of the blob store is malformed: it is of no kind that is known",
        ),
        ("s3://", "the address of the blob store is malformed: it names no bucket"),
        (
            "s3://key:secret@bucket/x",
            "the address of the blob store is malformed: credentials and options come from the \
             environment, not from the address",
        ),
        (
            "az://container/x?sig=secret",
            "the address of the blob store is malformed: credentials and options come from the \
             environment, not from the address",
        ),
    ] {
        let refused = refusal(address).await;
        assert_eq!((refused.kind, refused.message.as_str()), (ErrorKind::Invalid, wanted));
        assert!(!refused.to_string().contains("secret"), "{refused}");
    }
}

#[tokio::test]
async fn blobs_are_kept_in_another_folder() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("team/blobs");
    let daemon = Daemon::start_with_blobs(place.display().to_string()).await;
    let run = daemon.new_run().await.run_id;
    let path = format!("/api/runs/{run}/artifacts/a");
    daemon.put_bytes(&path, "content").await.ok::<Artifact>("put");
    let digest = sha256(b"content");
    let blob = place.join(&digest[..2]).join(&digest);
    assert_eq!(std::fs::read(blob).unwrap(), b"content");
    assert_eq!(daemon.files_in("blobs"), ["tmp"]);
    assert_eq!(daemon.call(Method::GET, &path, None).await.body.as_ref(), b"content");
}

/// Why a daemon with blobs there does not start.
async fn refusal(address: &str) -> lazuli_domain::ApiError {
    let home = tempfile::tempdir().unwrap();
    let storage = Storage { database: None, blobs: Some(address.to_owned()) };
    let home = Home::open(home.path()).unwrap();
    match App::open(home, &storage, "", "http://127.0.0.1:1".into()).await.err() {
        Some(lazuli_backend::Error::Refused(refusal)) => refusal,
        other => panic!("{address} should be refused, got {other:?}"),
    }
}
