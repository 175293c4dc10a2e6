//! What an agent that was killed left running.

use std::fs;
use std::time::Duration;

use lazuli_domain::ProcessIdentity;
use tokio::time::Instant;

use crate::error::{Error, Result};
use crate::process::is_alive;

const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Signals that very process, if it is still there.
pub fn signal(process: &ProcessIdentity, signal: i32) {
    if is_alive(process) {
        send(process.pid, signal);
    }
}

/// Kills the processes of a run's script, whatever sessions they are in, and waits for their end.
/// They are known by the run's id in the environment that the agent gave them.
pub async fn end_all_of(run_id: &str) -> Result<()> {
    let deadline = Instant::now() + LONGEST_WAIT;
    loop {
        let run_id = run_id.to_owned();
        let left = tokio::task::spawn_blocking(move || {
            let left: Vec<u32> = all().filter(|pid| belongs_to(*pid, &run_id)).collect();
            left.iter().for_each(|pid| send(*pid, libc::SIGKILL));
            left
        })
        .await
        .map_err(|panic| Error::Defect(format!("looking for processes broke down: {panic}")))?;
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            // Uninterruptible, in a file system that hangs: no reason to hang as well.
            tracing::warn!(?left, "processes of a run do not end");
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Pids of all processes.
pub fn all() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// The words of the process's command line; none when it has ended.
pub fn command_line(pid: u32) -> Vec<Vec<u8>> {
    let text = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    text.split(|byte| *byte == 0).filter(|word| !word.is_empty()).map(<[u8]>::to_vec).collect()
}

fn belongs_to(pid: u32, run_id: &str) -> bool {
    // Unreadable: another user's, or a zombie.
    let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else { return false };
    let wanted = format!("LAZULI_RUN_ID={run_id}");
    environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
        // A daemon that the script's SDK started serves everybody.
        && !is_daemon(&command_line(pid))
}

fn is_daemon(words: &[Vec<u8>]) -> bool {
    matches!(words, [program, verb, ..] if program.ends_with(b"lazuli") && verb == b"serve")
}

fn send(pid: u32, signal: i32) {
    // SAFETY: kill takes numbers only. That the process has ended meanwhile is no failure.
    unsafe { libc::kill(pid as libc::pid_t, signal) };
}
