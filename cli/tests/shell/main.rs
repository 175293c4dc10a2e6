//! The program as people use it: each test has a home of its own, and the daemon that serves it is
//! gone when the test is over.

mod archives;
mod bad_input;
mod compute;
mod daemon;
mod datasets;
mod datastores;
mod deletion;
mod files;
mod fixture;
mod kernel;
mod models;
mod tokens;
mod tracking;
