//! The daemon's HTTP API, called in process on a home in a temporary folder.

mod artifacts;
mod daemon;
mod details;
mod disk;
mod durability;
mod events;
mod guard;
mod jobs;
mod logs;
mod models;
mod openapi;
mod runs;
mod search;
mod secrets;
mod spool;
mod support;
mod workspaces;
