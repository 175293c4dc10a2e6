//! The spool: how `run.log` survives everything.
//!
//! Each run that accepts points has one file, `$LAZULI_HOME/spool/<run_id>.jsonl`. The daemon
//! creates it with the run and removes it when the run has ended, so its absence *is* the answer
//! "this run is finished". A writer does, for every record:
//!
//! 1. open with `O_APPEND`, never `O_CREAT`; no such file: the run is finished;
//! 2. take a shared `flock`; a link count of zero means it was finished meanwhile;
//! 3. write a newline and the whole line, newline included, in one `write`; after a short write the
//!    same once more;
//! 4. close.
//!
//! The newline in front costs a byte and repairs what a writer left that was killed, or found the
//! disk full, in the middle of a line: the next record does not grow onto the torn one.
//!
//! The daemon reads whole lines and commits them together with the offset it reached, so a
//! record's identity is (file, offset): nothing is doubled, nothing is lost. To finish a run it
//! takes the exclusive lock, reads to the end, commits and unlinks. An empty line is nothing; a line
//! that is no record (a torn write) is counted and skipped. The writer keeps nothing in memory between two records: a
//! notebook cell may be rolled back to an earlier moment and must log on correctly.

use serde::{Deserialize, Serialize};

use crate::{MetricKind, MetricValue};

/// One line of a spool file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum SpoolRecord {
    Metric {
        name: String,
        kind: MetricKind,
        value: MetricValue,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<i64>,
        time_ms: i64,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        description: String,
    },
    Tag {
        key: String,
        value: String,
    },
    Property {
        key: String,
        value: String,
    },
    Parameter {
        key: String,
        value: String,
    },
}

/// The record as a line, with the newlines before and after it.
pub fn spool_line(record: &SpoolRecord) -> String {
    let json = serde_json::to_string(record).expect("a spool record always has a JSON form");
    format!("\n{json}\n")
}

/// Reads a line back; newlines around it may be there or not.
pub fn parse_spool_line(line: &[u8]) -> Result<SpoolRecord, String> {
    serde_json::from_slice(line).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Number;

    #[test]
    fn a_record_is_one_line_whatever_it_holds() {
        let record = SpoolRecord::Metric {
            name: "loss\nof \"x\"".into(),
            kind: MetricKind::Scalar,
            value: MetricValue::Number(Number::Float(f64::NEG_INFINITY)),
            step: Some(3),
            time_ms: 1,
            description: String::new(),
        };
        let line = spool_line(&record);
        assert_eq!(line.trim_matches('\n').matches('\n').count(), 0);
        assert!(line.starts_with('\n') && line.ends_with('\n'));
        assert_eq!(parse_spool_line(line.as_bytes()), Ok(record));
        assert!(parse_spool_line(&line.as_bytes()[..20]).is_err());
    }
}
