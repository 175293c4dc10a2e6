use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode};
use futures_util::stream;
use lazuli_domain::{Artifact, ArtifactPage};
use serde_json::json;

use crate::support::{Daemon, sha256};

#[tokio::test]
async fn a_file_goes_up_and_comes_down() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let content: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    let path = format!("/api/runs/{}/artifacts/outputs/model.bin", run.run_id);
    let put: Artifact = daemon.put_bytes(&path, content.clone()).await.ok("put");
    assert_eq!((put.path.as_str(), put.size), ("outputs/model.bin", 3_000_000));
    assert_eq!(put.sha256, sha256(&content));

    let got = daemon.call(Method::GET, &path, None).await;
    assert_eq!((got.status, got.body.as_ref()), (StatusCode::OK, content.as_slice()));
    assert_eq!(got.header("content-length"), "3000000");
    assert_eq!(got.header("etag"), format!("\"{}\"", put.sha256));
    assert_eq!(got.header("content-security-policy"), "sandbox");

    daemon.put_bytes(&format!("/api/runs/{}/artifacts/logs/a%20b.txt", run.run_id), "x").await;
    let list = async |query: &str| -> Vec<String> {
        let path = format!("/api/runs/{}/artifacts{query}", run.run_id);
        let page: ArtifactPage = daemon.get(&path).await;
        page.items.into_iter().map(|artifact| artifact.path).collect()
    };
    assert_eq!(list("").await, ["logs/a b.txt", "outputs/model.bin"]);
    assert_eq!(list("?prefix=outputs/").await, ["outputs/model.bin"]);
    let path = format!("/api/runs/{}/artifacts/outputs/modle.bin", run.run_id);
    let error = daemon.get_refused(&path, 404).await;
    assert_eq!(error.hint.as_deref(), Some("did you mean `outputs/model.bin`?"));
}

#[tokio::test]
async fn a_part_is_sent_when_a_part_is_asked_for() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let path = format!("/api/runs/{}/artifacts/a.txt", run.run_id);
    daemon.put_bytes(&path, "0123456789").await;
    let get = async |range: &str| {
        daemon.send(Request::get(&path).header("range", range).body(Body::empty()).unwrap()).await
    };
    let part = get("bytes=2-4").await;
    assert_eq!((part.status, part.body.as_ref()), (StatusCode::PARTIAL_CONTENT, &b"234"[..]));
    assert_eq!(part.header("content-range"), "bytes 2-4/10");
    assert_eq!(get("bytes=-2").await.body.as_ref(), b"89");
    let outside = get("bytes=10-").await;
    assert_eq!(outside.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(outside.header("content-range"), "bytes */10");
}

#[tokio::test]
async fn the_same_path_again_replaces_the_file() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let path = format!("/api/runs/{}/artifacts/a.txt", run.run_id);
    daemon.put_bytes(&path, "one").await;
    daemon.put_bytes(&path, "two").await;
    assert_eq!(daemon.call(Method::GET, &path, None).await.body.as_ref(), b"two");
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let path = format!("/api/runs/{}/artifacts/empty", run.run_id);
    assert_eq!(daemon.put_bytes(&path, "").await.ok::<Artifact>("put").size, 0);
    let got = daemon.call(Method::GET, &path, None).await;
    assert_eq!((got.status, got.body.len()), (StatusCode::OK, 0));
}

/// Attacks 1 to 5 of the list that other trackers suffered from.
#[tokio::test]
async fn no_name_leads_out_of_the_run() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let secret = daemon.home().join("token");
    let before = std::fs::read(&secret).unwrap();
    for name in [
        "../../token",
        "..%2f..%2ftoken",
        "%2e%2e/%2e%2e/token",
        "%2e%2e%2f%2e%2e%2ftoken",
        "outputs/../../../token",
        "%2fetc%2fpasswd",
        "/etc/passwd",
        "..%5c..%5ctoken",
        "a%00b",
        "a%0ab",
        "c:%2fx",
    ] {
        for (method, body) in [(Method::GET, None), (Method::PUT, Some(json!("x")))] {
            for route in ["artifacts", "logs"] {
                if route == "logs" && method == Method::PUT {
                    continue;
                }
                let path = format!("/api/runs/{}/{route}/{name}", run.run_id);
                let answer = daemon.call(method.clone(), &path, body.clone()).await;
                assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{method} {path}");
            }
        }
        let path = format!("/api/runs/{}/logs/{name}?offset=0", run.run_id);
        daemon.call(Method::POST, &path, Some(json!("x"))).await.refused(400);
    }
    // Decoded once: what was encoded twice, or has a meaning in addresses, is an ordinary name.
    for name in ["%252e%252e%252ftoken", "a;b=..", "%23x", "%3fx=..", "file%3a%2f%2f%2fetc"] {
        let path = format!("/api/runs/{}/artifacts/{name}", run.run_id);
        let put: Artifact = daemon.put_bytes(&path, "mine").await.ok(name);
        assert!(!put.path.contains("/.."), "{}", put.path);
        assert_eq!(daemon.call(Method::GET, &path, None).await.body.as_ref(), b"mine");
    }
    daemon.get::<ArtifactPage>(&format!("/api/runs/{}/artifacts?prefix=../../", run.run_id)).await;
    assert_eq!(std::fs::read(&secret).unwrap(), before);
    assert_eq!(daemon.files_in("runs"), [""; 0]);
}

#[tokio::test]
async fn a_name_of_300_characters_is_refused() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let path = format!("/api/runs/{}/artifacts/{}", run.run_id, "x".repeat(300));
    let error = daemon.put_bytes(&path, "x").await.refused(400);
    assert!(error.message.contains("300 bytes, at most 255 are allowed"), "{}", error.message);
}

#[tokio::test]
async fn a_finished_run_takes_no_files() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    daemon.complete(&run.run_id).await;
    let path = format!("/api/runs/{}/artifacts/a.txt", run.run_id);
    let error = daemon.put_bytes(&path, "x").await.refused(409);
    assert_eq!(error.message, format!("run `{}` is Completed; it takes no more files", run.run_id));
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let path = format!("/api/runs/{}/artifacts/a.bin", run.run_id);
    let chunks: Vec<Result<Bytes, std::io::Error>> =
        vec![Ok(Bytes::from(vec![7; 1 << 20])), Err(std::io::ErrorKind::ConnectionReset.into())];
    let error = daemon.put_bytes(&path, Body::from_stream(stream::iter(chunks))).await.refused(400);
    assert_eq!(error.hint.as_deref(), Some("send it again; nothing of it was kept"));
    assert_eq!(daemon.files_in("blobs"), ["tmp", "uploads"]);
    assert_eq!(daemon.files_in("blobs/tmp"), [""; 0]);
    daemon.get_refused(&path, 404).await;
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let path = format!("/api/runs/{}/artifacts/a.bin", run.run_id);
    let (sent, received) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    sent.send(Ok(Bytes::from_static(b"half of it"))).await.unwrap();
    let body = Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(received));
    {
        let upload = daemon.put_bytes(&path, body);
        tokio::pin!(upload);
        tokio::select! {
            _ = &mut upload => panic!("the upload cannot have ended"),
            () = some_file_in(&daemon, "blobs/tmp") => {}
        }
    }
    // The writing thread notices that the request is gone.
    while !daemon.files_in("blobs/tmp").is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(daemon.files_in("blobs"), ["tmp", "uploads"]);
}

async fn some_file_in(daemon: &Daemon, folder: &str) {
    while daemon.files_in(folder).is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn blobs_are_kept_by_their_digest_only() {
    let daemon = Daemon::start().await;
    let digest = sha256(b"content");
    let path = format!("/api/blobs/{digest}");
    daemon.get_refused(&path, 404).await;
    let error = daemon.put_bytes(&path, "other content").await.refused(400);
    assert!(error.message.ends_with(&format!("not {digest}")), "{}", error.message);
    assert_eq!(daemon.files_in("blobs"), ["tmp", "uploads"]);

    assert_eq!(daemon.put_bytes(&path, "content").await.status, StatusCode::OK);
    assert_eq!(daemon.put_bytes(&path, "anything").await.status, StatusCode::OK);
    let got = daemon.call(Method::GET, &path, None).await;
    assert_eq!(got.body.as_ref(), b"content");
    let head = daemon.call(Method::HEAD, &path, None).await;
    assert_eq!((head.status, head.header("content-length")), (StatusCode::OK, "7"));
    for bad in ["x", &"A".repeat(64), "..%2f..%2ftoken"] {
        daemon.put_bytes(&format!("/api/blobs/{bad}"), "x").await.refused(400);
        daemon.get_refused(&format!("/api/blobs/{bad}"), 400).await;
    }
}

#[tokio::test]
async fn only_the_content_that_was_announced_is_kept() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let path = format!("/api/runs/{}/artifacts/a.txt", run.run_id);
    let digest = sha256(b"right");
    let error = daemon.put_bytes(&format!("{path}?sha256={digest}"), "wrong").await.refused(400);
    assert_eq!(
        error.message,
        format!("the content has the digest {}, not {digest}", sha256(b"wrong"))
    );
    daemon.get_refused(&path, 404).await;
    assert_eq!(daemon.files_in("blobs/tmp"), [""; 0]);
    daemon.put_bytes(&format!("{path}?sha256=../x"), "wrong").await.refused(400);
    daemon.put_bytes(&format!("{path}?sha256={digest}"), "right").await.ok::<Artifact>("put");
}

#[tokio::test]
async fn a_list_comes_in_pages_of_files_and_folders() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let mut names = vec!["a.txt", "a/1", "a/2", "a/b/3", "a0", "b/ü/4", "b/ü/5", "c", "ü"];
    for name in &names {
        let encoded = name.replace('ü', "%C3%BC");
        let path = format!("/api/runs/{}/artifacts/{encoded}", run.run_id);
        daemon.put_bytes(&path, (*name).to_owned()).await.ok::<Artifact>(name);
    }
    names.sort_unstable();
    for limit in 1..=names.len() + 1 {
        let all = pages(&daemon, &run.run_id, &format!("limit={limit}")).await;
        assert_eq!(all.concat(), names, "{limit}");
        assert!(all.iter().all(|page| page.len() <= limit), "{all:?}");
        let of_root = pages(&daemon, &run.run_id, &format!("delimiter=/&limit={limit}")).await;
        assert_eq!(of_root.concat(), ["a.txt", "a/", "a0", "b/", "c", "ü"], "{limit}");
        let of_a =
            pages(&daemon, &run.run_id, &format!("prefix=a/&delimiter=/&limit={limit}")).await;
        assert_eq!(of_a.concat(), ["a/1", "a/2", "a/b/"], "{limit}");
    }
    let beginning = pages(&daemon, &run.run_id, "prefix=b&delimiter=/").await;
    assert_eq!(beginning, [["b/"]]);
    let list = format!("/api/runs/{}/artifacts", run.run_id);
    let error = daemon.get_refused(&format!("{list}?prefix=a/&cursor=b"), 400).await;
    assert_eq!(error.message, "the cursor belongs to another list");
    daemon.get_refused(&format!("{list}?delimiter=x"), 400).await;
    daemon.get_refused(&format!("{list}?limit=-1"), 400).await;
}

/// The names on each page, in their order.
async fn pages(daemon: &Daemon, run_id: &str, query: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/runs/{run_id}/artifacts?{query}{cursor}");
        let page: ArtifactPage = daemon.get(&path).await;
        let files = page.items.into_iter().map(|artifact| artifact.path);
        let mut names: Vec<String> = page.folders.into_iter().chain(files).collect();
        names.sort_unstable();
        pages.push(names);
        let Some(next) = page.next_cursor else { return pages };
        cursor = format!("&cursor={}", next.replace('ü', "%C3%BC"));
    }
}
