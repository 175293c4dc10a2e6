//! A query that runs away ends this process and no other.

use std::time::Duration;

use lazuli_domain::{ApiError, ErrorKind};

use crate::config::Config;
use crate::frames::Frames;

/// Beside what operators account for, a query holds blocks of files, batches on their way, and itself.
const BESIDE: usize = 512 << 20;
/// Address space is mapped and not used: stacks, arenas, files.
const ADDRESSES: usize = 16 << 30;

/// Watches over this process until it ends: its memory, and whether the daemon that started it lives.
pub fn watch(config: &Config, frames: Frames) {
    let most = config.memory * 2 + BESIDE;
    // When memory is short all over the machine, the system ends this process before others.
    let _not_allowed = std::fs::write("/proc/self/oom_score_adj", "900");
    let limit = libc::rlimit {
        rlim_cur: (ADDRESSES + most) as libc::rlim_t,
        rlim_max: (ADDRESSES + most) as libc::rlim_t,
    };
    // SAFETY: the calls take and return plain values; the limit outlives the call.
    let parent = unsafe {
        libc::setrlimit(libc::RLIMIT_AS, &limit);
        libc::getppid()
    };
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(50));
            if resident().is_some_and(|bytes| bytes > most) {
                frames.last_words(
                    &ApiError::new(
                        ErrorKind::Unavailable,
                        "the query needed more memory than a query may take",
                    )
                    .hint(
                        "read fewer columns or filter first; LAZULI_QUERY_MEMORY_MB where `lazuli \
                         serve` runs gives queries more",
                    ),
                );
                std::process::exit(3);
            }
            // SAFETY: it returns a number.
            if unsafe { libc::getppid() } != parent {
                std::process::exit(0);
            }
        }
    });
}

/// Bytes of this process in memory.
fn resident() -> Option<usize> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(pages.split(' ').nth(1)?.parse::<usize>().ok()? * 4096)
}
