//! The process that holds the variables and executes cells.
//!
//! Before each cell it forks. The fork waits as the checkpoint while this process runs the cell,
//! so that threads and pid survive on the normal path; after the cell the supervisor kills the fork.
//! Only the supervisor does: an interrupt that arrives as the cell ends must still find it.

use std::ffi::{CStr, CString, c_void};
use std::os::fd::{AsRawFd, OwnedFd};

use super::system::{self, write_all};
use super::{CHECKPOINT_LIMIT_VARIABLE, HELPER_VARIABLE};

/// The runner's ends of its connections with the supervisor.
pub struct Runner {
    /// `path-of-library function-name`, one message per cell.
    pub commands: OwnedFd,
    pub reports: OwnedFd,
    /// One byte wakes the checkpoint.
    pub wake: OwnedFd,
}

/// What the runner reports; the first byte of a message is the kind.
pub mod report {
    /// This process is the runner now.
    pub const READY: u8 = b'K';
    /// The cell begins: checkpoint's pid (0: none) and number of threads.
    pub const STARTED: u8 = b'S';
    /// From the helper's panic hook: location, newline, message.
    pub const PANIC_HOOK: u8 = b'P';
    pub const LOAD_FAILED: u8 = b'L';
    pub const COMPLETE: u8 = b'C';
}

type UserFunction = extern "C" fn(*mut c_void) -> *mut c_void;

impl Runner {
    pub fn run(self) -> ! {
        let helper = std::env::var(HELPER_VARIABLE).unwrap_or_default();
        let limit = std::env::var(CHECKPOINT_LIMIT_VARIABLE)
            .ok()
            .and_then(|limit| limit.parse().ok())
            .unwrap_or(u64::MAX);
        // The cell's own children must not take themselves for a runtime.
        for name in
            ["EVCXR_IS_RUNTIME", "RUST_BACKTRACE", HELPER_VARIABLE, CHECKPOINT_LIMIT_VARIABLE]
        {
            // SAFETY: this process has one thread so far.
            unsafe { std::env::remove_var(name) };
        }
        // SAFETY: plain calls of a process that has one thread so far.
        unsafe {
            libc::setpgid(0, 0);
            libc::signal(libc::SIGINT, libc::SIG_DFL);
        }
        let flush = self.load_helper(&helper);
        self.announce();

        let mut variables: *mut c_void = std::ptr::null_mut();
        let mut buffer = vec![0; 64 * 1024];
        let mut ended_checkpoint = 0;
        loop {
            let length = system::read(self.commands.as_raw_fd(), &mut buffer).unwrap_or(0);
            let command = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let Some((library, function)) = command.rsplit_once(' ') else {
                // The supervisor is gone.
                std::process::exit(0);
            };
            // The supervisor has ended the last cell's checkpoint; its parent reaps it.
            if ended_checkpoint > 0 {
                system::wait(std::mem::take(&mut ended_checkpoint));
            }
            let threads = system::thread_count();
            let checkpoint = match system::resident_memory() > limit {
                true => 0,
                false => match self.fork_checkpoint() {
                    Fork::Checkpoint(pid) => pid,
                    // We were the checkpoint and are the runner now: the cell never happened.
                    Fork::Woken => continue,
                },
            };
            self.report(report::STARTED, format!("{checkpoint} {threads}").as_bytes());
            match load(library, function) {
                Ok(function) => variables = function(variables),
                Err(why) => self.report(report::LOAD_FAILED, why.as_bytes()),
            }
            if let Some(flush) = flush {
                flush();
            }
            self.report(report::COMPLETE, b"");
            ended_checkpoint = checkpoint;
        }
    }

    fn fork_checkpoint(&self) -> Fork {
        // SAFETY: the child only reads until it is woken, and glibc's allocator is usable after a
        // fork of a process with threads. Locks that other threads hold stay locked in it: said
        // in the documentation.
        let pid = unsafe { libc::fork() };
        if pid != 0 {
            // Here as well as in the child: a cell that dies before the child has run at all must
            // not take it along with the group.
            // SAFETY: no pointers; it fails harmlessly when the fork did.
            unsafe { libc::setpgid(pid, pid) };
            // A failed fork (-1) means running without a net, not failing.
            return Fork::Checkpoint(pid.max(0));
        }
        // SAFETY: no pointers but a constant string.
        unsafe {
            libc::setpgid(0, 0);
            libc::prctl(libc::PR_SET_NAME, c"lazuli-checkpnt".as_ptr());
        }
        let mut byte = [0];
        if system::read(self.wake.as_raw_fd(), &mut byte).unwrap_or(0) != 1 {
            // SAFETY: leaves at once, without running the parent's destructors.
            unsafe { libc::_exit(0) }
        }
        self.announce();
        Fork::Woken
    }

    fn announce(&self) {
        // SAFETY: no pointers but a constant string.
        unsafe {
            libc::prctl(libc::PR_SET_NAME, c"lazuli-cell".as_ptr());
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        }
        self.report(report::READY, std::process::id().to_string().as_bytes());
    }

    fn report(&self, kind: u8, text: &[u8]) {
        let mut message = vec![kind];
        message.extend(text);
        if write_all(self.reports.as_raw_fd(), &message).is_err() {
            // The supervisor is gone, and with it whoever wanted the result.
            std::process::exit(0);
        }
    }

    /// Installs the panic hook and returns the function that flushes the cell's `stdout`. Both
    /// live in a library because cells share one dynamic libstd, which is not this binary's.
    fn load_helper(&self, path: &str) -> Option<extern "C" fn()> {
        if path.is_empty() {
            return None;
        }
        let symbol = |name| match find_symbol(path, name) {
            Ok(symbol) => Some(symbol),
            Err(why) => {
                self.report(report::LOAD_FAILED, why.as_bytes());
                None
            }
        };
        let install = symbol("lazuli_install_panic_hook")?;
        let flush = symbol("lazuli_flush_stdout")?;
        // SAFETY: the helper's source declares exactly these signatures.
        unsafe {
            let install: extern "C" fn(i32) = std::mem::transmute(install);
            install(self.reports.as_raw_fd());
            Some(std::mem::transmute::<*mut c_void, extern "C" fn()>(flush))
        }
    }
}

enum Fork {
    Checkpoint(i32),
    Woken,
}

fn load(library: &str, function: &str) -> Result<UserFunction, String> {
    let symbol = find_symbol(library, function)?;
    // SAFETY: evcxr generates the function with this signature.
    Ok(unsafe { std::mem::transmute::<*mut c_void, UserFunction>(symbol) })
}

/// Libraries are never unloaded: thread-local destructors may point into them.
fn find_symbol(library: &str, name: &str) -> Result<*mut c_void, String> {
    let failed = || {
        // SAFETY: dlerror returns null or a valid string.
        let error = unsafe { libc::dlerror() };
        match error.is_null() {
            true => format!("{library} could not be loaded"),
            // SAFETY: checked above.
            false => unsafe { CStr::from_ptr(error) }.to_string_lossy().into_owned(),
        }
    };
    let path = CString::new(library).map_err(|_| failed())?;
    let symbol = CString::new(name).map_err(|_| failed())?;
    // SAFETY: both strings are valid; the library's initialisers are the user's code.
    unsafe {
        let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
        if handle.is_null() {
            return Err(failed());
        }
        let symbol = libc::dlsym(handle, symbol.as_ptr());
        if symbol.is_null() { Err(failed()) } else { Ok(symbol) }
    }
}
