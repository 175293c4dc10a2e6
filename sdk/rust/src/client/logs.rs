use std::io::Read;

use lazuli_domain::LogFile;
use serde::Deserialize;

use super::transport::Body;
use super::{Client, encode_path, parse, query, run_target};
use crate::{Error, Result};

/// A piece of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChunk {
    pub bytes: Vec<u8>,
    /// Bytes the whole log has now.
    pub size: u64,
}

#[derive(Deserialize)]
struct LogSize {
    size: u64,
}

impl Client {
    pub fn logs(&self, run_id: &str) -> Result<Vec<LogFile>> {
        self.get(&run_target(run_id, "/logs"))
    }

    /// The log from `offset` on, while the run goes on and afterwards.
    pub fn read_log(&self, run_id: &str, path: &str, offset: u64) -> Result<LogChunk> {
        let response = self.send("GET", &log_target(run_id, path, offset), Body::Empty)?;
        let size = response.header("x-lazuli-size").and_then(|size| size.parse().ok());
        let mut bytes = Vec::new();
        let mut body = response.body;
        body.read_to_end(&mut bytes).map_err(|error| Error::io("the log broke off", error))?;
        Ok(LogChunk { size: size.unwrap_or(offset + bytes.len() as u64), bytes })
    }

    /// Appends to a log at `offset` and answers with its size then. What the daemon has already is
    /// skipped, so that a piece may be sent again after a lost answer.
    pub fn append_log(&self, run_id: &str, path: &str, offset: u64, bytes: &[u8]) -> Result<u64> {
        let answer = self.send("POST", &log_target(run_id, path, offset), Body::Bytes(bytes))?;
        parse::<LogSize>(answer).map(|log| log.size)
    }
}

fn log_target(run_id: &str, path: &str, offset: u64) -> String {
    let offset = offset.to_string();
    let query = query(&[("offset", Some(&offset))]);
    run_target(run_id, &format!("/logs/{}{query}", encode_path(path)))
}
