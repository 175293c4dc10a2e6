//! A daemon without a socket, and what its clients write to disk.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use lazuli_backend::Storage;
use lazuli_backend::app::App;
use lazuli_backend::home::Home;
use lazuli_backend::{http, tracking};
use lazuli_domain::{ApiError, Line, NewRun, Run, SpoolRecord, spool_line};
use lazuli_tests::postgres::{Database, Postgres};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tower::ServiceExt;

/// A daemon as far as its clients see it; nothing of it runs in the background.
pub struct Daemon {
    pub app: Arc<App>,
    router: Router,
    place: Arc<Place>,
}

/// Which database the tests of this process use: SQLite unless this says `postgres`.
pub const DATABASE: &str = "LAZULI_TEST_DATABASE";

/// A home, and the database that its daemon uses when that is not in it.
pub struct Place {
    folder: TempDir,
    database: Option<Database>,
    address: Option<String>,
    blobs: Option<String>,
}

impl Place {
    pub fn new() -> Place {
        let database = on_postgres().then(|| {
            Postgres::shared().expect("PostgreSQL is installed, or nobody asked for it").database()
        });
        let address = database.as_ref().map(Database::address);
        Place { folder: tempfile::tempdir().unwrap(), database, address, blobs: None }
    }

    pub fn home(&self) -> &Path {
        self.folder.path()
    }

    /// What `lazuli serve` is told.
    pub fn storage(&self) -> Storage {
        Storage { database: self.address.clone(), blobs: self.blobs.clone() }
    }
}

pub fn on_postgres() -> bool {
    std::env::var_os(DATABASE).is_some_and(|database| database == "postgres")
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Daemon {
    pub async fn start() -> Daemon {
        Daemon::start_in(Arc::new(Place::new())).await
    }

    /// With the database at that address.
    pub async fn start_with(address: String) -> Daemon {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { folder, database: None, address: Some(address), blobs: None };
        Daemon::start_in(Arc::new(place)).await
    }

    /// With blobs in another place than the home.
    pub async fn start_with_blobs(blobs: String) -> Daemon {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { folder, database: None, address: None, blobs: Some(blobs) };
        Daemon::start_in(Arc::new(place)).await
    }

    /// On SQLite, whatever the others use.
    pub async fn start_on_sqlite() -> Daemon {
        let folder = tempfile::tempdir().unwrap();
        Daemon::start_in(Arc::new(Place { folder, database: None, address: None, blobs: None }))
            .await
    }

    async fn start_in(place: Arc<Place>) -> Daemon {
        let home = Home::open(place.home()).unwrap();
        let app = App::open(home, &place.storage(), "", "http://127.0.0.1:1".into()).await.unwrap();
        tracking::recover(&app).await.unwrap();
        Daemon { router: http::router(Arc::clone(&app)), app, place }
    }

    /// The daemon is gone without having been told, as after `kill -9`; another takes its place.
    pub async fn killed_and_started_again(self) -> Daemon {
        let Daemon { app, router, place } = self;
        // SQLite's connections are left open on purpose: nobody closes them after `kill -9` either.
        std::mem::forget((app, router));
        // A server hears of the end at once, because the system closes a dead process's sockets.
        if let Some(database) = &place.database {
            database.cut_connections();
        }
        Daemon::start_in(place).await
    }

    pub fn home(&self) -> &Path {
        self.place.home()
    }

    pub fn storage(&self) -> Storage {
        self.place.storage()
    }

    /// The database that is not in the home.
    pub fn database(&self) -> Option<&Database> {
        self.place.database.as_ref()
    }

    /// Sends a request that carries host and token unless it says otherwise.
    pub async fn send(&self, mut request: Request<Body>) -> Answer {
        let headers = request.headers_mut();
        if !headers.contains_key("authorization") {
            let token = format!("Bearer {}", self.app.token());
            headers.insert("authorization", token.parse().unwrap());
        }
        self.send_as_it_is(request).await
    }

    /// Sends a request without a token unless it carries one.
    pub async fn send_as_it_is(&self, mut request: Request<Body>) -> Answer {
        let headers = request.headers_mut();
        if !headers.contains_key("host") {
            headers.insert("host", "127.0.0.1:4711".parse().unwrap());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// The answer as it begins; its body may have no end.
    pub async fn open(&self, path: &str) -> axum::response::Response {
        self.open_as(self.app.token(), path).await
    }

    /// The same with that token.
    pub async fn open_as(&self, token: &str, path: &str) -> axum::response::Response {
        let request = Request::get(path)
            .header("host", "localhost")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(Request::builder().method(method).uri(path).body(body).unwrap()).await
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        self.call(Method::GET, path, None).await.ok(path)
    }

    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: Value) -> T {
        self.call(Method::POST, path, Some(body)).await.ok(path)
    }

    pub async fn put_bytes(&self, path: &str, bytes: impl Into<Body>) -> Answer {
        self.send(Request::put(path).body(bytes.into()).unwrap()).await
    }

    /// The last line of an answer that takes its time.
    pub async fn post_lines<T: DeserializeOwned>(
        &self,
        path: &str,
        body: impl Into<Body>,
    ) -> Result<T, ApiError> {
        let answer = self.send(Request::post(path).body(body.into()).unwrap()).await;
        if !answer.status.is_success() {
            return Err(answer.refused(answer.status.as_u16()));
        }
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        match serde_json::from_str(text.lines().last().unwrap()).unwrap() {
            Line::Done(report) => Ok(report),
            Line::Failed(error) => Err(error),
            Line::Progress(progress) => panic!("{progress:?} was the last line"),
        }
    }

    pub async fn get_refused(&self, path: &str, status: u16) -> ApiError {
        self.call(Method::GET, path, None).await.refused(status)
    }

    pub async fn post_refused(&self, path: &str, body: Value, status: u16) -> ApiError {
        self.call(Method::POST, path, Some(body)).await.refused(status)
    }

    pub async fn new_run(&self) -> Run {
        self.new_run_with(json!({"experiment": "diabetes"})).await
    }

    pub async fn new_run_with(&self, new: Value) -> Run {
        let new: NewRun = serde_json::from_value(new).unwrap();
        self.post("/api/workspaces/default/runs", serde_json::to_value(new).unwrap()).await
    }

    pub async fn run(&self, run_id: &str) -> Run {
        self.get(&format!("/api/runs/{run_id}")).await
    }

    pub async fn complete(&self, run_id: &str) -> Run {
        self.post(&format!("/api/runs/{run_id}/complete"), Value::Null).await
    }

    /// Makes a snapshot of these files and returns its id.
    pub async fn snapshot(&self, files: &[(&str, &str)]) -> String {
        let mut described = Vec::new();
        for (path, content) in files {
            let digest = sha256(content.as_bytes());
            let answer =
                self.put_bytes(&format!("/api/blobs/{digest}"), (*content).to_owned()).await;
            assert_eq!(answer.status, StatusCode::OK);
            described.push(json!({"path": path, "size": content.len(), "sha256": digest}));
        }
        let created: Value = self.post("/api/snapshots", json!({"files": described})).await;
        assert_eq!(created["missing"], json!([]));
        created["snapshot_id"].as_str().unwrap().to_owned()
    }

    /// Appends to the run's spool as an SDK does.
    pub fn log(&self, run_id: &str, record: &SpoolRecord) {
        self.append_to_spool(run_id, spool_line(record).as_bytes());
    }

    pub fn append_to_spool(&self, run_id: &str, bytes: &[u8]) {
        let path = self.app.home.spool(run_id);
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.lock_shared().unwrap();
        file.write_all(bytes).unwrap();
    }

    /// Names of the files below the home's folder of that name.
    pub fn files_in(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.home().join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Answer {
    pub fn ok<T: DeserializeOwned>(&self, what: &str) -> T {
        assert!(self.status.is_success(), "{what}: {} {:?}", self.status, self.body);
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    pub fn refused(&self, status: u16) -> ApiError {
        assert_eq!(self.status.as_u16(), status, "{:?}", self.body);
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub fn scalar(name: &str, value: f64) -> SpoolRecord {
    record(
        json!({"record": "metric", "name": name, "kind": "scalar", "value": value, "time_ms": 1}),
    )
}

pub fn record(json: Value) -> SpoolRecord {
    serde_json::from_value(json).unwrap()
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
