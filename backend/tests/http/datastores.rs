//! Datastores: the same on a folder, on S3 and on Azure Blob Storage, spoken by real programs.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode};
use futures_util::{StreamExt, stream};
use lazuli_domain::{ApiError, Datastore, Page, StoredFile, Upload};
use lazuli_tests::stores::{ACCOUNT, ACCOUNT_KEY, ObjectStore, sas_token};
use serde_json::{Value, json};

use crate::support::{Daemon, sha256};

const STORES: &str = "/api/workspaces/default/datastores";

/// Names that are easily mangled on the way through an address, a signature or a file system.
const NAMES: [&str; 16] = [
    "%2e%2e",
    "100%/100%25.txt",
    "a b/with space.txt",
    "a+b=c&d;e,f.txt",
    "a.txt",
    "a/b/c/deep.txt",
    "brackets[1]{2}(3).txt",
    "dot.folder/.hidden",
    "empty.bin",
    "größe/日本語.txt",
    "hash#tag.txt",
    "quote'`\".txt",
    "star*.txt",
    "tilde~^|.txt",
    "what?.txt",
    "é.txt",
];

/// A path as an address has it.
fn encoded(path: &str) -> String {
    let mut encoded = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' => {
                encoded.push(byte as char);
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn content(size: usize) -> Vec<u8> {
    (0..size as u32).map(|number| (number * 7 % 251) as u8).collect()
}

impl Daemon {
    async fn register(&self, name: &str, place: Value, credential: Option<Value>) -> Datastore {
        let new = json!({"name": name, "place": place, "credential": credential});
        self.post(STORES, new).await
    }

    async fn register_refused(&self, new: Value, status: u16) -> ApiError {
        let before: Vec<Datastore> = self.get(STORES).await;
        let error = self.post_refused(STORES, new, status).await;
        assert_eq!(self.get::<Vec<Datastore>>(STORES).await, before, "nothing is half registered");
        error
    }

    async fn put_stored(&self, store: &str, path: &str, bytes: impl Into<Body>) -> StoredFile {
        let target = format!("{STORES}/{store}/files/{}", encoded(path));
        self.put_bytes(&target, bytes).await.ok(path)
    }

    async fn stored_bytes(&self, store: &str, path: &str) -> Bytes {
        let target = format!("{STORES}/{store}/files/{}", encoded(path));
        let answer = self.call(Method::GET, &target, None).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {:?}", answer.body);
        answer.body
    }

    async fn delete_stored(&self, store: &str, path: &str) -> StatusCode {
        let target = format!("{STORES}/{store}/files/{}", encoded(path));
        self.call(Method::DELETE, &target, None).await.status
    }

    async fn page(&self, store: &str, query: &str) -> Page<StoredFile> {
        self.get(&format!("{STORES}/{store}/files?{query}")).await
    }

    async fn paths(&self, store: &str, query: &str) -> Vec<String> {
        let page = self.page(store, query).await;
        assert_eq!(page.next_cursor, None);
        page.items.into_iter().map(|file| file.path).collect()
    }
}

/// Everything that must be the same wherever files lie.
async fn everything(daemon: &Daemon, store: &str) {
    names_and_lists(daemon, store).await;
    pages_and_globs(daemon, store).await;
    overwriting_and_deleting(daemon, store).await;
    large_files(daemon, store).await;
    refusals(daemon, store).await;
}

async fn names_and_lists(daemon: &Daemon, store: &str) {
    assert_eq!(daemon.paths(store, "").await, [""; 0]);
    for name in NAMES {
        let bytes = if name == "empty.bin" { String::new() } else { format!("content of {name}") };
        let put = daemon.put_stored(store, name, bytes.clone()).await;
        assert_eq!((put.path.as_str(), put.size), (name, bytes.len() as u64));
        assert!(put.modified_at_ms > 1_600_000_000_000, "{put:?}");
    }
    assert_eq!(daemon.paths(store, "").await, NAMES, "sorted, and as they were called");
    for name in NAMES {
        let bytes = if name == "empty.bin" { String::new() } else { format!("content of {name}") };
        assert_eq!(daemon.stored_bytes(store, name).await, bytes.as_bytes(), "{name}");
    }
    for name in NAMES {
        assert_eq!(daemon.delete_stored(store, name).await, StatusCode::NO_CONTENT, "{name}");
        assert_eq!(daemon.delete_stored(store, name).await, StatusCode::NOT_FOUND, "{name}");
    }
    assert_eq!(daemon.paths(store, "").await, [""; 0]);
}

async fn pages_and_globs(daemon: &Daemon, store: &str) {
    // A folder's files are sorted among its neighbours by their whole paths.
    let all = [
        "data-old/x.csv",
        "data.csv",
        "data/2019/01/a.csv",
        "data/2019/01/b.json",
        "data/2019/02/a.csv",
        "data/2020/01/a.csv",
        "data/readme",
        "database.csv",
    ];
    for path in all {
        daemon.put_stored(store, path, path).await;
    }
    assert_eq!(daemon.paths(store, "").await, all);
    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = daemon.page(store, &format!("limit=3&cursor={}", encoded(&cursor))).await;
        assert!(page.items.len() <= 3);
        paged.extend(page.items.into_iter().map(|file| file.path));
        match page.next_cursor {
            Some(next) => cursor = next,
            None => break,
        }
    }
    assert_eq!(paged, all);
    assert_eq!(daemon.page(store, "limit=8").await.next_cursor, None, "the last page says so");
    for (query, wanted) in [
        ("glob=data/2019/*/a.csv", vec!["data/2019/01/a.csv", "data/2019/02/a.csv"]),
        (
            "glob=data/**/a.csv",
            vec!["data/2019/01/a.csv", "data/2019/02/a.csv", "data/2020/01/a.csv"],
        ),
        ("glob=data/20%3F%3F/01/*.json", vec!["data/2019/01/b.json"]),
        ("glob=*.csv", vec!["data.csv", "database.csv"]),
        ("glob=data/**", all[2..7].to_vec()),
        ("glob=/data/2020/**", vec!["data/2020/01/a.csv"]),
        ("glob=data.csv", vec!["data.csv"]),
        ("glob=nothing/*", vec![]),
        ("prefix=data", all.to_vec()),
        ("prefix=data/2019/0", all[2..5].to_vec()),
        (
            "prefix=data/2&glob=**/a.csv",
            vec!["data/2019/01/a.csv", "data/2019/02/a.csv", "data/2020/01/a.csv"],
        ),
        ("prefix=nothing", vec![]),
    ] {
        assert_eq!(daemon.paths(store, query).await, wanted, "{query}");
    }
    for path in all {
        daemon.delete_stored(store, path).await;
    }
}

async fn overwriting_and_deleting(daemon: &Daemon, store: &str) {
    let target = format!("{STORES}/{store}/files/v/a.txt");
    daemon.put_stored(store, "v/a.txt", "first").await;
    let error = daemon.put_bytes(&target, "second").await.refused(409);
    assert_eq!(error.message, format!("`v/a.txt` is in datastore `{store}` already"));
    assert_eq!(daemon.stored_bytes(store, "v/a.txt").await, "first");
    let tag = |answer: &crate::support::Answer| answer.header("etag").to_owned();
    let before = tag(&daemon.call(Method::GET, &target, None).await);
    let put: StoredFile =
        daemon.put_bytes(&format!("{target}?overwrite=true"), "second, longer").await.ok("second");
    assert_eq!(put.size, 14);
    let after = daemon.call(Method::GET, &target, None).await;
    assert_eq!(after.body, "second, longer");
    assert_ne!(before, tag(&after), "another version has another tag");
    for (range, wanted) in [("bytes=0-5", "second"), ("bytes=8-", "longer"), ("bytes=-3", "ger")] {
        let request = Request::get(&target).header("range", range).body(Body::empty()).unwrap();
        let part = daemon.send(request).await;
        assert_eq!(
            (part.status, part.body.as_ref()),
            (StatusCode::PARTIAL_CONTENT, wanted.as_bytes())
        );
    }
    let outside = Request::get(&target).header("range", "bytes=14-").body(Body::empty()).unwrap();
    assert_eq!(daemon.send(outside).await.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(daemon.delete_stored(store, "v/a.txt").await, StatusCode::NO_CONTENT);
    let error = daemon.get_refused(&target, 404).await;
    assert_eq!(error.message, format!("file `v/a.txt` not found in datastore `{store}`"));
}

async fn large_files(daemon: &Daemon, store: &str) {
    // Several parts, and a rest.
    let large = content(20_000_001);
    let put = daemon.put_stored(store, "large.bin", large.clone()).await;
    assert_eq!(put.size, 20_000_001);
    assert!(daemon.stored_bytes(store, "large.bin").await == large);
    let target = format!("{STORES}/{store}/files/large.bin");
    for (range, from, to) in [
        ("bytes=8388600-16777220", 8_388_600, 16_777_221),
        ("bytes=20000000-", 20_000_000, 20_000_001),
    ] {
        let request = Request::get(&target).header("range", range).body(Body::empty()).unwrap();
        assert!(daemon.send(request).await.body == large[from..to], "{range}");
    }

    // What breaks off leaves nothing, and a file that was there stays.
    for (path, size) in
        [("broken.bin", 100_usize), ("broken-large.bin", 9 << 20), ("large.bin", 9 << 20)]
    {
        let chunks: Vec<Result<Bytes, std::io::Error>> =
            vec![Ok(Bytes::from(vec![9; size])), Err(std::io::ErrorKind::ConnectionReset.into())];
        let target = format!("{STORES}/{store}/files/{path}?overwrite=true");
        daemon.put_bytes(&target, Body::from_stream(stream::iter(chunks))).await.refused(400);
    }
    assert_eq!(daemon.paths(store, "").await, ["large.bin"]);
    assert!(daemon.stored_bytes(store, "large.bin").await == large);

    // In pieces.
    let begin = format!("{STORES}/{store}/uploads");
    let new = json!({"path": "deep/pieces.bin", "size": 20_000_001, "sha256": sha256(&large)});
    let upload: Upload = daemon.post(&begin, new.clone()).await;
    assert_eq!((upload.datastore.as_deref(), upload.run_id), (Some(store), None));
    let pieces = format!("/api/uploads/{}", upload.upload_id);
    daemon
        .put_bytes(&format!("{pieces}?offset=0"), large[..9_000_000].to_vec())
        .await
        .ok::<Upload>("1");
    let again: Upload = daemon.post(&begin, new).await;
    assert_eq!((&again.upload_id, again.offset), (&upload.upload_id, 9_000_000));
    daemon
        .put_bytes(&format!("{pieces}?offset=9000000"), large[9_000_000..].to_vec())
        .await
        .ok::<Upload>("2");
    let complete: Upload = daemon.post(&format!("{pieces}/complete"), Value::Null).await;
    let file = complete.file.unwrap();
    assert_eq!((file.path.as_str(), file.size), ("deep/pieces.bin", 20_000_001));
    let again: Upload = daemon.post(&format!("{pieces}/complete"), Value::Null).await;
    assert_eq!(again.file, Some(file));
    assert!(daemon.stored_bytes(store, "deep/pieces.bin").await == large);
    let new = json!({"path": "deep/pieces.bin", "size": 1});
    daemon.post_refused(&begin, new, 409).await;
    let new = json!({"path": "empty", "size": 0, "overwrite": true});
    let upload: Upload = daemon.post(&begin, new).await;
    let complete: Upload =
        daemon.post(&format!("/api/uploads/{}/complete", upload.upload_id), Value::Null).await;
    assert_eq!(complete.file.map(|file| file.size), Some(0));
    for path in ["large.bin", "deep/pieces.bin", "empty"] {
        daemon.delete_stored(store, path).await;
    }
}

async fn refusals(daemon: &Daemon, store: &str) {
    let files = format!("{STORES}/{store}/files");
    for path in ["..", "a/../../b", "%2e%2e/x", "a/%2e%2e/%2e%2e/b", "..%2fx", "a%00b", "a%5Cb"] {
        let target = format!("{files}/{path}");
        daemon.put_bytes(&target, "x").await.refused(400);
        daemon.get_refused(&target, 400).await;
        daemon.call(Method::DELETE, &target, None).await.refused(400);
    }
    daemon.get_refused(&format!("{files}?glob=../*"), 400).await;
    for path in ["../x", "", "a\u{0}"] {
        let new = json!({"path": path, "size": 1});
        daemon.post_refused(&format!("{STORES}/{store}/uploads"), new, 400).await;
    }
    assert_eq!(daemon.paths(store, "").await, [""; 0]);
}

#[tokio::test]
async fn files_of_a_folder() {
    let daemon = Daemon::start().await;
    let folder = tempfile::tempdir().unwrap();
    let place = json!({"type": "folder", "path": folder.path().join("shared")});
    let new = json!({"name": "shared", "place": place, "create_if_not_exists": true});
    daemon.post::<Datastore>(STORES, new).await;
    everything(&daemon, "shared").await;
    // Nothing half written stays.
    let left: Vec<_> = walk(folder.path());
    assert_eq!(left, [""; 0]);
    // What every workspace has is a folder too.
    everything(&daemon, "workspacefilestore").await;
    everything(&daemon, "workspaceblobstore").await;
}

fn walk(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(walk(&path)),
            false => found.push(path.display().to_string()),
        }
    }
    found
}

#[tokio::test]
async fn files_in_s3() {
    let Some(store) = ObjectStore::s3() else { return };
    let daemon = Daemon::start().await;
    daemon.register("lake", store.datastore_place(), Some(store.credential())).await;
    everything(&daemon, "lake").await;
}

#[tokio::test]
async fn files_in_azure() {
    let Some(store) = ObjectStore::azure() else { return };
    let daemon = Daemon::start().await;
    daemon.register("lake", store.datastore_place(), Some(store.credential())).await;
    everything(&daemon, "lake").await;
    // A SAS token and a connection string open it too.
    let sas = sas_token("lazuli", "2099-01-01T00:00:00Z");
    let token = format!("?{sas}");
    daemon
        .register("sas", store.datastore_place(), Some(json!({"type": "sas", "token": token})))
        .await;
    let put = daemon.put_stored("sas", "größe #1.txt", "by token").await;
    assert_eq!(daemon.stored_bytes("lake", &put.path).await, "by token");
    let value = format!(
        "DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};\
         BlobEndpoint={}/{ACCOUNT};",
        store.endpoint
    );
    let place = json!({"type": "azure_blob", "account": ACCOUNT, "container": "lazuli"});
    let by_string = daemon
        .register("string", place, Some(json!({"type": "connection_string", "value": value})))
        .await;
    assert_eq!(serde_json::to_value(by_string.place).unwrap(), store.datastore_place());
    assert_eq!(daemon.paths("string", "").await, ["größe #1.txt"]);
    assert_eq!(daemon.delete_stored("string", "größe #1.txt").await, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn every_workspace_has_two_and_one_of_all_is_the_default() {
    let daemon = Daemon::start().await;
    daemon.post::<Value>("/api/workspaces", json!({"name": "team/größe ..x"})).await;
    let stores = "/api/workspaces/team%2Fgr%C3%B6%C3%9Fe%20..x/datastores";
    for path in [STORES, stores] {
        let all: Vec<Datastore> = daemon.get(path).await;
        let names: Vec<(&str, bool, bool)> =
            all.iter().map(|it| (it.name.as_str(), it.is_default, it.is_built_in)).collect();
        assert_eq!(
            names,
            [("workspaceblobstore", true, true), ("workspacefilestore", false, true)]
        );
    }
    // Each has its own files.
    let target = format!("{stores}/workspaceblobstore/files/a.txt");
    daemon.put_bytes(&target, "team").await.ok::<StoredFile>("put");
    assert_eq!(daemon.paths("workspaceblobstore", "").await, [""; 0]);
    let found: Page<StoredFile> = daemon.get(&format!("{stores}/workspaceblobstore/files")).await;
    assert_eq!(found.items.len(), 1);

    let folder = tempfile::tempdir().unwrap();
    let shared =
        daemon.register("shared", json!({"type": "folder", "path": folder.path()}), None).await;
    assert!(!shared.is_default && !shared.is_built_in && shared.credential.is_none());
    let path = format!("{STORES}/shared");
    let patched = daemon.call(Method::PATCH, &path, Some(json!({"make_default": true}))).await;
    assert!(patched.ok::<Datastore>("patch").is_default);
    let daemon = daemon.killed_and_started_again().await;
    let all: Vec<Datastore> = daemon.get(STORES).await;
    let defaults: Vec<&str> =
        all.iter().filter(|it| it.is_default).map(|it| it.name.as_str()).collect();
    assert_eq!(defaults, ["shared"]);
    let error = daemon.register_refused(
        json!({"name": "shared", "place": {"type": "folder", "path": folder.path()}}),
        409,
    );
    assert_eq!(error.await.message, "a datastore `shared` is registered already");
    std::fs::write(folder.path().join("kept"), "x").unwrap();
    assert_eq!(daemon.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    assert!(folder.path().join("kept").exists(), "what lies there stays there");
    daemon.call(Method::DELETE, &path, None).await.refused(404);
    let all: Vec<Datastore> = daemon.get(STORES).await;
    assert!(all[0].is_default, "there always is one");

    let error = daemon.get_refused(&format!("{STORES}/workspaceblobstor"), 404).await;
    assert_eq!(error.hint.as_deref(), Some("did you mean `workspaceblobstore`?"));
    for name in ["workspaceblobstore", "workspacefilestore"] {
        daemon.call(Method::DELETE, &format!("{STORES}/{name}"), None).await.refused(409);
        let new =
            json!({"name": name, "place": {"type": "folder", "path": "/tmp"}, "overwrite": true});
        daemon.register_refused(new, 409).await;
    }
}

#[tokio::test]
async fn what_cannot_be_a_datastore_is_refused() {
    let daemon = Daemon::start().await;
    let home = daemon.home().display().to_string();
    let key = json!({"type": "account_key", "key": "c2VjcmV0LWtleQ=="});
    for (place, credential, wanted) in [
        (
            json!({"type": "folder", "path": "relative"}),
            json!(null),
            "the folder `relative` is not absolute",
        ),
        (
            json!({"type": "folder", "path": "/tmp/../etc"}),
            json!(null),
            "the folder `/tmp/../etc` is not absolute",
        ),
        (
            json!({"type": "folder", "path": "/no/such/folder"}),
            json!(null),
            "the folder `/no/such/folder` cannot be read: No such file or directory (os error 2)",
        ),
        (
            json!({"type": "folder", "path": format!("{home}/blobs")}),
            json!(null),
            "belongs to Lazuli itself",
        ),
        (
            json!({"type": "folder", "path": "/tmp"}),
            key.clone(),
            "the credential does not fit such a datastore",
        ),
        (
            azure("acc/../x", "c", json!(null)),
            key.clone(),
            "the storage account `acc/../x` is no name",
        ),
        (azure("acc", "", json!(null)), key.clone(), "the container `` is no name"),
        (
            azure("acc", "c", json!("http://u:p@host/")),
            key.clone(),
            "the endpoint is no address of a service",
        ),
        (
            azure("acc", "c", json!("http://host/?sig=secret")),
            key.clone(),
            "the endpoint is no address of a service",
        ),
        (
            azure("acc", "c", json!(null)),
            json!({"type": "account_key", "key": " "}),
            "the account key is empty",
        ),
        (
            azure("acc", "c", json!(null)),
            json!({"type": "sas", "token": "secret"}),
            "the SAS token has no `sig`",
        ),
        (
            azure("acc", "c", json!(null)),
            json!({"type": "connection_string", "value": "AccountName=other;AccountKey=c2VjcmV0"}),
            "the connection string is of another storage account than `acc`",
        ),
        (
            azure("acc", "c", json!(null)),
            json!({"type": "password", "password": "secret"}),
            "the credential does not fit such a datastore",
        ),
        (
            json!({"type": "gcs", "bucket": "b"}),
            json!({"type": "service_account", "json": "secret"}),
            "the service account is not a JSON object",
        ),
        (
            json!({"type": "sqlite", "path": format!("{home}/token")}),
            json!(null),
            "is no SQLite database",
        ),
    ] {
        let new = json!({"name": "bad", "place": place, "credential": credential});
        let error = daemon.register_refused(new, 400).await;
        assert!(error.message.contains(wanted), "{} is not {wanted}", error.message);
        assert!(error.hint.is_some(), "{error}");
        assert!(!error.message.contains("secret"), "{error}");
    }
    // An empty file is an empty database.
    let database = tempfile::NamedTempFile::new().unwrap();
    let new = json!({"name": "database", "place": {"type": "sqlite", "path": database.path()}});
    daemon.post::<Datastore>(STORES, new).await;
    let error = daemon.get_refused(&format!("{STORES}/database/files"), 400).await;
    assert!(error.message.contains("holds tables, not files"), "{error}");
    let share = json!({"type": "azure_file", "account": "acc", "share": "s"});
    let new = json!({"name": "share", "place": share, "credential": key, "skip_validation": true});
    daemon.post::<Datastore>(STORES, new).await;
    let error = daemon.get_refused(&format!("{STORES}/share/files"), 400).await;
    assert!(error.hint.unwrap().contains("mount the share"));
    daemon
        .post_refused(
            "/api/workspaces/nowhere/datastores",
            json!({"name": "x", "place": {"type": "folder", "path": "/tmp"}}),
            404,
        )
        .await;
}

fn azure(account: &str, container: &str, endpoint: Value) -> Value {
    json!({"type": "azure_blob", "account": account, "container": container, "endpoint": endpoint})
}

#[tokio::test]
async fn a_place_that_does_not_answer_is_registered_with_a_note() {
    let daemon = Daemon::start().await;
    for (place, credential, note) in [
        (
            json!({"type": "postgresql", "host": "127.0.0.1", "port": 1, "database": "d", "user": "u"}),
            json!(null),
            "the PostgreSQL database `d` on `127.0.0.1` does not answer: ",
        ),
        (
            azure("acc", "c", json!("http://127.0.0.1:1/acc")),
            json!({"type": "account_key", "key": "c2VjcmV0"}),
            "the store of datastore `quiet` (container `c` of storage account `acc`) failed: ",
        ),
        (
            azure("az_acct", "data_container", json!(null)),
            json!({"type": "account_key", "key": "secret"}),
            "the account key of `quiet` is not base64, as Azure's keys are",
        ),
    ] {
        let new =
            json!({"name": "quiet", "place": place, "credential": credential, "overwrite": true});
        let made: Datastore = daemon.post(STORES, new).await;
        let unchecked = made.unchecked.unwrap();
        assert!(unchecked.starts_with(note), "{unchecked} is not {note}");
        assert!(!unchecked.contains("secret"), "{unchecked}");
        let found: Datastore = daemon.get(&format!("{STORES}/quiet")).await;
        assert_eq!(found.unchecked, None);
    }
    let error = daemon.get_refused(&format!("{STORES}/quiet/files"), 400).await;
    assert!(error.message.contains("cannot be opened"), "{error}");
    assert!(!error.message.contains("secret"), "{error}");
}

#[tokio::test]
async fn a_link_does_not_lead_out_of_a_folder() {
    let daemon = Daemon::start().await;
    let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let link = |to: &std::path::Path, name: &str| {
        std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
    };
    std::fs::write(outside.path().join("secret"), "outside").unwrap();
    std::fs::create_dir(folder.path().join("inner")).unwrap();
    std::fs::write(folder.path().join("inner/file"), "inside").unwrap();
    link(&outside.path().join("secret"), "file-out");
    link(outside.path(), "folder-out");
    link(&folder.path().join("inner/file"), "file-in");
    link(&folder.path().join("nothing"), "broken");
    link(folder.path(), "inner/loop");
    daemon.register("links", json!({"type": "folder", "path": folder.path()}), None).await;
    assert_eq!(daemon.paths("links", "").await, ["file-in", "inner/file"]);
    assert_eq!(daemon.paths("links", "glob=folder-out/**").await, [""; 0]);
    assert_eq!(daemon.stored_bytes("links", "file-in").await, "inside");
    for path in ["file-out", "folder-out/secret"] {
        let target = format!("{STORES}/links/files/{path}");
        let error = daemon.get_refused(&target, 400).await;
        assert_eq!(error.message, format!("`{path}` leads out of datastore `links` by a link"));
        daemon.call(Method::DELETE, &target, None).await.refused(400);
    }
    for path in ["folder-out/new", "folder-out/deep/new"] {
        let target = format!("{STORES}/links/files/{path}?overwrite=true");
        daemon.put_bytes(&target, "x").await.refused(400);
    }
    assert_eq!(walk(outside.path()).len(), 1);
    // A link that is replaced is replaced itself, not what it leads to.
    let target = format!("{STORES}/links/files/file-out?overwrite=true");
    daemon.put_bytes(&target, "mine").await.ok::<StoredFile>("put");
    assert_eq!(std::fs::read(outside.path().join("secret")).unwrap(), b"outside");
    assert_eq!(daemon.stored_bytes("links", "file-out").await, "mine");
    // A file and a folder are not mistaken for each other.
    let error = daemon.put_bytes(&format!("{STORES}/links/files/inner"), "x").await.refused(409);
    assert_eq!(error.message, "`inner` is a folder in datastore `links`");
    daemon.put_bytes(&format!("{STORES}/links/files/inner/file/x"), "x").await.refused(404);
    daemon.get_refused(&format!("{STORES}/links/files/inner"), 404).await;
}

#[tokio::test]
async fn a_wrong_key_and_an_expired_token_are_named() {
    let Some(store) = ObjectStore::azure() else { return };
    let daemon = Daemon::start().await;
    let new = |credential: Value| json!({"name": "lake", "place": store.datastore_place(), "credential": credential});
    let key = "d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmc=";
    let error = daemon.register_refused(new(json!({"type": "account_key", "key": key})), 400).await;
    let beginning = format!(
        "the store of datastore `lake` (container `lazuli` of storage account `{ACCOUNT}`) refuses its account key: "
    );
    assert!(error.message.starts_with(&beginning), "{error}");
    assert!(!error.to_string().contains(key), "{error}");
    let expired = sas_token("lazuli", "2020-01-01T00:00:00Z");
    let error = daemon.register_refused(new(json!({"type": "sas", "token": expired})), 400).await;
    assert_eq!(error.message, "the SAS token of datastore `lake` expired on 2020-01-01T00:00:00Z");
    // One that the store itself refuses.
    let good = sas_token("lazuli", "2099-01-01T00:00:00Z");
    let (head, _) = good.split_once("&sig=").unwrap();
    let forged = format!("{head}&sig=Zm9yZ2VkLXNpZ25hdHVyZQ%3D%3D");
    let error = daemon.register_refused(new(json!({"type": "sas", "token": forged})), 400).await;
    assert!(error.message.contains("refuses its SAS token"), "{error}");
    assert!(!error.to_string().contains("Zm9yZ2Vk"), "{error}");
    // The right key, after the wrong one was registered unseen.
    let unseen = json!({"name": "lake", "place": store.datastore_place(), "credential": {"type": "account_key", "key": key}, "skip_validation": true});
    daemon.post::<Datastore>(STORES, unseen).await;
    let error = daemon.get_refused(&format!("{STORES}/lake/files"), 400).await;
    assert!(error.message.starts_with(&beginning), "{error}");
    daemon.put_bytes(&format!("{STORES}/lake/files/a"), "x").await.refused(400);
    let mut right = new(store.credential());
    right["overwrite"] = json!(true);
    daemon.post::<Datastore>(STORES, right).await;
    daemon.put_stored("lake", "a", "x").await;

    let missing = json!({"type": "azure_blob", "account": ACCOUNT, "container": "not-made-yet", "endpoint": store.datastore_place()["endpoint"]});
    let mut new = json!({"name": "made", "place": missing, "credential": store.credential()});
    let error = daemon.register_refused(new.clone(), 404).await;
    assert!(error.message.contains("not-made-yet"), "{error}");
    new["create_if_not_exists"] = json!(true);
    daemon.post::<Datastore>(STORES, new).await;
    daemon.put_stored("made", "a", "x").await;
}

#[tokio::test]
async fn a_wrong_access_key_is_named() {
    let Some(store) = ObjectStore::s3_that_checks_keys() else { return };
    let daemon = Daemon::start().await;
    let new = |credential: Value| json!({"name": "lake", "place": store.datastore_place(), "credential": credential});
    let right = store.credential();
    let wrong = "wrong/wrong/wrong/wrong/wrong/wrong/wron";
    let beginning = "the store of datastore `lake` (S3 bucket `lazuli`) ";
    for (changed, to, code) in [
        ("secret_access_key", wrong, "SignatureDoesNotMatch: "),
        ("access_key_id", "AKIAWRONGWRONGWRONG1", "InvalidAccessKeyId: "),
    ] {
        let mut credential = right.clone();
        credential[changed] = json!(to);
        let error = daemon.register_refused(new(credential), 400).await;
        assert!(error.message.starts_with(beginning), "{error}");
        let refuses = format!("refuses its access key: {code}");
        assert!(error.message.contains(&refuses), "{error}");
        assert!(error.hint.as_deref().unwrap().contains("register the datastore again"), "{error}");
        assert!(!error.to_string().contains(wrong), "{error}");
        // Nothing is half registered.
        daemon.get_refused(&format!("{STORES}/lake"), 404).await;
    }
    // One that was right when it was registered.
    let mut late = new(right.clone());
    late["credential"]["secret_access_key"] = json!(wrong);
    late["skip_validation"] = json!(true);
    daemon.post::<Datastore>(STORES, late).await;
    let error = daemon.put_bytes(&format!("{STORES}/lake/files/a"), "x").await.refused(400);
    assert!(error.message.contains("refuses its access key: "), "{error}");
    let mut again = new(right);
    again["overwrite"] = json!(true);
    daemon.post::<Datastore>(STORES, again).await;
    daemon.put_stored("lake", "a b#c.txt", "x").await;
    assert_eq!(daemon.stored_bytes("lake", "a b#c.txt").await, "x");
    assert_eq!(daemon.paths("lake", "").await, ["a b#c.txt"]);
}

#[tokio::test]
async fn a_bucket_is_made_when_asked() {
    let Some(store) = ObjectStore::s3() else { return };
    let daemon = Daemon::start().await;
    let place = json!({"type": "s3", "bucket": "not-made-yet", "region": "us-east-1", "endpoint": store.endpoint});
    let mut new = json!({"name": "made", "place": place, "credential": store.credential()});
    let error = daemon.register_refused(new.clone(), 404).await;
    assert!(error.message.contains("not-made-yet"), "{error}");
    new["create_if_not_exists"] = json!(true);
    daemon.post::<Datastore>(STORES, new).await;
    daemon.put_stored("made", "a", "x").await;
    // Another that nobody answers for.
    let place = json!({"type": "azure_blob", "account": "acc", "container": "c", "endpoint": "http://127.0.0.1:9/acc"});
    let new = json!({"name": "unseen", "place": place, "skip_validation": true});
    daemon.post::<Datastore>(STORES, new).await;
}

#[tokio::test]
async fn secrets_are_seen_nowhere() {
    let daemon = Daemon::start().await;
    let secrets =
        ["c2VhbGVkLXNlY3JldC1rZXk=", "sealed-secret-access", "sealed%2Dsecret", "sealed-password"];
    let azure = json!({"type": "azure_blob", "account": "acc", "container": "c"});
    let s3 = json!({"type": "s3", "bucket": "b"});
    let database = json!({"type": "postgresql", "host": "h", "database": "d", "user": "u"});
    for (name, place, credential) in [
        ("key", azure.clone(), json!({"type": "account_key", "key": secrets[0]})),
        (
            "access",
            s3,
            json!({"type": "access_key", "access_key_id": "id", "secret_access_key": secrets[1]}),
        ),
        ("sas", azure, json!({"type": "sas", "token": format!("sv=1&sig={}", secrets[2])})),
        ("database", database, json!({"type": "password", "password": secrets[3]})),
    ] {
        let new = json!({"name": name, "place": place, "credential": credential, "skip_validation": true});
        let answer = daemon.call(Method::POST, STORES, Some(new)).await;
        assert!(!contains_any(&answer.body, &secrets), "{name}: {:?}", answer.body);
        assert_eq!(answer.ok::<Value>(name)["credential"], credential["type"]);
    }
    let listed = daemon.call(Method::GET, STORES, None).await;
    assert!(!contains_any(&listed.body, &secrets), "{:?}", listed.body);
    let archive = daemon.backup().await;
    assert!(!contains_any(&archive, &secrets));
    let mut folders = vec![daemon.home().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    assert!(!contains_any(&std::fs::read(&path).unwrap(), &secrets), "{path:?}")
                }
            }
        }
    }
    // Another home has the rows and cannot open what they seal.
    let other = Daemon::start().await;
    other.post_lines::<Value>("/api/restore", archive).await.unwrap();
    assert_eq!(other.get::<Vec<Datastore>>(STORES).await.len(), 6);
    let error = other.get_refused(&format!("{STORES}/key/files"), 503).await;
    assert_eq!(
        error.message,
        "the credential of datastore `key` does not open with this home's key"
    );
}

fn contains_any(bytes: &[u8], secrets: &[&str]) -> bool {
    secrets.iter().any(|secret| bytes.windows(secret.len()).any(|it| it == secret.as_bytes()))
}

/// A store that is away comes back when it was asked so often in vain, or nobody asks any more.
async fn comes_back(
    mut store: ObjectStore,
    asked: usize,
    mut ended: tokio::sync::oneshot::Receiver<()>,
) -> ObjectStore {
    let address = store.endpoint.strip_prefix("http://").unwrap();
    let nobody = tokio::net::TcpListener::bind(address).await.unwrap();
    for _ in 0..asked {
        tokio::select! {
            asked = nobody.accept() => drop(asked.unwrap()),
            _ = &mut ended => break,
        }
    }
    drop(nobody);
    let back = tokio::task::spawn_blocking(move || {
        store.come_back();
        store
    });
    back.await.unwrap()
}

/// A store that is gone in the middle of a transfer and comes back.
async fn a_store_dies(mut store: ObjectStore) {
    let daemon = Daemon::start().await;
    daemon.register("lake", store.datastore_place(), Some(store.credential())).await;
    let large = content(60_000_000);
    let new = json!({"path": "a.bin", "size": large.len(), "sha256": sha256(&large)});
    let upload: Upload = daemon.post(&format!("{STORES}/lake/uploads"), new).await;
    let pieces = format!("/api/uploads/{}", upload.upload_id);
    daemon.put_bytes(&format!("{pieces}?offset=0"), large.clone()).await.ok::<Upload>("all");

    // It dies when the first parts are there.
    let notes = daemon.home().join("blobs/uploads").join(&upload.upload_id).join("sent.json");
    let complete = format!("{pieces}/complete");
    let (ended_tx, ended) = tokio::sync::oneshot::channel();
    let completing = async {
        let completed = daemon.call(Method::POST, &complete, None).await;
        let _ = ended_tx.send(());
        completed
    };
    let dying = async {
        loop {
            let noted = std::fs::read(&notes).ok();
            let noted: Option<Value> = noted.and_then(|text| serde_json::from_slice(&text).ok());
            let parts = noted.map_or(0, |noted| noted["parts"].as_array().map_or(0, Vec::len));
            if parts > 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        store.die();
        comes_back(store, 1, ended).await
    };
    let (completed, mut store) = tokio::join!(completing, dying);
    let completed: Upload = match completed.status {
        StatusCode::OK => completed.ok("complete"),
        // It took longer than anybody waits, or the store was back before its container, which it
        // had only in memory: asked again, it goes on.
        status => {
            assert!([503, 404].contains(&status.as_u16()), "{status} {:?}", completed.body);
            daemon.post(&format!("{pieces}/complete"), Value::Null).await
        }
    };
    assert_eq!(completed.file.unwrap().size, large.len() as u64);
    assert!(daemon.stored_bytes("lake", "a.bin").await == large);
    assert_eq!(daemon.paths("lake", "").await, ["a.bin"]);

    if store.address.starts_with("az") {
        // Azurite keeps what it has: reading goes on where it stopped.
        let answer = daemon.open(&format!("{STORES}/lake/files/a.bin")).await;
        let mut body = answer.into_body().into_data_stream();
        let mut read = body.next().await.unwrap().unwrap().to_vec();
        let (ended_tx, ended) = tokio::sync::oneshot::channel();
        let back = async {
            let gone = tokio::task::spawn_blocking(move || {
                store.end();
                store
            });
            // For longer than the tries of the two pieces that are under way.
            comes_back(gone.await.unwrap(), 2 * 11 + 1, ended).await
        };
        let rest = async {
            while let Some(piece) = body.next().await {
                read.extend_from_slice(&piece.expect("reading goes on"));
            }
            let _ = ended_tx.send(());
        };
        let ((), _store) = tokio::join!(rest, back);
        assert!(read == large);
    } else {
        // A store that stays away is named.
        store.die();
        let error = daemon.get_refused(&format!("{STORES}/lake/files/a.bin"), 503).await;
        assert!(
            error
                .message
                .starts_with("the store of datastore `lake` (S3 bucket `lazuli`) failed: "),
            "{error}"
        );
        assert!(!error.to_string().contains("not-to-be-seen"), "{error}");
    }
}

#[tokio::test]
async fn azure_dies_in_mid_transfer() {
    let Some(store) = ObjectStore::azure() else { return };
    a_store_dies(store).await;
}

#[tokio::test]
async fn s3_dies_in_mid_transfer() {
    let Some(store) = ObjectStore::s3() else { return };
    a_store_dies(store).await;
}
