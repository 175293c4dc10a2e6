//! What a script logs on a machine where no daemon reads it: its records lie in a spool file, as
//! everywhere, and are sent on by their place in it, so that none is lost or doubled.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::daemon::{Daemon, Undeliverable};

/// Bytes in one request, as far as records are not longer.
const PIECE: u64 = 4 << 20;
/// The daemon takes no longer record.
const LONGEST_RECORD: u64 = 64 << 20;
/// What is logged in between is sent together.
const BETWEEN_PIECES: Duration = Duration::from_millis(100);

/// A process that holds its lock longer is stopped or dead.
const LONGEST_WAIT_FOR_WRITERS: Duration = Duration::from_secs(5);

/// Sends while the script runs.
pub struct Records {
    file: PathBuf,
    daemon: Arc<Daemon>,
    run_id: String,
    done_tx: mpsc::Sender<()>,
    thread: JoinHandle<u64>,
}

impl Records {
    /// Makes the run's spool file, unless one is there that an agent before this one has left.
    pub fn start(daemon: &Arc<Daemon>, run_id: &str) -> io::Result<Records> {
        let file = daemon.home().spool_file(run_id);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        File::options().create(true).append(true).open(&file)?;
        let (done_tx, done) = mpsc::channel();
        let (path, sender, id) = (file.clone(), Arc::clone(daemon), run_id.to_owned());
        let thread = std::thread::Builder::new().name("records".into()).spawn(move || {
            let mut sent = 0;
            loop {
                sent = send(&sender, &id, &path, sent).unwrap_or(sent);
                if done.recv_timeout(BETWEEN_PIECES) != Err(RecvTimeoutError::Timeout) {
                    return sent;
                }
            }
        })?;
        Ok(Records { file, daemon: Arc::clone(daemon), run_id: run_id.to_owned(), done_tx, thread })
    }

    /// Sends what is left. Nothing can be logged afterwards.
    pub fn finish(self) -> Result<(), String> {
        drop(self.done_tx);
        let sent = self.thread.join().unwrap_or(0);
        let file = match File::open(&self.file) {
            Ok(file) => file,
            Err(error) => return Err(format!("`{}` cannot be read: {error}", self.file.display())),
        };
        // Who logs holds the other lock for one write; who waits for it finds a file without a name.
        let begun = Instant::now();
        while file.try_lock().is_err() && begun.elapsed() < LONGEST_WAIT_FOR_WRITERS {
            std::thread::sleep(Duration::from_millis(1));
        }
        let outcome = send(&self.daemon, &self.run_id, &self.file, sent);
        let _ = fs::remove_file(&self.file);
        let _ = fs::remove_file(self.file.with_extension("sent"));
        outcome.map(drop)
    }
}

/// Sends whole lines from `sent` on and gives how far it came. Returns when the daemon has them.
fn send(daemon: &Daemon, run_id: &str, path: &Path, mut sent: u64) -> Result<u64, String> {
    let mut piece = PIECE;
    loop {
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|mut file| {
            file.seek(SeekFrom::Start(sent))?;
            file.take(piece).read_to_end(&mut bytes)
        });
        read.map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
        if !bytes.contains(&b'\n') {
            match bytes.len() as u64 == piece {
                true if piece < LONGEST_RECORD => piece *= 2,
                true => return Err(format!("a record is longer than {LONGEST_RECORD} bytes")),
                false => return Ok(sent),
            }
            continue;
        }
        let pause = |time: Duration| {
            std::thread::sleep(time);
            true
        };
        let answer = daemon.call(|client| client.send_records(run_id, sent, &bytes), pause);
        match answer {
            // An agent before this one had sent more already.
            Ok(reached) if reached > sent => {
                sent = reached;
                // Whoever asks for what it has logged waits for this.
                let _ = fs::write(path.with_extension("sent"), sent.to_string());
            }
            Ok(_) => return Ok(sent),
            Err(Undeliverable::Refused(error)) => return Err(error.message().to_owned()),
            Err(Undeliverable::HomeGone) => return Err("the home was removed".to_owned()),
            Err(Undeliverable::GivenUp(_)) => return Err("no daemon is there".to_owned()),
        }
    }
}
