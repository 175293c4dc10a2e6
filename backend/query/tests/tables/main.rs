//! The worker as the daemon starts it: questions on its standard input, frames from its output.

mod databases;
mod errors;
mod formats;
mod limits;
mod steps;
mod support;
