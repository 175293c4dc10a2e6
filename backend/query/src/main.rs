//! The worker that reads tables: one query at a time, in a process of its own.
//!
//! The daemon writes one line of JSON ([`lazuli_domain::QueryJob`]) to its standard input and reads
//! frames from its standard output ([`frames`]). A query that goes wrong, or takes more memory than it
//! may, costs this process and nothing else. DataFusion lives here and nowhere else: plans are made by
//! a `SessionContext` in [`session`] and [`answer`], and only there would another scheduler be named.

mod answer;
mod config;
mod convert;
mod database;
mod error;
mod extras;
mod frames;
mod limits;
mod nearest;
mod ordered;
mod parquet;
mod session;
mod steps;
mod stores;
mod tables;
mod text;
mod web;

use std::io::BufRead;

use anyhow::Context;
use lazuli_domain::{ApiError, ErrorKind, QueryJob};

use frames::Frames;

fn main() -> anyhow::Result<()> {
    let config = config::Config::read()?;
    let frames = Frames::new();
    limits::watch(&config, frames.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(text::cores().max(2))
        .build()
        .context("the runtime cannot be started")?;
    let mut worker = answer::Worker::new(config);
    for line in std::io::stdin().lock().lines() {
        let line = line.context("the daemon's question cannot be read")?;
        if line.trim().is_empty() {
            continue;
        }
        let answered = match serde_json::from_str::<QueryJob>(&line) {
            Ok(job) => runtime.block_on(worker.answer(job, &frames)),
            // What stands in the line may be secret.
            Err(error) => Err(ApiError::new(
                ErrorKind::Internal,
                format!("the query is malformed at column {} of its line", error.column()),
            )),
        };
        match answered {
            Ok(()) => frames.end()?,
            Err(error) => frames.error(&error)?,
        }
    }
    Ok(())
}
