//! The daemon: the one process that keeps what a home knows.
//!
//! [`serve`] is its life. Inside, `http` takes requests and calls use cases (`tracking`, `registry`,
//! `secrets` …), these work on `store` (SQL) and `blobs` (files), and nothing points the other way.
//! What a job does where it runs is the agent's, another program; what people type is the shell's.

mod access;
pub mod app;
pub mod blobs;
mod clock;
mod compute;
mod config;
pub mod dataset_details;
pub mod datasets;
mod datastores;
mod environments;
mod error;
pub mod home;
mod housekeeping;
pub mod http;
pub mod jobs;
mod machines;
mod nearest;
mod plotting;
pub mod process;
pub mod queries;
mod registry;
pub mod run_details;
mod secrets;
mod serve;
pub mod storage;
pub mod store;
mod studio;
pub mod tracking;
mod uploads;

pub use config::ServeOptions;
pub use error::{Error, Result};
pub use serve::serve;
pub use storage::Storage;
