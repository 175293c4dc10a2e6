//! Which process is which, by way of `/proc`.

use lazuli_domain::{ApiError, ProcessIdentity};

use crate::{Error, Result};

/// The process that calls.
pub fn own_identity() -> Result<ProcessIdentity> {
    identity_of(std::process::id()).ok_or_else(|| {
        Error::from(
            ApiError::unavailable("this process cannot be identified")
                .hint("Lazuli needs a mounted `/proc`"),
        )
    })
}

/// The process that has this pid now; `None` when there is none.
pub fn identity_of(pid: u32) -> Option<ProcessIdentity> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    if is_dead(&stat) {
        return None;
    }
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(ProcessIdentity {
        pid,
        start_time: ProcessIdentity::start_time_of_stat(&stat)?,
        boot_id: boot_id.trim().to_owned(),
    })
}

/// True while this very process runs: not another one that was given its pid later, and not a
/// zombie that only waits for its parent.
pub fn is_alive(process: &ProcessIdentity) -> bool {
    identity_of(process.pid).as_ref() == Some(process)
}

/// A process that has ended keeps its line, in state Z or X, until its parent has asked for it.
fn is_dead(stat: &str) -> bool {
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().next());
    matches!(state, Some("Z" | "X"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_ended_is_dead_before_anybody_waited_for_it() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let identity = identity_of(child.id()).unwrap();
        assert!(is_alive(&identity));
        let mut output = child.stdout.take().unwrap();
        drop(child.stdin.take());
        std::io::Read::read_to_end(&mut output, &mut Vec::new()).unwrap();
        // The pipe closes a moment before the process becomes a zombie.
        while is_alive(&identity) {
            std::thread::yield_now();
        }
        assert!(std::path::Path::new(&format!("/proc/{}", identity.pid)).exists());
        child.wait().unwrap();
    }

    #[test]
    fn the_same_pid_at_another_time_is_another_process() {
        let own = own_identity().unwrap();
        assert!(is_alive(&own));
        assert!(!is_alive(&ProcessIdentity { start_time: own.start_time + 1, ..own }));
    }
}
