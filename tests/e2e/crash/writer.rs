use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lazuli::Run;
use lazuli::client::Client;
use lazuli_tests::{Home, checkout, program};
use serde_json::json;

use crate::ledger::{Account, Ledger};

/// How a writer speaks to Lazuli.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The Python SDK, in a run that is there and outlives it.
    Python,
    /// The Python SDK, in a run of its own, which the daemon ends when the writer is dead.
    PythonAlone,
    /// The Rust SDK.
    Rust,
    /// MLflow's requests, acknowledged one by one.
    Requests,
}

/// Numbers of one process, so that the next one begins with others.
const NUMBERS: i64 = 1_000_000;

/// A process that logs, and the ones before it that were killed.
pub struct Writer<'a> {
    home: &'a Home,
    kind: Kind,
    run: Option<String>,
    process: Child,
    ledgers: Vec<PathBuf>,
}

impl Writer<'_> {
    /// `run`: the run to log to; without one it makes its own.
    pub fn start(home: &Home, kind: Kind, run: Option<String>) -> Writer<'_> {
        let (process, ledger) = launch(home, kind, run.as_deref(), 0);
        Writer { home, kind, run, process, ledgers: vec![ledger] }
    }

    /// `kill -9`; it must have lived until now.
    pub fn kill(&mut self) {
        assert!(self.is_alive(), "the writer {:?} ended: {}", self.kind, self.log());
        self.process.kill().expect("it can be killed");
        self.process.wait().expect("it is our child");
    }

    pub fn is_alive(&mut self) -> bool {
        self.process.try_wait().expect("it is our child").is_none()
    }

    /// Waits for the end of one that was told to stop.
    pub fn ends_well(&mut self) -> bool {
        self.process.wait().expect("it is our child").success()
    }

    /// What its newest process said.
    pub fn log(&self) -> String {
        let newest = self.ledgers.last().expect("there is one");
        std::fs::read_to_string(newest.with_extension("log")).unwrap_or_default()
    }

    pub fn start_again(&mut self) {
        let incarnation = self.ledgers.len();
        let (process, ledger) = launch(self.home, self.kind, self.run.as_deref(), incarnation);
        self.process = process;
        self.ledgers.push(ledger);
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What all its processes did, each on its own.
    pub fn accounts(&self) -> Vec<Account> {
        self.ledgers.iter().map(|ledger| Account::read(ledger)).collect()
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        let _it_may_be_dead = self.process.kill();
        let _it_may_be_waited_for = self.process.wait();
    }
}

fn launch(home: &Home, kind: Kind, run: Option<&str>, incarnation: usize) -> (Child, PathBuf) {
    let ledger = home.work().join(format!("{kind:?}-{incarnation}.ledger"));
    let first = incarnation as i64 * NUMBERS;
    let mut command = match kind {
        Kind::Python | Kind::PythonAlone => {
            let mut python = Command::new("python3");
            python.arg(checkout().join("tests/e2e/crash/writer.py"));
            python.args([&ledger, &home.work().join("stop")]).arg(first.to_string());
            python.env("PYTHONPATH", checkout().join("sdk/python"));
            python.env("PYTHONDONTWRITEBYTECODE", "1");
            python
        }
        Kind::Rust | Kind::Requests => {
            let this = std::env::current_exe().expect("a test knows its own path");
            let mut rust = Command::new(this);
            rust.args(["writer::as_a_process", "--exact", "--nocapture"]);
            rust.env("CRASH_KIND", format!("{kind:?}")).env("CRASH_LEDGER", &ledger);
            rust.env("CRASH_STOP", home.work().join("stop"));
            rust.env("CRASH_FIRST", first.to_string());
            rust
        }
    };
    let log = std::fs::File::create(ledger.with_extension("log")).expect("a log");
    home.surround(&mut command);
    command.env("LAZULI_BIN", program("lazuli")).env("LAZULI_EXPERIMENT", "crash");
    if let Some(run) = run {
        command.env("LAZULI_RUN_ID", run).env("LAZULI_WORKSPACE", "default");
    }
    command.stdout(Stdio::null()).stderr(log);
    (command.spawn().expect("a writer"), ledger)
}

/// Not a test of its own: this program, started as a writer by the tests beside it.
#[test]
fn as_a_process() {
    let Ok(kind) = std::env::var("CRASH_KIND") else { return };
    let variable = |name: &str| std::env::var(name).expect(name);
    let mut ledger = Ledger::open(Path::new(&variable("CRASH_LEDGER")));
    let stop = PathBuf::from(variable("CRASH_STOP"));
    let first = variable("CRASH_FIRST").parse().expect("a number");
    let run = Run::get_context().expect("the run is in the environment");
    ledger.note("run", run.id());
    let numbers = (first..).take_while(|_| !stop.exists());
    match kind.as_str() {
        "Rust" => log(&run, &mut ledger, numbers),
        "Requests" => request(&run, &mut ledger, numbers),
        other => panic!("no kind: {other}"),
    }
}

fn log(run: &Run, ledger: &mut Ledger, numbers: impl Iterator<Item = i64>) {
    for number in numbers {
        ledger.note("begun", number);
        run.log("value", number).expect("logging needs nobody");
        ledger.note("returned", number);
        std::thread::sleep(Duration::from_micros(300));
        if number % 80 == 79 {
            match run.flush() {
                Ok(()) => ledger.note("flushed", number),
                Err(error) => eprintln!("flush: {error}"),
            }
        }
    }
}

/// Batches as MLflow's clients send them, each again until it is acknowledged, and now and then a
/// file.
fn request(run: &Run, ledger: &mut Ledger, numbers: impl Iterator<Item = i64>) {
    for number in numbers {
        ledger.note("begun", number);
        let point =
            json!({"key": "value", "value": number, "timestamp": number + 1, "step": number});
        let batch = json!({"run_id": run.id(), "metrics": [point]}).to_string();
        while let Err(error) = send(run, number, &batch) {
            eprintln!("request {number}: {error}");
            std::thread::sleep(Duration::from_millis(10));
        }
        ledger.note("returned", number);
        ledger.note("acknowledged", number);
    }
}

fn send(run: &Run, number: i64, batch: &str) -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::connect()?;
    if number % 10 == 0 {
        let content = content(number);
        let size = content.len() as u64;
        client.put_artifact(run.id(), &file(number), &mut content.as_slice(), size, None)?;
    }
    let url = format!("{}/api/2.0/mlflow/runs/log-batch", client.daemon().url);
    let request = ureq::post(url).header("authorization", client.authorization());
    request.header("content-type", "application/json").send(batch)?;
    Ok(())
}

pub fn file(number: i64) -> String {
    format!("outputs/{number}.bin")
}

pub fn content(number: i64) -> Vec<u8> {
    number.to_string().repeat(2000).into_bytes()
}
