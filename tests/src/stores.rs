//! Object stores that a test starts: moto speaks S3, Azurite speaks Azure Blob Storage. For Google's
//! there is no program that runs here.
//!
//! A store can die as by `kill -9` and come back at the same address. What Azurite kept is there again;
//! moto keeps nothing.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::until;

/// A store of the test's own, gone with it.
pub struct ObjectStore {
    program: PathBuf,
    arguments: Vec<String>,
    server: Child,
    folder: tempfile::TempDir,
    /// `s3://bucket` or `az://container`
    pub address: &'static str,
    /// `http://127.0.0.1:PORT`
    pub endpoint: String,
    /// What a program needs in its environment to reach it.
    pub environment: Vec<(&'static str, String)>,
    /// The access key and its secret; any others open it too, unless it checks them.
    access_key: (String, String),
}

pub const ACCOUNT: &str = "devstoreaccount1";
/// Published with the program; it opens nothing else.
pub const ACCOUNT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

impl ObjectStore {
    /// `None` when moto is not installed, which is said aloud, and on CI is a failure.
    pub fn s3() -> Option<ObjectStore> {
        let program = found("moto_server", "`pip install 'moto[server]'`")?;
        let port = free_port();
        let arguments = ["-H", "127.0.0.1", "-p", &port.to_string()].map(str::to_owned).to_vec();
        let endpoint = format!("http://127.0.0.1:{port}");
        let environment = [
            ("AWS_ACCESS_KEY_ID", "lazuli"),
            ("AWS_SECRET_ACCESS_KEY", "not-to-be-seen"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT", &endpoint),
            ("AWS_ALLOW_HTTP", "true"),
        ];
        let environment = environment.map(|(name, value)| (name, value.to_owned())).to_vec();
        let store = Self::start(program, arguments, endpoint, "s3://lazuli", environment);
        store.make_bucket();
        Some(store)
    }

    /// One that refuses every key but its own, which moto does when it is told to: a user of its IAM
    /// gets one that may do everything, and from then on signatures are checked.
    pub fn s3_that_checks_keys() -> Option<ObjectStore> {
        let mut store = ObjectStore::s3()?;
        let iam = |action: &str| -> String {
            let who = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/iam/aws4_request, \
                       SignedHeaders=host, Signature=x";
            let text = format!("Version=2010-05-08&UserName=lazuli&Action={action}");
            ureq::post(&store.endpoint)
                .header("authorization", who)
                .content_type("application/x-www-form-urlencoded")
                .send(&text)
                .and_then(|mut answer| answer.body_mut().read_to_string())
                .expect("moto has an IAM")
        };
        iam("CreateUser");
        iam("PutUserPolicy&PolicyName=all&PolicyDocument=%7B%22Version%22%3A%222012-10-17%22%2C\
             %22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22*%22%2C\
             %22Resource%22%3A%22*%22%7D%5D%7D");
        let made = iam("CreateAccessKey");
        let part = |name: &str| {
            let (_, rest) = made.split_once(&format!("<{name}>")).expect("a key was made");
            rest.split_once('<').expect("it is XML").0.to_owned()
        };
        store.access_key = (part("AccessKeyId"), part("SecretAccessKey"));
        ureq::post(&format!("{}/moto-api/reset-auth", store.endpoint))
            .send("0")
            .expect("from now on keys are checked");
        Some(store)
    }

    /// `None` when Azurite is not installed, which is said aloud, and on CI is a failure.
    pub fn azure() -> Option<ObjectStore> {
        let program = found("azurite-blob", "`npm install azurite`, and its `.bin` on the PATH")?;
        let port = free_port();
        let mut arguments = ["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()]
            .map(str::to_owned)
            .to_vec();
        arguments
            .extend(["--skipApiVersionCheck", "--disableTelemetry", "--silent"].map(str::to_owned));
        let endpoint = format!("http://127.0.0.1:{port}");
        let environment = [
            ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT),
            ("AZURE_STORAGE_ACCOUNT_KEY", ACCOUNT_KEY),
            ("AZURE_STORAGE_USE_EMULATOR", "true"),
            ("AZURITE_BLOB_STORAGE_URL", &endpoint),
        ];
        let environment = environment.map(|(name, value)| (name, value.to_owned())).to_vec();
        let store = Self::start(program, arguments, endpoint, "az://lazuli", environment);
        make_container(&store.endpoint, "lazuli");
        Some(store)
    }

    /// Its place as a datastore, in JSON.
    pub fn datastore_place(&self) -> Value {
        let endpoint = &self.endpoint;
        match self.address {
            "s3://lazuli" => json!({
                "type": "s3", "bucket": "lazuli", "region": "us-east-1", "endpoint": endpoint
            }),
            _ => json!({
                "type": "azure_blob", "account": ACCOUNT, "container": "lazuli",
                "endpoint": format!("{endpoint}/{ACCOUNT}")
            }),
        }
    }

    /// What opens it, in JSON.
    pub fn credential(&self) -> Value {
        match self.address {
            "s3://lazuli" => json!({
                "type": "access_key",
                "access_key_id": self.access_key.0,
                "secret_access_key": self.access_key.1
            }),
            _ => json!({"type": "account_key", "key": ACCOUNT_KEY}),
        }
    }

    /// Gone without a word, as after a power cut.
    pub fn die(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }

    /// Gone after it has kept what it has: Azurite writes its list of blobs every few seconds. It answers
    /// first what it was asked: whoever reads from it must go on reading meanwhile.
    pub fn end(&mut self) {
        // SAFETY: the process is a child of this one that was not waited for.
        unsafe { libc::kill(self.server.id() as i32, libc::SIGTERM) };
        until("the store's end", || self.server.try_wait().expect("it is our child"));
    }

    /// Back again, where it was.
    pub fn come_back(&mut self) {
        self.server = spawn(&self.program, &self.arguments, self.folder.path());
        self.wait_until_it_answers();
        match self.address {
            "s3://lazuli" => self.make_bucket(),
            // It may have died before it wrote down that it has one.
            _ => make_container(&self.endpoint, "lazuli"),
        }
    }

    fn make_bucket(&self) {
        ureq::put(&format!("{}/lazuli", self.endpoint)).send_empty().expect("a bucket is made");
    }

    fn start(
        program: PathBuf,
        arguments: Vec<String>,
        endpoint: String,
        address: &'static str,
        environment: Vec<(&'static str, String)>,
    ) -> ObjectStore {
        let folder = tempfile::tempdir().expect("a folder for the store");
        let server = spawn(&program, &arguments, folder.path());
        let access_key = ("lazuli".to_owned(), "not-to-be-seen".to_owned());
        let store = ObjectStore {
            program,
            arguments,
            server,
            folder,
            address,
            endpoint,
            environment,
            access_key,
        };
        store.wait_until_it_answers();
        store
    }

    fn wait_until_it_answers(&self) {
        let begun = Instant::now();
        // Any answer will do, also a refusal.
        while let Err(ureq::Error::Io(_) | ureq::Error::ConnectionFailed) =
            ureq::get(&self.endpoint).call()
        {
            assert!(
                begun.elapsed() < Duration::from_secs(120),
                "{} does not answer",
                self.endpoint
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn spawn(program: &Path, arguments: &[String], folder: &Path) -> Child {
    Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the store starts")
}

impl Drop for ObjectStore {
    fn drop(&mut self) {
        self.die();
    }
}

fn found(program: &str, install: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file());
    if found.is_none() {
        let missing = format!("`{program}` is not installed ({install})");
        assert!(std::env::var_os("CI").is_none(), "{missing}; on CI nothing is skipped");
        // Not by a macro: the test's captured output is shown only when it fails.
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: {missing}");
    }
    found
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

fn is_there_already(error: ureq::Error) {
    assert!(matches!(error, ureq::Error::StatusCode(409)), "a container is made: {error}");
}

/// By a request signed with the account's key, as Azure wants it.
fn make_container(endpoint: &str, name: &str) {
    let (date, version) = ("Fri, 01 Jan 2100 00:00:00 GMT", "2021-08-06");
    let text = format!(
        "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:{version}\n\
         /{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
    );
    let key = STANDARD.decode(ACCOUNT_KEY).expect("the key is base64");
    let signature = STANDARD.encode(hmac(&key, text.as_bytes()));
    ureq::put(&format!("{endpoint}/{ACCOUNT}/{name}?restype=container"))
        .header("x-ms-date", date)
        .header("x-ms-version", version)
        .header("authorization", format!("SharedKey {ACCOUNT}:{signature}"))
        .send_empty()
        .map_or_else(is_there_already, drop);
}

/// A SAS token for everything in the container, good until `end` (`2030-01-01T00:00:00Z`).
pub fn sas_token(container: &str, end: &str) -> String {
    let (permissions, version) = ("racwdl", "2020-12-06");
    let text = format!(
        "{permissions}\n\n{end}\n/blob/{ACCOUNT}/{container}\n\n\n\n{version}\nc\n\n\n\n\n\n\n"
    );
    let key = STANDARD.decode(ACCOUNT_KEY).expect("the key is base64");
    let signature = STANDARD.encode(hmac(&key, text.as_bytes()));
    let encode = |text: &str| {
        text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D").replace(':', "%3A")
    };
    format!("sp={permissions}&se={}&sv={version}&sr=c&sig={}", encode(end), encode(&signature))
}

/// HMAC-SHA256 (RFC 2104).
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let keyed = |with: u8, text: &[u8]| {
        let mut hash = Sha256::new();
        hash.update(block.map(|byte| byte ^ with));
        hash.update(text);
        hash.finalize().to_vec()
    };
    keyed(0x5c, &keyed(0x36, text))
}
