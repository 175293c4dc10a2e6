//! Object stores that a test starts: moto speaks S3, Azurite speaks Azure Blob Storage. For Google's
//! there is no program that runs here.

use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// A store of the test's own, gone with it.
pub struct ObjectStore {
    server: Child,
    _folder: tempfile::TempDir,
    /// `s3://bucket` or `az://container`
    pub address: &'static str,
    /// What a program needs in its environment to reach it.
    pub environment: Vec<(&'static str, String)>,
}

const ACCOUNT: &str = "devstoreaccount1";
/// Published with the program; it opens nothing else.
const ACCOUNT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

impl ObjectStore {
    /// `None` when moto is not installed, which is said aloud, and on CI is a failure.
    pub fn s3() -> Option<ObjectStore> {
        let program = found("moto_server", "`pip install 'moto[server]'`")?;
        let port = free_port();
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let endpoint = format!("http://127.0.0.1:{port}");
        let environment = [
            ("AWS_ACCESS_KEY_ID", "lazuli"),
            ("AWS_SECRET_ACCESS_KEY", "not-to-be-seen"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT", &endpoint),
            ("AWS_ALLOW_HTTP", "true"),
        ];
        let environment = environment.map(|(name, value)| (name, value.to_owned())).to_vec();
        let store = Self::start(command, &endpoint, "s3://lazuli", environment);
        ureq::put(&format!("{endpoint}/lazuli")).send_empty().expect("a bucket is made");
        Some(store)
    }

    /// `None` when Azurite is not installed, which is said aloud, and on CI is a failure.
    pub fn azure() -> Option<ObjectStore> {
        let program = found("azurite-blob", "`npm install azurite`, and its `.bin` on the PATH")?;
        let port = free_port();
        let mut command = Command::new(program);
        command.args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()]);
        command.args(["--skipApiVersionCheck", "--disableTelemetry", "--silent"]);
        let endpoint = format!("http://127.0.0.1:{port}");
        let environment = [
            ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT),
            ("AZURE_STORAGE_ACCOUNT_KEY", ACCOUNT_KEY),
            ("AZURE_STORAGE_USE_EMULATOR", "true"),
            ("AZURITE_BLOB_STORAGE_URL", &endpoint),
        ];
        let environment = environment.map(|(name, value)| (name, value.to_owned())).to_vec();
        let store = Self::start(command, &endpoint, "az://lazuli", environment);
        make_container(&endpoint, "lazuli");
        Some(store)
    }

    fn start(
        mut command: Command,
        endpoint: &str,
        address: &'static str,
        environment: Vec<(&'static str, String)>,
    ) -> ObjectStore {
        let folder = tempfile::tempdir().expect("a folder for the store");
        let server = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the store starts");
        let store = ObjectStore { server, _folder: folder, address, environment };
        let begun = Instant::now();
        // Any answer will do, also a refusal.
        while let Err(ureq::Error::Io(_) | ureq::Error::ConnectionFailed) =
            ureq::get(endpoint).call()
        {
            assert!(begun.elapsed() < Duration::from_secs(120), "{endpoint} does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        store
    }
}

impl Drop for ObjectStore {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
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
        .expect("a container is made");
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
