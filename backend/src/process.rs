//! Which process is which, also after its pid was given to another.

use std::fs;

use lazuli_domain::ProcessIdentity;

/// The identity of the process that has this pid now.
pub fn identity_of(pid: u32) -> Option<ProcessIdentity> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(ProcessIdentity {
        pid,
        start_time: ProcessIdentity::start_time_of_stat(&stat)?,
        boot_id: boot_id()?,
    })
}

/// True while that very process is there. A zombie (ended, not yet collected by its parent) is gone.
pub fn is_alive(process: &ProcessIdentity) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{}/stat", process.pid)) else {
        return false;
    };
    let is_zombie = stat
        .rsplit_once(')')
        .and_then(|(_, after_name)| after_name.split_whitespace().next())
        .is_some_and(|state| matches!(state, "Z" | "X"));
    !is_zombie
        && ProcessIdentity::start_time_of_stat(&stat) == Some(process.start_time)
        && boot_id().as_ref() == Some(&process.boot_id)
}

/// Another one after every start of the machine.
pub fn boot_id() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned())
}

/// How many files this process may have open now.
pub fn files_at_once() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call gets a valid pointer to `limit`.
    match unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } {
        0 => limit.rlim_cur,
        // What systems give where nobody says otherwise.
        _ => 1024,
    }
}

/// Resident memory of this process in bytes; zero where `/proc` does not say.
pub fn resident_memory() -> u64 {
    let Ok(status) = fs::read_to_string("/proc/self/status") else { return 0 };
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|value| value.trim().trim_end_matches("kB").trim().parse::<u64>().ok())
        .map_or(0, |kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_more_than_its_pid() {
        let own = identity_of(std::process::id()).expect("this process is there");
        assert!(is_alive(&own));
        assert!(!is_alive(&ProcessIdentity { start_time: own.start_time + 1, ..own.clone() }));
        assert!(!is_alive(&ProcessIdentity { boot_id: "another boot".into(), ..own }));
    }
}
