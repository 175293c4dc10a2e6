use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::{Body, Bytes};
use axum::http::{Method, StatusCode};
use futures_util::stream;
use lazuli_domain::{Artifact, ArtifactPage, Upload};
use serde_json::{Value, json};

use crate::support::{Answer, Daemon, sha256};

const SIZE: usize = 3_000_000;

fn content() -> Vec<u8> {
    (0..SIZE as u32).map(|number| (number * 7 % 251) as u8).collect()
}

impl Daemon {
    async fn begin_upload(&self, run_id: &str, new: Value) -> Upload {
        self.post(&format!("/api/runs/{run_id}/uploads"), new).await
    }

    async fn send_piece(&self, upload: &Upload, offset: usize, bytes: &[u8]) -> Answer {
        let path = format!("/api/uploads/{}?offset={offset}", upload.upload_id);
        self.put_bytes(&path, bytes.to_vec()).await
    }

    async fn reached(&self, upload: &Upload) -> usize {
        let asked: Upload = self.get(&format!("/api/uploads/{}", upload.upload_id)).await;
        asked.offset as usize
    }

    async fn complete_upload(&self, upload: &Upload) -> Answer {
        let path = format!("/api/uploads/{}/complete", upload.upload_id);
        self.call(Method::POST, &path, None).await
    }
}

#[tokio::test]
async fn a_file_comes_in_pieces_and_survives_the_daemon() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await.run_id;
    let content = content();
    let new = json!({"path": "outputs/big.bin", "size": SIZE, "sha256": sha256(&content)});
    let upload = daemon.begin_upload(&run, new.clone()).await;
    assert_eq!((upload.offset, upload.path.as_str()), (0, "outputs/big.bin"));
    let reached: Upload = daemon.send_piece(&upload, 0, &content[..1_000_000]).await.ok("first");
    assert_eq!(reached.offset, 1_000_000);

    // The connection breaks: what came is kept.
    let chunks: Vec<Result<Bytes, std::io::Error>> = vec![
        Ok(Bytes::copy_from_slice(&content[1_000_000..1_500_000])),
        Err(std::io::ErrorKind::ConnectionReset.into()),
    ];
    let path = format!("/api/uploads/{}?offset=1000000", upload.upload_id);
    daemon.put_bytes(&path, Body::from_stream(stream::iter(chunks))).await.refused(400);
    assert_eq!(daemon.reached(&upload).await, 1_500_000);

    let daemon = daemon.killed_and_started_again().await;
    assert_eq!(daemon.reached(&upload).await, 1_500_000);
    // Who does not know of it begins the same and finds it.
    assert_eq!(daemon.begin_upload(&run, new).await.upload_id, upload.upload_id);
    // A gap is refused, an overlap is skipped.
    let error = daemon.send_piece(&upload, 2_000_000, &content[2_000_000..]).await.refused(409);
    assert_eq!(error.message, "1500000 bytes of the upload have come, not 2000000");
    assert_eq!(error.hint.as_deref(), Some("go on at offset 1500000"));
    let error = daemon.complete_upload(&upload).await.refused(409);
    assert_eq!(error.message, "1500000 bytes of the upload have come, not 3000000");
    daemon.send_piece(&upload, 1_200_000, &content[1_200_000..]).await.ok::<Upload>("rest");

    let complete: Upload = daemon.complete_upload(&upload).await.ok("complete");
    let artifact = complete.artifact.unwrap();
    assert_eq!((artifact.size, &artifact.sha256), (SIZE as u64, &sha256(&content)));
    let path = format!("/api/runs/{run}/artifacts/outputs/big.bin");
    assert_eq!(daemon.call(Method::GET, &path, None).await.body, content);
    // The answer may have been lost: asked again it is the same, also by the next daemon.
    let daemon = daemon.killed_and_started_again().await;
    let again: Upload = daemon.complete_upload(&upload).await.ok("again");
    assert_eq!(again.artifact, Some(artifact));
    assert_eq!(daemon.send_piece(&upload, 0, b"x").await.refused(409).hint, None);
}

#[tokio::test]
async fn content_that_is_here_is_not_sent() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await.run_id;
    let content = content();
    daemon.put_bytes(&format!("/api/blobs/{}", sha256(&content)), content.clone()).await;
    let new = json!({"path": "big.bin", "size": SIZE, "sha256": sha256(&content)});
    let upload = daemon.begin_upload(&run, new).await;
    assert_eq!((upload.offset, upload.artifact.unwrap().path.as_str()), (SIZE as u64, "big.bin"));
    let path = format!("/api/runs/{run}/artifacts/big.bin");
    assert_eq!(daemon.call(Method::GET, &path, None).await.body, content);
}

#[tokio::test]
async fn what_is_not_what_was_announced_is_given_up() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await.run_id;
    let new = json!({"path": "a", "size": 4, "sha256": sha256(b"good")});
    let upload = daemon.begin_upload(&run, new).await;
    let error = daemon.send_piece(&upload, 0, b"goods").await.refused(400);
    assert_eq!(error.message, "the upload was announced with 4 bytes, and more came");
    daemon.send_piece(&upload, 0, b"evil").await.ok::<Upload>("evil");
    let error = daemon.complete_upload(&upload).await.refused(400);
    assert!(error.message.starts_with("the content has the digest"), "{}", error.message);
    daemon.complete_upload(&upload).await.refused(404);
    let page: ArtifactPage = daemon.get(&format!("/api/runs/{run}/artifacts")).await;
    assert_eq!(page.items, []);
    assert_eq!(daemon.files_in("blobs/uploads"), [""; 0]);
}

#[tokio::test]
async fn an_empty_file_may_come_so_too() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await.run_id;
    let upload = daemon.begin_upload(&run, json!({"path": "empty", "size": 0})).await;
    let complete: Upload = daemon.complete_upload(&upload).await.ok("complete");
    assert_eq!(complete.artifact.unwrap().sha256, sha256(b""));
}

#[tokio::test]
async fn bad_beginnings_are_refused() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await.run_id;
    let uploads = format!("/api/runs/{run}/uploads");
    for new in [
        json!({"path": "../../token", "size": 1}),
        json!({"path": "/etc/passwd", "size": 1}),
        json!({"path": "a", "size": -1}),
        json!({"path": "a"}),
        json!({"path": "a", "size": 1, "sha256": "../../../etc/passwd"}),
        json!({"path": "a\u{0}b", "size": 1}),
    ] {
        daemon.post_refused(&uploads, new, 400).await;
    }
    let error = daemon.post_refused(&uploads, json!({"path": "a", "size": 1_u64 << 60}), 507).await;
    assert!(error.message.starts_with("there is no disk space left"), "{}", error.message);
    for id in ["nothing", "..", "%2e%2e%2ftmp"] {
        let answer = daemon.call(Method::GET, &format!("/api/uploads/{id}"), None).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id}");
    }
    daemon.complete(&run).await;
    daemon.post_refused(&uploads, json!({"path": "a", "size": 1}), 409).await;
    assert_eq!(daemon.files_in("blobs/uploads"), [""; 0]);
}

#[tokio::test]
async fn a_run_that_ends_takes_no_upload() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await.run_id;
    let upload = daemon.begin_upload(&run, json!({"path": "a", "size": 1})).await;
    daemon.send_piece(&upload, 0, b"x").await.ok::<Upload>("x");
    daemon.complete(&run).await;
    let error = daemon.complete_upload(&upload).await.refused(409);
    assert_eq!(error.message, format!("run `{run}` is Completed; it takes no more files"));
    assert_eq!(daemon.files_in("blobs/uploads"), [""; 0]);
}

#[tokio::test]
async fn what_nobody_goes_on_with_is_given_up() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await.run_id;
    let old = daemon.begin_upload(&run, json!({"path": "old", "size": 2})).await;
    let young = daemon.begin_upload(&run, json!({"path": "young", "size": 2})).await;
    let discarded = daemon.begin_upload(&run, json!({"path": "discarded", "size": 2})).await;
    let path = format!("/api/uploads/{}", discarded.upload_id);
    assert_eq!(daemon.call(Method::DELETE, &path, None).await.status, StatusCode::OK);
    let folder = daemon.home().join("blobs/uploads").join(&old.upload_id);
    let yesterday = SystemTime::now() - Duration::from_secs(25 * 3600);
    for name in ["content", "upload.json"] {
        let file = std::fs::File::options().write(true).open(folder.join(name)).unwrap();
        file.set_modified(yesterday).unwrap();
    }
    // Half made, as a daemon may leave it.
    std::fs::create_dir(daemon.home().join("blobs/uploads/0123")).unwrap();
    let daemon = daemon.killed_and_started_again().await;
    assert_eq!(daemon.files_in("blobs/uploads"), *std::slice::from_ref(&young.upload_id));
    daemon.get_refused(&format!("/api/uploads/{}", old.upload_id), 404).await;
}

#[tokio::test]
async fn two_that_send_the_same_do_no_harm() {
    let daemon = Arc::new(Daemon::start().await);
    let run = daemon.new_run().await.run_id;
    let content = content();
    let new = json!({"path": "a", "size": SIZE, "sha256": sha256(&content)});
    let upload = daemon.begin_upload(&run, new).await;
    let (one, other) = tokio::join!(
        daemon.send_piece(&upload, 0, &content),
        daemon.send_piece(&upload, 0, &content)
    );
    assert_eq!((one.status, other.status), (StatusCode::OK, StatusCode::OK));
    let complete: Upload = daemon.complete_upload(&upload).await.ok("complete");
    assert_eq!(complete.artifact.map(|artifact: Artifact| artifact.size), Some(SIZE as u64));
}
