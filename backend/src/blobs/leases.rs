//! Who is about to refer to a blob, so that the sweep of `gc` leaves it alone.
//!
//! A blob is there first and referred to a moment later: its row is written by another thread. A
//! [`Lease`] covers that moment. Whoever writes a blob, or finds that one is there, takes a lease and
//! gives it back after the commit. A sweep remembers every lease that lived since it began to read
//! the references: what it did not see referred to and nobody has leased since, nobody will refer to.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

#[derive(Default)]
pub(super) struct Leases {
    state: Mutex<State>,
    removed: Notify,
}

#[derive(Default)]
struct State {
    held: HashMap<String, usize>,
    /// What was leased since the sweep began; `None` while there is no sweep.
    since_sweep: Option<HashSet<String>>,
    /// What the sweep is taking away at this moment; who wants a lease on it waits.
    removing: HashSet<String>,
}

/// While it lives, its blob is not swept away. Kept until the row that refers to the blob is
/// committed; see `Write::after_commit`.
pub struct Lease {
    leases: Arc<Leases>,
    sha256: String,
}

/// A sweep that goes on; there is one at a time.
pub struct Sweep {
    leases: Arc<Leases>,
}

impl Leases {
    /// Waits while the sweep is taking the blob away.
    pub(super) async fn take(self: &Arc<Self>, sha256: &str) -> Lease {
        loop {
            // Made before the look, so that an end of the removal in between is not missed.
            let removed = self.removed.notified();
            {
                let mut state = self.state();
                if !state.removing.contains(sha256) {
                    *state.held.entry(sha256.to_owned()).or_default() += 1;
                    if let Some(since) = &mut state.since_sweep {
                        since.insert(sha256.to_owned());
                    }
                    return Lease { leases: Arc::clone(self), sha256: sha256.to_owned() };
                }
            }
            removed.await;
        }
    }

    /// To be called before the references are read.
    pub(super) fn begin_sweep(self: &Arc<Self>) -> Sweep {
        let mut state = self.state();
        state.since_sweep = Some(state.held.keys().cloned().collect());
        Sweep { leases: Arc::clone(self) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sweep {
    /// True when the blob may be taken away now; [`Sweep::removed`] must follow.
    pub(super) fn begin_removal(&self, sha256: &str) -> bool {
        let mut state = self.leases.state();
        let is_free = state.since_sweep.as_ref().is_some_and(|since| !since.contains(sha256));
        if is_free {
            state.removing.insert(sha256.to_owned());
        }
        is_free
    }

    pub(super) fn removed(&self, sha256: &str) {
        self.leases.state().removing.remove(sha256);
        self.leases.removed.notify_waiters();
    }
}

impl Drop for Sweep {
    fn drop(&mut self) {
        let mut state = self.leases.state();
        state.since_sweep = None;
        // A removal that was broken off must not make others wait for ever.
        state.removing.clear();
        drop(state);
        self.leases.removed.notify_waiters();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.leases.state();
        if let Some(count) = state.held.get_mut(&self.sha256) {
            *count -= 1;
            if *count == 0 {
                state.held.remove(&self.sha256);
            }
        }
    }
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lease({})", self.sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_or_was_leased_since_the_sweep_began_stays() {
        let leases = Arc::new(Leases::default());
        let before = leases.take("before").await;
        let sweep = leases.begin_sweep();
        drop(before);
        drop(leases.take("during").await);
        assert!(!sweep.begin_removal("before"));
        assert!(!sweep.begin_removal("during"));
        assert!(sweep.begin_removal("free"));
    }

    #[tokio::test]
    async fn who_wants_what_is_being_removed_waits() {
        let leases = Arc::new(Leases::default());
        let sweep = leases.begin_sweep();
        assert!(sweep.begin_removal("a"));
        let waiting = leases.take("a");
        tokio::pin!(waiting);
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("the lease was given too early"),
            () = tokio::task::yield_now() => {}
        }
        sweep.removed("a");
        drop(waiting.await);
    }
}
