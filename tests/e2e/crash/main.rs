//! What was acknowledged is there once and what was logged arrives, whoever is killed, whatever the
//! disk and the clock do. Real processes; each writer keeps a log of its own outside of Lazuli.

mod disk;
mod ending;
mod ledger;
mod rounds;
mod stored;
mod writer;
