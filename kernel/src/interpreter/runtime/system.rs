//! The few system calls that std does not have, each wrapped once.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

/// Two connected ends; whole messages, so that a read gets exactly one write.
pub fn message_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    pair(libc::SOCK_SEQPACKET)
}

/// Two connected ends of a byte stream.
pub fn socket_pair() -> io::Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = pair(libc::SOCK_STREAM)?;
    Ok((UnixStream::from(ours), theirs))
}

fn pair(kind: i32) -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for the two descriptors that the call fills in.
    check(unsafe {
        libc::socketpair(libc::AF_UNIX, kind | libc::SOCK_CLOEXEC, 0, ends.as_mut_ptr())
    })?;
    // SAFETY: both descriptors are new and nobody else's.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// Reading and writing end.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for the two descriptors that the call fills in.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: both descriptors are new and nobody else's.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// Makes `socket` appear in the child of `command` as descriptor `number`.
pub fn adopt_socket(command: &mut Command, socket: &OwnedFd, number: RawFd) {
    use std::os::unix::process::CommandExt;
    let socket = socket.as_raw_fd();
    // SAFETY: between fork and exec only dup2 is called, which is async-signal-safe.
    unsafe {
        command.pre_exec(move || check(libc::dup2(socket, number)).map(|_| ()));
    }
}

pub fn set_nonblocking(descriptor: RawFd) -> io::Result<()> {
    // SAFETY: plain fcntl on a descriptor the caller owns.
    unsafe {
        let flags = check(libc::fcntl(descriptor, libc::F_GETFL))?;
        check(libc::fcntl(descriptor, libc::F_SETFL, flags | libc::O_NONBLOCK))?;
    }
    Ok(())
}

/// Reads once; `Ok(0)` is the end of the file.
pub fn read(descriptor: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        // SAFETY: the buffer is valid for its length.
        let count = unsafe { libc::read(descriptor, buffer.as_mut_ptr().cast(), buffer.len()) };
        match check_size(count) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Writes once; may write less.
pub fn write(descriptor: RawFd, bytes: &[u8]) -> io::Result<usize> {
    loop {
        // SAFETY: the buffer is valid for its length.
        let count = unsafe { libc::write(descriptor, bytes.as_ptr().cast(), bytes.len()) };
        match check_size(count) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

pub fn write_all(descriptor: RawFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = write(descriptor, bytes)?;
        bytes = &bytes[count..];
    }
    Ok(())
}

/// Sends one message, which may be empty: a reader on the other side sees an end of file, once.
pub fn send_message(descriptor: RawFd, message: &[u8]) -> io::Result<()> {
    // SAFETY: the buffer is valid for its length.
    let count = unsafe {
        libc::send(descriptor, message.as_ptr().cast(), message.len(), libc::MSG_NOSIGNAL)
    };
    check_size(count).map(|_| ())
}

/// A descriptor that becomes readable when the process ends.
pub fn pidfd(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes no pointers; the new descriptor is nobody else's.
    unsafe {
        let descriptor = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        Ok(OwnedFd::from_raw_fd(check(descriptor as i32)?))
    }
}

pub fn kill(pid: i32, signal: i32) {
    // SAFETY: no pointers. A process that is gone already is what was wanted.
    unsafe { libc::kill(pid, signal) };
}

pub fn kill_group(leader: i32) {
    // SAFETY: no pointers. A group that is gone already is what was wanted.
    unsafe { libc::kill(-leader, libc::SIGKILL) };
}

/// Waits for a child and returns its raw wait status.
pub fn wait(pid: i32) -> i32 {
    let mut status = 0;
    loop {
        // SAFETY: `status` is valid for the call.
        let result = unsafe { libc::waitpid(pid, &mut status, 0) };
        if result == pid || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return status;
        }
    }
}

/// Reaps children that were adopted from the runner and have ended.
pub fn reap_orphans(except: &[i32]) {
    loop {
        // SAFETY: `info` is plain data that the call fills in; WNOWAIT leaves the child in place.
        let pid = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
            if libc::waitid(libc::P_ALL, 0, &mut info, flags) != 0 {
                return;
            }
            info.si_pid()
        };
        // waitid shows the same child again and again until it is reaped, so a runner that has
        // ended hides others; they are reaped after it.
        if pid == 0 || except.contains(&pid) {
            return;
        }
        wait(pid);
    }
}

pub fn poll(descriptors: &mut [libc::pollfd], timeout_ms: i32) -> io::Result<()> {
    // SAFETY: pointer and length belong to the slice.
    let result = unsafe {
        libc::poll(descriptors.as_mut_ptr(), descriptors.len() as libc::nfds_t, timeout_ms)
    };
    match check(result) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        result => result.map(|_| ()),
    }
}

/// True when the process's main thread waits in `read` on its standard input.
pub fn reads_standard_input(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/syscall")).is_ok_and(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some(&libc::SYS_read.to_string()) && words.next() == Some("0x0")
    })
}

/// Resident memory of this process in bytes.
pub fn resident_memory() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
        .unwrap_or(0);
    // SAFETY: no pointers.
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64
}

pub fn thread_count() -> u32 {
    std::fs::read_dir("/proc/self/task").map_or(1, |threads| threads.count() as u32)
}

/// Kills every compiler that this process has started, with what it started itself, and tells how
/// many there were. Other children (the daemon, a shell) are left alone.
pub fn kill_compilers() -> usize {
    let mut children: HashMap<u32, Vec<(u32, String)>> = HashMap::new();
    let Ok(entries) = std::fs::read_dir("/proc") else { return 0 };
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if let Some((name, parent)) = name_and_parent(&entry.path()) {
            children.entry(parent).or_default().push((pid, name));
        }
    }
    let is_compiler =
        |name: &str| matches!(name, "cargo" | "rustc" | "mold" | "rustup" | "sccache");
    let mut doomed: Vec<u32> = children
        .get(&std::process::id())
        .into_iter()
        .flatten()
        .filter(|(_, name)| is_compiler(name))
        .map(|(pid, _)| *pid)
        .collect();
    let mut killed = 0;
    while let Some(pid) = doomed.pop() {
        kill(pid as i32, libc::SIGKILL);
        killed += 1;
        doomed.extend(children.get(&pid).into_iter().flatten().map(|(pid, _)| *pid));
    }
    killed
}

/// Name and parent of a process that still lives.
fn name_and_parent(folder: &Path) -> Option<(String, u32)> {
    let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let mut fields = after.split_whitespace();
    let state = fields.next()?;
    (state != "Z").then_some((name.to_owned(), fields.next()?.parse().ok()?))
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn check_size(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}
