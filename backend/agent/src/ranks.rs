//! What each process of an MPI run said, beside the log of all of them.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::daemon::Daemon;
use crate::end::Stopped;
use crate::std_log::StdLog;

/// In the run's folder, where `mpirun` writes `1/rank.0/stdout`.
pub const FOLDER: &str = "ranks";
/// Bytes in one request.
const PIECE: u64 = 1 << 20;

/// Gives the daemon `user_logs/std_log_process_0.txt` and so on. What cannot be told stands in the
/// log of all of them, too.
pub fn tell(folder: &Path, daemon: &Daemon, run_id: &str, log: &mut StdLog) {
    for (rank, file) in files(folder) {
        let name = format!("user_logs/std_log_process_{rank}.txt");
        if let Err(reason) = tell_file(&file, daemon, run_id, &name) {
            log.say(&format!("`{name}` could not be kept: {reason}"));
        }
    }
    if let Err(error) = fs::remove_dir_all(folder)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!("`{}` cannot be removed: {error}", folder.display());
    }
}

/// By rank, in its order.
fn files(folder: &Path) -> Vec<(usize, PathBuf)> {
    // The only job of this `mpirun`.
    let Ok(entries) = fs::read_dir(folder.join("1")) else { return Vec::new() };
    let mut files: Vec<(usize, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            // With zeros before it, where there are many.
            let rank = entry.file_name().to_str()?.strip_prefix("rank.")?.parse().ok()?;
            Some((rank, entry.path().join("stdout")))
        })
        .collect();
    files.sort();
    files
}

fn tell_file(file: &Path, daemon: &Daemon, run_id: &str, name: &str) -> Result<(), String> {
    let mut file = File::open(file).map_err(|error| error.to_string())?;
    let mut told = 0;
    loop {
        let mut piece = Vec::new();
        Read::by_ref(&mut file)
            .take(PIECE)
            .read_to_end(&mut piece)
            .map_err(|error| error.to_string())?;
        if piece.is_empty() {
            return Ok(());
        }
        told = daemon
            .call(|client| client.append_log(run_id, name, told, &piece), keep_trying)
            .map_err(|failure| match Stopped::undeliverable("the daemon refuses it", failure) {
                Stopped::Failed(error) => error.message,
                Stopped::Canceled => "the daemon is gone".to_owned(),
            })?;
    }
}

fn keep_trying(time: Duration) -> bool {
    std::thread::sleep(time);
    true
}
