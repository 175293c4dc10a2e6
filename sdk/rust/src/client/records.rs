use lazuli_domain::SpoolRecord;

use super::Client;
use crate::Result;
use crate::spool::{self, Appended};

impl Client {
    /// Appends a record to the spool of the run, whose whole id is wanted here. False: the run
    /// takes no records, it has ended or never was.
    pub fn append_record(&self, run_id: &str, record: &SpoolRecord) -> Result<bool> {
        let appended = spool::append(&self.home.spool_file(run_id), record)?;
        Ok(appended == Appended::Yes)
    }
}
