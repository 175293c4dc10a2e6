use lazuli_domain::SpoolRecord;
use serde::Deserialize;

use super::transport::Body;
use super::{Client, parse, query, run_target};
use crate::Result;
use crate::spool::{self, Appended};

#[derive(Deserialize)]
struct SentTo {
    offset: u64,
}

impl Client {
    /// Records that a run logs on a machine where no daemon reads its spool file: what stands in it
    /// from `offset` on. Answers with the offset up to which the daemon has them.
    pub fn send_records(&self, run_id: &str, offset: u64, bytes: &[u8]) -> Result<u64> {
        let offset = offset.to_string();
        let query = query(&[("offset", Some(&offset))]);
        let target = run_target(run_id, &format!("/records{query}"));
        parse::<SentTo>(self.send("POST", &target, Body::Bytes(bytes))?).map(|sent| sent.offset)
    }

    /// Appends a record to the spool of the run, whose whole id is wanted here. False: the run
    /// takes no records, it has ended or never was.
    pub fn append_record(&self, run_id: &str, record: &SpoolRecord) -> Result<bool> {
        let appended = spool::append(&self.home.spool_file(run_id), record)?;
        Ok(appended == Appended::Yes)
    }
}
