use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use lazuli::client::Client;
use lazuli::{Home, process};

const WITHIN: &str = "LAZULI_TEST_WITHIN";

/// Runs the body of the test `name` in a process of its own, with a fresh home and an empty current
/// folder, and returns what it printed. In that process itself `None` is returned.
pub fn alone(name: &str, body: impl FnOnce()) -> Option<String> {
    if std::env::var_os(WITHIN).is_some() {
        body();
        return None;
    }
    let place = Place::new();
    let this = std::env::current_exe().expect("a test knows its own path");
    let output = place
        .command(&this)
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(WITHIN, "1")
        .output()
        .expect("a test can be started");
    let said = said(&output);
    assert!(said.contains("test result: ok. 1 passed"), "`{name}` is no test of this program");
    Some(said)
}

/// What a process printed; it must have succeeded.
pub fn said(output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{stdout}\n{stderr}", output.status);
    stdout
}

/// A home and a current folder that go when dropped, the home's daemon with them.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Place {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        std::fs::create_dir(folder.path().join("work")).expect("it can be written to");
        Place { folder }
    }

    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("LAZULI_") || name.starts_with("AZUREML_") {
                command.env_remove(&*name);
            }
        }
        command
            .env("LAZULI_HOME", self.home_folder())
            .env("LAZULI_BIN", lazuli_program())
            .current_dir(self.folder.path().join("work"));
        command
    }

    fn home_folder(&self) -> PathBuf {
        self.folder.path().join("home")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Ok(home) = Home::at(self.home_folder()) else { return };
        if let Ok(Some(client)) = Client::connect_existing_to(&home) {
            let daemon = client.daemon().process.clone();
            match client.shutdown() {
                Ok(()) => wait_until(|| !process::is_alive(&daemon)),
                Err(error) => eprintln!("the daemon of the test stays: {error}"),
            }
        }
    }
}

/// A program built from this checkout: `target/debug/<name>`.
pub fn built(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("a test knows its own path");
    let path = this.ancestors().nth(2).expect("tests lie in target/debug/deps").join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo build --workspace --bins --examples`",
        path.display()
    );
    path
}

fn lazuli_program() -> PathBuf {
    built("lazuli-agent");
    built("lazuli")
}

/// For what only `/proc` tells.
pub fn wait_until(mut happened: impl FnMut() -> bool) {
    while !happened() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

pub fn check_error<T: std::fmt::Debug>(result: lazuli::Result<T>, message: &str) {
    let error = result.expect_err("an error is expected");
    assert_eq!(error.message(), message);
    assert!(error.hint().is_some(), "`{message}` says no next step");
}
