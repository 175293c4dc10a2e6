//! Queries to tables: what a client asks, resolved to files, is read by a worker process.
//!
//! Workers are `lazuli-query`, which lies beside this program. Each does one query at a time; there are
//! as many as this machine has cores, started when they are needed and ended when nobody needed them
//! for a minute. A worker that dies, or is killed because its client went away, costs its query and
//! nothing else.

mod job;
mod pool;
mod worker;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use lazuli_domain::{ApiError, TableQuery};
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::error::{Error, Result};
use crate::home::{hex, random};
use pool::{Busy, Pool};
use worker::Frame;

/// Failures that are remembered for who asks why an answer broke off.
const REMEMBERED: usize = 1000;

/// The workers of a daemon, and how the last queries failed.
pub struct Queries {
    pool: Arc<Pool>,
    failures: Mutex<VecDeque<(String, ApiError)>>,
}

impl Queries {
    pub fn new(home: &crate::home::Home) -> Result<Queries> {
        Ok(Queries { pool: Pool::new(home)?, failures: Mutex::default() })
    }

    fn remember(&self, query_id: &str, error: &ApiError) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.push_back((query_id.to_owned(), error.clone()));
        if failures.len() > REMEMBERED {
            failures.pop_front();
        }
    }

    fn failure(&self, query_id: &str) -> Option<ApiError> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.iter().find(|(known, _)| known == query_id).map(|(_, error)| error.clone())
    }
}

/// An answer that has begun. Dropped before its end, it ends the worker, and the query with it.
pub struct Answer {
    app: Arc<App>,
    pub query_id: String,
    first: Option<Bytes>,
    worker: Option<Busy>,
}

impl Answer {
    /// The next part; none: the answer is whole.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let Some(worker) = &mut self.worker else { return Ok(None) };
        match worker.next().await {
            Ok(Frame::Data(bytes)) => Ok(Some(bytes)),
            Ok(Frame::End) => {
                if let Some(worker) = self.worker.take() {
                    worker.give_back();
                }
                Ok(None)
            }
            Ok(Frame::Failed(error)) => {
                if let Some(worker) = self.worker.take() {
                    worker.give_back();
                }
                Err(self.failed(error))
            }
            Err(error) => {
                self.worker = None;
                Err(self.failed(error))
            }
        }
    }

    fn failed(&self, error: ApiError) -> Error {
        self.app.queries.remember(&self.query_id, &error);
        error.into()
    }
}

/// Asks a worker. What goes wrong before its first word is an error of this call.
pub async fn ask(app: &Arc<App>, workspace: &str, query: TableQuery) -> Result<Answer> {
    let job = job::of(app, workspace, query).await?;
    let mut line = serde_json::to_vec(&job)
        .map_err(|error| Error::Defect(format!("a query has no JSON form: {error}")))?;
    line.push(b'\n');
    let mut worker = app.queries.pool.take().await?;
    worker.ask(&line).await?;
    let query_id = hex(&random::<16>()?);
    let mut answer = Answer { app: Arc::clone(app), query_id, first: None, worker: Some(worker) };
    answer.first = answer.next().await?;
    Ok(answer)
}

/// The whole answer to a query whose answer is JSON.
pub async fn ask_json<T: DeserializeOwned>(
    app: &Arc<App>,
    workspace: &str,
    query: TableQuery,
) -> Result<T> {
    let bytes = ask_whole(app, workspace, query).await?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::Defect(format!("a worker's answer is malformed: {error}")))
}

/// The whole answer; for what is known to be small.
pub async fn ask_whole(app: &Arc<App>, workspace: &str, query: TableQuery) -> Result<Vec<u8>> {
    let mut answer = ask(app, workspace, query).await?;
    let mut whole = Vec::new();
    while let Some(bytes) = answer.next().await? {
        whole.extend_from_slice(&bytes);
    }
    Ok(whole)
}

/// Why the answer to that query broke off.
pub fn failure(app: &App, query_id: &str) -> Result<ApiError> {
    app.queries.failure(query_id).ok_or_else(|| {
        ApiError::not_found("failed query", query_id)
            .hint("only failures of the last queries are remembered")
            .into()
    })
}
