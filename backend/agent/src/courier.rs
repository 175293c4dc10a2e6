//! Tells the daemon, in the background, how far the job is and what the script says.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lazuli::domain::{ErrorKind, JobReport, JobStage, ProcessIdentity, Run, RunStatus};

use crate::attention::Attention;
use crate::daemon::{Daemon, Undeliverable};

const LOG: &str = "user_logs/std_log.txt";
/// Bytes of the log in one request.
const LARGEST_PIECE: u64 = 1 << 20;
/// Output that comes quickly is sent together.
const BETWEEN_PIECES: Duration = Duration::from_millis(50);
/// A line without an end is sent when nothing followed it for so long.
const SILENCE: Duration = Duration::from_millis(100);

/// The sending end, held by the job.
pub struct Courier {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the courier carries, and where to.
struct Shared {
    daemon: Arc<Daemon>,
    run_id: String,
    agent: ProcessIdentity,
    attention: Attention,
    log: PathBuf,
    bag: Mutex<Bag>,
    changed: Condvar,
}

#[derive(Default)]
struct Bag {
    /// With what it is busy with.
    stages: VecDeque<(JobStage, Option<String>)>,
    log_size: u64,
    grown_at: Option<Instant>,
    closing: bool,
}

impl Courier {
    pub fn start(
        daemon: Arc<Daemon>,
        run_id: &str,
        agent: ProcessIdentity,
        attention: Attention,
        log: &Path,
    ) -> io::Result<Courier> {
        let shared = Arc::new(Shared {
            daemon,
            run_id: run_id.to_owned(),
            agent,
            attention,
            log: log.to_owned(),
            bag: Mutex::default(),
            changed: Condvar::new(),
        });
        let carrying = shared.clone();
        let thread =
            std::thread::Builder::new().name("courier".into()).spawn(move || carrying.carry())?;
        Ok(Courier { shared, thread: Some(thread) })
    }

    pub fn report(&self, stage: JobStage) {
        self.shared.bag().stages.push_back((stage, None));
        self.shared.changed.notify_one();
    }

    /// What the agent is busy with, before the script starts.
    pub fn report_activity(&self, activity: String) {
        self.shared.bag().stages.push_back((JobStage::Preparing, Some(activity)));
        self.shared.changed.notify_one();
    }

    /// For the log to call whenever it has grown.
    pub fn log_listener(&self) -> impl Fn(u64) + 'static {
        let shared = self.shared.clone();
        move |size| {
            let mut bag = shared.bag();
            bag.log_size = size;
            bag.grown_at = Some(Instant::now());
            drop(bag);
            shared.changed.notify_one();
        }
    }

    /// Returns when everything given so far was told, or cannot be told any more.
    pub fn finish(mut self) {
        self.shared.bag().closing = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the courier broke down; the daemon collects what it left");
        }
    }
}

impl Shared {
    fn carry(&self) {
        let mut told = 0;
        loop {
            let (stages, size, closing) = self.wait_for_work(told);
            for (stage, activity) in stages {
                if self.tell_stage(stage, activity).is_err() {
                    return;
                }
            }
            while told < size {
                match self.tell_log(told, size) {
                    Ok(reached) => told = reached,
                    Err(()) => return,
                }
            }
            if closing {
                return;
            }
            // Not a wait for anything: it bounds how many requests a talkative script causes.
            std::thread::sleep(BETWEEN_PIECES);
        }
    }

    /// The stages to report and the size up to which the log may be told.
    fn wait_for_work(&self, told: u64) -> (Vec<(JobStage, Option<String>)>, u64, bool) {
        let mut bag = self.bag();
        loop {
            if bag.closing || !bag.stages.is_empty() {
                return (bag.stages.drain(..).collect(), bag.log_size, bag.closing);
            }
            if bag.log_size > told {
                let silent = bag.grown_at.map_or(SILENCE, |grown_at| grown_at.elapsed());
                if silent >= SILENCE || bag.log_size - told >= LARGEST_PIECE {
                    return (Vec::new(), bag.log_size, false);
                }
                if let Some(size) = self.end_of_last_line(told, bag.log_size) {
                    return (Vec::new(), size, false);
                }
                let (next, _) = self
                    .changed
                    .wait_timeout(bag, SILENCE - silent)
                    .unwrap_or_else(PoisonError::into_inner);
                bag = next;
            } else {
                bag = self.changed.wait(bag).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn end_of_last_line(&self, start: u64, end: u64) -> Option<u64> {
        let bytes = self.read_log(start, end).ok()?;
        let newline = bytes.iter().rposition(|byte| *byte == b'\n')?;
        Some(start + newline as u64 + 1)
    }

    fn tell_stage(&self, stage: JobStage, activity: Option<String>) -> Result<(), ()> {
        let report = JobReport { stage, agent: self.agent.clone(), activity, end: None };
        let told = self.daemon.call(|client| client.report_job(&self.run_id, &report), pause);
        match told {
            Ok(run) => {
                self.heed(&run);
                Ok(())
            }
            Err(failure) => self.stop(failure),
        }
    }

    /// The answer to every report says what has become of the run.
    fn heed(&self, run: &Run) {
        if run.status == RunStatus::CancelRequested || run.status.is_final() {
            self.attention.request();
        }
    }

    fn tell_log(&self, start: u64, end: u64) -> Result<u64, ()> {
        let bytes = match self.read_log(start, end.min(start + LARGEST_PIECE)) {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!("`{}` cannot be read: {error}", self.log.display());
                return Err(());
            }
        };
        let told =
            self.daemon.call(|client| client.append_log(&self.run_id, LOG, start, &bytes), pause);
        match told {
            Ok(size) => Ok(size),
            // A log that is shorter than was acknowledged (a home restored from a copy) is filled up.
            Err(Undeliverable::Refused(error)) if error.kind() == ErrorKind::Conflict => {
                let logs = self.daemon.call(|client| client.logs(&self.run_id), pause);
                let log = logs.ok().and_then(|logs| logs.into_iter().find(|log| log.path == LOG));
                match log.map_or(0, |log| log.size) {
                    size if size < start => Ok(size),
                    _ => self.stop(Undeliverable::Refused(error)),
                }
            }
            Err(failure) => self.stop(failure),
        }
    }

    fn read_log(&self, start: u64, end: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.log)?;
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(end - start).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Nothing more can be told.
    fn stop<T>(&self, failure: Undeliverable) -> Result<T, ()> {
        match failure {
            // The run goes on; its files wait for the right daemon.
            Undeliverable::Refused(error) if error.kind() == ErrorKind::VersionMismatch => {
                tracing::error!("{error}");
            }
            Undeliverable::Refused(error) => {
                tracing::error!("the daemon takes no reports of this run: {error}");
                self.attention.request();
            }
            Undeliverable::HomeGone | Undeliverable::GivenUp(_) => self.attention.request(),
        }
        Err(())
    }

    fn bag(&self) -> MutexGuard<'_, Bag> {
        self.bag.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pause(time: Duration) -> bool {
    std::thread::sleep(time);
    true
}
