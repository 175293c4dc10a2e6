//! The SDK against the real `lazuli`: each test in a process and a home of its own, because that is
//! how a program finds its daemon.

mod alone;
mod daemon;
mod datasets;
mod datastores;
mod examples;
mod files;
mod models;
mod rollback;
mod runs;
mod scripts;
mod workspaces;
