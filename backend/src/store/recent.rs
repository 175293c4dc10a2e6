//! The newest events in memory, so that a thousand listeners cost one write and no reading.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use lazuli_domain::Event;
use tokio::sync::watch;

/// So many are held; a listener further behind reads the database. A megabyte or so.
const MOST: usize = 4096;

pub struct Recent {
    /// Without gaps: every number is given once, in the order of commits.
    events: RwLock<VecDeque<Arc<Event>>>,
    last: watch::Sender<u64>,
}

impl Recent {
    pub(super) fn new(last: u64) -> Recent {
        Recent { events: RwLock::default(), last: watch::Sender::new(last) }
    }

    /// Committed events, oldest first; wakes who listens.
    pub(super) fn publish(&self, committed: Vec<Event>) {
        let Some(newest) = committed.last().map(|event| event.sequence) else { return };
        {
            let mut events = self.events.write().unwrap_or_else(PoisonError::into_inner);
            // After a restore the numbers begin elsewhere.
            let follows = match (events.back(), committed.first()) {
                (Some(last), Some(first)) => last.sequence + 1 == first.sequence,
                _ => true,
            };
            if !follows {
                events.clear();
            }
            events.extend(committed.into_iter().map(Arc::new));
            let surplus = events.len().saturating_sub(MOST);
            events.drain(..surplus);
        }
        self.last.send_replace(newest);
    }

    /// The sequence number of the newest committed event, and every change of it.
    pub fn last(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    /// At most `limit` events after that number; `None` when some of them are no longer held.
    pub fn after(&self, sequence: u64, limit: usize) -> Option<Vec<Arc<Event>>> {
        let events = self.events.read().unwrap_or_else(PoisonError::into_inner);
        let oldest = events.front()?.sequence;
        let from = usize::try_from((sequence + 1).checked_sub(oldest)?).ok()?;
        Some(events.iter().skip(from).take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use lazuli_domain::EventKind;

    use super::*;

    fn event(sequence: u64) -> Event {
        let (time_ms, workspace, kind) = (0, "default".to_owned(), EventKind::RunCreated);
        Event { sequence, time_ms, workspace, experiment: None, run_id: None, kind }
    }

    #[test]
    fn the_newest_are_held_and_what_is_missing_is_told() {
        let recent = Recent::new(7);
        let numbers = |after, limit| -> Option<Vec<u64>> {
            let events = recent.after(after, limit)?;
            Some(events.iter().map(|event| event.sequence).collect())
        };
        assert_eq!(numbers(7, 9), None);
        recent.publish((8..=10).map(event).collect());
        assert_eq!(*recent.last().borrow(), 10);
        assert_eq!(numbers(7, 2), Some(vec![8, 9]));
        assert_eq!(numbers(9, 9), Some(vec![10]));
        assert_eq!(numbers(10, 9), Some(vec![]));
        assert_eq!(numbers(6, 9), None);
        recent.publish((11..=10 + MOST as u64).map(event).collect());
        assert_eq!(numbers(9, 1), None);
        assert_eq!(numbers(10, 1), Some(vec![11]));
        recent.publish(vec![event(3)]);
        assert_eq!(numbers(2, 9), Some(vec![3]));
    }
}
