//! Many files at a time.
//!
//! The threads live as long as the call: a cell's memory may be rolled back when it has ended, never
//! while they run.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use crate::Result;
use crate::client::Progress;

/// A store answers slowly, not with little: so many requests hide its slowness.
const AT_ONCE: usize = 4;
/// Bytes that are told together.
const STEP: u64 = 256 << 10;

/// The work for one item, which says how many bytes of it are done.
type Work<'a, T, R> = &'a (dyn Fn(&T, &mut dyn FnMut(u64)) -> Result<R> + Sync);

enum Said<R> {
    /// So many bytes more; fewer, when a file begins anew.
    Moved(i64),
    Done(usize, Result<R>),
}

/// Does the work for each item; the outcomes come in the order of the items. After a failure nothing
/// more is begun.
pub(crate) fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    mut progress: Option<Progress<'_>>,
    work: Work<'_, T, R>,
) -> Result<Vec<R>> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (said_tx, said) = mpsc::channel();
    let mut outcomes: Vec<Option<R>> = items.iter().map(|_| None).collect();
    let mut problem = None;
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(items.len()) {
            let (next, failed, said_tx) = (&next, &failed, said_tx.clone());
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at).filter(|_| !failed.load(Ordering::Relaxed))
                    else {
                        return;
                    };
                    let outcome = tell_steps(&said_tx, |progress| work(item, progress));
                    if outcome.is_err() {
                        failed.store(true, Ordering::Relaxed);
                    }
                    // Who listens lives longer than this scope.
                    let _heard = said_tx.send(Said::Done(at, outcome));
                }
            });
        }
        drop(said_tx);
        let mut total: i64 = 0;
        for said in said {
            match said {
                Said::Moved(bytes) => {
                    total += bytes;
                    if let Some(progress) = &mut progress {
                        progress(u64::try_from(total).unwrap_or(0));
                    }
                }
                Said::Done(at, Ok(outcome)) => outcomes[at] = Some(outcome),
                Said::Done(_, Err(error)) => {
                    problem.get_or_insert(error);
                }
            }
        }
    });
    match problem {
        Some(error) => Err(error),
        None => Ok(outcomes.into_iter().flatten().collect()),
    }
}

fn tell_steps<R>(
    said: &mpsc::Sender<Said<R>>,
    work: impl FnOnce(&mut dyn FnMut(u64)) -> Result<R>,
) -> Result<R> {
    let (mut told, mut reached) = (0_u64, 0_u64);
    let outcome = work(&mut |count| {
        reached = count;
        if count < told || count - told >= STEP {
            let _heard = said.send(Said::Moved(count as i64 - told as i64));
            told = count;
        }
    });
    if reached != told {
        let _heard = said.send(Said::Moved(reached as i64 - told as i64));
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use lazuli_domain::ApiError;

    #[test]
    fn outcomes_are_in_order_and_all_bytes_are_told() {
        let items: Vec<u64> = (0..50).collect();
        let mut last = 0;
        let outcomes = in_parallel(&items, Some(&mut |count| last = count), &|item, progress| {
            progress(item * 100_000);
            Ok(item * 2)
        });
        assert_eq!(outcomes.unwrap(), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        assert_eq!(last, items.iter().sum::<u64>() * 100_000);
        assert_eq!(in_parallel(&[], None, &|(): &(), _| Ok(1)).unwrap(), [1; 0]);
    }

    #[test]
    fn nothing_is_begun_after_a_failure() {
        let items: Vec<usize> = (0..1000).collect();
        let begun = AtomicUsize::new(0);
        let outcome = in_parallel(&items, None, &|item, _| {
            begun.fetch_add(1, Ordering::Relaxed);
            match item {
                3 => Err(ApiError::invalid("three").into()),
                _ => Ok(()),
            }
        });
        assert_eq!(outcome.unwrap_err().message(), "three");
        assert!(begun.load(Ordering::Relaxed) < 1000);
    }
}
