//! The daemon's HTTP API, called in process on a home in a temporary folder.
//!
//! Everything runs on SQLite and, by a test in `postgres.rs`, again on PostgreSQL.
//! `LAZULI_TEST_DATABASE=postgres` runs only the latter.

mod artifacts;
mod backup;
mod compute;
mod daemon;
mod dataset_speed;
mod datasets;
mod datastores;
mod deletion;
mod details;
mod disk;
mod durability;
mod environments;
mod events;
mod export;
mod gc;
mod guard;
mod histories;
mod jobs;
mod logs;
mod mlflow;
mod models;
mod openapi;
mod postgres;
mod records;
mod registry;
mod runs;
mod search;
mod search_random;
mod secrets;
mod spool;
mod stores;
mod studio;
mod support;
mod tokens;
mod uploads;
mod verify;
mod workspaces;
