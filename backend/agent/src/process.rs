//! Runs a program so that nothing of it is left when this returns.
//!
//! The program leads a session of its own. The agent adopts what its descendants leave behind
//! (PR_SET_CHILD_SUBREAPER), so that also a process that detached itself is found below the agent
//! and ended. Daemons of Lazuli that a script's SDK started are left alone: they serve everybody.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::attention::{Attention, poll, readable};
use crate::std_log::StdLog;

/// Between the request to end and the end by force.
const GRACE: Duration = Duration::from_secs(5);
/// Where the system cannot tell of a process's end by descriptor, it is asked that often.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

pub enum Ended {
    /// By itself.
    Exited(ExitStatus),
    /// Because attention was requested.
    Canceled,
    /// Because its time was over.
    TookTooLong,
}

/// From now on orphans among the descendants become children of this process.
pub fn adopt_orphans() -> io::Result<()> {
    // SAFETY: this call takes numbers only.
    match unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Runs the command to its end, its output (both streams, in the order of writing) into the log.
/// When attention is requested, or after `most`, everything it started is ended.
pub fn run(
    mut command: Command,
    most: Option<Duration>,
    attention: &Attention,
    log: &mut StdLog,
) -> io::Result<Ended> {
    // One pipe for both: only so the system keeps their order.
    let (mut output, sink) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(sink.try_clone()?).stderr(sink);
    // SAFETY: setsid and prctl may be called between fork and exec.
    unsafe {
        command.pre_exec(|| {
            if libc::setsid() < 0 {
                return Err(io::Error::last_os_error());
            }
            // Without its agent nobody would hear of the script any more.
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) != 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(())
        });
    }
    let mut child = command.spawn()?;
    // The command holds the writing end; the pipe must end with the program.
    drop(command);
    let ended = watch(&mut child, most, &mut output, attention, log);
    // Also when the system failed us above: nothing may be left running unwatched.
    end_descendants(&mut output, log)?;
    drain(&mut output, log)?;
    ended
}

fn watch(
    child: &mut Child,
    most: Option<Duration>,
    output: &mut io::PipeReader,
    attention: &Attention,
    log: &mut StdLog,
) -> io::Result<Ended> {
    let process = process_descriptor(child.id());
    // A time that lies beyond what the system can count never comes.
    let end_at = most.and_then(|most| Instant::now().checked_add(most));
    let mut took_too_long = false;
    let mut force_at: Option<Instant> = None;
    let mut output_open = true;
    loop {
        let mut descriptors = Vec::with_capacity(4);
        if output_open {
            descriptors.push(readable(output.as_raw_fd()));
        }
        descriptors.extend(process.iter().map(|process| readable(process.as_raw_fd())));
        if force_at.is_none() {
            descriptors.push(readable(attention.descriptor()));
        }
        let until_force =
            force_at.or(end_at).map(|at| at.saturating_duration_since(Instant::now()));
        let time = match (&process, until_force) {
            (None, Some(time)) => Some(time.min(BETWEEN_LOOKS)),
            (None, None) => Some(BETWEEN_LOOKS),
            (Some(_), time) => time,
        };
        poll(&mut descriptors, time)?;
        if output_open && descriptors[0].revents != 0 {
            output_open = copy_once(output, log)?;
        }
        if let Some(status) = child.try_wait()? {
            return Ok(match force_at {
                Some(_) if took_too_long => Ended::TookTooLong,
                Some(_) => Ended::Canceled,
                None => Ended::Exited(status),
            });
        }
        let is_over = end_at.is_some_and(|at| Instant::now() >= at);
        match force_at {
            None if attention.is_requested() || is_over => {
                took_too_long = is_over && !attention.is_requested();
                signal_all(&descendants(), libc::SIGTERM);
                force_at = Some(Instant::now() + GRACE);
            }
            Some(at) if Instant::now() >= at => {
                signal_all(&descendants(), libc::SIGKILL);
                force_at = Some(Instant::now() + GRACE);
            }
            _ => {}
        }
    }
}

/// False at the end of the output.
fn copy_once(output: &mut io::PipeReader, log: &mut StdLog) -> io::Result<bool> {
    let mut buffer = [0; 64 << 10];
    match output.read(&mut buffer) {
        Ok(0) => Ok(false),
        Ok(count) => {
            log.append(&buffer[..count]);
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
        Err(error) => Err(error),
    }
}

/// What the program left in the background: asked to end, then made to.
fn end_descendants(output: &mut io::PipeReader, log: &mut StdLog) -> io::Result<()> {
    let force_at = Instant::now() + GRACE;
    let mut asked = HashSet::new();
    loop {
        reap();
        let left = descendants();
        if left.is_empty() {
            return Ok(());
        }
        let signal = if Instant::now() < force_at { libc::SIGTERM } else { libc::SIGKILL };
        let unasked: Vec<u32> = left
            .iter()
            .copied()
            .filter(|pid| signal == libc::SIGKILL || asked.insert(*pid))
            .collect();
        signal_all(&unasked, signal);
        // Their last words matter, and a full pipe would keep them from ending.
        let mut descriptors = [readable(output.as_raw_fd())];
        if poll(&mut descriptors, Some(Duration::from_millis(10)))? > 0 && !copy_once(output, log)?
        {
            // All have closed the pipe; that the end of a process comes a moment later is no event
            // one could wait for.
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// What still lies in the pipe. All writers are gone, or not ours to wait for.
fn drain(output: &mut io::PipeReader, log: &mut StdLog) -> io::Result<()> {
    loop {
        let mut descriptors = [readable(output.as_raw_fd())];
        if poll(&mut descriptors, Some(Duration::ZERO))? == 0 || !copy_once(output, log)? {
            return Ok(());
        }
    }
}

/// All living processes below this one, except Lazuli's own daemons and agents and what is below
/// them.
/// Kills what a killed agent left running of a run, known by the run's id in its environment.
pub fn end_all_of(run_id: &str) {
    let wanted = format!("LAZULI_RUN_ID={run_id}");
    let is_of_run = |pid: u32| {
        // Unreadable: another user's.
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
    };
    let deadline = Instant::now() + GRACE;
    loop {
        let left: Vec<u32> = living_processes()
            .into_iter()
            .map(|(pid, _)| pid)
            .filter(|pid| *pid != std::process::id() && is_of_run(*pid))
            .collect();
        if left.is_empty() || Instant::now() >= deadline {
            return;
        }
        signal_all(&left, libc::SIGKILL);
        std::thread::sleep(BETWEEN_LOOKS);
    }
}

fn descendants() -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for (pid, parent) in living_processes() {
        children.entry(parent).or_default().push(pid);
    }
    let mut found = Vec::new();
    let mut parents = vec![std::process::id()];
    while let Some(parent) = parents.pop() {
        for pid in children.remove(&parent).unwrap_or_default() {
            if !is_lazuli(pid) {
                found.push(pid);
                parents.push(pid);
            }
        }
    }
    found
}

/// Pid and parent of every process that has not ended.
fn living_processes() -> Vec<(u32, u32)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| {
            let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let (_, after_name) = stat.rsplit_once(')')?;
            let mut fields = after_name.split_whitespace();
            let state = fields.next()?;
            let parent = fields.next()?.parse().ok()?;
            (!matches!(state, "Z" | "X")).then_some((pid, parent))
        })
        .collect()
}

fn is_lazuli(pid: u32) -> bool {
    let Ok(command_line) = fs::read(format!("/proc/{pid}/cmdline")) else { return false };
    let mut words = command_line.split(|byte| *byte == 0);
    let program = words.next().unwrap_or_default();
    let name = program.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    match name {
        b"lazuli" => words.next() == Some(b"serve"),
        b"lazuli-agent" => true,
        _ => false,
    }
}

fn signal_all(pids: &[u32], signal: i32) {
    for pid in pids {
        // SAFETY: kill takes numbers only. That the process has ended meanwhile is no failure.
        unsafe { libc::kill(*pid as libc::pid_t, signal) };
    }
}

/// Collects every child that has ended, so that none stays as a zombie.
fn reap() {
    // SAFETY: waitpid may be given no place for the status.
    while unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) } > 0 {}
}

/// Readable when the process has ended; none where the system does not offer that.
fn process_descriptor(pid: u32) -> Option<OwnedFd> {
    // SAFETY: the call takes numbers; what it returns, when not negative, is ours.
    unsafe {
        let descriptor = libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0);
        (descriptor >= 0).then(|| OwnedFd::from_raw_fd(descriptor as i32))
    }
}
