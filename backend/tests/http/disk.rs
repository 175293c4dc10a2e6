//! A full disk: refused, told, and nothing half written stays.

use std::os::unix::process::CommandExt;
use std::process::Command;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use lazuli_domain::{ErrorKind, Run, Upload};
use serde_json::json;

use crate::support::{DATABASE, Daemon, sha256};

#[tokio::test]
async fn what_cannot_fit_is_refused_before_it_is_sent() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let path = format!("/api/runs/{}/artifacts/big.bin", run.run_id);
    let request = Request::put(&path)
        .header("content-length", (1_u64 << 60).to_string())
        .body(Body::from_stream(futures_util::stream::pending::<std::io::Result<&[u8]>>()))
        .unwrap();
    let error = daemon.send(request).await.refused(507);
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.starts_with("there is no disk space left"), "{}", error.message);
    assert_eq!(daemon.files_in("blobs/tmp"), [""; 0]);
}

const CHILD: &str = "LAZULI_TEST_SMALL_FILES";

/// Runs the test below in a process whose files cannot grow beyond 1 MiB: for who writes, the same
/// as a disk that is full at that point.
#[test]
fn a_full_disk_leaves_no_half_file() {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "disk::with_small_files", "--nocapture"]).env(CHILD, "1");
    // A server that this process starts would inherit the limit and could not even begin.
    child.env_remove(DATABASE);
    // SAFETY: both calls may be made between fork and exec.
    unsafe {
        child.pre_exec(|| {
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            let limit = libc::rlimit { rlim_cur: 1 << 20, rlim_max: 1 << 20 };
            match libc::setrlimit(libc::RLIMIT_FSIZE, &limit) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        });
    }
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

#[tokio::test]
async fn with_small_files() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let big = vec![7_u8; 3 << 20];
    let path = format!("/api/runs/{}/artifacts/big.bin", run.run_id);
    let error = daemon.put_bytes(&path, big.clone()).await.refused(507);
    assert!(error.hint.unwrap().contains("free some space"));
    daemon.put_bytes(&format!("/api/blobs/{}", sha256(&big)), big.clone()).await.refused(507);
    assert_eq!(daemon.files_in("blobs"), ["tmp", "uploads"]);
    assert_eq!(daemon.files_in("blobs/tmp"), [""; 0]);
    daemon.get_refused(&path, 404).await;

    let new = json!({"path": "pieces.bin", "size": big.len()});
    let upload: Upload = daemon.post(&format!("/api/runs/{}/uploads", run.run_id), new).await;
    let pieces = format!("/api/uploads/{}", upload.upload_id);
    daemon.put_bytes(&format!("{pieces}?offset=0"), vec![7_u8; 500_000]).await.ok::<Upload>("fits");
    daemon
        .put_bytes(&format!("{pieces}?offset=500000"), big[500_000..].to_vec())
        .await
        .refused(507);
    assert_eq!(daemon.files_in("blobs/uploads"), [""; 0]);
    daemon.get_refused(&pieces, 404).await;

    let log = format!("/api/runs/{}/logs/user_logs/std_log.txt?offset=0", run.run_id);
    daemon.send(Request::post(&log).body(big.into()).unwrap()).await.refused(507);
    let read = daemon.call(Method::GET, &log, None).await;
    assert_eq!((read.status, read.body.len()), (StatusCode::OK, 0));

    let patch = json!({"set_tags": {"big": "x".repeat(3 << 20)}});
    let run_path = format!("/api/runs/{}", run.run_id);
    daemon.call(Method::PATCH, &run_path, Some(patch)).await.refused(507);
    let patch = json!({"set_tags": {"small": "fits"}});
    let patched: Run = daemon.call(Method::PATCH, &run_path, Some(patch)).await.ok("small");
    assert_eq!(serde_json::to_value(patched.tags).unwrap(), json!({"small": "fits"}));
}
