//! What each command does.
//!
//! A [`lazuli_commands::Command`] comes from a cell or a shell and is performed here by way of the
//! `lazuli` client, so that both do the same and say the same. Who calls brings a [`Context`] (the
//! client, where it stands), its [`Session`] and a [`Talk`] that hears how it goes, and gets an
//! [`Outcome`] to show. Snapshots of source folders are made here too. Nothing here prints, knows
//! Jupyter, or starts a process.

mod archives;
mod catalog;
mod compute;
mod config;
mod context;
mod dataset;
mod datastore;
mod environment;
mod experiment;
mod files;
mod hash;
mod housekeeping;
mod model;
mod outcome;
mod perform;
mod run;
mod secret;
mod session;
mod show;
mod snapshot;
mod sql;
mod submit;
mod table;
mod talk;
mod track;
mod workspace;
mod writefile;

pub use catalog::{complete_files, fetch_catalog};
pub use context::{Caller, Context};
pub use outcome::Outcome;
pub use perform::perform;
pub use session::Session;
pub use show::{age, byte_size, count, date_time, duration, now_ms};
pub use snapshot::{CreatedSnapshot, create_snapshot};
pub use sql::sql;
pub use submit::submit_body;
pub use table::Table;
pub use talk::{Quiet, Talk};
pub use track::{TrackedCell, finish_track, start_track};
pub use writefile::write_file;
