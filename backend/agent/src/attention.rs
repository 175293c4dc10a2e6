//! What may interrupt an agent: a signal that asks it to cancel, or word that its run is over.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

/// Becomes requested once and stays so. It is a descriptor, so that whoever waits for something
/// else waits for it, too.
#[derive(Clone)]
pub struct Attention {
    wake: Arc<OwnedFd>,
}

/// Where a signal handler writes to: it is given nothing else to know it by. (Holding the signals
/// back and reading them from a signalfd needs no global, but every process that is started would
/// inherit that they are held back.)
static WOKEN_BY_SIGNALS: AtomicI32 = AtomicI32::new(-1);

impl Attention {
    /// One that SIGTERM, SIGINT and SIGHUP request. It is never closed.
    pub fn of_signals() -> io::Result<Attention> {
        let attention = Attention::new()?;
        WOKEN_BY_SIGNALS.store(attention.descriptor(), Ordering::Relaxed);
        // A handler may run at any later time, so its descriptor must stay open.
        std::mem::forget(attention.clone());
        // SAFETY: the action is whole (a handler, an empty mask, flags), and the handler calls
        // nothing but write.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_signal as extern "C" fn(libc::c_int) as libc::sighandler_t;
            action.sa_flags = libc::SA_RESTART;
            libc::sigemptyset(&mut action.sa_mask);
            for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
                if libc::sigaction(signal, &action, std::ptr::null_mut()) != 0 {
                    return Err(io::Error::last_os_error());
                }
            }
        }
        Ok(attention)
    }

    fn new() -> io::Result<Attention> {
        // SAFETY: eventfd takes numbers; what it returns, when not negative, is ours.
        let wake = unsafe {
            match libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) {
                descriptor @ 0.. => OwnedFd::from_raw_fd(descriptor),
                _ => return Err(io::Error::last_os_error()),
            }
        };
        Ok(Attention { wake: Arc::new(wake) })
    }

    /// Asks for attention from within.
    pub fn request(&self) {
        request(self.descriptor());
    }

    pub fn is_requested(&self) -> bool {
        self.wait(Duration::ZERO)
    }

    /// Waits at most so long; true when attention is requested.
    pub fn wait(&self, time: Duration) -> bool {
        // An interrupted or failed wait is a short one; whoever waits looks again.
        poll(&mut [readable(self.descriptor())], Some(time)).unwrap_or(0) > 0
    }

    /// Readable once attention is requested, for use in a `poll`.
    pub fn descriptor(&self) -> RawFd {
        self.wake.as_raw_fd()
    }
}

extern "C" fn on_signal(_: libc::c_int) {
    request(WOKEN_BY_SIGNALS.load(Ordering::Relaxed));
}

fn request(descriptor: RawFd) {
    let one = 1u64.to_ne_bytes();
    // SAFETY: eight readable bytes are written to an open eventfd. It can only fail when the
    // counter is full, that is when attention has been requested already.
    unsafe { libc::write(descriptor, one.as_ptr().cast(), one.len()) };
}

pub fn readable(descriptor: RawFd) -> libc::pollfd {
    libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 }
}

/// How many of the descriptors are ready; none when the time is over.
pub fn poll(descriptors: &mut [libc::pollfd], time: Option<Duration>) -> io::Result<usize> {
    // Rounded up: a wait of half a millisecond must not become none.
    let milliseconds = time
        .map_or(-1, |time| i32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX));
    // SAFETY: the pointer and the length describe the slice.
    let ready = unsafe {
        libc::poll(descriptors.as_mut_ptr(), descriptors.len() as libc::nfds_t, milliseconds)
    };
    match ready {
        0.. => Ok(ready as usize),
        _ => match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            error => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_stays() {
        let attention = Attention::new().unwrap();
        assert!(!attention.is_requested());
        let other = attention.clone();
        std::thread::spawn(move || other.request());
        assert!(attention.wait(Duration::from_secs(60)));
        assert!(attention.is_requested());
    }
}
