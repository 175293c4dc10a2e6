//! From spool files into the database; the protocol is told in `lazuli_domain`'s `spool.rs`.
//!
//! The file is read on the writer thread, inside the write that commits what was read together with
//! the offset reached. That is why two readers of one file cannot exist and no lock is needed.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use lazuli_domain::{ApiError, EventKind, SpoolRecord, parse_spool_line};

use super::ending::another_end;
use super::points::Points;
use super::runs::{check_entry, write_once};
use crate::app::App;
use crate::error::{Error, FileContext, Result};
use crate::store::entries::{self, EntryKind};
use crate::store::metrics::NewPoint;
use crate::store::runs::{Read, RunHead};
use crate::store::{self, Write};

/// Read in one write, so that other writes come in between.
const CHUNK: usize = 1 << 20;
/// A longer line is no record.
const LONGEST_LINE: usize = 64 << 20;

/// Commits what the run's processes have logged until now.
pub async fn drain(app: &Arc<App>, run_id: &str) -> Result<()> {
    let path = app.home.spool(run_id);
    loop {
        let Ok(metadata) = tokio::fs::metadata(&path).await else {
            // The run has ended, and its end has read the file.
            return Ok(());
        };
        let asked = run_id.to_owned();
        let head = app.store.read(move |database| store::runs::find_head(database, &asked)).await?;
        if head.is_none_or(|head| head.spool_offset >= metadata.len()) {
            return Ok(());
        }
        let run_id = run_id.to_owned();
        let path = path.clone();
        let reached_end = app
            .store
            .write(move |write| {
                let Some(head) = store::runs::find_head(write, &run_id)? else { return Ok(true) };
                match File::open(&path) {
                    Ok(file) => ingest(write, &head, &file),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
                    Err(source) => {
                        Err(Error::File { action: format!("opening `{}`", path.display()), source })
                    }
                }
            })
            .await?;
        if reached_end {
            return Ok(());
        }
    }
}

/// Reads a chunk of whole lines; true when nothing but an unfinished line is left.
pub(super) fn ingest(write: &mut Write<'_>, head: &RunHead, file: &File) -> Result<bool> {
    let lines = read_lines(file, head.spool_offset)?;
    if !lines.bytes.is_empty() {
        let mut batch = Batch::new(head.key);
        for line in lines.bytes.split_inclusive(|byte| *byte == b'\n') {
            batch.take(write, line)?;
        }
        let offset = head.spool_offset + lines.bytes.len() as u64;
        let read = batch.finish(write, head)?;
        store::runs::set_spool_offset(write, head.key, offset, read)?;
    }
    Ok(lines.reached_end)
}

/// Commits records that were logged on another machine. `offset` says where in the file there they
/// stand: what has arrived before is skipped, a gap is refused. Without one they are added as they
/// are. Gives the offset that is reached; a last line without its end waits for the rest.
pub async fn add_sent(
    app: &Arc<App>,
    given: String,
    offset: Option<u64>,
    bytes: Bytes,
) -> Result<u64> {
    app.store
        .write(move |write| {
            let head = store::runs::head(write, &given)?;
            if head.status.is_final() {
                return Err(another_end(&head).into());
            }
            let reached = store::runs::sent_offset(write, head.key)?;
            let start = offset.unwrap_or(reached);
            if start > reached {
                return Err(ApiError::conflict(format!(
                    "records of run `{}` from byte {start} on came before those from {reached} on",
                    head.run_id
                ))
                .hint(format!("send them from byte {reached} on"))
                .into());
            }
            let known = usize::try_from(reached - start).unwrap_or(usize::MAX);
            let new = bytes.get(known..).unwrap_or_default();
            let whole = new.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let mut batch = Batch::new(head.key);
            for line in new[..whole].split_inclusive(|byte| *byte == b'\n') {
                batch.take(write, line)?;
            }
            batch.finish(write, &head)?;
            let reached = reached + whole as u64;
            if offset.is_some() {
                store::runs::set_sent_offset(write, head.key, reached)?;
            }
            Ok(reached)
        })
        .await
}

/// Reads everything that is left, under the exclusive lock of the run's end. A last line without
/// its newline was never acknowledged to its writer; it is counted as torn.
pub(super) fn ingest_to_end(write: &mut Write<'_>, run_id: &str, file: &File) -> Result<()> {
    loop {
        let head = store::runs::head(write, run_id)?;
        if !ingest(write, &head, file)? {
            continue;
        }
        let head = store::runs::head(write, run_id)?;
        let size = file.metadata().while_trying(|| "reading a spool's size".into())?.len();
        if size > head.spool_offset {
            store::runs::add_rejected(write, head.key, 1, "the last record is torn")?;
            store::runs::set_spool_offset(write, head.key, size, Read { records: 1, points: 0 })?;
        }
        return Ok(());
    }
}

struct Lines {
    /// Whole lines, or one piece of a line that is too long to be one.
    bytes: Vec<u8>,
    reached_end: bool,
}

fn read_lines(file: &File, offset: u64) -> Result<Lines> {
    let mut bytes = vec![0; CHUNK];
    let mut filled = 0;
    loop {
        let read = file
            .read_at(&mut bytes[filled..], offset + filled as u64)
            .while_trying(|| "reading a spool".into())?;
        filled += read;
        let reached_end = read == 0;
        if !reached_end && filled < bytes.len() {
            continue;
        }
        let whole = bytes[..filled].iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
        let keep = match whole {
            Some(whole) => whole,
            None if reached_end => 0,
            None if filled >= LONGEST_LINE => filled,
            None => {
                bytes.resize(bytes.len() * 2, 0);
                continue;
            }
        };
        bytes.truncate(keep);
        return Ok(Lines { bytes, reached_end });
    }
}

/// The records of one commit.
struct Batch {
    run: i64,
    points: Points,
    records: u64,
    entries_changed: bool,
    rejected: u64,
    rejected_reason: String,
}

impl Batch {
    fn new(run: i64) -> Batch {
        Batch {
            run,
            points: Points::new(run),
            records: 0,
            entries_changed: false,
            rejected: 0,
            rejected_reason: String::new(),
        }
    }

    fn take(&mut self, write: &Write<'_>, line: &[u8]) -> Result<()> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        self.records += 1;
        let outcome = match parse_spool_line(line) {
            Ok(record) => self.keep(write, record),
            Err(reason) => {
                self.reject(format!("a record is torn or malformed: {reason}"));
                return Ok(());
            }
        };
        match outcome {
            // What is wrong with a record is told with the run; it must not stop the others.
            Err(Error::Refused(refusal)) => {
                self.reject(refusal.message);
                Ok(())
            }
            outcome => outcome,
        }
    }

    fn keep(&mut self, write: &Write<'_>, record: SpoolRecord) -> Result<()> {
        match record {
            SpoolRecord::Metric { name, kind, value, step, time_ms, description } => {
                self.points.take(write, name, kind, &description, NewPoint { step, time_ms, value })
            }
            SpoolRecord::Tag { key, value } => {
                check_entry(EntryKind::Tag, &key, &value)?;
                self.entries_changed = true;
                entries::set(write, EntryKind::Tag, self.run, &key, &value)
            }
            SpoolRecord::Property { key, value } => {
                check_entry(EntryKind::Property, &key, &value)?;
                self.entries_changed = true;
                write_once(write, EntryKind::Property, self.run, &key, &value)
            }
            SpoolRecord::Parameter { key, value } => {
                check_entry(EntryKind::Parameter, &key, &value)?;
                self.entries_changed = true;
                write_once(write, EntryKind::Parameter, self.run, &key, &value)
            }
        }
    }

    fn reject(&mut self, reason: String) {
        self.rejected += 1;
        self.rejected_reason = reason;
    }

    /// Writes what is left of it; how much it was in all.
    fn finish(self, write: &mut Write<'_>, head: &RunHead) -> Result<Read> {
        if self.rejected > 0 {
            store::runs::add_rejected(write, self.run, self.rejected, &self.rejected_reason)?;
        }
        if self.entries_changed || self.rejected > 0 {
            write.event(&head.scope(), EventKind::RunUpdated)?;
        }
        Ok(Read { records: self.records, points: self.points.finish(write, head)? })
    }
}
